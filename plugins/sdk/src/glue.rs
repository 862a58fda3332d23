//! Between the traits and the generated bindings. Only [`export!`](crate::export) names it.

use std::marker::PhantomData;

use crate::bindings::{base, polling, reading, receiving};
use crate::connector::{Connector, Csv, Poll, Webhook};
use crate::conversation;
use crate::log::report_panics;
use crate::table::Table;
use crate::types::{Batch, Context, Delivery, Failure, Manifest, Problem, Proof, Replies, Rows, Setting, Step, Task};

/// The interfaces of the contract, for a connector written with the traits of this crate.
pub struct Glue<T>(PhantomData<T>);

impl<T: Connector> base::exports::ltv::connector::connector::Guest for Glue<T> {
    fn describe() -> Manifest {
        report_panics();
        T::describe()
    }

    fn validate(settings: Vec<Setting>) -> Vec<Problem> {
        report_panics();
        T::validate(&settings)
    }
}

impl<T: Csv> reading::exports::ltv::connector::csv::Guest for Glue<T> {
    fn read(format: String, others: Vec<String>, rows: Rows, context: Context) -> Result<Batch, Failure> {
        report_panics();
        let manifest = T::describe();
        let Some(columns) = manifest.csv_formats.into_iter().find(|known| known.id == format) else {
            return Err(Failure::Internal(format!("the manifest has no format `{format}`")));
        };
        let names = columns.columns.into_iter().map(|column| column.name).collect();
        T::read(&format, &Table::new(names, others, rows)?, &context)
    }
}

impl<T: Webhook + 'static> receiving::exports::ltv::connector::webhook::Guest for Glue<T> {
    fn prove(delivery: Delivery, context: Context) -> Result<Proof, Failure> {
        report_panics();
        T::prove(&delivery, &context)
    }

    fn receive(delivery: Delivery, context: Context) -> Result<Step, Failure> {
        report_panics();
        conversation::begin(|daemon| T::receive(daemon, delivery, context))
    }

    fn resume(_state: Option<Vec<u8>>, replies: Replies, _context: Context) -> Result<Step, Failure> {
        report_panics();
        conversation::resume(replies)
    }
}

impl<T: Poll + 'static> polling::exports::ltv::connector::poll::Guest for Glue<T> {
    fn begin(task: Task, context: Context) -> Result<Step, Failure> {
        report_panics();
        conversation::begin(|daemon| run::<T>(daemon, task, context))
    }

    fn resume(_state: Option<Vec<u8>>, replies: Replies, _context: Context) -> Result<Step, Failure> {
        report_panics();
        conversation::resume(replies)
    }
}

/// A task of the poll interface as one future.
pub(crate) async fn run<T: Poll>(
    daemon: crate::conversation::Daemon,
    task: Task,
    context: Context,
) -> Result<crate::types::Outcome, Failure> {
    match task {
        Task::Check => T::check(daemon, context).await,
        Task::Sync(window) => T::sync(daemon, window, context).await,
        Task::Refresh(ids) => T::refresh(daemon, ids, context).await,
        Task::Subscribe(address) => T::subscribe(daemon, address, context).await,
        Task::Unsubscribe(address) => T::unsubscribe(daemon, address, context).await,
    }
}

/// Makes a component of a connector: `export!(Kiosk: webhook, csv)` exports `connector` and the named interfaces, and no
/// others. The names are `poll`, `webhook` and `csv`. In a native build it does nothing but check the traits.
#[macro_export]
macro_rules! export {
    ($connector:ty $(: $($interface:ident),* $(,)?)?) => {
        const _: () = {
            #[cfg(target_arch = "wasm32")]
            #[allow(unsafe_op_in_unsafe_fn)]
            mod exported {
                use super::*;
                type Glued = $crate::glue::Glue<$connector>;
                $crate::bindings::base::export_base!(Glued with_types_in $crate::bindings::base);
                $($($crate::__export_interface!($interface Glued);)*)?
            }
            #[cfg(not(target_arch = "wasm32"))]
            {
                fn connector<T: $crate::connector::Connector>() {}
                let _ = connector::<$connector>;
                $($($crate::__check_interface!($interface $connector);)*)?
            }
        };
    };
}

/// One interface of [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __export_interface {
    (poll $glued:ident) => {
        $crate::bindings::polling::export_polling!($glued with_types_in $crate::bindings::polling);
    };
    (webhook $glued:ident) => {
        $crate::bindings::receiving::export_receiving!($glued with_types_in $crate::bindings::receiving);
    };
    (csv $glued:ident) => {
        $crate::bindings::reading::export_reading!($glued with_types_in $crate::bindings::reading);
    };
}

/// The native counterpart of `__export_interface`.
#[doc(hidden)]
#[macro_export]
macro_rules! __check_interface {
    (poll $connector:ty) => {
        fn poll<T: $crate::connector::Poll>() {}
        let _ = poll::<$connector>;
    };
    (webhook $connector:ty) => {
        fn webhook<T: $crate::connector::Webhook>() {}
        let _ = webhook::<$connector>;
    };
    (csv $connector:ty) => {
        fn csv<T: $crate::connector::Csv>() {}
        let _ = csv::<$connector>;
    };
}
