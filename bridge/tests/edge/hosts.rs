//! By which names is the operators' listener reached, which asks for no token?

use crate::client::{Answer, Client, get, request};
use crate::server::{Server, token};

async fn ask(server: &Server, target: &str, headers: &[&str]) -> Answer {
    let mut client = Client::connect(server.operators).await;
    client.write(request("GET", target, headers)).await;
    client.answer().await.expect("the server answers")
}

#[tokio::test]
async fn a_page_cannot_read_the_operators_figures_by_a_name_that_it_made() {
    let server = Server::with_tokens(&[]).await;
    let port = server.operators.port();
    for path in ["/v1/stats", "/healthz", "/readyz", "/"] {
        for name in ["rebind.evil.com", "127.0.0.1.nip.io", "localhost.evil.com", "ops.example.com"] {
            let answer = ask(&server, path, &[&format!("host: {name}:{port}")]).await;
            assert_eq!((answer.status, answer.code().as_str()), (421, "host_refused"), "{path} at {name}");
            assert!(
                answer.body.contains("OPS_HOSTS") && !answer.body.contains("userConsumers"),
                "{answer:?}"
            );
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        }
        // Browsers always name the host.
        assert_eq!(ask(&server, path, &[]).await.code(), "host_refused", "{path}");
    }
    let elsewhere = "http://rebind.evil.com/v1/stats";
    assert_eq!(ask(&server, elsewhere, &[]).await.code(), "host_refused");
    assert_eq!(ask(&server, elsewhere, &["host: localhost"]).await.status, 400, "two names");
    assert_eq!(ask(&server, "/v1/stats", &["host: local host"]).await.status, 400);
}

#[tokio::test]
async fn operators_come_by_address_by_a_local_name_or_by_one_that_is_allowed() {
    let server = Server::with_tokens(&["--ops-hosts", "ops.example.com,OPS.example.org"]).await;
    let port = server.operators.port();
    for name in [
        "127.0.0.1",
        "[::1]",
        "10.0.0.7",
        "localhost",
        "bridge-1",
        "a.local",
        "ops.example.com",
        "Ops.example.org",
    ] {
        for host in [format!("host: {name}:{port}"), format!("host: {name}")] {
            let answer = ask(&server, "/v1/stats", &[&host]).await;
            assert_eq!(answer.status, 200, "{host}: {answer:?}");
        }
    }
    assert_eq!(ask(&server, "/v1/stats", &["host: www.ops.example.com"]).await.code(), "host_refused");
}

#[tokio::test]
async fn without_tokens_a_users_figures_are_refused_under_a_name_that_a_page_made() {
    let server = Server::start(&["--open", "--ops-hosts", "ops.example.com"]).await;
    let ask = async |host: &str| {
        let mut client = Client::connect(server.public).await;
        client.write(request("GET", "/v1/stats?userId=alice", &[&format!("host: {host}")])).await;
        client.answer().await.expect("the server answers")
    };
    assert_eq!(ask("rebind.evil.com").await.code(), "host_refused");
    for host in ["127.0.0.1", "localhost:8080", "ops.example.com"] {
        assert_eq!(ask(host).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn operators_send_the_secret_where_there_is_one() {
    let server = Server::with_tokens(&["--ops-secret", "0123456789abcdef"]).await;
    let status = async |header: &str| get(server.operators, "/v1/stats", &[header]).await.status;
    assert_eq!(status("authorization: Bearer 0123456789abcdef").await, 200);
    for wrong in ["0123456789abcdeg", "0123456789abcde", "0123456789abcdef0", ""] {
        assert_eq!(status(&format!("authorization: Bearer {wrong}")).await, 401, "{wrong}");
    }
    assert_eq!(status("x: y").await, 401);
    // What says nothing about users needs none.
    assert_eq!(get(server.operators, "/healthz", &[]).await.status, 200);
    // Users' tokens are no key to everyone's figures.
    assert_eq!(status(&format!("authorization: Bearer {}", token("alice"))).await, 401);
}
