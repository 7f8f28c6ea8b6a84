//! Is Kafka there?

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::KafkaError;
use super::lookup::Lookup;

/// How often Kafka is asked, and how long its answer may take.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// Starts the thread; it ends when the sender that comes with it is dropped.
pub(super) fn start(lookup: Arc<Lookup>) -> Result<(Sender<()>, JoinHandle<()>), KafkaError> {
    let (stop, stopped) = channel();
    // The question blocks. It has a thread of its own, because while Kafka is away the others wait long for their
    // answers, and this is when it matters.
    let thread = std::thread::Builder::new()
        .name("kafka-watch".into())
        .spawn(move || {
            while stopped.recv_timeout(CHECK_EVERY) == Err(RecvTimeoutError::Timeout) {
                lookup.check(CHECK_EVERY);
            }
        })
        .map_err(KafkaError::Thread)?;
    Ok((stop, thread))
}
