//! Where the connectors are that tests use.

use std::path::{Path, PathBuf};

/// The component of a connector by its id: those under plugins/, and `evil`.
pub(crate) fn connector_file(id: &str) -> PathBuf {
    let file = folder().join(format!("{id}.wasm"));
    assert!(
        file.is_file(),
        "{} is missing: run the tests with `cargo xtask test`, or build the connectors with `cargo xtask connectors --test`",
        file.display()
    );
    file
}

fn folder() -> PathBuf {
    match std::env::var_os("LTVD_TEST_CONNECTORS") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-connectors"),
    }
}
