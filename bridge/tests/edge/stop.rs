//! How does the bridge stop?

use std::time::{Duration, Instant};

use purple_sector_codec::bridge_protocol::ServerMessage;
use tokio::net::TcpStream;

use crate::client::{Client, viewer};
use crate::program::Program;
use crate::server::{SECRET, Server, token};
use crate::sockets::ends_with;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_are_told_to_go_and_the_port_closes() {
    let server = Server::with_tokens(&["--drain-timeout", "60s"]).await;
    let mut alice = viewer(server.public, &token("alice")).await;
    let mut bob = viewer(server.public, &token("bob")).await;
    alice.until(|message| matches!(message, ServerMessage::Hello { .. }).then_some(())).await;
    // A connection without a request, and a viewer that never reads, hold nothing up.
    let _idle = Client::connect(server.public).await;
    let _deaf = viewer(server.public, &token("carol")).await;
    let address = server.public;
    let ended = server.stop();
    ends_with(&mut alice, 1001).await;
    ends_with(&mut bob, 1001).await;
    drop((alice, bob));
    ended.within(Duration::from_secs(15)).await;
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_stops_in_order_when_told_to() {
    for signal in ["TERM", "INT"] {
        let program = Program::start(&[("JWT_SECRET", SECRET), ("DRAIN_TIMEOUT", "60s")]);
        let address = program.address;
        let mut alice = viewer(address, &token("alice")).await;
        alice.until(|message| matches!(message, ServerMessage::Hello { .. }).then_some(())).await;
        let _idle = Client::connect(address).await;
        program.signal(signal);
        ends_with(&mut alice, 1001).await;
        drop(alice);
        let logged = ended(program).await;
        assert!(logged.contains("all viewers have gone") && logged.contains("stopped"), "{signal}: {logged}");
        assert!(TcpStream::connect(address).await.is_err(), "{signal}: the port is closed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_leaves_a_viewer_that_does_not_go_in_time() {
    let program = Program::start(&[("JWT_SECRET", SECRET), ("DRAIN_TIMEOUT", "100ms")]);
    // It neither answers the goodbye nor closes; the bridge would wait for it for some seconds.
    let mut deaf = viewer(program.address, &token("alice")).await;
    deaf.until(|message| matches!(message, ServerMessage::Hello { .. }).then_some(())).await;
    let asked = Instant::now();
    program.signal("TERM");
    let logged = ended(program).await;
    println!("ended {:?} after it was asked to", asked.elapsed());
    assert!(logged.contains("some viewers did not go in time"), "{logged}");
    ends_with(&mut deaf, 1001).await;
}

/// Waits for the program's end; what it logged.
async fn ended(program: Program) -> String {
    tokio::task::spawn_blocking(move || program.ended()).await.expect("it ends")
}
