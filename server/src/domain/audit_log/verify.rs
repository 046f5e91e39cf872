//! Compares an audit log with its seals, and names the first record that was changed, removed or
//! inserted. Writes nothing; a server may be running.

use std::fmt;

use castalia_store::audit::seal::{self, LogRows, Position};
use castalia_store::audit::{AuditSeal, search_logs};
use castalia_store::clock::shared_time;
use castalia_store::{Id, Page};
use chrono::{DateTime, TimeDelta, Utc};

use super::digest::{self, LogTable, Records};
use super::{Log, Search, retention};
use crate::error::Result;

/// Seals that are read at once.
const SEALS: u64 = 50;
/// More rows of each table than one seal lists: whoever inserts more is noticed anyway.
const ROWS: [u64; 3] = [2_000; 3];
/// Below all ids, even those that no engine generates.
const BELOW_ALL: Position = Position::everywhere(Id(i64::MIN));
const ABOVE_ALL: Position = Position::everywhere(Id(i64::MAX));
/// Newest removals among which the one that explains the start of the chain must be.
const REMOVALS: u64 = 20;
/// Age at which a running server has sealed an operation.
const LATE: TimeDelta = TimeDelta::minutes(10);
/// Attempts, since a server may remove old records during a comparison.
const ATTEMPTS: u32 = 3;

/// Number and digest of a seal. Whoever keeps it elsewhere can detect that the chain was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    /// Number of the seal.
    pub number: i64,
    /// Its digest.
    pub digest: String,
}

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.digest)
    }
}

impl std::str::FromStr for ChainHead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once(':').and_then(|(number, digest)| {
            let (number, digest) = (number.parse().ok()?, digest.to_owned());
            Some(Self { number, digest })
        });
        parsed.ok_or_else(|| format!("`{text}` is not NUMBER:DIGEST, as an earlier check printed"))
    }
}

/// The outcome of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Compared seals.
    pub seals: u64,
    /// Compared records, of all tables.
    pub records: u64,
    /// Operations, and rows of `Audit`, that are not sealed yet.
    pub unsealed: u64,
    /// The newest seal whose records were removed because of their age, and when it was made.
    pub removed: Option<(i64, DateTime<Utc>)>,
    /// The newest seal.
    pub head: Option<ChainHead>,
    /// The first difference.
    pub fault: Option<String>,
}

/// Compares everything. `expected` is the head of an earlier comparison; records are kept for the
/// time `kept` at least, so nobody but a manipulator removes younger ones.
///
/// # Errors
/// Fails if the database cannot be read.
pub async fn verify(log: &Log, expected: Option<&ChainHead>, kept: TimeDelta) -> Result<Report> {
    let mut attempt = 1;
    loop {
        let first = oldest(log).await?;
        let report = compare(log, expected, kept).await?;
        // Records that a server removed meanwhile are missing, but not because of a manipulation.
        if report.fault.is_none() || attempt == ATTEMPTS || oldest(log).await? == first {
            return Ok(report);
        }
        attempt += 1;
    }
}

async fn oldest(log: &Log) -> Result<Option<AuditSeal>> {
    Ok(seal::after(log.store.read(), log.part, Id(0), 1).await?.pop())
}

async fn compare(log: &Log, expected: Option<&ChainHead>, kept: TimeDelta) -> Result<Report> {
    let mut report = Report::default();
    let mut previous: Option<AuditSeal> = None;
    let mut is_expected_found = expected.is_none();
    loop {
        let after = previous.as_ref().map_or(Id(0), |seal| seal.number);
        let seals = seal::after(log.store.read(), log.part, after, SEALS).await?;
        if seals.is_empty() {
            break;
        }
        for next in seals {
            let fault = match &previous {
                None if next.number != Id(1) || next.records.is_empty() => {
                    report.removed = Some((next.number.0, *next.sealed_time));
                    match start(log, &next, kept).await? {
                        None => removed_expected(expected, &next),
                        fault => fault,
                    }
                }
                previous => link(log, previous.as_ref(), &next, &mut report).await?,
            };
            if let Some(expected) = expected.filter(|head| head.number == next.number.0) {
                is_expected_found = expected.digest == next.digest;
            }
            report.seals += 1;
            if fault.is_some() {
                return Ok(Report { fault, ..report });
            }
            previous = Some(next);
        }
    }
    if let Some(expected) = expected.filter(|_| !is_expected_found) {
        report.fault = Some(format!(
            "seal {} is not the expected one: the seals were replaced or removed",
            expected.number
        ));
    }
    let last = previous.as_ref().map_or(Position::default(), AuditSeal::position);
    let unsealed = seal::rows(log.store.read(), log.part, (last, ABOVE_ALL), ROWS).await?;
    report.unsealed = (unsealed.logs.len() + unsealed.audits.len()) as u64;
    report.head = previous.map(|seal| ChainHead { number: seal.number.0, digest: seal.digest });
    if report.head.is_none() && report.fault.is_none() {
        report.fault = never_sealed(&unsealed, shared_time(log.store.read()).await?);
    }
    Ok(report)
}

/// The fault of a log without any seal: nothing can be compared, which is right for a new log only.
fn never_sealed(rows: &LogRows, now: DateTime<Utc>) -> Option<String> {
    let logs = rows.logs.first();
    let logs = logs.map(|row| (LogTable::Log, row.id, *row.data_change_created_time));
    let audits = rows.audits.first();
    let audits = audits.map(|row| (LogTable::Audit, row.id, *row.data_change_created_time));
    let (table, id, time) = logs.into_iter().chain(audits).min_by_key(|(_, _, time)| *time)?;
    (time < now - LATE).then(|| {
        format!(
            "no seal exists, although {} {id} is of {time:.0}: the seals were removed, \
             or no Castalia server has sealed this log yet",
            table.name()
        )
    })
}

