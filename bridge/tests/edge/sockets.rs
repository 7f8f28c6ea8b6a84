//! What may a viewer send, and what does it get?

use purple_sector_codec::bridge_protocol::{ClientMessage, Cursor, NextOffset, ServerMessage, Subscribe};

use crate::client::{BINARY, CLOSE, Client, PING, PONG, TEXT, viewer};
use crate::records::{Producer, schema_record};
use crate::server::{Server, token};

const FIN: u8 = 0x80;

/// Sends these frames and expects the connection to be closed with `code`.
async fn closed(server: &Server, frames: &[(u8, &[u8])], code: u16) {
    let mut client = viewer(server.public, &token("alice")).await;
    for (head, payload) in frames {
        client.frame(*head, payload).await;
    }
    let (found, goodbye) = client.close_code().await;
    assert_eq!(found, code, "{:?}", frames.first().map(|(head, payload)| (head, payload.len())));
    // Our own codes are said in our own words first.
    assert_eq!(goodbye, (code >= 4000).then_some(code));
    client.ended().await;
}

#[tokio::test]
async fn frames_that_break_the_websocket_protocol_close_it_as_the_rfc_says() {
    let server = Server::with_tokens(&["--max-viewers-per-user", "1000"]).await;
    for reserved in [0x40, 0x20, 0x10] {
        closed(&server, &[(FIN | reserved | BINARY, &[67, 1])], 1002).await;
    }
    for opcode in [3, 7, 11, 15] {
        closed(&server, &[(FIN | opcode, b"")], 1002).await;
    }
    closed(&server, &[(PING, b"not final")], 1002).await;
    closed(&server, &[(FIN | PING, &[0; 126])], 1002).await;
    closed(&server, &[(FIN, b"continues nothing")], 1002).await;
    closed(&server, &[(BINARY, &[67]), (FIN | BINARY, &[1])], 1002).await;
    closed(&server, &[(FIN | CLOSE, &[3])], 1002).await;
    closed(&server, &[(FIN | CLOSE, &[0x03, 0xed])], 1002).await; // 1005 must not be sent
    closed(&server, &[(FIN | CLOSE, &[0x03, 0xe8, 0xff])], 1007).await;
    closed(&server, &[(FIN | TEXT, &[0xc3, 0x28])], 1007).await;
    closed(&server, &[(FIN | BINARY, &[67; 16 * 1024 + 1])], 1009).await;
    closed(&server, &[(BINARY, &[67; 10_000]), (FIN, &[67; 10_000])], 1009).await;

    let mut unmasked = viewer(server.public, &token("alice")).await;
    unmasked.write([FIN | BINARY, 2, 67, 1]).await;
    assert_eq!(unmasked.close_code().await.0, 1002);
    let mut huge = viewer(server.public, &token("alice")).await;
    huge.write([FIN | BINARY, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]).await;
    assert_eq!(huge.close_code().await.0, 1009);
}

#[tokio::test]
async fn messages_that_our_protocol_does_not_have_close_it() {
    let server = Server::with_tokens(&["--max-viewers-per-user", "1000"]).await;
    closed(&server, &[(FIN | TEXT, b"hello")], 4504).await;
    closed(&server, &[(FIN | BINARY, b"")], 4504).await;
    closed(&server, &[(FIN | BINARY, &[65])], 4504).await;
    closed(&server, &[(FIN | BINARY, &[67, 1, 1])], 4504).await;
    let session = Some("two words");
    let subscribe = ClientMessage::Subscribe(Subscribe { session, ..Subscribe::default() }).to_bytes();
    closed(&server, &[(FIN | BINARY, &subscribe)], 4504).await;
}

