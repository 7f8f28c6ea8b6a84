//! What happens to viewers who are gone, or do not read?

use std::time::{Duration, Instant};

use purple_sector_codec::bridge_protocol::{ClientMessage, ServerMessage};
use tokio::net::TcpSocket;

use crate::client::{Client, PING, PONG, get, viewer, viewer_on};
use crate::records::{Producer, schema_record};
use crate::server::{Server, now_s, token, token_until};

/// Viewers attached, as operators see it.
async fn n_viewers(server: &Server) -> u64 {
    let figures = get(server.operators, "/v1/stats", &[]).await.body;
    let figures: serde_json::Value = serde_json::from_str(&figures).expect("figures are JSON");
    figures["viewers"].as_u64().expect("there is a number of viewers")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_answer_pings_is_gone_after_half_a_minute_and_who_does_stays() {
    let server = Server::with_tokens(&[]).await;
    let started = Instant::now();
    let mut silent = viewer(server.public, &token("alice")).await;
    let mut polite = viewer(server.public, &token("alice")).await;
    let answering = async {
        let (mut n_pings, deadline) = (0, tokio::time::Instant::now() + Duration::from_secs(50));
        while n_pings < 2 {
            let (opcode, payload) = polite.next_until(deadline).await.expect("who answers stays");
            if opcode == PING {
                n_pings += 1;
                polite.frame(0x80 | PONG, &payload).await;
            }
        }
    };
    let waiting = async {
        silent.ended_within(Duration::from_secs(40)).await;
        started.elapsed()
    };
    let (took, ()) = tokio::join!(waiting, answering);
    assert!((Duration::from_secs(29)..Duration::from_secs(36)).contains(&took), "{took:?}");
    polite.send(ClientMessage::Time { client_us: 1 }).await;
    polite.until(|message| matches!(message, ServerMessage::Time { .. }).then_some(())).await;
    assert_eq!(n_viewers(&server).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_closed_and_delays_nobody() {
    let server = Server::with_tokens(&[]).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let deaf = socket.connect(server.public).await.expect("the port is open");
    let mut deaf = viewer_on(Client::from(deaf), &token("alice")).await;
    let mut reader = viewer(server.public, &token("alice")).await;
    reader.until(|message| matches!(message, ServerMessage::State { .. }).then_some(())).await;

    let producer = Producer::new(&server);
    let record = schema_record("alice");
    let n_records = 2 * 1024 * 1024 / record.len();
    let sending = async {
        for _ in 0..n_records {
            producer.send("alice", &record).await;
        }
    };
    let reading = async {
        let mut n_read = 0;
        while n_read < n_records {
            n_read +=
                reader.until(|message| matches!(message, ServerMessage::Data { .. }).then_some(1)).await;
        }
    };
    tokio::join!(sending, reading);
    let started = Instant::now();
    while n_viewers(&server).await > 1 {
        assert!(started.elapsed() < Duration::from_secs(30), "the deaf viewer is closed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // One that hears again in time learns why.
    assert_eq!(deaf.close_code().await, (4408, Some(4408)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_drop_by_drop_does_not_outlive_the_token() {
    let server = Server::with_tokens(&[]).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let slow = socket.connect(server.public).await.expect("the port is open");
    let mut slow = viewer_on(Client::from(slow), &token_until("alice", now_s() + 4)).await;
    slow.until(|message| matches!(message, ServerMessage::State { .. }).then_some(())).await;
    let started = Instant::now();
    let producer = Producer::new(&server);
    let record = schema_record("alice");
    for _ in 0..1024 * 1024 / record.len() {
        producer.send("alice", &record).await;
    }
    // It takes a little now and then, so its connection is never quite stuck.
    while n_viewers(&server).await > 0 {
        assert!(started.elapsed() < Duration::from_secs(20), "the expired viewer is closed");
        slow.sip(1024).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
