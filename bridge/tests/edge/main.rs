//! The bridge's doors, tested from outside: the real server in this process, on the embedded Kafka and free ports, and a
//! client that can send what no well-behaved client would.

mod client;
mod commands;
mod files;
mod handshake;
mod hosts;
mod limits;
mod logs;
mod program;
mod ready;
mod records;
mod revoked;
mod server;
mod silence;
mod sockets;
mod stop;
mod tls;
mod tokens;
