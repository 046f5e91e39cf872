//! Events: the changed keys with their old and new values, and the snapshot after the change.

use std::sync::Arc;

use castalia_core::{Change, ChangeEvent, ChangeType};

use crate::boundary::{CastaliaStr, count, guard_or, hand_out, take_back, text_of};
use crate::snapshot::CastaliaSnapshot;

/// The key had no value before.
pub const CASTALIA_ADDED: i32 = 1;
/// The value is different.
pub const CASTALIA_MODIFIED: i32 = 2;
/// The key has no value any more.
pub const CASTALIA_DELETED: i32 = 3;

/// The change of one key.
#[repr(C)]
#[derive(Debug)]
pub struct CastaliaChange {
    /// The key.
    pub key: CastaliaStr,
    /// Value before; NULL if the key was added.
    pub old_value: CastaliaStr,
    /// Value after; NULL if the key was deleted.
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

/// All changes that one release made to a namespace. It never changes, and any number of threads
/// may read it.
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
    text_of(event, |event| Some(&event.event.identity().app_id))
}

/// Name of the namespace.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_namespace(event: Option<&CastaliaEvent>) -> CastaliaStr {
    text_of(event, |event| Some(&event.event.identity().namespace))
}

/// Number of changed keys, including those that the listener is not interested in; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_len(event: Option<&CastaliaEvent>) -> usize {
    event.map_or(0, |event| event.changes.len())
}

/// The change at an index, in the order of the new snapshot, followed by deleted keys; NULL if the
/// index is not below `castalia_event_len`. Valid as long as the event.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_change(
    event: Option<&CastaliaEvent>,
    index: usize,
) -> *const CastaliaChange {
    let change = event.and_then(|event| event.changes.get(index));
    change.map_or(std::ptr::null(), std::ptr::from_ref)
}

/// The changed key at an index among those that match the listener's filter; NULL beyond the last
/// one, and always for a listener without a filter.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_interested_key(
    event: Option<&CastaliaEvent>,
    index: usize,
) -> CastaliaStr {
    text_of(event, |event| event.event.interested_keys().get(index).map(String::as_str))
}

/// Number of the change within its namespace, increasing by one from 1. For merged events, the
/// number of the last.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_sequence(event: Option<&CastaliaEvent>) -> u64 {
    event.map_or(0, |event| event.event.sequence())
}

/// Number of later events that were merged into this one because the listener fell behind.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_coalesced(event: Option<&CastaliaEvent>) -> u64 {
    event.map_or(0, |event| event.event.coalesced())
}

/// Release key before the change; empty if those values did not come from a server.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_old_release_key(event: Option<&CastaliaEvent>) -> CastaliaStr {
    text_of(event, |event| Some(event.event.old_release_key()))
}

/// The values after the change; for merged events, those after the last of them. Release it with
/// `castalia_snapshot_release`. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_snapshot(
    event: Option<&CastaliaEvent>,
) -> *const CastaliaSnapshot {
    event.map_or(std::ptr::null(), |event| hand_out(event.event.snapshot().clone()))
}

/// Adds a reference, to keep an event beyond the call of the listener. Returns the event.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_retain(event: *const CastaliaEvent) -> *const CastaliaEvent {
    count(event)
}

/// Releases one reference to an event that was retained.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_release(event: *const CastaliaEvent) {
    guard_or((), || take_back(event));
}
