//! The layers of the server: each module imports only what is below it, and none knows a table. The
//! compiler cannot check this within one crate.

use std::fs;
use std::path::{Path, PathBuf};

/// What the code of a module must not import.
const FORBIDDEN: [(&str, &[&str]); 11] = [
    ("role", &["node", "command"]),
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
    for (module, forbidden) in FORBIDDEN {
        for file in files_of(&source, module) {
            files += 1;
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in lines {
                let is_upward = |layer: &&&str| {
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