/// Checks a seal whose records were removed: a record must say so, and no older row may exist.
async fn start(log: &Log, seal: &AuditSeal, kept: TimeDelta) -> Result<Option<String>> {
    let number = seal.number;
    let before = format!("the seals before {} were removed", number.0);
    if !seal.records.is_empty() {
        return Ok(Some(before));
    }
    let newest = Page::new(0, REMOVALS);
    let removals = Search { name: Some(retention::NAME.to_owned()), ..Search::default() };
    let removals = search_logs(log.store.read(), &removals, &newest).await?;
    let expected = retention::description(number);
    if removals.iter().all(|row| row.description.as_deref() != Some(expected.as_str())) {
        return Ok(Some(format!("{before}, and no record says that their time was over")));
    }
    // As in the removal, or a computer whose clock is behind would report a manipulation.
    if *seal.sealed_time > shared_time(log.store.read()).await? - kept {
        let (number, time) = (number.0, *seal.sealed_time);
        return Ok(Some(format!(
            "the records up to seal {number} of {time:.0} were removed before their time was over"
        )));
    }
    let found = rows(log, None, seal).await?;
    Ok(found.keys().next().map(|(table, id)| {
        format!("{} {} was inserted: its id is older than the first sealed one", table.name(), id.0)
    }))
}

/// An expected seal before the start of the chain no longer vouches for it.
fn removed_expected(expected: Option<&ChainHead>, start: &AuditSeal) -> Option<String> {
    let expected = expected.filter(|head| head.number < start.number.0)?.number;
    let (number, time) = (start.number.0, *start.sealed_time);
    Some(format!(
        "the records up to seal {number} of {time:.0} were removed, and with them the expected seal {expected}; \
         nothing can be compared with it any more, so pass a newer one"
    ))
}

/// Checks a seal after the one before, and the rows that it lists.
async fn link(
    log: &Log,
    previous: Option<&AuditSeal>,
    seal: &AuditSeal,
    report: &mut Report,
) -> Result<Option<String>> {
    let number = seal.number.0;
    let (expected, digest) = match previous {
        Some(previous) => (previous.number.0 + 1, previous.digest.as_str()),
        None => (1, ""),
    };
    if number != expected {
        return Ok(Some(format!("seal {expected} was removed")));
    }
    if digest::of_seal(log.part, digest, seal) != seal.digest {
        return Ok(Some(format!("seal {number} was changed, or a seal before it was replaced")));
    }
    let Some(listed) = digest::parse(&seal.records) else {
        return Ok(Some(format!("seal {number} lists no records")));
    };
    let found = rows(log, previous, seal).await?;
    report.records += listed.len() as u64;
    let Some(((table, id), what)) = difference(&listed, &found) else { return Ok(None) };
    let what = format!("{} {} was {what} after it was sealed in seal {number}", table.name(), id.0);
    Ok(Some(format!("{what}{}", shown(log, table, id).await?)))
}

/// The digests of the stored rows between two seals.
async fn rows(log: &Log, previous: Option<&AuditSeal>, seal: &AuditSeal) -> Result<Records> {
    let range = (previous.map_or(BELOW_ALL, AuditSeal::position), seal.position());
    Ok(digest::of_rows(&seal::rows(log.store.read(), log.part, range, ROWS).await?))
}

/// The first row that differs.
fn difference(listed: &Records, found: &Records) -> Option<((LogTable, Id), &'static str)> {
    let missing = listed.iter().filter_map(|(key, digest)| match found.get(key) {
        None => Some((*key, "removed")),
        Some(found) => (found != digest).then_some((*key, "changed")),
    });
    let inserted = found.keys().filter(|key| !listed.contains_key(*key));
    missing.chain(inserted.map(|key| (*key, "inserted"))).min_by_key(|(key, _)| *key)
}

/// What a stored operation says now, for the message.
async fn shown(log: &Log, table: LogTable, id: Id) -> Result<String> {
    let range = (Position::everywhere(Id(id.0 - 1)), Position::everywhere(id));
    let found = seal::rows(log.store.read(), log.part, range, [1; 3]).await?;
    let says = match table {
        LogTable::Log => {
            let row = found.logs.first();
            row.map(|row| format!("{} by {}", row.op_name, row.operator))
        }
        LogTable::Audit => found.audits.first().map(|row| {
            let id = row.entity_id.unwrap_or_default();
            let (operation, table) = (&row.op_name, &row.entity_name);
            format!("{operation} of {table} {id} by {}", row.data_change_created_by)
        }),
        LogTable::Influence => None,
    };
    Ok(says.map_or(String::new(), |says| format!("; it now says {says}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let records = |ids: &[(i64, &str)]| -> Records {
            ids.iter()
                .map(|(id, digest)| ((LogTable::Log, Id(*id)), (*digest).to_owned()))
                .collect()
        };
        let listed = records(&[(1, "a"), (2, "b"), (4, "d")]);
        let at = |found: &[(i64, &str)]| {
            difference(&listed, &records(found)).map(|((_, id), what)| (id.0, what))
        };
        assert_eq!(at(&[(1, "a"), (2, "b"), (4, "d")]), None);
        assert_eq!(at(&[(1, "a"), (4, "x")]), Some((2, "removed")));
        assert_eq!(at(&[(1, "a"), (2, "x")]), Some((2, "changed")));
        assert_eq!(at(&[(1, "a"), (2, "b"), (3, "c")]), Some((3, "inserted")));
    }

    #[test]
    fn a_head_is_read_back() {
        let head = ChainHead { number: 7, digest: "ab".into() };
        assert_eq!(head.to_string().parse(), Ok(head));
        assert!("7".parse::<ChainHead>().is_err());
    }
}
