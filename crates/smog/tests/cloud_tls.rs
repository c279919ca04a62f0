//! TLS against a server on loopback, with certificates that `openssl` makes: whose are
//! trusted, what is said of the others, and the client's own.

mod fake_cloud;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fake_cloud::{connect_as, token_body};
use smog::config::Credentials;
use smog::{Cloud, Error, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

/// A self-signed certificate and its key.
struct Pair {
    cert: PathBuf,
    key: PathBuf,
}

impl Pair {
    /// As `openssl req -x509` makes it, with more words.
    fn new(folder: &Path, name: &str, san: &str, more: &[&str]) -> Pair {
        let pair = Pair { cert: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) };
        let names = format!("subjectAltName={san}");
        let names: &[&str] = if san.is_empty() { &[] } else { &["-addext", &names] };
        let made = std::process::Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
            .args(["-subj", if san.is_empty() { "/CN=localhost" } else { "/CN=smog test" }])
            .args(names)
            .arg("-keyout")
            .arg(&pair.key)
            .arg("-out")
            .arg(&pair.cert)
            .args(more)
            .output()
            .expect("openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        pair
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![CertificateDer::from_pem_file(&self.cert).expect("a certificate")]
    }

    fn named(&self) -> Option<String> {
        Some(self.cert.display().to_string())
    }
}

/// A keystone that lets everybody in, behind TLS or without.
async fn keystone(pair: Option<&Pair>, clients: Option<&Pair>) -> u16 {
    let acceptor = pair.map(|pair| {
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("versions");
        let builder = match clients {
            Some(trusted) => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(trusted.chain());
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
            None => builder.with_no_client_auth(),
        };
        let key = PrivateKeyDer::from_pem_file(&pair.key).expect("a key");
        TlsAcceptor::from(Arc::new(builder.with_single_cert(pair.chain(), key).expect("a pair")))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            match acceptor.clone() {
                Some(acceptor) => {
                    tokio::spawn(async move {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            serve(stream).await;
                        }
                    });
                }
                None => {
                    tokio::spawn(serve(stream));
                }
            }
        }
    });
    port
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut head = vec![0; 8192];
    if stream.read(&mut head).await.unwrap_or(0) == 0 {
        return;
    }
    if !head.starts_with(b"POST /v3/auth/tokens ") {
        let _ = stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            .await;
        return;
    }
    let body = token_body("http://127.0.0.1:1");
    let answer = format!(
        "HTTP/1.1 201 Created\r\nX-Subject-Token: t\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn log_in(url: &str, change: impl FnOnce(&mut Credentials)) -> (Result<Cloud>, Vec<String>) {
    let (cloud, notices) = connect_as(url, None, false, change).await;
    let notices = notices.lock().expect("notices").clone();
    (cloud, notices)
}

