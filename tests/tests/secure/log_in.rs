//! Which tokens does the broker take? Those of its issuer, for it, signed by a published key, and not outlived.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use aws_lc_rs::hmac;
use purple_sector_codec::UserId;
use purple_sector_tests::clients::{Verdict, allow, log_in, producer, set_token, user_admin, user_config};
use purple_sector_tests::eventually;
use purple_sector_tests::secure::acl::Acl;
use purple_sector_tests::secure::principal::{ADMIN, Access};
use purple_sector_tests::secure::{Issuer, SecureKafka, SigningKey, jws};
use rdkafka::producer::{FutureRecord, Producer};
use serde_json::{Value, json};

use crate::{LIFE, User};

/// Beyond the broker's leeway of 5 s.
const TOO_OLD_S: u64 = 6;

fn claims(kafka: &SecureKafka) -> Result<Value> {
    Ok(kafka.issuer().claims(&UserId::parse("knocks")?, Access::Read, LIFE))
}

/// The claims of a good token, with `name` changed to `value`, or without it.
fn bent(kafka: &SecureKafka, name: &str, value: Option<Value>) -> Result<String> {
    let mut claims = claims(kafka)?;
    let object = claims.as_object_mut().ok_or_else(|| anyhow!("claims are an object"))?;
    match value {
        Some(value) => drop(object.insert(name.to_owned(), value)),
        None => drop(object.remove(name)),
    }
    kafka.issuer().key().sign(&claims)
}

fn knock(kafka: &SecureKafka, token: &str) -> Result<Verdict> {
    log_in(&user_config(kafka), Some(token))
}

/// Good tokens but for one claim each, changed or left out, must be refused.
fn check_bent_refused(kafka: &SecureKafka, claims: &[(&str, Option<Value>)]) -> Result<()> {
    let bend = |(name, value): &(&str, Option<Value>)| {
        Ok((format!("{name} {value:?}"), bent(kafka, name, value.clone())?))
    };
    check_all_refused(kafka, &claims.iter().map(bend).collect::<Result<Vec<_>>>()?)
}

/// As [`check_refused`], all of them at once: most of the time is waited for the broker's word.
fn check_all_refused(kafka: &SecureKafka, cases: &[(String, String)]) -> Result<()> {
    thread::scope(|scope| {
        let checks: Vec<_> =
            cases.iter().map(|(case, token)| scope.spawn(|| check_refused(kafka, case, token))).collect();
        checks.into_iter().try_for_each(|check| check.join().map_err(|_| anyhow!("a check panicked"))?)
    })
}

/// The broker must refuse the token, tell the client nothing but that, and keep the token out of its log.
fn check_refused(kafka: &SecureKafka, case: &str, token: &str) -> Result<()> {
    let verdict = knock(kafka, token)?;
    let Verdict::Refused(said) = &verdict else { return Err(anyhow!("{case}: {verdict:?}")) };
    ensure!(said.contains(r#"{"status":"invalid_token"}"#), "{case}: {said}");
    for part in token.split('.').filter(|part| part.len() > 20) {
        let told = kafka.broker().log().into_iter().find(|line| line.contains(part));
        ensure!(told.is_none(), "{case}: the broker's log holds a part of the token: {told:?}");
    }
    Ok(())
}

#[test]
fn a_good_token_is_taken() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    ensure!(knock(kafka, &kafka.issuer().key().sign(&claims(kafka)?)?)? == Verdict::Admitted);
    // What a token need not have, or may have besides.
    ensure!(knock(kafka, &bent(kafka, "sub", None)?)? == Verdict::Admitted);
    ensure!(knock(kafka, &bent(kafka, "aud", Some(json!("kafka")))?)? == Verdict::Admitted);
    Ok(())
}

#[test]
fn a_token_of_someone_else_or_for_someone_else_is_refused() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    check_bent_refused(
        kafka,
        &[
            ("iss", None),
            ("iss", Some(json!("https://issuer.example/"))),
            ("iss", Some(json!("https://other.example"))),
            ("aud", None),
            ("aud", Some(json!([Issuer::BRIDGE_AUDIENCE]))),
            ("aud", Some(json!(["kafka2", "Kafka", " kafka"]))),
            ("kafka_principal", None),
            ("kafka_principal", Some(json!(""))),
            ("kafka_principal", Some(json!(["v-knocks"]))),
            ("kafka_principal", Some(json!(7))),
        ],
    )
}

#[test]
fn a_token_of_another_time_is_refused() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let now_s = claims(kafka)?["iat"].as_u64().ok_or_else(|| anyhow!("no iat"))?;
    check_bent_refused(
        kafka,
        &[
            ("exp", None),
            ("exp", Some(json!(now_s - TOO_OLD_S))),
            ("exp", Some(json!("9999999999"))),
            ("exp", Some(json!(-1))),
            ("iat", None),
            ("nbf", Some(json!(now_s + 60))),
        ],
    )
}

