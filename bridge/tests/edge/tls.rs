//! The listener over TLS: what browsers get, and what nobody gets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::client::{Client, HANDSHAKE, get, request};
use crate::commands::bridge;
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

/// The greeting of a client that knows nothing newer than TLS 1.0, 1.1 or 1.2: without the extension that names TLS 1.3.
fn greeting(minor: u8) -> Vec<u8> {
    let mut hello = vec![3, minor];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xC0, 0x2B, 0xC0, 0x2F, 1, 0]);
    let mut greeting = vec![0x16, 3, 1, 0, (hello.len() + 4) as u8, 1, 0, 0, hello.len() as u8];
    greeting.extend(hello);
    greeting
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_and_older_tls_get_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _) = start(folder.path()).await;
    let mut plain = Client::connect(server.public).await;
    plain.write(request("GET", "/healthz", &[])).await;
    assert!(plain.head().await.is_none(), "no answer over plain HTTP");

    for minor in [1, 2, 3] {
        let mut old = TcpStream::connect(server.public).await.expect("it listens");
        old.write_all(&greeting(minor)).await.expect("it is open");
        let mut answer = Vec::new();
        let read = timeout(Duration::from_secs(20), old.read_to_end(&mut answer)).await;
        read.expect("it ends").expect("cleanly");
        assert!(answer.len() == 7 && answer.starts_with(&[0x15, 3, 3, 0, 2, 2]), "a fatal alert: {answer:?}");
    }

    // A handshake that never comes is not waited for.
    let mut silent = Client::connect(server.public).await;
    silent.ended_within(Duration::from_secs(8)).await;
}

/// In TLS 1.3 there is no renegotiation: what asks for it is not a record of the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greeting_in_the_middle_of_a_connection_ends_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, certificate) = start(folder.path()).await;
    let mut stream = connect(server.public, &certificate).await.expect("a handshake");
    stream.write_all(request("GET", "/healthz", &["host: x"]).as_bytes()).await.expect("it is open");
    let mut read = [0; 4096];
    let n = timeout(Duration::from_secs(20), stream.read(&mut read)).await.expect("it comes in time");
    assert!(n.is_ok_and(|n| read[..n].starts_with(b"HTTP/1.1 200 ")));
    // Past the encryption, where a renegotiation would be asked for in the clear.
    let (raw, _) = stream.get_mut();
    raw.write_all(&greeting(3)).await.expect("it is open");
    stream.write_all(request("GET", "/healthz", &["host: x"]).as_bytes()).await.expect("it is open");
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await.expect("it ends");
    assert!(ended.is_err() || rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

/// A broker whose certificate has ended, and one with the name of another, are not spoken to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_with_a_bad_certificate_is_not_spoken_to() {
    let folder = tempfile::tempdir().expect("a folder");
    for (what, name, ends) in [("ended", "localhost", 2020), ("another name", "kafka.example", 2100)] {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(ends, 1, 1));
        let key = KeyPair::generate().expect("there are random numbers");
        let certificate = params.self_signed(&key).expect("a certificate");
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, certificate.pem()).expect("the folder is writable");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has what they need")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
            )
            .expect("they fit together");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there are free ports");
        let port = listener.local_addr().expect("an open port has an address").port();
        let (n_greeted, count) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (greeted, spoken) = (n_greeted.clone(), count.clone());
        let broker = tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            while let Ok((stream, _)) = listener.accept().await {
                greeted.fetch_add(1, Ordering::Relaxed);
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                // TLS 1.3 has the server ready before the client has looked at the certificate.
                if stream.read(&mut [0; 64]).await.is_ok_and(|n| n > 0) {
                    spoken.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let ca = ca.to_string_lossy().into_owned();
        let output = tokio::task::spawn_blocking(move || {
            let brokers = format!("localhost:{port}");
            let flags = ["--open", "--port", "0", "--brokers", &brokers, "--kafka-login", "bridge"];
            let security = ["--kafka-security-protocol", "SSL", "--kafka-ssl-ca-location", &ca];
            bridge(&[&flags[..], &security].concat(), &[])
        });
        let output = output.await.expect("it ends");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{what}: {error}");
        assert!(error.contains("certificate") || error.contains("KAFKA_SSL_CA_LOCATION"), "{what}: {error}");
        assert!(n_greeted.load(Ordering::Relaxed) > 0, "{what}: it was not even tried");
        assert_eq!(count.load(Ordering::Relaxed), 0, "{what}: it was spoken to");
        broker.abort();
    }
}
