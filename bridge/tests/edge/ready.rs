//! What is said to those who ask whether viewers can be served?

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use purple_sector_harness::kafka::Kafka;
use tokio::task::spawn_blocking;

use crate::client::{Answer, get, viewer};
use crate::server::{Server, token};

/// How long a Kafka that has gone may be unnoticed, and one that has come back.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);

/// Asks until the answer has this status.
async fn until(address: SocketAddr, status: u16, within: Duration) -> Answer {
    let started = Instant::now();
    loop {
        let answer = get(address, "/readyz", &[]).await;
        if answer.status == status {
            println!("/readyz answers {status} after {:?}", started.elapsed());
            return answer;
        }
        assert!(started.elapsed() < within, "after {:?} still {answer:?}", started.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_follows_kafka_away_and_back_whoever_waits_meanwhile() {
    let kafka = spawn_blocking(Kafka::start).await.expect("it ends").expect("Apache Kafka starts");
    let server = Server::on_kafka(&kafka.brokers()).await;
    for address in [server.public, server.operators] {
        let answer = get(address, "/readyz", &[]).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, r#"{"kafkaLogin":"bridge","status":"ready"}"#)
        );
    }
    let _watching = viewer(server.public, &token("alice")).await;

    let mut kafka = spawn_blocking(move || {
        let mut kafka = kafka;
        kafka.kill().map(|()| kafka)
    })
    .await
    .expect("it ends")
    .expect("Kafka is killed");
    // Feeds that begin now ask Kafka again and again, and wait for each answer.
    let began = async {
        let mut waiting = Vec::new();
        for user in ["bob", "carol", "dave", "erin"] {
            waiting.push(viewer(server.public, &token(user)).await);
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        waiting
    };
    let (answer, _waiting) = tokio::join!(until(server.public, 503, NOTICED_WITHIN), began);
    assert_eq!(answer.code(), "not_ready");
    assert!(answer.body.contains("Kafka cannot be reached"), "{}", answer.body);
    assert!(answer.header("retry-after").is_some());
    assert_eq!(get(server.operators, "/readyz", &[]).await.status, 503);
    // The process itself is well: nobody should restart it.
    assert_eq!(get(server.public, "/healthz", &[]).await.status, 200);

    let restarted = spawn_blocking(move || kafka.restart().map(|()| kafka)).await;
    let _kafka = restarted.expect("it ends").expect("Kafka starts again");
    until(server.public, 200, NOTICED_WITHIN).await;
    assert_eq!(get(server.operators, "/readyz", &[]).await.status, 200);
}
