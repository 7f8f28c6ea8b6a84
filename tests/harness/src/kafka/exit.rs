//! How do brokers end that no value owns? With this process, when it ends by itself: statics are never dropped.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

use anyhow::Result;

static BROKERS: Mutex<Vec<(libc::pid_t, PathBuf)>> = Mutex::new(Vec::new());

/// Ends the child `process_id` and removes `folder` when this process ends.
pub(super) fn end_at_exit(process_id: u32, folder: &Path) -> Result<()> {
    static REGISTERED: Once = Once::new();
    let broker = (process_id.try_into()?, folder.to_path_buf());
    BROKERS.lock().unwrap_or_else(PoisonError::into_inner).push(broker);
    REGISTERED.call_once(|| {
        // SAFETY: `end` is an `extern "C"` function that lives as long as the program and does not unwind. Where it is not
        // taken, the kernel still ends the broker with us.
        unsafe { libc::atexit(end) };
    });
    Ok(())
}

extern "C" fn end() {
    for (pid, folder) in BROKERS.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // SAFETY: integers and a null pointer, which waitpid allows; the child was never waited for, so the id is its.
        unsafe {
            libc::kill(pid, libc::SIGKILL);
            libc::waitpid(pid, std::ptr::null_mut(), 0);
        }
        // A failure leaves only a temp folder.
        let _ = fs::remove_dir_all(folder);
    }
}
