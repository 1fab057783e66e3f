//! What the allocator does with large buffers: it gives them back to the system at once.

/// A buffer at least as large has a mapping of its own, which ends with it.
#[cfg(target_env = "gnu")]
const MAPPED: libc::c_int = 1024 * 1024;

/// Free memory at the heap's end that is kept. Once the threshold for mappings is fixed, this one
/// stays at 128 KiB, and buffers that come and go with every batch would be new pages each time.
#[cfg(target_env = "gnu")]
const KEPT: libc::c_int = 4 * 1024 * 1024;

/// Fixes the size from which on buffers are mapped. By itself glibc raises it, up to 32 MiB, with
/// the first large buffer that is freed, and keeps what is freed from then on: after some clients
/// with large values the process held twice what `KVSOCK_MAX_MEMORY` allows.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "glibc has no other way to set it from within")]
pub(super) fn give_large_buffers_back() {
    for (parameter, size) in [(libc::M_MMAP_THRESHOLD, MAPPED), (libc::M_TRIM_THRESHOLD, KEPT)] {
        // SAFETY: `mallopt` takes two numbers and touches nothing but the allocator's parameters.
        let is_set = unsafe { libc::mallopt(parameter, size) };
        debug_assert_eq!(is_set, 1, "the size is in range");
    }
}

/// Other allocators have no such threshold.
#[cfg(not(target_env = "gnu"))]
pub(super) fn give_large_buffers_back() {}
