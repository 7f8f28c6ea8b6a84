//! How does the bridge stop?

use std::time::Duration;

use purple_sector_codec::bridge_protocol::ServerMessage;

use crate::client::{Client, viewer};
use crate::server::{Server, token};
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
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the port is closed");
}
