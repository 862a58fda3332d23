//! Components made ready to start.
//!
//! Most time of a short call goes into mapping fresh memory and giving it back. A pool keeps memory mapped and wipes it
//! between calls. It has a fixed number of places, so it serves calls that begin with a delivery and end soon; whatever finds it
//! full, or is too large for it, gets memory of its own, with the same limits and the same answers.

use std::sync::Arc;

use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::bindings::{connector, csv, log, poll, webhook};
use super::host::Interfaces;
use super::instance::State;
use super::wasi;
use crate::limits::connector::{MEMORY_BYTES, POOL_KEPT_BYTES, POOL_PARTS, POOL_PLACES, TABLE_ELEMENTS};

/// An engine, and what connectors on it may import: the logger, and a WASI that does nothing.
pub(super) struct Ground {
    pub(super) engine: Engine,
    pub(super) linker: Linker<State>,
}

impl Ground {
    pub(super) fn new(config: &Config) -> wasmtime::Result<Self> {
        let engine = Engine::new(config)?;
        let mut linker = Linker::new(&engine);
        log::add_to_linker::<State, wasmtime::component::HasSelf<State>>(&mut linker, |state| state)?;
        wasi::add_to_linker(&mut linker)?;
        Ok(Self { engine, linker })
    }

    /// The same with a pool. It takes address space, no memory; where there is not enough, as under a limit of the system, there
    /// is no pool.
    pub(super) fn pooled(config: &Config) -> Option<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(POOL_PLACES)
            .total_core_instances(POOL_PLACES * POOL_PARTS)
            .total_memories(POOL_PLACES)
            .total_tables(POOL_PLACES * POOL_PARTS)
            // No other answer than with memory of its own: growing must fail at the same size.
            .max_memory_size(MEMORY_BYTES)
            .table_elements(TABLE_ELEMENTS)
            .linear_memory_keep_resident(POOL_KEPT_BYTES)
            .table_keep_resident(POOL_KEPT_BYTES)
            .pagemap_scan(wasmtime::Enabled::Auto);
        let mut config = config.clone();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        Self::new(&config)
            .inspect_err(|error| tracing::debug!(%error, "there is no pool of memory for connectors"))
            .ok()
    }
}

/// A component that can be started on its engine.
pub(super) struct Prepared {
    pub(super) pre: InstancePre<State>,
    pub(super) indices: Indices,
}

impl Prepared {
    pub(super) fn new(ground: &Ground, component: &Component, interfaces: Interfaces) -> wasmtime::Result<Self> {
        let pre = ground.linker.instantiate_pre(component)?;
        let indices = Indices::new(&pre, interfaces)?;
        Ok(Self { pre, indices })
    }

    /// The same component in the pool, if it fits.
    pub(super) fn in_pool(pool: &Ground, component: &Component, interfaces: Interfaces) -> wasmtime::Result<Arc<Self>> {
        let compiled = component.serialize()?;
        // SAFETY: these bytes are what `serialize` of a component that this process compiled has given just now; nobody else
        // has had them. Whether they fit the engine is checked by wasmtime.
        let component = unsafe { Component::deserialize(&pool.engine, compiled) }?;
        Ok(Arc::new(Self::new(pool, &component, interfaces)?))
    }
}

/// The interface in a component.
const WEBHOOK: &str = "ltv:connector/webhook@0.1.0";

/// Where in a component the functions of the contract are.
pub(super) struct Indices {
    pub(super) connector: connector::GuestIndices,
    pub(super) poll: Option<poll::GuestIndices>,
    pub(super) webhook: Option<webhook::GuestIndices>,
    /// By itself: it is called for each delivery that arrives, and `webhook` compares the types of all functions each time it is
    /// loaded.
    pub(super) prove: Option<ComponentExportIndex>,
    pub(super) csv: Option<csv::GuestIndices>,
}

impl Indices {
    fn new(pre: &InstancePre<State>, interfaces: Interfaces) -> wasmtime::Result<Self> {
        let webhook = pre.component().get_export_index(None, WEBHOOK);
        Ok(Self {
            connector: connector::GuestIndices::new(pre)?,
            poll: interfaces.poll.then(|| poll::GuestIndices::new(pre)).transpose()?,
            webhook: interfaces.webhook.then(|| webhook::GuestIndices::new(pre)).transpose()?,
            prove: webhook.and_then(|webhook| pre.component().get_export_index(Some(&webhook), "prove")),
            csv: interfaces.csv.then(|| csv::GuestIndices::new(pre)).transpose()?,
        })
    }
}
