//! What one portal made is changed and ended by the other on the same databases (`handover.txt`).
//! Answers, and the rows that each part leaves (`rows.txt`), are compared with those of a run by
//! Apollo's portal alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{compare, differing};
use crate::interop::replay::{Call, Caller, calls};
use crate::support::database::Database;

const CALLS: &str = include_str!("handover.txt");
const ROWS: &str = include_str!("rows.txt");
const PARTS: [&str; 4] = ["make", "change", "end", "delete"];

/// A portal, as index among the callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Theirs,
    Ours,
}

/// All parts, the first one sent to one portal and the others to the same or the other one.
#[derive(Debug)]
pub(super) struct Run<'a> {
    callers: [Caller; 2],
    databases: &'a BTreeMap<&'static str, Database>,
    /// What the portals show differently.
    shown: BTreeSet<String>,
    /// How `differences.txt` names an answer or the rows of a table, and what they are.
    results: Vec<(String, Value)>,
}

impl<'a> Run<'a> {
    pub(super) async fn send(
        callers: [Caller; 2],
        databases: &'a BTreeMap<&'static str, Database>,
        maker: Side,
        successor: Side,
    ) -> Self {
        let mut run = Self { callers, databases, shown: BTreeSet::new(), results: Vec::new() };
        for part in PARTS {
            let writer = if part == "make" { maker } else { successor };
            let calls = calls(CALLS).into_iter();
            for call in calls.filter(|call| [part, "look"].contains(&call.page)) {
                run.send_call(writer, &call).await;
            }
            run.read_rows(part).await;
        }
        run
    }

    /// Its differences from a run by Apollo's portal alone, and those between what the portals
    /// show.
    pub(super) fn differences(self, alone: &Self) -> BTreeSet<String> {
        assert_eq!(alone.results.len(), self.results.len());
        let pairs = alone.results.iter().zip(&self.results);
        let found = pairs.flat_map(|((_, theirs), (name, ours))| differing(name, theirs, ours));
        found.chain(self.shown).collect()
    }

    async fn send_call(&mut self, writer: Side, call: &Call) {
        let answer = super::answer(&mut self.callers[writer as usize], call).await;
        let (read, mode) = match writer {
            Side::Theirs => ("beside ", "after ours "),
            Side::Ours => ("behind ", ""),
        };
        let variables = self.callers[writer as usize].variables.clone();
        let other = &mut self.callers[1 - writer as usize];
        other.variables = variables;
        if ["GET", "CLIENT", "TOKEN", "USER"].contains(&call.method) {
            let shown = super::answer(other, call).await;
            let [theirs, ours] = match writer {
                Side::Theirs => [&answer, &shown],
                Side::Ours => [&shown, &answer],
            };
            self.shown.extend(differing(&format!("{read}{}", call.name()), theirs, ours));
        }
        self.results.push((format!("{mode}{}", call.name()), answer));
    }

    async fn read_rows(&mut self, part: &str) {
        for line in ROWS.lines().filter(|line| !line.starts_with('#')) {
            let (database, rest) = line.split_once(' ').unwrap();
            let (table, sql) = rest.split_once(' ').unwrap();
            let rows = self.databases[database].rows(&self.callers[0].fill(sql)).await;
            let rows = rows.into_iter().map(named_as_in_answers).collect();
            let rows = compare::without_variables(&rows, &self.callers[0].variables);
            self.results.push((format!("rows after {part}, {database} {table}"), rows));
        }
    }
}

/// A row whose columns have names such as those of members, `releaseKey` for `ReleaseKey`.
fn named_as_in_answers(row: Value) -> Value {
    let Value::Object(columns) = row else { return row };
    let columns = columns.into_iter().map(|(mut name, value)| {
        name[..1].make_ascii_lowercase();
        (name, value)
    });
    Value::Object(columns.collect::<Map<_, _>>())
}
