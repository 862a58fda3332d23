//! From a file to a connector that is known to fit.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use semver::Version;
use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;
use wasmtime::{Engine, Module};
use wit_component::ComponentEncoder;

use super::bindings::connector;
use super::error::{CallError, CallSite, LoadError};
use super::host::{Connector, Host, Interfaces};
use super::instance::{Budget, Instance, Occasion, causes};
use super::manifest;
use super::prepared::Prepared;
use crate::limits::connector::{DESCRIBE, FILE_BYTES, MANIFEST_BYTES};

/// The contract that this daemon speaks.
pub const SUPPORTED_CONTRACT: &str = "ltv:connector@0.1.0";

/// Package of the contract, without version.
const PACKAGE: &str = "ltv:connector";
/// Interfaces of the contract that may be imported. `types` has no functions.
const IMPORTS: [&str; 2] = ["log", "types"];
/// Packages of WASI that are there and do nothing.
const INERT_WASI: [&str; 6] = ["wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:io", "wasi:random", "wasi:sockets"];

pub(super) fn load(host: &Host, path: &Path) -> Result<Connector, LoadError> {
    let bytes = read(path)?;
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let sha256 = sha256(&bytes);
    let not_connector = |chain: String| LoadError::NotConnector { path: path.to_owned(), chain };

    let component = component_bytes(&host.ground.engine, bytes).map_err(not_connector)?;
    let component = Component::new(&host.ground.engine, component).map_err(|error| not_connector(causes(&error)))?;
    let names = names(host, &component);

    let version = contract(&names.exports)
        .ok_or_else(|| not_connector(format!("it exports no interface of {SUPPORTED_CONTRACT}")))?;
    let misfit = |error: Option<&wasmtime::Error>| LoadError::Contract {
        path: path.to_owned(),
        found: format!("{PACKAGE}@{version}"),
        supported: SUPPORTED_CONTRACT,
        chain: error.map(|error| format!(": {}", causes(error))).unwrap_or_default(),
    };
    if !is_supported(&version) {
        return Err(misfit(None));
    }
    let forbidden: Vec<String> = names.imports.iter().filter(|name| !may_import(name)).cloned().collect();
    if !forbidden.is_empty() {
        return Err(LoadError::Import { path: path.to_owned(), imports: forbidden });
    }

    let interfaces = Interfaces {
        poll: names.exports.iter().any(|name| is_interface(name, "poll")),
        webhook: names.exports.iter().any(|name| is_interface(name, "webhook")),
        csv: names.exports.iter().any(|name| is_interface(name, "csv")),
    };
    let prepared = Prepared::new(&host.ground, &component, interfaces).map_err(|error| misfit(Some(&error)))?;
    let prepared = Arc::new(prepared);

    let call = |source: CallError| LoadError::Call { path: path.to_owned(), source };
    let site = CallSite {
        connector: path.file_name().unwrap_or_default().to_string_lossy().into(),
        version: "".into(),
        function: "connector.describe",
    };
    let occasion = Occasion { integration: "", now_ms: 0 };
    let budget = Budget { time: DESCRIBE, answer_bytes: MANIFEST_BYTES };
    let mut instance = Instance::new(&prepared, &site, occasion, budget).map_err(call)?;
    // Types are compared only here: linking alone looks at names.
    let guest = check_types(&prepared, &mut instance).map_err(|error| misfit(Some(&error)))?;
    let described = instance.call(&site, occasion, budget, |store, _, _| guest.call_describe(store)).map_err(call)?;
    let manifest = manifest::from_wit(described, interfaces)
        .map_err(|problems| LoadError::Manifest { path: path.to_owned(), problems })?;

    let fits = |pooled: &Arc<Prepared>| Instance::new(pooled, &site, occasion, budget).is_ok();
    let pooled = host.pool.as_ref().filter(|_| interfaces.webhook).and_then(|pool| {
        Prepared::in_pool(pool, &component, interfaces)
            .inspect_err(|error| tracing::debug!(path = %path.display(), %error, "a connector does not fit the pool"))
            .ok()
            .filter(fits)
    });

    Ok(Connector {
        manifest,
        path: path.to_owned(),
        sha256,
        size,
        contract: version.to_string(),
        imports: names.imports,
        exports: names.exports,
        interfaces,
        prepared,
        pooled,
        _ticker: Arc::clone(&host.ticker),
    })
}

/// In lower-case hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let failed = |source| LoadError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::new();
    if size <= FILE_BYTES {
        // The file may grow while it is read.
        file.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    let size = size.max(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    if size > FILE_BYTES {
        return Err(LoadError::TooLarge { path: path.to_owned(), size, limit: FILE_BYTES });
    }
    Ok(bytes)
}

/// A component as it is; a core module is made into one by the world that its toolchain embedded.
fn component_bytes(engine: &Engine, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    const MAGIC: &[u8] = b"\0asm";
    match (bytes.get(..4), bytes.get(6..8)) {
        (Some(MAGIC), Some([1, 0])) => Ok(bytes),
        (Some(MAGIC), Some([0, 0])) => {
            // The encoder takes for granted that the module is whole.
            Module::validate(engine, &bytes).map_err(|error| causes(&error))?;
            encode(&bytes).map_err(|chain| format!("this core module cannot be made into a component: {chain}"))
        }
        _ => Err("it is no WebAssembly file".to_owned()),
    }
}

/// Wraps a core module. The embedded world is the author's to damage, and the encoder meets some damage with a panic.
fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    let encoded = std::panic::catch_unwind(|| {
        ComponentEncoder::default().module(module).and_then(|encoder| encoder.validate(false).encode())
    });
    match encoded {
        Ok(Ok(component)) => Ok(component),
        Ok(Err(error)) => Err(error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")),
        Err(_) => Err("its description of the world that it is made for is damaged".to_owned()),
    }
}

struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
}