#[test]
fn a_token_that_no_published_key_signed_is_refused() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let (key, other, claims) = (kafka.issuer().key(), SigningKey::generate()?, claims(kafka)?);
    let header = |alg: &str| json!({ "alg": alg, "kid": key.id(), "typ": "JWT" });
    // What a confused verifier would take for a secret: the published file, and the key in it.
    let published = fs::read(kafka.issuer().jwks())?;
    let public = key.public().to_string();
    let hmac_by = |secret: &[u8]| {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        jws(&header("HS256"), &claims, |text| Ok(hmac::sign(&secret, text).as_ref().to_vec()))
    };
    let good = key.sign(&claims)?;
    let (signed, signature) = good.rsplit_once('.').ok_or_else(|| anyhow!("no signature"))?;
    let cases = [
        ("alg none", jws(&header("none"), &claims, |_| Ok(Vec::new()))?),
        ("alg nOnE", jws(&header("nOnE"), &claims, |_| Ok(Vec::new()))?),
        ("empty signature", format!("{signed}.")),
        ("no signature", signed.to_owned()),
        ("HS256 with the key set as secret", hmac_by(&published)?),
        ("HS256 with the public key as secret", hmac_by(public.as_bytes())?),
        ("unknown kid", other.sign(&claims)?),
        ("no kid, another key", other.sign_under(&json!({ "alg": "ES256" }), &claims)?),
        ("a known kid, another key", other.sign_under(&header("ES256"), &claims)?),
        ("a critical header that nobody knows", {
            key.sign_under(&json!({ "alg": "ES256", "kid": key.id(), "crit": ["x"], "x": 1 }), &claims)?
        }),
        ("another's claims under this signature", {
            let mut claims = claims.clone();
            claims["kafka_principal"] = json!("v-victim");
            let forged = other.sign(&claims)?;
            format!("{}.{signature}", forged.rsplit_once('.').map_or("", |(signed, _)| signed))
        }),
        ("garbage", "not.a.token".to_owned()),
        ("one word", "x".repeat(300)),
    ];
    check_all_refused(kafka, &cases.map(|(case, token)| (case.to_owned(), token)))
}

#[test]
fn one_changed_bit_in_each_part_of_a_token_is_refused() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let token = kafka.issuer().key().sign(&claims(kafka)?)?;
    let dots: Vec<usize> = token.match_indices('.').map(|(at, _)| at).collect();
    // A character in the middle of each part: what it holds is meant, not left over at the end.
    let changed = [dots[0] / 2, (dots[0] + dots[1]) / 2, (dots[1] + token.len()) / 2].map(|at| {
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut token = token.clone();
        token.replace_range(at..=at, other);
        (format!("character {at}"), token)
    });
    check_all_refused(kafka, &changed)
}

/// What the broker would do is written down here, because only the issuer prevents it: there is one name space.
#[test]
fn a_token_with_the_name_of_a_service_is_that_service_so_the_issuer_writes_none() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    for name in [ADMIN, "svc-broker"] {
        for access in [Access::Write, Access::Read] {
            let claims = kafka.issuer().claims(&UserId::parse(name)?, access, LIFE);
            let principal = claims["kafka_principal"].as_str().unwrap_or_default();
            ensure!(principal.starts_with(['u', 'v']) && principal.ends_with(name), "{principal}");
        }
    }
    // Signed behind the issuer's back, by its own key.
    let token = bent(kafka, "kafka_principal", Some(json!(ADMIN)))?;
    let admin = user_admin(kafka, &token)?;
    let victim = UserId::parse("name-space")?;
    allow(&admin, &Acl::of_user(&victim))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_taken_back_lets_nobody_in_and_a_new_one_does_at_once() -> Result<()> {
    let mut kafka = SecureKafka::start()?;
    let old_token = kafka.issuer().key().sign(&claims(&kafka)?)?;
    ensure!(knock(&kafka, &old_token)? == Verdict::Admitted);
    let old = kafka.issuer_mut().rotate()?;
    let reads_again = !kafka.broker().version()?.starts_with("3.");
    if !reads_again {
        // 3.6.2 reads the file when it starts, and never again.
        kafka.broker_mut().restart()?;
    }
    let new_token = kafka.issuer().key().sign(&claims(&kafka)?)?;
    ensure!(knock(&kafka, &new_token)? == Verdict::Admitted, "the new key does not serve");
    check_refused(&kafka, "the old key", &old_token)?;
    if !reads_again {
        return Ok(());
    }
    // Both for a while, as in a rotation that surprises nobody.
    kafka.issuer().publish(&[&old, kafka.issuer().key()])?;
    ensure!(knock(&kafka, &old_token)? == Verdict::Admitted, "the old key does not serve beside the new one");
    // A file that was spoilt refuses all, and heals.
    fs::write(kafka.issuer().jwks(), "{ half a fi")?;
    check_refused(&kafka, "a spoilt key file", &new_token)?;
    kafka.issuer().publish(&[kafka.issuer().key()])?;
    eventually("the repaired key file serves", Duration::from_secs(10), async || {
        Ok((knock(&kafka, &new_token)? == Verdict::Admitted).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_a_driver_who_is_not_let_in_wait_for_the_next_token() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let user = User::new(kafka, "waits").await?;
    let expired = {
        let mut claims = kafka.issuer().claims(&user.id, Access::Write, LIFE);
        claims["exp"] = json!(claims["iat"].as_u64().unwrap_or_default() - TOO_OLD_S);
        kafka.issuer().key().sign(&claims)?
    };
    let (producer, reports) = producer(kafka, &expired, &[])?;
    let topic = user.topic();
    let record = FutureRecord::<(), _>::to(&topic).payload("waits");
    let sent = producer.send(record, Duration::ZERO);
    let refused = async || Ok((!reports.all().is_empty()).then_some(()));
    tokio::pin!(sent);
    tokio::select! {
        done = &mut sent => return Err(anyhow!("a refused client was answered: {done:?}")),
        refused = eventually("the broker refuses the token", Duration::from_secs(15), refused) => refused?,
    }
    set_token(producer.client(), &user.writes)?;
    sent.await.map_err(|(error, _)| anyhow!("the record did not arrive after all: {error}"))?;
    Ok(())
}
