//! Digests of an audit log: of each row, and of a seal, which lists the digests of its rows and
//! includes the digest of the seal before. SHA-256 without a key: who can write the table of seals
//! as well can compute a new chain, which only a digest that is kept elsewhere reveals.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use castalia_store::audit::seal::LogRows;
use castalia_store::audit::{Audit, AuditLog, AuditLogDataInfluence, AuditSeal};
use castalia_store::{Id, Part};
use sha2::{Digest as _, Sha256};

/// A table of the audit log, with its letter in a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LogTable {
    Log,
    Influence,
    Audit,
}

impl LogTable {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Log => "AuditLog",
            Self::Influence => "AuditLogDataInfluence",
            Self::Audit => "Audit",
        }
    }

    fn letter(self) -> &'static str {
        match self {
            Self::Log => "L",
            Self::Influence => "F",
            Self::Audit => "A",
        }
    }
}

/// The digests of rows, operations first.
pub(super) type Records = BTreeMap<(LogTable, Id), String>;

/// The digests of these rows.
pub(super) fn of_rows(rows: &LogRows) -> Records {
    let logs = rows.logs.iter().map(|row| ((LogTable::Log, row.id), of_log(row)));
    let influences = rows.influences.iter();
    let influences = influences.map(|row| ((LogTable::Influence, row.id), of_influence(row)));
    let audits = rows.audits.iter().map(|row| ((LogTable::Audit, row.id), of_audit(row)));
    logs.chain(influences).chain(audits).collect()
}

/// Adds Apollo's standard columns; the rows have no common type, and `Audit` always has an author.
macro_rules! add_standard {
    ($digest:ident, $row:ident, $author:expr) => {
        $digest.number(i64::from($row.is_deleted));
        $digest.number($row.deleted_at);
        $digest.text($author);
        $digest.number($row.data_change_created_time.timestamp_millis());
        $digest.text($row.data_change_last_modified_by.as_deref());
        $digest.number($row.data_change_last_time.map_or(-1, |time| time.timestamp_millis()));
    };
}

fn of_log(row: &AuditLog) -> String {
    let mut digest = Fields::default();
    digest.number(row.id.0);
    // Fixed-width columns are padded on some engines.
    digest.text(Some(row.trace_id.trim_end()));
    digest.text(Some(row.span_id.trim_end()));
    digest.text(row.parent_span_id.as_deref().map(str::trim_end));
    digest.text(row.follows_from_span_id.as_deref().map(str::trim_end));
    for text in [&row.operator, &row.op_type, &row.op_name] {
        digest.text(Some(text));
    }
    digest.text(row.description.as_deref());
    add_standard!(digest, row, row.data_change_created_by.as_deref());
    digest.finish()
}

fn of_influence(row: &AuditLogDataInfluence) -> String {
    let mut digest = Fields::default();
    digest.number(row.id.0);
    digest.text(Some(row.span_id.trim_end()));
    digest.text(Some(&row.influence_entity_id));
    digest.text(Some(&row.influence_entity_name));
    for text in [&row.field_name, &row.field_old_value, &row.field_new_value] {
        digest.text(text.as_deref());
    }
    add_standard!(digest, row, row.data_change_created_by.as_deref());
    digest.finish()
}

fn of_audit(row: &Audit) -> String {
    let mut digest = Fields::default();
    digest.number(row.id.0);
    digest.text(Some(&row.entity_name));
    // No engine generates this id.
    digest.number(row.entity_id.map_or(i64::MIN, |id| id.0));
    digest.text(Some(&row.op_name));
    digest.text(row.comment.as_deref());
    add_standard!(digest, row, Some(&row.data_change_created_by));
    digest.finish()
}

/// The digest of a seal, after the digest of the one before.
pub(super) fn of_seal(part: Part, previous: &str, seal: &AuditSeal) -> String {
    let mut digest = Fields::default();
    digest.text(Some(previous));
    for id in [seal.number, seal.last_log_id, seal.last_influence_id] {
        digest.number(id.0);
    }
    if part == Part::Config {
        digest.number(seal.last_audit_id.0);
    }
    digest.number(seal.sealed_time.timestamp_millis());
    digest.text(Some(&seal.records));
    digest.finish()
}

