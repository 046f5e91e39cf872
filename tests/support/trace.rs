//! The files that a process opens, creates, renames or removes, recorded by `strace`, which
//! `tests/databases.sh up` installs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

const CALLS: &str = "trace=?open,openat,?openat2,?creat,?rename,?renameat,renameat2,?unlink,unlinkat,?mkdir,mkdirat,\
    ?link,linkat,?symlink,symlinkat,truncate";

/// Whether a program may trace another one. Some containers forbid it, which a test with a tracer
/// says, and then does without.
pub(crate) static IS_ALLOWED: LazyLock<bool> = LazyLock::new(|| {
    let traced = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
    let is_allowed = traced.expect("strace is missing: run tests/databases.sh up").success();
    if !is_allowed {
        eprintln!("this machine does not allow strace to trace a program");
    }
    is_allowed
});

/// The record of one process and its children.
#[derive(Debug)]
pub(crate) struct Trace {
    directory: tempfile::TempDir,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("trace")
    }

    /// The beginning of a command line that runs a program and records it; the program keeps its
    /// process id. Empty where tracing is forbidden.
    pub(crate) fn command(&self) -> Vec<String> {
        if !*IS_ALLOWED {
            return Vec::new();
        }
        let file = self.file().display().to_string();
        let options = ["strace", "-D", "-f", "-qq", "-s", "4096", "-e", CALLS, "-o", &file];
        options.map(str::to_owned).to_vec()
    }

    /// The paths so far, as they were passed to the operating system; none where tracing is
    /// forbidden.
    pub(crate) fn paths(&self) -> Vec<String> {
        if !*IS_ALLOWED {
            return Vec::new();
        }
        let trace = std::fs::read_to_string(self.file()).unwrap();
        let quoted = |line: &str| {
            let parts = line.split('"').skip(1).step_by(2).map(str::to_owned);
            parts.collect::<Vec<_>>()
        };
        trace.lines().flat_map(quoted).collect()
    }
}

/// All files below a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}
