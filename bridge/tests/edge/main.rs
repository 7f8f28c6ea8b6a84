//! The bridge's doors, tested from outside: the real server in this process, on the embedded Kafka and free ports, and a
//! client that can send what no well-behaved client would.

mod client;
mod commands;
mod control;
mod crowds;
mod files;
mod forged;
mod handshake;
mod hosts;
mod issuer;
mod limits;
mod logs;
mod program;
mod published;
mod ready;
mod records;
mod requests;
mod revoked;
mod server;
mod silence;
mod sockets;
mod stop;
mod tls;
mod tokens;
