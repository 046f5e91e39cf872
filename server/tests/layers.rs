//! The layers of the server: each module imports only what is below it. The compiler cannot check
//! this within one crate.

use std::fs;
use std::path::{Path, PathBuf};

/// What the code of a module must not import.
const FORBIDDEN: [(&str, &[&str]); 8] = [
    ("role", &["node", "command"]),
    ("state", &["role", "node", "command"]),
    ("environment", &["role", "state", "node", "feed", "registry"]),
    ("domain", &["role", "http", "environment", "state", "wire", "node", "registry"]),
    ("registry", &["role", "http", "environment", "state", "node", "feed", "domain"]),
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

/// `module.rs` and everything in `module/`.
fn files_of(source: &Path, module: &str) -> Vec<PathBuf> {
    let mut found = vec![source.join(format!("{module}.rs"))];
    let mut directories = vec![source.join(module)];
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
