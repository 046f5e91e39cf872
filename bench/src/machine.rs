//! Facts about the machine, without which absolute figures are meaningless.

use std::path::Path;
use std::process::Command;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::print;

/// Upper bound of the default number of clients, and files to leave for other purposes.
const AUTO_CLIENTS: u64 = 60_000;
const OTHER_FILES: u64 = 600;

/// Raises the soft limit of open files to the hard limit; child processes inherit it.
pub(crate) fn raise_file_limit() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // On failure the run is only smaller.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// The hard limit of open files.
fn file_limit() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft)
}

/// The number of clients that the file limit of this machine allows.
pub(crate) fn auto_clients() -> usize {
    let room = file_limit().saturating_sub(OTHER_FILES);
    usize::try_from(room.min(AUTO_CLIENTS)).unwrap_or(usize::MAX)
}

/// The number of cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

pub(crate) fn print_facts(program: &Path, directory: &Path) {
    let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let memory = file("/proc/meminfo");
    let huge_pages = file("/sys/kernel/mm/transparent_hugepage/enabled");
    let chosen = huge_pages.split(['[', ']']).nth(1).unwrap_or("unknown");
    print(&format!(
        "machine: {} cores, {}, kernel {}, {} files, huge pages {chosen}, load average {}",
        cores(),
        memory.lines().next().and_then(|line| line.strip_prefix("MemTotal:")).unwrap_or("?").trim(),
        file("/proc/sys/kernel/osrelease").trim(),
        file_limit(),
        file("/proc/loadavg").split(' ').next().unwrap_or("?"),
    ));
    let version = Command::new(program).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    print(&format!(
        "product: {} ({}); suite {}; SQLite {}; data under {}",
        version.unwrap_or_default(),
        program.display(),
        env!("CARGO_PKG_VERSION"),
        rusqlite::version(),
        directory.display(),
    ));
}
