//! Bad tokens are refused before the upgrade, by the real binary; the whole list of attacks is tested in the bridge.

use std::time::Duration;

use anyhow::{Result, ensure};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use purple_sector_tests::bridge::{self, secret, token, token_with};
use purple_sector_tests::viewer::Viewer;
use serde_json::{Value, json};

use crate::users::{now_us, shared_bridge};

const PATH: &str = "/v1/stream";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_tokens_are_refused_before_the_upgrade() -> Result<()> {
    let now_s = now_us()? / 1_000_000;
    let claims = |change: Value| {
        let mut claims = json!({
            "iss": "purple-sector", "aud": "purple-sector-bridge", "sub": "mallory", "iat": now_s - 60, "exp": now_s + 60,
        });
        for (name, value) in change.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        claims
    };
    refused("expired", &signed(&claims(json!({"exp": now_s - 60})))?).await?;
    refused("not yet valid", &signed(&claims(json!({"nbf": now_s + 600})))?).await?;
    refused("another audience", &signed(&claims(json!({"aud": "another"})))?).await?;
    refused("another issuer", &signed(&claims(json!({"iss": "purple-sector/"})))?).await?;
    refused("no subject", &signed(&claims(json!({"sub": ""})))?).await?;
    refused("a subject with a line break", &signed(&claims(json!({"sub": "a\nb"})))?).await?;
    let good = token("mallory")?;
    let (content, signature) = good.rsplit_once('.').unwrap_or_default();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    refused("a changed signature", &format!("{content}.{first}{}", &signature[1..])).await?;
    refused("no signature", content).await?;
    refused("garbage", "a.b.c").await?;
    let other_key = EncodingKey::from_secret(b"another secret that is long enough for HS256");
    refused("another key", &encode(&Header::new(Algorithm::HS256), &claims(json!({})), &other_key)?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_elsewhere_or_a_user_id_of_another_is_forbidden() -> Result<()> {
    let bridge = shared_bridge()?;
    let good = token("oscar")?;
    let evil = headers(&good, "https://evil.example");
    let status = Viewer::connect_with(bridge.port(), PATH, &evil).await?.err().map(|status| status.as_u16());
    ensure!(status == Some(403), "another origin: {status:?}");
    let other = "/v1/stream?userId=victor";
    let status = Viewer::connect_with(bridge.port(), other, &headers(&good, &bridge.origin())).await?.err();
    ensure!(status.is_some_and(|status| status == 403), "another user's id: {status:?}");
    let own = "/v1/stream?userId=oscar";
    ensure!(
        Viewer::connect_with(bridge.port(), own, &headers(&good, &bridge.origin())).await?.is_ok(),
        "one's own id"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_there_is_no_feed() -> Result<()> {
    let bridge = shared_bridge()?;
    let origin = [("origin", bridge.origin())];
    let status = Viewer::connect_with(bridge.port(), PATH, &origin).await?.err();
    ensure!(status.is_some_and(|status| status == 401), "{status:?}");
    let (status, _) = bridge::get(bridge.port(), "/v1/stats").await?;
    ensure!(status == 401, "/v1/stats answered {status}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_ends_with_its_token() -> Result<()> {
    let mut viewer =
        Viewer::connect(shared_bridge()?.port(), &token_with("brief", &["--ttl", "2s"])?).await?;
    let code = viewer.closed(Duration::from_secs(20)).await?;
    ensure!(code == Some(4401), "closed with {code:?}");
    Ok(())
}

async fn refused(what: &str, token: &str) -> Result<()> {
    let bridge = shared_bridge()?;
    let answer = Viewer::connect_with(bridge.port(), PATH, &headers(token, &bridge.origin())).await?;
    let status = answer.err().map(|status| status.as_u16());
    ensure!(status == Some(401), "{what}: {status:?}");
    Ok(())
}

fn headers(token: &str, origin: &str) -> [(&'static str, String); 2] {
    [("origin", origin.to_owned()), ("sec-websocket-protocol", format!("purple-sector.v1, bearer.{token}"))]
}

fn signed(claims: &Value) -> Result<String> {
    Ok(encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret()))?)
}
