//! How do librdkafka's objects end? Each with the value that owns it.

use std::ptr::NonNull;

use anyhow::{Context, Result};

/// An object of librdkafka's, and the function that destroys it.
pub(super) struct Owned<T> {
    pointer: NonNull<T>,
    destroy: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    /// Takes what librdkafka just made.
    ///
    /// # Safety
    /// `pointer` is null, or is owned by nobody else and may be destroyed by `destroy`, once.
    pub(super) unsafe fn new(pointer: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> Result<Self> {
        let pointer = NonNull::new(pointer).context("librdkafka gave nothing")?;
        Ok(Self { pointer, destroy })
    }

    /// For calls that borrow it.
    pub(super) fn pointer(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: `new` was promised that nobody else destroys it.
        unsafe { (self.destroy)(self.pointer.as_ptr()) }
    }
}
