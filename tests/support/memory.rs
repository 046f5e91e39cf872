//! Resident memory of a server in KiB, as the kernel reports it.

use super::server::Server;

/// Current value.
pub(crate) fn resident_kib(server: &Server) -> u64 {
    of(server, "VmRSS:")
}

/// Peak value.
pub(crate) fn peak_kib(server: &Server) -> u64 {
    of(server, "VmHWM:")
}

/// Resident pages of files, which are mostly code.
pub(crate) fn code_kib(server: &Server) -> u64 {
    of(server, "RssFile:")
}

fn of(server: &Server, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
