//! The layers of the server: each module imports only what is below it, and none knows a table. The
//! compiler cannot check this within one crate. Nor does it check, when it compiles the whole
//! workspace, that the server needs nothing which only other crates turn on: the client of the
//! core, or a feature.

#![expect(clippy::unwrap_used, reason = "a failure in a test's own steps may end it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The roles, none of which imports another.
const ROLES: [&str; 5] = ["admin", "config", "eureka", "meta", "portal"];
/// What the code of a module must not import.
const FORBIDDEN: [(&str, &[&str]); 16] = [
    ("node", &["command"]),
    ("role", &["node", "command"]),
    ("http", &["role", "environment", "state", "node", "command", "registry"]),
    ("wire", &["role", "http", "environment", "state", "node", "command", "registry", "feed"]),
    ("nudge", &["role", "http", "environment", "state", "node", "command", "domain"]),
    ("json", &["role", "http", "environment", "state", "node", "domain", "feed", "wire"]),
    ("state", &["role", "node", "command"]),
    ("environment", &["role", "state", "node", "feed", "registry"]),
    ("domain", &["role", "http", "environment", "state", "wire", "node", "registry"]),
    ("registry", &["role", "http", "environment", "state", "node", "feed", "domain"]),
    (
        "directory",
        &["role", "http", "environment", "state", "node", "registry", "domain", "feed", "wire"],
    ),
    (
        "open_id",
        &["role", "http", "environment", "state", "node", "registry", "domain", "feed", "wire"],
    ),
    (
        "outgoing",
        &["role", "http", "environment", "state", "node", "registry", "domain", "feed", "settings"],
    ),
    ("feed", &["role", "http", "environment", "state", "wire", "node", "registry", "domain"]),
    ("server_config", &["role", "http", "environment", "state", "node", "domain", "feed"]),
    ("settings", &["role", "http", "environment", "state", "node", "registry", "domain", "feed"]),
];

#[test]
fn no_module_imports_what_is_above_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut upward = Vec::new();
    let mut files = 0;
    let others = ROLES.map(|role| {
        let others = ROLES.iter().filter(|other| **other != role);
        (format!("role/{role}"), others.map(|other| format!("role::{other}")).collect())
    });
    let layers = FORBIDDEN.map(|(module, forbidden)| {
        (module.to_owned(), forbidden.iter().map(|&layer| layer.to_owned()).collect())
    });
    let rules: Vec<(String, Vec<String>)> = layers.into_iter().chain(others).collect();
    for (module, forbidden) in &rules {
        for file in files_of(&source, module) {
            files += 1;
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in lines {
                let is_upward = |layer: &&String| {
                    line.contains(&format!("crate::{layer}::"))
                        || line.contains(&format!("crate::{layer};"))
                };
                if let Some(layer) = forbidden.iter().find(is_upward) {
                    upward.push(format!("{}: {module} imports {layer}: {line}", file.display()));
                }
            }
        }
    }
    assert!(files > 100, "only {files} files were found");
    assert!(upward.is_empty(), "{upward:#?}");
}

/// The compiler checks that no module uses the object-relational mapper, since the crate does not
/// depend on it; but the tables of the store are public for tests.
#[test]
fn no_module_names_a_table() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let names_table = |line: &str| {
        let mut found = line.match_indices("entity::");
        found.any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    let mut naming = Vec::new();
    for file in files_in(source) {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().filter(|line| names_table(line));
        naming.extend(lines.map(|line| format!("{}: {line}", file.display())));
    }
    assert!(naming.is_empty(), "{naming:#?}");
}

/// What `castalia-core` has without its client, and with `discovery`.
const SHARED: [&str; 10] = [
    "backoff",
    "discovery",
    "error",
    "format",
    "protocol",
    "redact",
    "transport",
    "Error",
    "ErrorKind",
    "Result",
];

/// The workspace compiles the server with a core that has the client as well, so that only a build
/// of the server alone, as of `make run`, would fail.
#[test]
fn no_module_uses_the_client() {
    let server = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut foreign = Vec::new();
    let mut uses = 0;
    for part in ["src", "archive/src", "eureka/src", "store/src"] {
        for file in files_in(server.join(part)) {
            let text = fs::read_to_string(&file).unwrap();
            for (at, core) in text.match_indices("castalia_core::") {
                uses += 1;
                let rest = &text[at + core.len()..];
                let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next();
                if !name.is_some_and(|name| SHARED.contains(&name)) {
                    let line = rest.lines().next().unwrap_or_default();
                    foreign.push(format!("{}: {core}{line}", file.display()));
                }
            }
        }
    }
    assert!(uses > 100, "only {uses} uses were found");
    assert!(foreign.is_empty(), "{foreign:#?}");
}

/// Features of libraries that only other crates of the workspace turn on, and no code of the server
/// uses.
const OF_OTHERS: [(&str, &[&str]); 5] = [
    ("clap", &["env"]),
    ("clap_builder", &["env"]),
    ("libsqlite3-sys", &["default", "min_sqlite_version_3_34_1"]),
    ("tokio", &["io-std", "test-util"]),
    ("tokio-rustls", &["ring"]),
];

/// With the same features, the server compiles alone if it compiles with the workspace.
#[test]
fn the_server_turns_on_what_it_uses() {
    let alone = features(&["--package", "castalia-server", "--edges", "normal,no-proc-macro"]);
    let together = features(&["--workspace", "--edges", "normal,dev,no-proc-macro"]);
    let others: BTreeMap<_, _> = OF_OTHERS.into();
    assert!(alone.len() > 200, "only {} libraries were found", alone.len());
    for (package, own) in &alone {
        let name = package.split(' ').next().unwrap_or_default();
        if name.starts_with("castalia-") {
            continue;
        }
        let excused = others.get(name).copied().unwrap_or_default();
        let borrowed: Vec<_> = together[package].difference(own).collect();
        let is_excused = |feature: &&String| excused.contains(&feature.as_str());
        assert!(
            borrowed.iter().all(is_excused),
            "only other crates of the workspace turn on {borrowed:?} of {package}: turn on in server/Cargo.toml what the server uses, and list the others in OF_OTHERS",
        );
    }
}

/// The features of each library that cargo selects.
fn features(selection: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--offline", "--quiet", "--prefix", "none", "--format", "{p}|{f}|"]);
    let output = cargo.args(selection).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut found: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let mut columns = line.split('|');
        let (Some(package), Some(features)) = (columns.next(), columns.next()) else { continue };
        let of_package = found.entry(package.to_owned()).or_default();
        of_package.extend(features.split(',').filter(|name| !name.is_empty()).map(str::to_owned));
    }
    found
}

/// `module.rs` and everything in `module/`.
fn files_of(source: &Path, module: &str) -> Vec<PathBuf> {
    let mut found = files_in(source.join(module));
    found.push(source.join(format!("{module}.rs")));
    found
}

fn files_in(directory: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![directory];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}
