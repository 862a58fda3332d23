//! Whose certificates are believed: the operating system's, and those that the operator adds.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::CourierError;
use crate::limits::platform::CA_FILE_BYTES;

/// TLS 1.2 and 1.3 with the certificates of this machine, and those of this file.
pub(super) fn config(ca_file: Option<&Path>) -> Result<ClientConfig, CourierError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if let Some(path) = ca_file {
        let fault = |reason: String| CourierError::CaFile { path: path.display().to_string(), reason };
        let mut pem = Vec::new();
        File::open(path)
            .and_then(|file| file.take(CA_FILE_BYTES).read_to_end(&mut pem))
            .map_err(|error| fault(error.to_string()))?;
        let mut own = 0;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| fault(format!("no certificate in PEM form: {error}")))?;
            roots.add(certificate).map_err(|error| fault(error.to_string()))?;
            own += 1;
        }
        if own == 0 {
            return Err(fault("there is no certificate in it; PEM is expected".to_owned()));
        }
    }
    if roots.is_empty() {
        let why = "this machine trusts no certificates; install the package `ca-certificates`";
        return Err(CourierError::Client(why.to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| CourierError::Client(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
