//! What the C library's allocator keeps of memory that is free.
//!
//! glibc gives threads arenas of their own, up to eight a core. Each grows to the most that was
//! ever in use through it and keeps that: with as many threads as this program has, they kept
//! three times what was in use. So there are few arenas, and after memory became blocks, or blocks
//! were merged, what is free goes back to the system. Other C libraries are left alone.
//!
//! The only unsafe code of this crate. `mallopt` and `malloc_trim` take plain integers, may be
//! called from any thread at any time (`malloc_trim(3)`: MT-Safe), and have no other precondition;
//! what they return says whether they did anything, which nothing here relies on.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "calling the C library; the proof stands above")]
mod glibc {
    use std::ffi::c_int;

    /// One for each of two cores: more threads than that seldom allocate at once.
    const ARENAS_MAX: c_int = 2;

    pub(super) fn limit() {
        // Who sets it has a reason.
        if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
            unsafe { libc::mallopt(libc::M_ARENA_MAX, ARENAS_MAX) };
        }
    }

    pub(super) fn release() {
        unsafe { libc::malloc_trim(0) };
    }
}

/// Keeps the number of arenas small. To be called before there are threads.
pub(crate) fn limit_arenas() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::limit();
}

/// Gives free memory back to the system. Takes some milliseconds, for which others that allocate
/// may have to wait.
pub(crate) fn release() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::release();
}
