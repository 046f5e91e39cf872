#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test program")]
//! The table of the surface in `bindings/README.md`, the cases and what each language offers agree;
//! and every counter is shown in every language.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use castalia_core::InMemory;
use serde_json::{Map, Value};

/// Steps that control or ask the scripted server, and call no client.
const OF_THE_SERVER: [&str; 4] = ["publish", "withdraw", "fail", "requests"];

/// Where each language of the table declares what it offers, and its driver.
const LANGUAGES: [(&str, &str, &str); 6] = [
    ("Rust", "core/src", "tests/contract/rust.rs"),
    ("C", "include/castalia.h", "tests/c/contract.c"),
    ("C++", "include/castalia", "tests/cpp/contract.cpp"),
    ("Python", "bindings/python/python/castalia", "bindings/python/tests/contract_driver.py"),
    ("Node", "bindings/node/index.d.cts", "bindings/node/test/driver.mjs"),
    (
        "Kotlin",
        "bindings/kotlin/src/main/kotlin/io/castalia",
        "bindings/kotlin/src/test/kotlin/io/castalia/ContractDriver.kt",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text_of(path: &Path) -> String {
    if path.is_file() {
        return fs::read_to_string(path).unwrap();
    }
    let entries = fs::read_dir(path).unwrap();
    let paths: BTreeSet<_> = entries.map(|entry| entry.unwrap().path()).collect();
    let sources = paths.iter().filter(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        path.is_dir() || matches!(extension, Some("rs" | "hpp" | "py" | "kt"))
    });
    sources.map(|path| text_of(path)).collect()
}

/// Every word of a text that could be a name.
fn names_in(text: &str) -> BTreeSet<&str> {
    text.split(|sign: char| !(sign.is_alphanumeric() || sign == '_')).collect()
}

/// The rows of the table, by the word of the cases: the name in each language.
fn table() -> BTreeMap<String, Vec<String>> {
    let readme = text_of(&root().join("bindings/README.md"));
    let header: Vec<_> = LANGUAGES.iter().map(|(language, _, _)| *language).collect();
    let header = format!("| case | {} |", header.join(" | "));
    let rows = readme.split_once(&header).expect("the table begins with its languages").1;
    let rows = rows.lines().skip(2).take_while(|line| line.starts_with('|'));
    let rows = rows.map(|line| {
        let mut cells = line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
        let (_, word) = (cells.next(), cells.next().unwrap());
        (word, cells.take(LANGUAGES.len()).collect())
    });
    rows.collect()
}

/// The words of all steps of all cases, and what every case begins with.
fn words_of_the_cases() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let cases = files.flat_map(|path| {
        serde_json::from_str::<Vec<Value>>(&text_of(&path)).expect("a file is a list of cases")
    });
    let steps = cases.flat_map(|mut case| match case["steps"].take() {
        Value::Array(steps) => steps,
        _ => Vec::new(),
    });
    let words =
        steps.flat_map(|step| step.as_object().unwrap().keys().cloned().collect::<Vec<_>>());
    words.chain(["client".to_owned()]).collect()
}

#[test]
fn every_call_of_the_table_is_made_by_a_case_and_the_other_way_round() {
    let (table, words) = (table(), words_of_the_cases());
    let steps = fs::read_to_string(root().join("tests/contract/case.rs")).unwrap();
    let actions = steps.split_once("const ACTIONS").unwrap().1.split_once("];").unwrap().0;
    let actions: BTreeSet<_> = names_in(actions.split_once("= &[").unwrap().1);
    let actions = actions.into_iter().filter(|word| !word.is_empty());
    let mut actions: BTreeSet<_> = actions.filter(|word| !OF_THE_SERVER.contains(word)).collect();
    actions.insert("client");
    assert_eq!(table.keys().map(String::as_str).collect::<BTreeSet<_>>(), actions);
    let unused: Vec<_> = table.keys().filter(|word| !words.contains(*word)).collect();
    assert!(unused.is_empty(), "no case calls {unused:?}, so no driver needs to know it");
}

#[test]
fn every_language_offers_what_the_table_names() {
    let table = table();
    for (index, (language, face, driver)) in LANGUAGES.into_iter().enumerate() {
        let face = text_of(&root().join(face));
        let offered = names_in(&face);
        assert!(root().join(driver).is_file(), "{language} has no driver {driver}");
        for (word, names) in &table {
            let mut parts = names[index].split("::");
            assert!(
                parts.all(|name| !name.is_empty() && offered.contains(name)),
                "{language} has no `{}`, which bindings/README.md names for `{word}`",
                names[index]
            );
        }
    }
}

/// The names of the fields of a client's records.
async fn fields() -> BTreeSet<String> {
    let memory = InMemory::new().unwrap();
    memory.client().config("application").await.unwrap();
    let metrics = serde_json::to_value(memory.client().metrics()).unwrap();
    let settings = serde_json::to_value(memory.client().settings()).unwrap();
    let records = [&metrics, &metrics["namespaces"][0], &metrics["threads"], &settings[0]];
    let names = |record: &Value| record.as_object().map(Map::keys).unwrap().cloned().collect();
    let mut names: BTreeSet<_> = records.into_iter().flat_map(names as fn(_) -> Vec<_>).collect();
    names.extend(["endpoint", "status", "count", "time_us"].map(str::to_owned));
    names
}

/// A name as Node and Kotlin write it.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |all, word| all + &word[..1].to_uppercase() + &word[1..])
}

/// A counter that one language does not show would be missed by nobody else.
#[tokio::test]
async fn every_counter_is_shown_in_every_language() {
    let face = |path: &str| text_of(&root().join(path));
    let faces = [
        ("C++", face("include/castalia/monitor.hpp")),
        ("Python", face("bindings/python/python/castalia/_monitor.py")),
        ("Python", face("bindings/python/python/castalia/_settings.py")),
        ("Node", face("bindings/node/index.d.cts")),
        ("Kotlin", face("bindings/kotlin/src/main/kotlin/io/castalia/Metrics.kt")),
        ("Kotlin", face("bindings/kotlin/src/main/kotlin/io/castalia/Settings.kt")),
    ];
    for name in fields().await {
        let bare = name.trim_end_matches("_us").to_owned();
        for language in ["C++", "Python", "Node", "Kotlin"] {
            let spellings = match language {
                "C++" | "Kotlin" => vec![name.clone()],
                "Python" => vec![bare.clone()],
                // Durations are milliseconds there, and say so.
                _ => vec![camel(&bare), camel(&bare) + "Ms"],
            };
            let mut faces = faces.iter().filter(|(of, _)| *of == language);
            let is_shown = faces.any(|(_, face)| {
                let shown = names_in(face);
                spellings.iter().any(|spelling| shown.contains(spelling.as_str()))
            });
            assert!(is_shown, "{language} does not show `{name}`");
        }
    }
}
