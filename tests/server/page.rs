//! Tests, metrics and settings that the documentation names exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).unwrap()
}

/// Texts in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Each rule has a table row, and each rule that is stated to hold has an existing test.
#[test]
fn every_rule_has_a_row_and_every_test_that_a_row_names_exists() {
    let page = page("rules.md");
    let rows: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("| SEC-") || line.starts_with("| REL-"))
        .collect();
    let numbers: Vec<_> = rows.iter().map(|row| row[2..].split(' ').next().unwrap()).collect();
    let expected: BTreeSet<_> = (1..=38)
        .map(|number| format!("SEC-{number:02}"))
        .chain(
            [1..=25, 30..=40, 50..=57, 60..=65]
                .into_iter()
                .flatten()
                .map(|number| format!("REL-{number:02}")),
        )
        .collect();
    assert_eq!(
        numbers.iter().map(|number| (*number).to_owned()).collect::<BTreeSet<_>>(),
        expected
    );
    assert_eq!(numbers.len(), expected.len(), "a rule has two rows");
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let state = cells[3];
        let states = ["holds", "small scale", "partly", "no", "not built", "not tried"];
        assert!(states.contains(&state), "{row}");
        assert!(!cells[4].is_empty(), "neither a test nor a reason: {row}");
        let names: Vec<_> = quoted(cells[4]).collect();
        assert!(!["holds", "small scale"].contains(&state) || !names.is_empty(), "no test: {row}");
        assert_named_tests_exist(&names, row);
    }
}

/// Each fault that is listed, of the product or of a test, has a row with existing tests.
#[test]
fn every_test_that_would_notice_a_fault_exists() {
    let page = page("faults.md");
    let is_fault = |line: &&str| {
        let id = line.strip_prefix("| ").and_then(|rest| rest.split(' ').next());
        id.and_then(|id| id.strip_prefix(|letter: char| "SXIBCPV".contains(letter)))
            .is_some_and(|number| number.parse::<u8>().is_ok())
    };
    let rows: Vec<_> = page.lines().filter(is_fault).collect();
    assert_eq!(rows.len(), 107 + 157 + 20 + 144 + 7 + 4 + 7);
    for row in rows {
        let names: Vec<_> = quoted(row.rsplit('|').nth(1).unwrap()).collect();
        assert!(!names.is_empty(), "neither a test nor a page: {row}");
        assert_named_tests_exist(&names, row);
    }
}

/// `path::test`, or `::test` in the same file as the one before; other words are left out.
#[track_caller]
fn assert_named_tests_exist(names: &[&str], row: &str) {
    let mut path = "";
    for name in names {
        let (file, test) =
            name.split_once("::").map_or((*name, None), |(file, test)| (file, Some(test)));
        if !file.is_empty() {
            path = file;
        }
        if !path.contains('/') || path.contains(' ') {
            continue;
        }
        let file = root().join(path);
        assert!(file.exists(), "{name} in {row}");
        if let Some(test) = test {
            let source = fs::read_to_string(&file).unwrap();
            let is_rust = file.extension().is_some_and(|kind| kind == "rs");
            let wanted = if is_rust { format!("fn {test}(") } else { test.to_owned() };
            assert!(source.contains(&wanted), "{name} in {row}");
        }
    }
}

/// Rust sources below a directory, as one text.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            text += &fs::read_to_string(&path).unwrap();
        }
    }
    text
}

/// Metrics, settings, suites and log lines in the operators' documentation exist in the server, or in
/// the half of the client that it uses.
#[test]
fn what_operators_are_told_to_look_at_exists() {
    let folders = ["server/src", "server/store/src", "core/src/transport"];
    let source: String = folders.iter().map(|folder| sources(&root().join(folder))).collect();
    let plain = source.split_whitespace().collect::<Vec<_>>().join(" ").replace("\\ ", "");
    let mut metrics = 0;
    for name in ["operations.md", "bounds.md"] {
        let page = page(name);
        for word in quoted(&page) {
            let metric = word.split('{').next().unwrap_or_default();
            if metric.starts_with("castalia_") {
                metrics += 1;
                assert!(source.contains(&format!("\"{metric}\"")), "{name}: {metric}");
            }
            if word.starts_with("security.")
                || word.starts_with("feed.")
                || word.starts_with("instance.")
            {
                assert!(source.contains(&format!("\"{word}\"")), "{name}: {word}");
            }
            if word.starts_with("tests/") {
                let path = word.split("::").next().unwrap_or_default();
                assert!(word.contains("...") || root().join(path).exists(), "{name}: {word}");
            }
        }
        // The table of faults quotes log lines as *"text"*.
        for line in page.split("*\"").skip(1).filter_map(|rest| rest.split("\"*").next()) {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(plain.contains(&line), "{name}: no such line: {line}");
        }
    }
    assert!(metrics > 15, "{metrics}");
}
