//! Whose certificates are trusted, and which one smog shows itself.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::config::Credentials;
use crate::error::{Error, Result};

/// TLS for a cloud: its authority's certificates, or nobody's, and the client's own.
///
/// # Errors
/// [`Error::Config`] for files that cannot be used.
pub(super) fn of_cloud(credentials: &Credentials) -> Result<ClientConfig> {
    let trusted = match (&credentials.cacert, credentials.verify) {
        (_, false) => Trusted::Anybody,
        (Some(file), true) => {
            let config = |why: String| Error::Config {
                place: format!("{file} (the cacert of {})", credentials.source),
                message: why,
                hint: Some("OS_CACERT or `cacert:` names a file with PEM certificates".into()),
            };
            let named = certificates(Path::new(file)).map_err(config)?;
            Trusted::Named { verifier: verifier(named.clone()).map_err(config)?, named }
        }
        (None, true) => Trusted::System(OnceLock::new()),
    };
    let builder = builder(trusted)?;
    let Some(file) = &credentials.cert else {
        return Ok(with_http(builder.with_no_client_auth()));
    };
    let unusable = |file: &str, why: String| Error::Config {
        place: format!("{file} (the client certificate of {})", credentials.source),
        message: why,
        hint: Some(
            "OS_CERT or `cert:` names a PEM file with the certificate, OS_KEY or `key:` one with its key"
                .into(),
        ),
    };
    let chain = certificates(Path::new(file)).map_err(|why| unusable(file, why))?;
    let key_file = credentials.key.as_ref().unwrap_or(file);
    let key = private_key(Path::new(key_file)).map_err(|why| unusable(key_file, why))?;
    let config = builder.with_client_auth_cert(chain, key);
    config.map(with_http).map_err(|why| {
        let said = format!("{why:?}");
        let why = if said.contains("UnsupportedCertVersion") {
            "it is a certificate of X.509 version 1, which TLS here does not take: `openssl x509 -req` makes \
             version 3 with `-extfile`"
                .to_string()
        } else if said.contains("InconsistentKeys") {
            format!("it does not belong to the key {key_file}")
        } else {
            format!("it cannot be used: {}", super::transport::plain(&why.to_string()))
        };
        unusable(file, why)
    })
}

/// TLS for everybody else: this machine's authorities.
///
/// # Errors
/// [`Error::Config`] when TLS cannot be had at all.
pub(in crate::cloud) fn of_system() -> Result<ClientConfig> {
    Ok(with_http(builder(Trusted::System(OnceLock::new()))?.with_no_client_auth()))
}

type Builder = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn builder(trusted: Trusted) -> Result<Builder> {
    let verifier = Verifier { provider: provider(), trusted };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|why| Error::Config { place: "TLS".into(), message: why.to_string(), hint: None })?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)))
}

fn with_http(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}

#[derive(Debug)]
enum Trusted {
    /// `verify: false`.
    Anybody,
    /// Only the authorities of the cacert file, as OpenStack's own clients have it.
    Named { verifier: Arc<WebPkiServerVerifier>, named: Vec<CertificateDer<'static>> },
    /// This machine's authorities, read when the first certificate is to be checked.
    System(OnceLock<std::result::Result<Arc<WebPkiServerVerifier>, String>>),
}

#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    trusted: Trusted,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let check = |verifier: &WebPkiServerVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        match &self.trusted {
            Trusted::Anybody => Ok(ServerCertVerified::assertion()),
            Trusted::System(found) => match found.get_or_init(system_verifier) {
                Ok(verifier) => check(verifier),
                Err(why) => Err(rustls::Error::General(why.clone())),
            },
            Trusted::Named { verifier, named } => match check(verifier) {
                // `openssl req -x509` marks what it makes as an authority's certificate,
                // which rustls takes from no server. One that the file names byte for byte
                // is trusted as it stands; its dates were checked before (webpki checks
                // them first), its name is checked here, its key in the handshake.
                Err(why) if is_authority(&why) && named.iter().any(|one| one == end_entity) => {
                    let parsed = ParsedCertificate::try_from(end_entity)?;
                    rustls::client::verify_server_name(&parsed, server_name)?;
                    Ok(ServerCertVerified::assertion())
                }
                checked => checked,
            },
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a certificate was refused for being an authority's (webpki's `CaUsedAsEndEntity`,
/// which rustls passes on without a name of its own).
pub(super) fn is_authority(why: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = why else { return false };
    other.to_string().contains("CaUsedAsEndEntity")
}

fn verifier(roots: Vec<CertificateDer<'static>>) -> std::result::Result<Arc<WebPkiServerVerifier>, String> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots);
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider())
        .build()
        .map_err(|_| "no usable certificate in it".to_string())
}

fn system_verifier() -> std::result::Result<Arc<WebPkiServerVerifier>, String> {
    verifier(rustls_native_certs::load_native_certs().certs).map_err(|_| {
        "this machine has no authorities' certificates (Debian's package is ca-certificates)".into()
    })
}

/// All certificates of a PEM file, or of a folder of them.
fn certificates(path: &Path) -> std::result::Result<Vec<CertificateDer<'static>>, String> {
    if path.is_dir() {
        let found = rustls_native_certs::load_certs_from_paths(None, Some(path)).certs;
        return if found.is_empty() { Err("no PEM certificate in this folder".into()) } else { Ok(found) };
    }
    let bytes = std::fs::read(path).map_err(|why| why.to_string())?;
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err("no PEM certificate in it".into()),
        Ok(found) => Ok(found),
        Err(_) => Err("a PEM certificate in it is damaged".into()),
    }
}

fn private_key(path: &Path) -> std::result::Result<PrivateKeyDer<'static>, String> {
    let bytes = std::fs::read(path).map_err(|why| why.to_string())?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
        let text = String::from_utf8_lossy(&bytes);
        match text.contains("ENCRYPTED") {
            true => "its private key is encrypted; smog reads keys without a passphrase".into(),
            false => "no PEM private key in it".to_string(),
        }
    })
}
