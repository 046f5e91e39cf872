//! Settings of the process in the operating system, besides files and sockets: no dumps of its
//! memory, and signals that must not end it. Knows nothing of servers.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Keeps access keys, passwords and values out of core files and away from debuggers of the same
/// user.
pub(crate) fn exclude_memory_from_dumps() {
    use nix::sys::resource::{Resource, setrlimit};
    // On failure the default of the system applies, which is no reason not to start.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    // A dump handler that reads from a pipe ignores the limit.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false);
}

/// Makes a write beyond the file size limit fail like one on a full disk, instead of ending the
/// process.
///
/// # Errors
/// Fails if the signal cannot be handled. Requires a runtime.
pub(crate) fn survive_file_size_limit() -> io::Result<()> {
    // The handler remains installed when the stream of signals is dropped.
    signal(SignalKind::from_raw(nix::sys::signal::Signal::SIGXFSZ as i32)).map(drop)
}

/// The signal that a terminal sends when it closes; `None` if the process was started to ignore it,
/// for example by `nohup`.
///
/// # Errors
/// Fails if the signal cannot be handled. Requires a runtime.
pub(crate) fn hangup() -> io::Result<Option<Signal>> {
    if is_hangup_ignored() {
        return Ok(None);
    }
    signal(SignalKind::hangup()).map(Some)
}

fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signal 1 is the lowest bit.
    mask.is_some_and(|mask| mask & 1 == 1)
}
