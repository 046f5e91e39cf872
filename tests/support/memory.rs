//! Memory and threads of a server, as the kernel reports them; sizes are in KiB.

use std::thread::available_parallelism;

use super::server::Server;

/// REL-56: a node remains within the memory of a small container.
const MOST_KIB: u64 = 128 * 1024;
const MOST_KIB_FOR_ALL: u64 = 192 * 1024;
/// Code of an optimised program that is resident. Tests usually run an unoptimised one, whose code
/// takes twice as much and grows with each library, so it is counted with this size instead.
const CODE_KIB: u64 = 26 * 1024;
/// Threads in addition to one for each processor: up to 20 for the connections to two SQLite files,
/// and a few that work on something for requests or were kept for the next one.
const MOST_THREADS: u64 = 40;

/// Resident memory.
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

/// Checks that the server remained within the bounds of `docs/bounds.md` so far. Its threads are
/// counted now; one without work remains for ten seconds.
#[track_caller]
pub(crate) fn assert_small(server: &Server, attack: &str) {
    assert_within(server, attack, MOST_KIB);
}

/// The same for a node with a portal, which all attacks meet at once.
#[track_caller]
pub(crate) fn assert_small_for_all(server: &Server, attack: &str) {
    assert_within(server, attack, MOST_KIB_FOR_ALL);
}

#[track_caller]
fn assert_within(server: &Server, attack: &str, most_kib: u64) {
    let peak = peak_kib(server) - code_kib(server) + CODE_KIB;
    assert!(peak < most_kib, "{attack}: {} MiB were resident", peak / 1024);
    let processors = available_parallelism().map_or(1, |count| count.get() as u64);
    let threads = of(server, "Threads:");
    assert!(threads < processors + MOST_THREADS, "{attack}: {threads} threads");
    print_memory(server, attack);
}

/// Prints the figures of a long run.
#[expect(clippy::print_stdout, reason = "shown with --nocapture")]
pub(crate) fn print_memory(server: &Server, attack: &str) {
    let (now, peak) = (resident_kib(server) / 1024, peak_kib(server) / 1024);
    println!("{attack}: {now} MiB are resident, {peak} MiB at most");
}

fn of(server: &Server, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
