//! Access keys in memory, also while their rows are missing from the table.

use super::*;
use crate::missing_row::REMOVED;

fn key(id: i64, app_id: &str, mode: Mode, is_enabled: bool) -> AccessKey {
    AccessKey { id, app_id: app_id.into(), signer: Signer::new("s"), mode, is_enabled }
}

#[test]
fn only_enabled_keys_count() {
    let keys = AccessKeys::new(false);
    assert!(keys.age().is_none());
    let observer = key(2, "sec", Mode::Observe, true);
    keys.replace([key(1, "sec", Mode::Filter, true), observer, key(3, "off", Mode::Filter, false)]);
    assert!(keys.age().is_some() && keys.of("off").is_none());
    let found = keys.of("sec").unwrap();
    assert_eq!((found.filter.len(), found.observe.len()), (1, 1));
    assert!(keys.of("SEC").is_none());
}

#[test]
fn where_names_fold_the_keys_of_all_spellings_protect_the_app() {
    let keys = AccessKeys::new(true);
    keys.replace([key(1, "sec", Mode::Observe, true), key(2, "SEC", Mode::Filter, true)]);
    assert_eq!(keys.of("Sec").unwrap().filter.len(), 1);
}

#[test]
fn a_change_of_filter_keys_names_its_app() {
    let keys = AccessKeys::new(false);
    let changed = |rows: Vec<AccessKey>| {
        let mut changed: Vec<_> = keys.replace(rows).iter().map(ToString::to_string).collect();
        changed.sort();
        changed.dedup();
        changed
    };
    let filter = |id, app_id| key(id, app_id, Mode::Filter, true);
    assert!(changed(vec![filter(1, "a"), filter(2, "b")]).is_empty());
    assert!(
        changed(vec![filter(1, "a"), filter(2, "b"), key(3, "a", Mode::Observe, true)]).is_empty()
    );
    assert_eq!(changed(vec![filter(1, "a"), filter(4, "c")]), ["b", "c"]);
    assert_eq!(changed(vec![filter(5, "a")]), ["a", "c"]);
}

/// What a read of these rows changes: `missing` keys are added, as in the feed.
fn read(keys: &AccessKeys, rows: &[(i64, &str)], deleted: &[i64]) -> bool {
    let ids = rows.iter().map(|(id, _)| *id).chain(deleted.iter().copied()).collect();
    let went_back = keys.went_back(&ids);
    let rows = rows.iter().map(|(id, app_id)| key(*id, app_id, Mode::Filter, true));
    keys.replace(keys.missing(&ids).into_iter().chain(rows));
    went_back
}

/// S91
#[tokio::test(start_paused = true)]
async fn lost_keys_protect_until_everything_was_read_again() {
    let keys = AccessKeys::new(false);
    let are_closed = |keys: &AccessKeys| ["a", "b"].map(|app_id| keys.of(app_id).is_some());
    assert!(!read(&keys, &[(1, "a"), (2, "b")], &[]));
    assert!(read(&keys, &[(1, "a")], &[]), "a lagging replica");
    assert_eq!((are_closed(&keys), keys.is_missing_any()), ([true, true], true));
    let before = keys.losses();
    assert!(read(&keys, &[], &[]), "a restore");
    keys.reloaded(before);
    assert!(!read(&keys, &[(1, "a")], &[]));
    tokio::time::advance(REMOVED).await;
    assert!(!read(&keys, &[(1, "a")], &[]));
    assert_eq!(are_closed(&keys), [true, true], "a reload that began before does not count");
    keys.reloaded(keys.losses());
    assert!(!read(&keys, &[(1, "a")], &[]));
    assert_eq!((are_closed(&keys), keys.is_missing_any()), ([true, false], false));
}

/// S91: also after the reload, and while a restore inserts their rows one by one.
#[tokio::test(start_paused = true)]
async fn keys_protect_while_their_table_is_empty_and_is_filled() {
    let keys = AccessKeys::new(false);
    read(&keys, &[(1, "a"), (2, "b")], &[]);
    for _ in 0..3 {
        read(&keys, &[], &[]);
        keys.reloaded(keys.losses());
        tokio::time::advance(REMOVED * 2).await;
    }
    read(&keys, &[], &[]);
    assert!(keys.of("a").is_some() && keys.of("b").is_some());
    tokio::time::advance(REMOVED / 2).await;
    read(&keys, &[(1, "a")], &[]);
    assert!(keys.of("b").is_some() && keys.is_missing_any(), "the first row");
    tokio::time::advance(REMOVED).await;
    read(&keys, &[(1, "a")], &[]);
    assert!(keys.of("a").is_some() && keys.of("b").is_none() && !keys.is_missing_any());
}

/// S91: one table that is dropped, created and filled is empty for milliseconds.
#[tokio::test(start_paused = true)]
async fn keys_protect_while_their_table_is_filled_that_was_never_read_as_empty() {
    let keys = AccessKeys::new(false);
    let are_closed = |keys: &AccessKeys| ["b", "c"].map(|app_id| keys.of(app_id).is_some());
    read(&keys, &[(1, "a"), (2, "b"), (3, "c")], &[]);
    assert!(read(&keys, &[(1, "a")], &[]));
    keys.reloaded(keys.losses());
    read(&keys, &[(1, "a")], &[]);
    assert_eq!(are_closed(&keys), [true, true]);
    // Each row that appears shows that it is still being filled.
    for rows in [&[(1, "a")][..], &[(1, "a"), (2, "b")], &[(1, "a"), (2, "b")]] {
        tokio::time::advance(REMOVED * 2 / 3).await;
        read(&keys, rows, &[]);
        assert_eq!(are_closed(&keys), [true, true]);
    }
    tokio::time::advance(REMOVED).await;
    read(&keys, &[(1, "a"), (2, "b")], &[]);
    assert_eq!((are_closed(&keys), keys.is_missing_any()), ([true, false], false));
}

/// S91
#[tokio::test(start_paused = true)]
async fn a_key_that_is_marked_as_deleted_ends_while_its_table_is_filled() {
    let keys = AccessKeys::new(false);
    read(&keys, &[(1, "a"), (2, "b")], &[]);
    read(&keys, &[], &[]);
    read(&keys, &[], &[1]);
    assert!(keys.of("a").is_none() && keys.of("b").is_some());
}

/// Also the only one of all apps, and while others are lost.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_marked_as_deleted_ends_at_once() {
    let keys = AccessKeys::new(false);
    read(&keys, &[(1, "a"), (2, "b")], &[]);
    assert!(read(&keys, &[], &[1]));
    assert!(keys.of("a").is_none() && keys.of("b").is_some());
    keys.reloaded(keys.losses());
    tokio::time::advance(REMOVED).await;
    assert!(!read(&keys, &[], &[1]));
    assert!(keys.of("b").is_none() && !keys.is_missing_any());
}

#[test]
fn a_poll_is_admitted_by_the_key_that_let_it_in_or_where_there_is_none() {
    let mut keys = AppKeys::default();
    assert!(keys.admit(None) && keys.admit(Some(7)));
    keys.filter.push((7, Signer::new("s")));
    assert!(keys.admit(Some(7)) && !keys.admit(Some(8)) && !keys.admit(None));
}
