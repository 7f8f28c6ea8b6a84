//! What of those who cannot even say who they are: without TLS, with an old one, or with a certificate of someone else?

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use purple_sector_codec::UserId;
use purple_sector_tests::clients::{Verdict, log_in, service_config, user_config};
use purple_sector_tests::secure::principal::{Access, BRIDGE};
use purple_sector_tests::secure::{Authority, Identity, SecureKafka};
use rdkafka::ClientConfig;

use crate::LIFE;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn a_service_with_a_certificate_is_let_in() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    ensure!(log_in(&service_config(kafka, &kafka.service(BRIDGE)?), None)? == Verdict::Admitted);
    Ok(())
}

#[test]
fn a_certificate_of_another_name_authority_or_time_is_refused() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let now = SystemTime::now();
    let authority = kafka.authority();
    for (name, identity) in [
        // A user's certificate, should the authority ever make one.
        ("alice", authority.service("u-alice")?),
        ("no-prefix", authority.service("admin")?),
        ("two-names", authority.service("svc-admin,CN=svc-broker")?),
        ("capitals", authority.service("SVC-ADMIN")?),
        ("another-authority", Authority::new("Purple Sector tests")?.service("svc-admin")?),
        ("expired", authority.service_during("svc-admin", now - DAY..now - DAY / 24)?),
        ("not-yet", authority.service_during("svc-admin", now + DAY / 24..now + DAY)?),
    ] {
        check_refused(kafka, name, &identity)?;
    }
    Ok(())
}

fn check_refused(kafka: &SecureKafka, name: &str, identity: &Identity) -> Result<()> {
    let files = kafka.write_identity(&format!("refused-{name}"), identity)?;
    let verdict = log_in(&service_config(kafka, &files), None)?;
    ensure!(matches!(verdict, Verdict::Refused(_)), "{name}: {verdict:?}");
    Ok(())
}

#[test]
fn nobody_without_a_certificate_gets_in_by_the_door_of_the_services() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let mut nobody = user_config(kafka);
    nobody
        .set("bootstrap.servers", kafka.services())
        .set("security.protocol", "SSL")
        .remove("sasl.mechanism");
    let verdict = log_in(&nobody, None)?;
    ensure!(matches!(verdict, Verdict::Refused(_)), "no certificate: {verdict:?}");
    // A good token is of no use there.
    let token = kafka.issuer().token(&UserId::parse("strangers")?, Access::Read, LIFE)?;
    let mut user = user_config(kafka);
    user.set("bootstrap.servers", kafka.services());
    let verdict = log_in(&user, Some(&token))?;
    ensure!(matches!(verdict, Verdict::Refused(_)), "a token: {verdict:?}");
    Ok(())
}

#[test]
fn a_certificate_is_of_no_use_at_the_door_of_the_users() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let mut service = service_config(kafka, &kafka.service(BRIDGE)?);
    service.set("bootstrap.servers", kafka.users());
    let verdict = log_in(&service, None)?;
    ensure!(matches!(verdict, Verdict::Refused(_)), "{verdict:?}");
    Ok(())
}

#[test]
fn a_client_without_tls_is_refused_at_every_door() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    for brokers in [kafka.services(), kafka.users()] {
        for protocol in ["PLAINTEXT", "SASL_PLAINTEXT"] {
            let mut plain = ClientConfig::new();
            plain.set("bootstrap.servers", &brokers).set("security.protocol", protocol);
            if protocol == "SASL_PLAINTEXT" {
                plain
                    .set("sasl.mechanism", "PLAIN")
                    .set("sasl.username", "u-alice")
                    .set("sasl.password", "x");
            }
            let verdict = log_in(&plain, None)?;
            ensure!(matches!(verdict, Verdict::Refused(_)), "{protocol} at {brokers}: {verdict:?}");
        }
        // By hand: Kafka's first request, ApiVersions, as any client would send it.
        let request = [0, 0, 0, 15, 0, 18, 0, 0, 0, 0, 0, 1, 0, 5, b'a', b'l', b'i', b'c', b'e'];
        let answer = exchange(&brokers, &request)?;
        ensure!(!answer.starts_with(&[0, 0]), "Kafka answered in the clear: {answer:?}");
    }
    Ok(())
}

#[test]
fn a_client_with_an_old_tls_is_refused_at_every_door() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    for brokers in [kafka.services(), kafka.users()] {
        for minor in [1, 2, 3] {
            let answer = exchange(&brokers, &client_hello(minor))?;
            // A fatal alert: protocol_version (70).
            ensure!(
                matches!(answer.as_slice(), [21, 3, _, 0, 2, 2, 70, ..]),
                "TLS 1.{} at {brokers}: {answer:?}",
                minor - 1
            );
        }
    }
    Ok(())
}

#[test]
fn a_user_whose_authority_is_another_does_not_trust_the_broker() -> Result<()> {
    let kafka = SecureKafka::shared()?;
    let other = kafka.folder().join("other-ca.pem");
    std::fs::write(&other, Authority::new("Purple Sector tests")?.certificate())?;
    let token = kafka.issuer().token(&UserId::parse("strangers")?, Access::Read, LIFE)?;
    let mut careful = user_config(kafka);
    careful.set("ssl.ca.location", other.to_string_lossy());
    let verdict = log_in(&careful, Some(&token))?;
    ensure!(matches!(&verdict, Verdict::Refused(said) if said.contains("certificate")), "{verdict:?}");
    Ok(())
}

/// Sends bytes and gives what comes back until the other side closes.
fn exchange(address: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = stream.read_to_end(&mut answer);
    Ok(answer)
}

/// The first message of a client that speaks TLS 1.`minor - 1` at most.
fn client_hello(minor: u8) -> Vec<u8> {
    let suites: &[u8] = &[0xC0, 0x2B, 0xC0, 0x2F, 0xC0, 0x09, 0xC0, 0x13, 0x00, 0x2F];
    // Which curves and signatures it knows, without which it would be refused for another reason.
    let extensions: &[u8] = &[0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 6, 0, 4, 4, 3, 4, 1];
    let mut body = vec![3, minor];
    body.extend([7; 32]);
    body.extend([0, 0, u8::try_from(suites.len()).unwrap_or_default()]);
    body.extend(suites);
    body.extend([1, 0, 0, u8::try_from(extensions.len()).unwrap_or_default()]);
    body.extend(extensions);
    let length = u8::try_from(body.len()).unwrap_or_default();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(body);
    record
}
