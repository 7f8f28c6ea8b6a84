//! What do many callers at once do to the others?

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use purple_sector_codec::bridge_protocol::{ClientMessage, ServerMessage};
use tokio::net::TcpSocket;

use crate::client::{Client, HANDSHAKE, PING, get, request, upgrade, viewer, viewer_on};
use crate::program::Program;
use crate::server::{SECRET, Server, token};

/// A connection from an address of this machine's own choice.
async fn connect_from(from: &str, to: SocketAddr) -> Client {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(format!("{from}:0").parse().expect("an address")).expect("all of 127/8 is this machine");
    socket.connect(to).await.expect("the port is open").into()
}

/// How long the bridge takes to answer a viewer.
async fn answer_time(client: &mut Client) -> Duration {
    let asked = Instant::now();
    client.send(ClientMessage::Time { client_us: 1 }).await;
    client.until(|message| matches!(message, ServerMessage::Time { .. }).then_some(())).await;
    asked.elapsed()
}

/// Half-open connections that this process may have, besides everything else that runs in it: both ends are here.
fn n_half_open() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
    let n_files = soft.and_then(|soft| soft.parse().ok()).unwrap_or(1024_usize);
    (n_files.saturating_sub(600) / 3).clamp(100, 5_000)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_half_open_handshakes_are_closed_and_delay_nobody() {
    let server = Server::with_tokens(&["--max-connections-per-address", "9000"]).await;
    let mut alice = viewer(server.public, &token("alice")).await;
    let started = Instant::now();
    let mut half_open = Vec::new();
    for _ in 0..n_half_open() {
        let mut client = connect_from("127.0.0.9", server.public).await;
        client.write("GET /v1/stream HTTP/1.1\r\nhost: bridge.test\r\nx-slow: ").await;
        half_open.push(client);
    }
    println!("{} half-open handshakes after {:?}", half_open.len(), started.elapsed());
    // One byte a second does not keep a connection open either.
    let slow = async {
        let mut slow = connect_from("127.0.0.9", server.public).await;
        let began = Instant::now();
        for byte in handshake().bytes().take(6) {
            slow.write([byte]).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        slow.ended_within(Duration::from_secs(5)).await;
        began.elapsed()
    };
    let asking = async {
        let (until, mut times) = (Instant::now() + Duration::from_secs(6), Vec::new());
        while Instant::now() < until {
            times.push(answer_time(&mut alice).await);
            // Ten a second are fine for the bridge.
            tokio::time::sleep(Duration::from_millis(120)).await;
        }
        times.sort_unstable();
        times
    };
    let (slow, times) = tokio::join!(slow, asking);
    assert!(slow < Duration::from_secs(9), "{slow:?}");
    let p99 = times[times.len() * 99 / 100];
    println!("alice was answered within {p99:?} (p99 of {})", times.len());
    assert!(p99 < Duration::from_millis(500), "{p99:?}");
    for client in &mut half_open {
        client.ended_within(Duration::from_secs(10)).await;
    }
    let took = started.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
}

fn handshake() -> String {
    request("GET", "/v1/stream", &[&HANDSHAKE[..], &["authorization: Bearer a.b.c"]].concat())
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_viewers_of_one_user_take_ten_places() {
    let server = Server::with_tokens(&["--max-connections-per-address", "2000"]).await;
    let bearer = format!("authorization: Bearer {}", token("alice"));
    let mut held = Vec::new();
    for i in 0..1_001 {
        let (answer, client) = upgrade(server.public, "/v1/stream", &[&bearer]).await;
        let expected = if i < 10 { (101, "(none)") } else { (429, "too_many_viewers") };
        assert_eq!((answer.status, answer.code().as_str()), expected, "viewer {i}");
        held.push(client);
    }
    let mut bob = viewer(server.public, &token("bob")).await;
    answer_time(&mut bob).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_of_one_address_leave_room_for_others() {
    let server = Server::with_tokens(&["--max-viewers-per-user", "1000"]).await;
    let mut held = Vec::new();
    for _ in 0..256 {
        let client = connect_from("127.0.0.8", server.public).await;
        held.push(viewer_on(client, &token("mallory")).await);
    }
    let more = stream::iter(256..10_000).map(|_| async {
        let mut client = connect_from("127.0.0.8", server.public).await;
        client.write(handshake()).await;
        client.answer().await.map(|answer| answer.status)
    });
    // Those who say nothing for half a minute would be closed for that.
    let stay = async {
        loop {
            for client in &mut held {
                client.send(ClientMessage::Time { client_us: 1 }).await;
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    let statuses: Vec<Option<u16>> = tokio::select! {
        statuses = more.buffer_unordered(32).collect() => statuses,
        () = stay => unreachable!("it goes on"),
    };
    let is_turned_away = |status: &Option<u16>| matches!(status, None | Some(429));
    assert!(
        statuses.iter().all(is_turned_away),
        "{:?}",
        statuses.iter().find(|status| !is_turned_away(status))
    );
    println!("{} were told why", statuses.iter().flatten().count());
    let other = connect_from("127.0.0.7", server.public).await;
    let mut bob = viewer_on(other, &token("bob")).await;
    answer_time(&mut bob).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_pings_costs_its_sender_the_connection_and_others_nothing() {
    let server = Server::with_tokens(&["--max-viewers-per-user", "1000"]).await;
    let mut alice = viewer(server.public, &token("alice")).await;
    let flooding = async {
        for _ in 0..20 {
            let mut mallory = viewer(server.public, &token("mallory")).await;
            mallory.write([0x80 | PING, 0x80, 0, 0, 0, 0].repeat(100_000)).await;
            assert_eq!(mallory.close_code().await, (4429, Some(4429)));
        }
    };
    let asking = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..20 {
            slowest = slowest.max(answer_time(&mut alice).await);
            tokio::time::sleep(Duration::from_millis(120)).await;
        }
        slowest
    };
    let ((), slowest) = tokio::join!(flooding, asking);
    println!("alice was answered within {slowest:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}

/// Memory that a program has, in MiB.
fn rss_mib(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") / 1024
}

fn n_threads(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/task")).expect("it runs").count()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coming_and_going_all_the_time_starts_one_feed_and_leaves_nothing() {
    let program = Program::start(&[
        ("JWT_SECRET", SECRET),
        ("MAX_VIEWERS_PER_USER", "2000"),
        ("MAX_CONNECTIONS_PER_ADDRESS", "2000"),
    ]);
    let (address, token) = (program.address, token("alice"));
    let come_and_go = async |n_times: usize| {
        let visits = stream::iter(0..n_times).map(|_| async { drop(viewer(address, &token).await) });
        visits.buffer_unordered(16).for_each(|()| async {}).await;
    };
    come_and_go(1_000).await;
    let (memory, threads, started) = (rss_mib(program.id()), n_threads(program.id()), Instant::now());
    come_and_go(5_000).await;
    println!("{:.0} visits a second", 5_000.0 / started.elapsed().as_secs_f64());
    let bearer = format!("authorization: Bearer {token}");
    let waiting = Instant::now();
    while !get(address, "/v1/stats", &[&bearer]).await.body.contains(r#""viewers":0"#) {
        assert!(waiting.elapsed() < Duration::from_secs(10), "a viewer stays");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let grown = rss_mib(program.id()).saturating_sub(memory);
    assert!(grown <= 16, "{memory} MiB have grown by {grown}");
    assert!(n_threads(program.id()) <= threads + 2, "threads are left over");
    let logged = program.stop();
    assert_eq!(logged.matches("feed starts").count(), 1, "{logged}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_ask_for_figures_leave_none_behind() {
    let server = Server::with_tokens(&[]).await;
    let mut client = Client::connect(server.public).await;
    let n_users = 5_000;
    for i in 0..n_users {
        if i % 500 == 0 {
            client = Client::connect(server.public).await;
        }
        let bearer = format!("authorization: Bearer {}", token(&format!("stranger-{i}")));
        client.write(request("GET", "/v1/stats", &["host: x", &bearer])).await;
        assert_eq!(client.answer().await.map(|answer| answer.status), Some(200), "{i}");
    }
    let asked = Instant::now();
    let figures = get(server.operators, "/v1/stats", &[]).await.body;
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert!(figures.contains(r#""userConsumers":{}"#), "{figures}");
}
