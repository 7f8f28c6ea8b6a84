//! A test's own issuer: keys, tokens signed with them, and an address that publishes keys or pretends to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{claims, now_s};

/// A pair of keys for ES256.
pub(crate) struct Key {
    kid: String,
    private: EncodingKey,
    public: Value,
}

impl Key {
    pub(crate) fn new(kid: &str) -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let private = EncodingKey::from_ec_der(pkcs8.expect("there are random numbers").as_ref());
        let mut jwk = Jwk::from_encoding_key(&private, Algorithm::ES256).expect("it has a public half");
        jwk.common.key_id = Some(kid.to_owned());
        Self { kid: kid.to_owned(), private, public: serde_json::to_value(jwk).expect("a key is JSON") }
    }

    /// As it is published.
    pub(crate) fn public(&self) -> Value {
        self.public.clone()
    }

    /// A good token of this user.
    pub(crate) fn token(&self, user: &str) -> String {
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": self.kid });
        self.sign(&header, claims(user, now_s() + 600, "t").to_string())
    }

    /// A token with any header and payload.
    pub(crate) fn sign(&self, header: &Value, payload: impl AsRef<[u8]>) -> String {
        sign(header, payload, &self.private, Algorithm::ES256)
    }
}

/// A key set in JSON.
pub(crate) fn key_set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// A token with any header and payload, signed with `key` by `algorithm`, whatever its header says.
pub(crate) fn sign(
    header: &Value,
    payload: impl AsRef<[u8]>,
    key: &EncodingKey,
    algorithm: Algorithm,
) -> String {
    let message = format!("{}.{}", base64(header.to_string()), base64(payload));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).expect("the key signs");
    format!("{message}.{signature}")
}

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What an address answers with.
#[derive(Clone)]
pub(crate) enum Says {
    /// This status and body.
    Text(u16, String),
    /// Somewhere else.
    Redirect(String),
    /// A body without an end.
    Endless,
    /// One byte a second.
    Drop,
}

/// An address that publishes keys, or pretends to.
pub(crate) struct Address {
    pub(crate) url: String,
    says: Arc<Mutex<Says>>,
    n_asked: Arc<AtomicUsize>,
}

impl Address {
    pub(crate) async fn start(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there are free ports");
        let url = format!("http://{}/keys", listener.local_addr().expect("an open port has an address"));
        let (says, n_asked) = (Arc::new(Mutex::new(says)), Arc::new(AtomicUsize::new(0)));
        let (answer, count) = (says.clone(), n_asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let says = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
                // Those who hang up are expected.
                tokio::spawn(async move { drop(reply(stream, says).await) });
            }
        });
        Self { url, says, n_asked }
    }

    /// What it says from now on.
    pub(crate) fn say(&self, says: Says) {
        *self.says.lock().unwrap_or_else(PoisonError::into_inner) = says;
    }

    /// How often it was asked.
    pub(crate) fn n_asked(&self) -> usize {
        self.n_asked.load(Ordering::Relaxed)
    }
}

async fn reply(mut stream: TcpStream, says: Says) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await? > 0 {}
    match says {
        Says::Text(status, body) => {
            let n_bytes = body.len();
            let head =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {n_bytes}\r\nconnection: close\r\n\r\n");
            stream.write_all((head + &body).as_bytes()).await
        }
        Says::Redirect(url) => {
            let head = format!("HTTP/1.1 302 X\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).await
        }
        Says::Endless => {
            stream.write_all(b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\n").await?;
            // Until the other side has had enough.
            loop {
                stream.write_all(&[b' '; 16 * 1024]).await?;
            }
        }
        Says::Drop => {
            stream.write_all(b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\n").await?;
            for _ in 0..600 {
                stream.write_all(b" ").await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Ok(())
        }
    }
}
