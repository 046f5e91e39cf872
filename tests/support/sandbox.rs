//! The restrictions of `server/castalia.service` without systemd, which runs on no machine of
//! tests: all of them for one server, or for each server of the suite those that depend on no file.
//! Needs root. A server does not start where the machine lacks a means.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

use super::server::{Options, binary};
use super::variable;

const UNIT: &str = include_str!("../../server/castalia.service");
/// The first one of the users that systemd creates for `DynamicUser`.
pub(crate) const USER: u32 = 61_184;

/// Directives of the service that restrict no process, and those of which the others leave nothing
/// to refuse.
const NOT_APPLIED: [&str; 12] = [
    "Environment",
    "EnvironmentFile",
    "ExecStart",
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "RemoveIPC",
    "Restart",
    "RestartSec",
];
/// Those that `sandbox.sh` applies, with the value that it knows.
const OF_FILES: [(&str, &str); 6] = [
    ("PrivateDevices", "yes"),
    ("PrivateTmp", "yes"),
    ("ProcSubset", "pid"),
    ("ProtectHome", "yes"),
    ("ProtectProc", "invisible"),
    ("ProtectSystem", "strict"),
];
/// Those that `sandbox.c` applies.
const OF_CALLS: [(&str, &str); 5] = [
    ("LockPersonality", "yes"),
    ("MemoryDenyWriteExecute", "yes"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
];

/// The program that refuses system calls, compiled once.
static FILTER: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("sandbox");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&program)
        .arg(file("sandbox.c"));
    let output = compiler.arg("-l:libseccomp.so.2").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (directory, program)
});

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("support").join(name)
}

/// The directives of a section of the unit file.
pub(crate) fn directives(section: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let (_, rest) = UNIT.split_once(&format!("\n[{section}]\n")).unwrap();
    let lines = rest.split("\n[").next().unwrap_or_default().lines();
    lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='))
}

/// Directives of the service that are not applied yet.
struct Unapplied(Vec<(&'static str, &'static str)>);

impl Unapplied {
    fn new() -> Self {
        let is_applied = |(name, _): &(&str, &str)| !NOT_APPLIED.contains(name);
        Self(directives("Service").filter(is_applied).collect())
    }