/// The text of a seal: a line for each row.
pub(super) fn write(records: &Records) -> String {
    records.iter().fold(String::new(), |mut text, ((table, id), digest)| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} {} {digest}", table.letter(), id.0);
        text
    })
}

/// Parses the text of a seal; `None` if nobody could have written it.
pub(super) fn parse(text: &str) -> Option<Records> {
    let line = |line: &str| {
        let mut parts = line.split(' ');
        let (letter, id, digest) = (parts.next()?, parts.next()?, parts.next()?);
        let table = [LogTable::Log, LogTable::Influence, LogTable::Audit]
            .into_iter()
            .find(|t| t.letter() == letter)?;
        Some(((table, Id(id.parse().ok()?)), digest.to_owned()))
    };
    text.lines().map(line).collect()
}

/// Fields with their lengths, so that the boundary between two of them is unambiguous.
#[derive(Default)]
struct Fields(Sha256);

impl Fields {
    fn number(&mut self, number: i64) {
        self.0.update(number.to_be_bytes());
    }

    fn text(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.0.update(u64::MAX.to_be_bytes()) };
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text);
    }

    fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(id: i64, operator: &str, name: &str) -> AuditLog {
        let time = chrono::DateTime::UNIX_EPOCH;
        AuditLog {
            id: Id(id),
            trace_id: "t".into(),
            span_id: "s".into(),
            parent_span_id: None,
            follows_from_span_id: None,
            operator: operator.into(),
            op_type: "RPC".into(),
            op_name: name.into(),
            description: None,
            is_deleted: false,
            deleted_at: 0,
            data_change_created_by: None,
            data_change_created_time: time.into(),
            data_change_last_modified_by: None,
            data_change_last_time: None,
        }
    }

    fn audit(id: i64) -> Audit {
        let time = chrono::DateTime::UNIX_EPOCH;
        Audit {
            id: Id(id),
            entity_name: "Item".into(),
            entity_id: Some(Id(7)),
            op_name: "UPDATE".into(),
            comment: None,
            is_deleted: false,
            deleted_at: 0,
            data_change_created_by: "u".into(),
            data_change_created_time: time.into(),
            data_change_last_modified_by: None,
            data_change_last_time: None,
        }
    }

    #[test]
    fn every_field_of_audit_counts() {
        let original = of_audit(&audit(1));
        let others = [
            audit(2),
            Audit { entity_name: "Release".into(), ..audit(1) },
            Audit { entity_id: None, ..audit(1) },
            Audit { entity_id: Some(Id(8)), ..audit(1) },
            Audit { op_name: "DELETE".into(), ..audit(1) },
            Audit { comment: Some(String::new()), ..audit(1) },
            Audit { is_deleted: true, ..audit(1) },
            Audit { data_change_created_by: "v".into(), ..audit(1) },
        ];
        for other in others {
            assert_ne!(original, of_audit(&other), "{other:?}");
        }
    }

    #[test]
    fn every_field_and_its_boundaries_count() {
        let original = of_log(&log(1, "u1", "App.create"));
        assert_eq!(original, of_log(&log(1, "u1", "App.create")));
        let moved = AuditLog { op_type: "RPCA".into(), ..log(1, "u1", "pp.create") };
        let empty = AuditLog { description: Some(String::new()), ..log(1, "u1", "App.create") };
        for other in [log(2, "u1", "App.create"), log(1, "u2", "App.create"), moved, empty] {
            assert_ne!(original, of_log(&other), "{other:?}");
        }
        let padded = AuditLog { span_id: "s    ".into(), ..log(1, "u1", "App.create") };
        assert_eq!(original, of_log(&padded));
    }

    #[test]
    fn the_text_of_a_seal_is_read_back() {
        let logs = vec![log(9, "u", "n"), log(10, "u", "n")];
        let records = of_rows(&LogRows { logs, audits: vec![audit(9)], ..LogRows::default() });
        assert_eq!(parse(&write(&records)), Some(records));
        assert_eq!(parse(""), Some(Records::new()));
        assert_eq!(parse("X 1 abc"), None);
        assert_eq!(parse("L one abc"), None);
    }
}
