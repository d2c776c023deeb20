//! A certificate authority for one run, and a server certificate that it signed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The authority's certificate and a server's certificate and key, as PEM files in a directory.
#[derive(Clone, Debug)]
pub struct Certs {
    authority: CertificateDer<'static>,
    directory: PathBuf,
}

impl Certs {
    /// Makes `ca.pem`, `server.pem` and `server.key` in `directory`, the server's for all of `names`, which
    /// are host names or IP addresses.
    ///
    /// # Panics
    /// When a name is neither, or a file cannot be written.
    pub fn write(directory: &Path, names: &[&str]) -> Self {
        let authority_key = KeyPair::generate().expect("a key for the authority");
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "twilio-proxy-wasm tests");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let certificate = authority.self_signed(&authority_key).expect("a self-signed authority");
        let issuer = Issuer::new(authority, authority_key);

        let server_key = KeyPair::generate().expect("a key for the server");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let server = CertificateParams::new(names).expect("names that a certificate can hold");
        let server = server.signed_by(&server_key, &issuer).expect("a certificate for the server");

        let certs = Self { authority: certificate.der().clone(), directory: directory.to_path_buf() };
        for (path, pem) in [
            (certs.authority_file(), certificate.pem()),
            (certs.certificate_file(), server.pem()),
            (certs.key_file(), server_key.serialize_pem()),
        ] {
            std::fs::write(&path, pem)
                .unwrap_or_else(|error| panic!("expected to write {}: {error}", path.display()));
        }
        certs
    }

    /// Returns the authority's certificate, PEM.
    pub fn authority_file(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// Returns the server's certificate, PEM.
    pub fn certificate_file(&self) -> PathBuf {
        self.directory.join("server.pem")
    }

    /// Returns the server's private key, PEM (PKCS #8).
    pub fn key_file(&self) -> PathBuf {
        self.directory.join("server.key")
    }

    /// Returns a client's TLS settings that trust this authority alone. `alpn` are the protocols offered, like `h2`.
    ///
    /// # Panics
    /// When TLS cannot be set up at all.
    pub fn client_config(&self, alpn: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).expect("the authority's own certificate to be readable");
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring to speak TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}