/// Imports and exports by name. Imports that only share types are no permissions, and left out.
fn names(host: &Host, component: &Component) -> Names {
    let types = component.component_type();
    let only_types = |item: &ComponentItem| match item {
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(&host.ground.engine).all(|(_, item)| matches!(item.ty, ComponentItem::Type(_)))
        }
        ComponentItem::Type(_) => true,
        _ => false,
    };
    let engine = &host.ground.engine;
    let imports = types.imports(engine).filter(|(_, item)| !only_types(&item.ty)).map(|(name, _)| name.to_owned());
    let exports = types.exports(engine).map(|(name, _)| name.to_owned());
    Names { imports: in_order(imports), exports: in_order(exports) }
}

/// In a component they stand as its compiler left them.
fn in_order(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names
}

/// Package, interface and version of `package/interface@version`.
fn split(name: &str) -> Option<(&str, &str, Option<Version>)> {
    let (package, rest) = name.split_once('/')?;
    let (interface, version) = rest.split_once('@').map_or((rest, None), |(i, v)| (i, Some(v)));
    Some((package, interface, version.and_then(|version| Version::parse(version).ok())))
}

/// The version of the contract that a component exports; the supported one if it exports several.
fn contract(exports: &[String]) -> Option<Version> {
    let versions = exports.iter().filter_map(|name| match split(name)? {
        (PACKAGE, "connector", Some(version)) => Some(version),
        _ => None,
    });
    versions.max_by_key(|version| (is_supported(version), version.clone()))
}

fn is_supported(version: &Version) -> bool {
    (version.major, version.minor, version.pre.is_empty()) == (0, 1, true)
}

fn is_interface(name: &str, wanted: &str) -> bool {
    matches!(split(name), Some((PACKAGE, interface, Some(version))) if interface == wanted && is_supported(&version))
}

fn may_import(name: &str) -> bool {
    match split(name) {
        Some((PACKAGE, interface, Some(version))) => IMPORTS.contains(&interface) && is_supported(&version),
        Some((package, _, Some(version))) => INERT_WASI.contains(&package) && (version.major, version.minor) == (0, 2),
        _ => false,
    }
}

/// Compares the types of every function with those of the contract.
fn check_types(prepared: &Prepared, instance: &mut Instance) -> wasmtime::Result<connector::Guest> {
    let indices = &prepared.indices;
    let (store, instance) = instance.parts();
    if let Some(poll) = &indices.poll {
        poll.load(&mut *store, instance)?;
    }
    if let Some(webhook) = &indices.webhook {
        webhook.load(&mut *store, instance)?;
    }
    if let Some(csv) = &indices.csv {
        csv.load(&mut *store, instance)?;
    }
    indices.connector.load(&mut *store, instance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_logger_and_inert_wasi_may_be_imported() {
        for allowed in ["ltv:connector/log@0.1.0", "wasi:io/streams@0.2.6", "wasi:sockets/tcp@0.2.0"] {
            assert!(may_import(allowed), "{allowed}");
        }
        for refused in [
            "ltv:connector/log@0.2.0",
            "ltv:connector/poll@0.1.0",
            "ltv:connector/log",
            "wasi:http/outgoing-handler@0.2.0",
            "wasi:io/streams@0.3.0",
            "env",
            "other:package/log@0.1.0",
        ] {
            assert!(!may_import(refused), "{refused}");
        }
    }

    #[test]
    fn the_supported_contract_wins() {
        let version = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            contract(&names).map(|version| version.to_string())
        };
        let (old, new) = ("ltv:connector/connector@0.1.0", "ltv:connector/connector@0.2.0");
        assert_eq!(version(&[old, new]).as_deref(), Some("0.1.0"));
        assert_eq!(version(&[new]).as_deref(), Some("0.2.0"));
        assert_eq!(version(&["ltv:connector/poll@0.1.0"]), None);
        assert_eq!(SUPPORTED_CONTRACT, format!("{PACKAGE}@0.1.0"));
        assert!(!is_supported(&Version::parse("0.1.0-rc.1").unwrap()));
    }

    #[test]
    fn what_is_no_wasm_is_refused() {
        let engine = Engine::default();
        let refused = |bytes: &[u8]| component_bytes(&engine, bytes.to_vec()).unwrap_err();
        for bytes in [&b""[..], b"\x7fELF\0\0\0\0", b"\0asm", b"\0asm\x01\0\0"] {
            assert_eq!(refused(bytes), "it is no WebAssembly file");
        }
        // A section of 127 bytes of which none is there.
        assert!(refused(b"\0asm\x01\0\0\0\x01\x7f").contains("unexpected end"));
        // Whole, but with nonsense for a world: a custom section `component-type:x`.
        let mut damaged = b"\0asm\x01\0\0\0\0\x13\x10component-type:x".to_vec();
        damaged.extend([0xff, 0xff]);
        assert!(refused(&damaged).starts_with("this core module cannot be made into a component: "));
    }
}