#[tokio::test]
async fn floods_of_any_frame_are_ended() {
    let server = Server::with_tokens(&["--max-viewers-per-user", "1000"]).await;
    for (head, payload) in
        [(FIN | PING, &b""[..]), (FIN | PONG, b""), (FIN | BINARY, &[67, 1]), (FIN | BINARY, &[200])]
    {
        closed(&server, &vec![(head, payload); 31], 4429).await;
    }
    // Fragments that never become a message are bounded by their bytes.
    let mut client = viewer(server.public, &token("alice")).await;
    client.frame(BINARY, b"").await;
    client.write([0, 0x80, 0, 0, 0, 0].repeat(20_000)).await;
    assert_eq!(client.close_code().await, (4429, Some(4429)));
    // So are those of one byte, before the message that they would make is too long.
    let mut client = viewer(server.public, &token("alice")).await;
    client.frame(BINARY, &[67]).await;
    for _ in 0..100 {
        client.write([0, 0x81, 0, 0, 0, 0, 1].repeat(10_000)).await;
    }
    assert_eq!(client.close_code().await, (4429, Some(4429)));
    // Slowly, the message is too long in the end.
    let mut client = viewer(server.public, &token("alice")).await;
    client.frame(BINARY, &[67]).await;
    for _ in 0..9 {
        client.write([0, 0x81, 0, 0, 0, 0, 1].repeat(1_900)).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    assert_eq!(client.close_code().await.0, 1009);
}

#[tokio::test]
async fn pings_are_answered_and_closing_is_answered() {
    let server = Server::with_tokens(&[]).await;
    let mut client = viewer(server.public, &token("alice")).await;
    client.frame(FIN | PING, b"are you there?").await;
    loop {
        let (opcode, payload) = client.next().await.expect("the answer comes");
        if opcode == PONG {
            assert_eq!(payload, b"are you there?");
            break;
        }
    }
    client.frame(FIN | CLOSE, &1000u16.to_be_bytes()).await;
    assert_eq!(client.close_code().await.0, 1000);
    client.ended().await;
}

#[tokio::test]
async fn the_time_is_answered_at_once() {
    let server = Server::with_tokens(&[]).await;
    let mut client = viewer(server.public, &token("alice")).await;
    client.send(ClientMessage::Time { client_us: 42 }).await;
    let (client_us, received_us, sent_us) = client
        .until(|message| match message {
            ServerMessage::Time { client_us, received_us, sent_us } => {
                Some((client_us, received_us, sent_us))
            }
            _ => None,
        })
        .await;
    assert_eq!(client_us, 42);
    assert!(received_us > 1_700_000_000_000_000 && (received_us..received_us + 1_000_000).contains(&sent_us));
    // Kinds from newer viewers are skipped.
    client.frame(FIN | BINARY, &[200, 1, 2, 3]).await;
    client.send(ClientMessage::Subscribe(Subscribe::default())).await;
    client.send(ClientMessage::Time { client_us: 43 }).await;
    client.until(|message| matches!(message, ServerMessage::Time { client_us: 43, .. }).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_reach_their_user_while_another_viewer_does_not_read() {
    let server = Server::with_tokens(&[]).await;
    let (mut alice, mut bob) =
        (viewer(server.public, &token("alice")).await, viewer(server.public, &token("bob")).await);
    let _deaf = viewer(server.public, &token("alice")).await;
    let producer = Producer::new(&server);
    for (client, user) in [(&mut alice, "alice"), (&mut bob, "bob")] {
        client.until(|message| matches!(message, ServerMessage::State { .. }).then_some(())).await;
        let record = schema_record(user);
        producer.send(user, &record).await;
        let found = client.until(|message| match message {
            ServerMessage::Data { record, .. } => Some(record.to_vec()),
            _ => None,
        });
        assert_eq!(
            found.await,
            record,
            "{user} gets the record, byte for byte, and it is the first that comes"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_for_the_session_or_the_topic_of_another_user_brings_nothing_of_it() {
    let server = Server::with_tokens(&[]).await;
    let (mut alice, mut bob) =
        (viewer(server.public, &token("alice")).await, viewer(server.public, &token("bob")).await);
    let bobs_topic = bob.until(|message| match message {
        ServerMessage::Hello { topic_id, .. } if topic_id != [0; 16] => Some(topic_id),
        _ => None,
    });
    let topic_id = bobs_topic.await;
    for client in [&mut alice, &mut bob] {
        client.until(|message| matches!(message, ServerMessage::State { .. }).then_some(())).await;
    }
    let producer = Producer::new(&server);
    for round in 1..=2 {
        // Once with what is in bob's topic already, and once with what comes.
        producer.send("bob", &schema_record("bob")).await;
        bob.until(|message| matches!(message, ServerMessage::Data { .. }).then_some(())).await;
        let next = (0..10).map(|partition| NextOffset { partition, offset: 0 }).collect();
        let from_the_first = Some(Cursor { topic_id, next });
        for subscribe in [
            Subscribe { session: Some("bob"), cursor: from_the_first, ..Subscribe::default() },
            Subscribe { session: Some("bob"), last_seconds: Some(3_600), ..Subscribe::default() },
            Subscribe::default(),
        ] {
            alice.send(ClientMessage::Subscribe(subscribe)).await;
        }
        alice.send(ClientMessage::Time { client_us: round }).await;
        let nothing = alice.until(|message| match message {
            ServerMessage::Data { .. } => panic!("alice gets a record of bob's"),
            ServerMessage::Time { client_us, .. } => (client_us == round).then_some(()),
            _ => None,
        });
        nothing.await;
    }
}

/// Used by the tests of tokens as well: reads until the goodbye with this code.
pub(crate) async fn ends_with(client: &mut Client, code: u16) {
    assert_eq!(client.close_code().await, (code, Some(code)));
}
