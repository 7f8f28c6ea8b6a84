//! The listener over TLS: what browsers get, and what nobody gets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::client::{Client, HANDSHAKE, get, request};
use crate::server::{Server, token};

/// A server that speaks TLS, and its certificate.
async fn start(folder: &std::path::Path) -> (Server, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["bridge.test".to_owned()]).expect("a certificate");
    let (chain, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).expect("the folder is writable");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("the folder is writable");
    let flags = ["--tls-cert", &chain.to_string_lossy(), "--tls-key", &key.to_string_lossy()];
    (Server::with_tokens(&flags).await, made.cert.der().clone())
}

/// A client that trusts this certificate alone.
async fn connect(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has what they need")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("bridge.test").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_served_over_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, certificate) = start(folder.path()).await;
    let mut stream = connect(server.public, &certificate).await.expect("a handshake");
    let bearer = format!("authorization: Bearer {}", token("alice"));
    let headers = [&HANDSHAKE[..], &[&bearer]].concat();
    stream.write_all(request("GET", "/v1/stream", &headers).as_bytes()).await.expect("it is open");
    let mut read = Vec::new();
    // The head of the answer, then the frame with hello.
    while !read.windows(5).any(|bytes| bytes == b"alice") {
        let n = timeout(Duration::from_secs(20), stream.read_buf(&mut read)).await.expect("it comes in time");
        assert!(n.expect("it is open") > 0, "{}", String::from_utf8_lossy(&read));
    }
    assert!(read.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&read));

    let other = rcgen::generate_simple_self_signed(["bridge.test".to_owned()]).expect("a certificate");
    assert!(connect(server.public, other.cert.der()).await.is_err(), "someone else's certificate");
    // Operators are not served over it.
    assert_eq!(get(server.operators, "/healthz", &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_and_older_tls_get_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _) = start(folder.path()).await;
    let mut plain = Client::connect(server.public).await;
    plain.write(request("GET", "/healthz", &[])).await;
    assert!(plain.head().await.is_none(), "no answer over plain HTTP");

    // A greeting of a client that knows nothing newer than TLS 1.2: without the extension that names TLS 1.3.
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xC0, 0x2B, 0xC0, 0x2F, 1, 0]);
    let mut greeting = vec![0x16, 3, 1, 0, (hello.len() + 4) as u8, 1, 0, 0, hello.len() as u8];
    greeting.extend(hello);
    let mut old = TcpStream::connect(server.public).await.expect("it listens");
    old.write_all(&greeting).await.expect("it is open");
    let mut answer = Vec::new();
    timeout(Duration::from_secs(20), old.read_to_end(&mut answer)).await.expect("it ends").expect("cleanly");
    assert!(answer.starts_with(&[0x15, 3, 3, 0, 2, 2]) && answer.len() == 7, "a fatal alert: {answer:?}");

    // A handshake that never comes is not waited for.
    let mut silent = Client::connect(server.public).await;
    silent.ended_within(Duration::from_secs(8)).await;
}
