//! Reading an event: what changed from which value to which, and the content after it.

use std::sync::Arc;

use castalia_core::{Change, ChangeEvent, ChangeType};

use crate::boundary::{CastaliaStr, count, guard_or, hand_out, take_back};
use crate::snapshot::CastaliaSnapshot;

/// The key is new.
pub const CASTALIA_ADDED: i32 = 1;
/// The value differs.
pub const CASTALIA_MODIFIED: i32 = 2;
/// The key is gone.
pub const CASTALIA_DELETED: i32 = 3;

/// One key of an event.
#[repr(C)]
#[derive(Debug)]
pub struct CastaliaChange {
    /// The key.
    pub key: CastaliaStr,
    /// Value before; NULL when added.
    pub old_value: CastaliaStr,
    /// Value after; NULL when deleted.
    pub new_value: CastaliaStr,
    /// `CASTALIA_ADDED`, `CASTALIA_MODIFIED` or `CASTALIA_DELETED`.
    pub change_type: i32,
}

impl CastaliaChange {
    fn new(key: &str, change: &Change) -> Self {
        Self {
            key: CastaliaStr::of(key),
            old_value: CastaliaStr::of_option(change.old_value.as_deref()),
            new_value: CastaliaStr::of_option(change.new_value.as_deref()),
            change_type: match change.change_type {
                ChangeType::Added => CASTALIA_ADDED,
                ChangeType::Modified => CASTALIA_MODIFIED,
                ChangeType::Deleted => CASTALIA_DELETED,
            },
        }
    }
}

/// One change of a namespace: all keys that one new content changed. It never changes, and any number of threads may read it.
#[derive(Debug)]
pub struct CastaliaEvent {
    event: Arc<ChangeEvent>,
    /// Views into the event above.
    changes: Vec<CastaliaChange>,
}

impl CastaliaEvent {
    pub(crate) fn new(event: Arc<ChangeEvent>) -> Arc<Self> {
        let changes = event.changes().iter();
        let changes = changes.map(|(key, change)| CastaliaChange::new(key, change)).collect();
        Arc::new(Self { event, changes })
    }
}

/// App id of the namespace.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_app_id(event: Option<&CastaliaEvent>) -> CastaliaStr {
    text_of(event, |event| Some(&event.identity().app_id))
}

/// Name of the namespace.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_namespace(event: Option<&CastaliaEvent>) -> CastaliaStr {
    text_of(event, |event| Some(&event.identity().namespace))
}

/// Number of changed keys, whatever the listener asked for; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_len(event: Option<&CastaliaEvent>) -> usize {
    event.map_or(0, |event| event.changes.len())
}

/// The change at a place, in the order of the new content with deleted keys behind; NULL from the number of keys on. It lives
/// as long as the event.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_change(
    event: Option<&CastaliaEvent>,
    index: usize,
) -> *const CastaliaChange {
    let change = event.and_then(|event| event.changes.get(index));
    change.map_or(std::ptr::null(), std::ptr::from_ref)
}

/// The changed key at a place among those that the filter of the listener let through; NULL from their number on, and
/// everywhere for a listener without a filter.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_interested_key(
    event: Option<&CastaliaEvent>,
    index: usize,
) -> CastaliaStr {
    text_of(event, |event| event.interested_keys().get(index).map(String::as_str))
}

/// Number of this change within its namespace, rising by one from 1; of merged events the last.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_sequence(event: Option<&CastaliaEvent>) -> u64 {
    event.map_or(0, |event| event.event.sequence())
}

/// How many later events were merged into this one because the listener did not keep up.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_coalesced(event: Option<&CastaliaEvent>) -> u64 {
    event.map_or(0, |event| event.event.coalesced())
}

/// Release key before the change; empty when that content was not from a server.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_old_release_key(event: Option<&CastaliaEvent>) -> CastaliaStr {
    text_of(event, |event| Some(event.old_release_key()))
}

/// The content after the change, or a newer one when events were merged; to be released by `castalia_snapshot_release`. NULL
/// for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_snapshot(
    event: Option<&CastaliaEvent>,
) -> *const CastaliaSnapshot {
    event.map_or(std::ptr::null(), |event| hand_out(event.event.snapshot().clone()))
}

/// One more count of an event, to keep it beyond the call of the listener; gives it back.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_retain(event: *const CastaliaEvent) -> *const CastaliaEvent {
    count(event)
}

/// Releases one count of an event that was retained.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_release(event: *const CastaliaEvent) {
    guard_or((), || take_back(event));
}

fn text_of<'a>(
    event: Option<&'a CastaliaEvent>,
    read: impl FnOnce(&'a ChangeEvent) -> Option<&'a str>,
) -> CastaliaStr {
    guard_or(CastaliaStr::ABSENT, || {
        CastaliaStr::of_option(event.and_then(|event| read(&event.event)))
    })
}
