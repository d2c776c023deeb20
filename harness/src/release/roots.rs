//! The certificates that Mozilla trusts, for an image that has no others.

use pem::{EncodeConfig, LineEnding, Pem};

/// Returns them in PEM, one after the other.
pub(super) fn pem() -> String {
    let certificates = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
    let blocks: Vec<Pem> =
        certificates.iter().map(|certificate| Pem::new("CERTIFICATE", certificate.to_vec())).collect();
    pem::encode_many_config(&blocks, EncodeConfig::new().set_line_ending(LineEnding::LF))
}
