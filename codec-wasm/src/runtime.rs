//! What does a program without std need in a page? An allocator, and something to do on a panic.

use core::panic::PanicInfo;

use lol_alloc::{AssumeSingleThreaded, FreeListAllocator};

// SAFETY: the module is built without the atomics feature, so its memory cannot be shared and no second thread of
// WebAssembly can run in it.
#[global_allocator]
static ALLOCATOR: AssumeSingleThreaded<FreeListAllocator> =
    unsafe { AssumeSingleThreaded::new(FreeListAllocator::new()) };

/// No input panics; if a bug does, JavaScript gets a `WebAssembly.RuntimeError`.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
