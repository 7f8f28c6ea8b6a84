//! How does a changed key file come into use?

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{KeySet, KeyStore};

/// How often the file is compared with what is in use: a new key serves after this at the latest.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Largest key file, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// A JWKS file, and what was last read from it.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    last: Vec<u8>,
    store: KeyStore,
}

impl KeyFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// The file cannot be read or is not a usable key set; the message names the file.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let last = read(path)?;
        let keys = KeySet::from_jwks(&last).with_context(|| format!("key file {}", path.display()))?;
        Ok(Self { path: path.to_owned(), last, store: KeyStore::new(keys) })
    }

    /// The keys in use, which follow the file while [`watch`](Self::watch) runs.
    pub fn store(&self) -> KeyStore {
        self.store.clone()
    }

    /// Follows the file until `stop`. A file that is missing or broken for a while changes nothing.
    pub async fn watch(mut self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            self.look();
        }
    }

    /// Takes the file's keys if it has changed; a broken one is reported once and the keys in use stay.
    fn look(&mut self) {
        let found = match read(&self.path) {
            Ok(found) if found == self.last => return,
            Ok(found) => found,
            // Empty means "cannot be read", so that this too is logged once.
            Err(_) if self.last.is_empty() => return,
            Err(error) => {
                warn!(error = format!("{error:#}"), "the key file cannot be read, the last keys stay in use");
                self.last.clear();
                return;
            }
        };
        match KeySet::from_jwks(&found) {
            Ok(keys) => {
                info!(n_keys = keys.n_keys(), "the key file has changed, its keys are in use");
                self.store.replace(keys);
            }
            Err(error) => warn!(%error, "the changed key file is not usable, the last keys stay in use"),
        }
        self.last = found;
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let context = || format!("cannot read the key file {} (--jwks-file, JWKS_FILE)", path.display());
    let metadata = std::fs::metadata(path).with_context(context)?;
    anyhow::ensure!(
        metadata.is_file(),
        "the key file {} is not a file (--jwks-file, JWKS_FILE)",
        path.display()
    );
    anyhow::ensure!(metadata.len() <= MAX_BYTES, "the key file {} is larger than 1 MiB", path.display());
    std::fs::read(path).with_context(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EC: &str = r#""kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;

    #[test]
    fn a_changed_file_serves_and_a_broken_one_changes_nothing() {
        let path = std::env::temp_dir().join(format!("bridge-key-file-{}.json", std::process::id()));
        let write = |text: &str| std::fs::write(&path, text).expect("the temporary folder is writable");
        let set = |kid: &str| format!(r#"{{"keys":[{{{EC},"kid":"{kid}"}}]}}"#);
        write(&set("old"));
        let mut file = KeyFile::load(&path).expect("a good file loads");
        let store = file.store();
        let knows = |kid: &str| store.current().find(Some(kid)).is_some();
        assert!(knows("old") && !knows("new"));

        write("{ half a fi");
        file.look();
        assert!(knows("old"));

        std::fs::remove_file(&path).expect("the file is there");
        file.look();
        assert!(knows("old"));

        write(&set("new"));
        file.look();
        assert!(knows("new") && !knows("old"));
        std::fs::remove_file(&path).expect("the file is there");
    }
}
