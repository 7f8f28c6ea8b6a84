//! In which order does the service start and stop?

use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::auth::Access;
use crate::bridge::Bridge;
use crate::config::{Config, KeySource};
use crate::control::ControlLog;
use crate::feed::{FeedSettings, Feeds};
use crate::http::{self, Gate, Tls};
use crate::places::Places;
use crate::routes;

/// The bridge's open ports.
pub struct Listeners {
    /// For browsers.
    pub public: TcpListener,
    /// TLS for them, where asked for.
    tls: Option<TlsAcceptor>,
    /// For operators, where asked for.
    pub operators: Option<TcpListener>,
}

/// What the service has of Kafka.
pub struct Connected {
    /// The users' data.
    pub feeds: Feeds,
    /// What all bridges share, which is followed until this is dropped.
    control: Option<ControlLog>,
}

/// Fetches keys and connects to Kafka; both are checked before any port is opened.
///
/// # Errors
/// One sentence that says what to change.
pub async fn connect(config: &mut Config) -> Result<Connected> {
    if let KeySource::Remote(keys) = &mut config.key_source {
        keys.start().await.context("the keys that tokens are checked with")?;
    }
    let settings = FeedSettings {
        viewer_queue_blocks: config.viewer_queue_blocks,
        linger: config.feed_linger,
        ..FeedSettings::default()
    };
    let feeds = Feeds::start(settings, &config.kafka).await?;
    let control = match (&config.control, &config.access) {
        (Some(control), Access::Tokens { revoked, .. }) => {
            Some(ControlLog::follow(control, revoked.clone()).await.context("what all bridges share")?)
        }
        _ => None,
    };
    Ok(Connected { feeds, control })
}

/// Opens the ports of `config`.
///
/// # Errors
/// One sentence that names the setting to change, for a port in use or an address that is not this machine's.
pub async fn bind(config: &Config) -> Result<Listeners> {
    let public = listen(config.listen, "--bind, --port; BIND, WS_PORT").await?;
    let tls = config.tls.as_ref().map(Tls::acceptor).transpose()?;
    let operators = match config.operators.address {
        Some(address) => Some(listen(address, "--ops-addr, OPS_ADDR").await?),
        None => None,
    };
    Ok(Listeners { public, tls, operators })
}

async fn listen(address: SocketAddr, settings: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; stop what uses it or choose another ({settings})")
    })
}

/// Serves until `shutdown`, then lets viewers go within the configured time.
pub async fn serve(
    listeners: Listeners,
    Connected { feeds, control: _control }: Connected,
    config: Config,
    shutdown: impl Future<Output = ()>,
) {
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let bridge = Arc::new(Bridge {
        feeds: Arc::new(feeds),
        access: config.access.clone(),
        origins: config.origins.clone(),
        seats: Places::new(usize::MAX, config.limits.viewers_per_user),
        queue_blocks: config.viewer_queue_blocks,
        stop: stop.clone(),
        tasks: tasks.clone(),
    });
    let gate = Gate::new(config.limits.connections, config.limits.connections_per_address);
    let (public, operators) =
        (routes::public(&bridge, &config), routes::operators(&bridge, config.operators));
    tasks.spawn(http::serve(
        listeners.public,
        listeners.tls,
        public,
        gate.clone(),
        tasks.clone(),
        stop.clone(),
    ));
    if let Some(listener) = listeners.operators {
        // A gate of its own: a crowd at the public door must not lock the operators out.
        let gate = Gate::new(OPERATORS, OPERATORS);
        tasks.spawn(http::serve(listener, None, operators, gate, tasks.clone(), stop.clone()));
    }
    if let Some(tls) = config.tls {
        tasks.spawn(tls.watch(stop.clone()));
    }
    match config.key_source {
        KeySource::Fixed => {}
        KeySource::File(file) => _ = tasks.spawn(file.watch(stop.clone())),
        KeySource::Remote(keys) => _ = tasks.spawn(keys.watch(stop.clone())),
    }

    shutdown.await;
    info!(
        n_viewers = bridge.feeds.stats().viewers.get(),
        "stopping: no new connections, viewers are told to go"
    );
    stop.cancel();
    tasks.close();
    if timeout(config.drain, tasks.wait()).await.is_ok() {
        info!("all viewers have gone");
    } else {
        warn!(n_left = tasks.len(), after = ?config.drain, "some viewers did not go in time, leaving them");
    }
    bridge.feeds.shutdown().await;
    info!("stopped");
}

/// Operators' connections at once.
const OPERATORS: usize = 64;

/// Says where everything is, on standard output, where those who started the bridge wait for it. What comes to an open
/// port from now on is served.
///
/// # Errors
/// A listener without an address.
pub fn announce(listeners: &Listeners, connected: &Connected, config: &Config) -> Result<()> {
    let address = listeners.public.local_addr().context("the listener has no address")?;
    if matches!(config.access, Access::Open) {
        warn!("OPEN: no tokens are checked, anyone who reaches this port can see any user's data");
        if !address.ip().is_loopback() {
            warn!(%address, "OPEN on an address that other machines can reach");
        }
    }
    if connected.feeds.reads_as_users() {
        info!("readers log in to Kafka as their users: Kafka itself refuses them any other topic");
    } else if config.kafka.security.is_secured() {
        warn!(
            "readers log in to Kafka as the bridge: that users see only their own topic is up to this bridge alone"
        );
    }
    let mut lines = Vec::new();
    if let Some(kafka) = connected.feeds.embedded_kafka() {
        lines.push(format!("bridge: embedded Kafka on {kafka} (this machine only, nothing is kept)"));
    }
    if let Some(listener) = &listeners.operators {
        let operators = listener.local_addr().context("the operators' listener has no address")?;
        lines.push(format!("bridge: operators on http://{operators}"));
    }
    let scheme = if listeners.tls.is_some() { "https" } else { "http" };
    lines.push(format!("bridge: ready on {scheme}://{address}"));
    // A closed output does not keep the bridge from serving.
    let _ = writeln!(io::stdout(), "{}", lines.join("\n"));
    Ok(())
}