    /// Takes the values of a directive.
    fn take(&mut self, name: &str) -> Vec<&'static str> {
        let is_it = |(other, _): &(&str, &str)| *other == name;
        let (taken, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.0).into_iter().partition(is_it);
        self.0 = rest;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// Takes a directive that the unit has to have.
    fn one(&mut self, name: &str) -> &'static str {
        match self.take(name)[..] {
            [value] => value,
            ref others => panic!("{name} of the unit is {others:?}"),
        }
    }

    /// Takes one whose only known value is this.
    fn require(&mut self, name: &str, known: &str) {
        assert_eq!(self.one(name), known, "{name} of the unit");
    }

    /// Takes these; returns the names of those that the unit has.
    fn switches(&mut self, known: &[(&str, &str)]) -> String {
        let mut names = Vec::new();
        for (name, on) in known {
            match self.take(name)[..] {
                [] => {}
                [value] if value == *on => names.push(*name),
                ref others => panic!("{name} of the unit is {others:?}"),
            }
        }
        names.join(" ")
    }

    /// The beginning of a command line whose program has no privilege, and only the system calls of
    /// the unit.
    fn calls(&mut self, filter: &str) -> Vec<String> {
        self.require("CapabilityBoundingSet", "");
        self.require("NoNewPrivileges", "yes");
        self.require("SystemCallArchitectures", "native");
        self.require("SystemCallErrorNumber", "EPERM");
        let directives = self.switches(&OF_CALLS);
        let families = self.one("RestrictAddressFamilies");
        let calls = allowed_calls(&self.take("SystemCallFilter"));
        let unprivileged = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];
        let filtered = [filter, &directives, families, &calls];
        owned(&[&["setpriv", "--ambient-caps=-all"], &unprivileged[..], &filtered].concat())
    }

    /// The beginning of one that runs as the user of the unit.
    fn user(&mut self) -> Vec<String> {
        self.require("DynamicUser", "yes");
        self.require("PrivateUsers", "yes");
        let user = [format!("--reuid={USER}"), format!("--regid={USER}")];
        let map = [format!("--map-user={USER}"), format!("--map-group={USER}")];
        // Only with a capability a process can give up those that it may obtain.
        let mapped = owned(&["--clear-groups", "unshare", "--user", "--keep-caps"]);
        [&owned(&["setpriv"])[..], &user, &mapped, &map].concat()
    }

    fn limit(&mut self) -> Vec<String> {
        owned(&["prlimit", &format!("--nofile={}", self.one("LimitNOFILE"))])
    }

    /// The beginning of one that finds the files of the unit.
    fn files(&mut self, state: &Path) -> Vec<String> {
        let mode = u32::from_str_radix(self.one("StateDirectoryMode"), 8).unwrap();
        std::fs::create_dir_all(state).unwrap();
        std::fs::set_permissions(state, Permissions::from_mode(mode)).unwrap();
        chown(state, Some(USER), Some(USER)).unwrap();
        let [script, binary, filter] =
            [file("sandbox.sh"), binary(), FILTER.1.clone()].map(|path| path.display().to_string());
        let (directives, state) = (self.switches(&OF_FILES), state.display().to_string());
        let (name, mask) = (self.one("StateDirectory"), self.one("UMask"));
        let arguments = [&*directives, &*state, name, mask, &*binary, &*filter];
        owned(&[&["unshare", "--mount", "bash", &*script], &arguments[..]].concat())
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The system calls that these filters allow; systemd knows the members of groups.
fn allowed_calls(filters: &[&str]) -> String {
    let output = Command::new("systemd-analyze").arg("syscall-filter").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (mut groups, mut group) = (BTreeMap::<_, Vec<_>>::new(), "");
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        match line.strip_prefix("    ") {
            Some(member) => groups.entry(group).or_default().push(member),
            None => group = line,
        }
    }
    let mut allowed = members(&groups, "@default");
    for filter in filters {
        match filter.strip_prefix('~') {
            Some(refused) => allowed = &allowed - &members(&groups, refused),
            None => allowed.extend(members(&groups, filter)),
        }
    }
    allowed.into_iter().collect::<Vec<_>>().join(" ")
}

fn members<'a>(groups: &BTreeMap<&'a str, Vec<&'a str>>, name: &str) -> BTreeSet<&'a str> {
    let group = groups.get(name).unwrap_or_else(|| panic!("systemd knows no group {name}"));
    let mut calls = BTreeSet::new();
    for member in group {
        if member.starts_with('@') {
            calls.extend(members(groups, member));
        } else {
            calls.insert(*member);
        }
    }
    calls
}

/// The beginning of a command line whose program runs as the unit does, with this directory as its
/// state directory. Fails if the unit has a directive that tests cannot apply.
pub(crate) fn command_line(state: &Path) -> Vec<String> {
    let mut unit = Unapplied::new();
    let calls = unit.calls("/usr/local/bin/sandbox");
    let line = [unit.files(state), unit.limit(), unit.user(), calls].concat();
    assert!(unit.0.is_empty(), "tests do not apply {:?}", unit.0);
    line
}

/// Options of a server that runs as the unit does, with its command line and variables.
pub(crate) fn options(state: &Path) -> Options {
    let service: BTreeMap<_, _> = directives("Service").collect();
    let (start, variables) = (service["ExecStart"], service["Environment"]);
    let Some(program) = start.strip_suffix(" serve") else { panic!("{start}") };
    let mut options = Options::new().through(command_line(state)).program(program);
    for variable in variables.split(' ') {
        let Some((name, value)) = variable.split_once('=') else { panic!("{variables}") };
        options = options.variable(name, value);
        if name == "CASTALIA_DATA_DIR" {
            options = options.finds_data_at(value);
        }
    }
    options
}

/// The beginning of the command line of each server of the suite: without `CASTALIA_TEST_SANDBOX`
/// empty, and with it without privileges and with the system calls of the unit only. Files remain
/// those of the user that runs the tests.
pub(crate) fn of_suite() -> Vec<String> {
    match variable("CASTALIA_TEST_SANDBOX") {
        Some(_) => Unapplied::new().calls(&FILTER.1.display().to_string()),
        None => Vec::new(),
    }
}