async fn untrusted(url: &str, change: impl FnOnce(&mut Credentials)) -> (String, String) {
    let error = log_in(url, change).await.0.expect_err("not trusted");
    let hint = error.hint().unwrap_or_default();
    match error {
        Error::Untrusted { why, .. } => (why, hint),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_self_signed_certificate_works_once_it_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    // What openssl makes by default is marked as an authority's; the other is not.
    let plain = Pair::new(
        folder.path(),
        "plain",
        "DNS:localhost",
        &["-addext", "basicConstraints=critical,CA:FALSE"],
    );
    let marked = Pair::new(folder.path(), "marked", "DNS:localhost", &[]);
    for (pair, said) in
        [(&plain, "no known authority signed its certificate"), (&marked, "it signed its certificate itself")]
    {
        let url = format!("https://localhost:{}/v3", keystone(Some(pair), None).await);
        let (why, hint) = untrusted(&url, |_| {}).await;
        assert!(why == said && hint.contains("OS_CACERT"), "{why} {hint}");
        log_in(&url, |c| c.cacert = pair.named()).await.0.expect("named");
        // Of the same subject, but another one.
        let other = Pair::new(folder.path(), "other", "DNS:localhost", &[]);
        untrusted(&url, |c| c.cacert = other.named()).await;
    }
    // In a bundle, and as a folder.
    let bundle = folder.path().join("bundle.crt");
    let both = [&plain, &marked].map(|pair| std::fs::read_to_string(&pair.cert).expect("PEM")).concat();
    std::fs::write(&bundle, both).expect("a bundle");
    let url = format!("https://localhost:{}/v3", keystone(Some(&marked), None).await);
    log_in(&url, |c| c.cacert = Some(bundle.display().to_string())).await.0.expect("in a bundle");
}

#[tokio::test]
async fn a_named_certificate_must_be_for_the_host_and_of_today() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = Pair::new(folder.path(), "other", "DNS:nova.example", &[]);
    let url = format!("https://localhost:{}/v3", keystone(Some(&other), None).await);
    let (why, _) = untrusted(&url, |c| c.cacert = other.named()).await;
    assert_eq!(why, "its certificate is for nova.example, not for `localhost`");

    // The name in the subject alone counts for nothing, and that is said.
    let bare = Pair::new(folder.path(), "bare", "", &["-addext", "basicConstraints=critical,CA:FALSE"]);
    let url = format!("https://localhost:{}/v3", keystone(Some(&bare), None).await);
    let (why, hint) = untrusted(&url, |c| c.cacert = bare.named()).await;
    assert!(why.contains("no subjectAltName") && hint.contains("(CN)"), "{why} {hint}");
    let several = Pair::new(folder.path(), "several", "DNS:a.example,IP:192.0.2.1,DNS:*.b.example", &[]);
    let url = format!("https://localhost:{}/v3", keystone(Some(&several), None).await);
    let (why, _) = untrusted(&url, |c| c.cacert = several.named()).await;
    assert_eq!(why, "its certificate is for a.example, 192.0.2.1, *.b.example, not for `localhost`");

    // Signed again for no day at all: it is over within a second.
    let old = Pair::new(folder.path(), "old", "DNS:localhost", &[]);
    let again = std::process::Command::new("openssl")
        .args(["x509", "-days", "0", "-in"])
        .arg(&old.cert)
        .arg("-signkey")
        .arg(&old.key)
        .arg("-out")
        .arg(&old.cert)
        .output()
        .expect("openssl");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let url = format!("https://localhost:{}/v3", keystone(Some(&old), None).await);
    let (why, _) = untrusted(&url, |c| c.cacert = old.named()).await;
    assert!(why.starts_with("its certificate has expired on "), "{why}");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").expect("a file");
    for file in ["/no/such/file.pem".to_string(), empty.display().to_string()] {
        let (cloud, _) = log_in("https://localhost:1/v3", |c| c.cacert = Some(file.clone())).await;
        let error = cloud.expect_err("no certificate");
        assert!(matches!(&error, Error::Config { place, .. } if place.starts_with(&file)), "{error:?}");
    }
}

#[tokio::test]
async fn a_client_s_certificate_is_shown_to_who_wants_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Pair::new(folder.path(), "server", "DNS:localhost", &[]);
    let client =
        Pair::new(folder.path(), "client", "DNS:me", &["-addext", "basicConstraints=critical,CA:FALSE"]);
    let url = format!("https://localhost:{}/v3", keystone(Some(&server), Some(&client)).await);
    let (why, hint) = untrusted(&url, |c| c.cacert = server.named()).await;
    assert!(why.contains("client's certificate") && hint.contains("OS_CERT"), "{why} {hint}");
    let with = |key: Option<String>| {
        let (cacert, cert) = (server.named(), client.named());
        move |c: &mut Credentials| (c.cacert, c.cert, c.key) = (cacert, cert, key)
    };
    let key = client.key.display().to_string();
    log_in(&url, with(Some(key))).await.0.expect("with two files");
    let (cloud, _) = log_in(&url, with(None)).await;
    assert!(matches!(cloud, Err(Error::Config { .. })), "the certificate's file has no key");
    let both = [&client.cert, &client.key].map(|file| std::fs::read_to_string(file).expect("PEM")).concat();
    std::fs::write(&client.cert, both).expect("one file");
    log_in(&url, with(None)).await.0.expect("with one file");
}

#[tokio::test]
async fn unchecked_certificates_are_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::new(folder.path(), "pair", "DNS:nova.example", &[]);
    let url = format!("https://localhost:{}/v3", keystone(Some(&pair), None).await);
    let (cloud, notices) = log_in(&url, |c| c.verify = false).await;
    cloud.expect("unchecked");
    assert!(notices.len() == 1 && notices[0].contains("not checked"), "{notices:?}");
}

#[tokio::test]
async fn tls_where_there_is_none_and_none_where_there_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::new(folder.path(), "pair", "DNS:localhost", &[]);
    let (with, without) = (keystone(Some(&pair), None).await, keystone(None, None).await);
    let said = async |url: String| {
        let error = log_in(&url, |_| {}).await.0.expect_err("the wrong scheme");
        format!("{error} {:?}", error.hint())
    };
    let text = said(format!("https://localhost:{without}/v3")).await;
    assert!(text.contains("does not speak TLS") && text.contains("begin with http://?"), "{text}");
    let text = said(format!("http://localhost:{with}/v3")).await;
    assert!(text.contains("does not speak plain HTTP") && text.contains("begin with https://?"), "{text}");
}
