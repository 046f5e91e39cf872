//! How much memory a server has resident, in KiB, as the kernel counts it.

use super::server::Server;

/// Now.
pub(crate) fn resident_kib(server: &Server) -> u64 {
    of(server, "VmRSS:")
}

/// The most that it ever had.
pub(crate) fn peak_kib(server: &Server) -> u64 {
    of(server, "VmHWM:")
}

fn of(server: &Server, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
