//! Events: the changed keys with their old and new values, and the snapshot after the change.

use std::mem::MaybeUninit;

use castalia_core::host::describe;
use castalia_core::{ChangeEvent, ChangeType};

use crate::boundary::{CastaliaStr, count, found, guard_or, hand_out, take_back};
use crate::record::CastaliaRecord;
use crate::snapshot::CastaliaSnapshot;

/// The key had no value before.
pub const CASTALIA_ADDED: i32 = 1;
/// The value is different.
pub const CASTALIA_MODIFIED: i32 = 2;
/// The key has no value any more.
pub const CASTALIA_DELETED: i32 = 3;

/// The change of one key.
#[repr(C)]
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

/// All changes that one release made to a namespace. It never changes, any number of threads may
/// read it, and it is valid until each of its references was released.
#[repr(transparent)]
pub struct CastaliaEvent(ChangeEvent);

/// The change at an index, in the order of the new snapshot, followed by deleted keys, including
/// those that the listener is not interested in. Its texts are valid as long as the event. Returns
/// 1; 0 if the index is beyond the last change, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_change(
    event: Option<&CastaliaEvent>,
    index: usize,
    change: Option<&mut MaybeUninit<CastaliaChange>>,
) -> i32 {
    found(|| {
        let (key, of_key) = event?.0.changes().get_index(index)?;
        change?.write(CastaliaChange {
            key: CastaliaStr::of(key),
            old_value: CastaliaStr::of_option(of_key.old_value.as_deref()),
            new_value: CastaliaStr::of_option(of_key.new_value.as_deref()),
            change_type: match of_key.change_type {
                ChangeType::Added => CASTALIA_ADDED,
                ChangeType::Modified => CASTALIA_MODIFIED,
                ChangeType::Deleted => CASTALIA_DELETED,
            },
        });
        Some(())
    })
}

/// What is known of the event: a record of `app_id` and `namespace`; `interested_keys`, the changed
/// keys that match the listener's filter, an empty list without a filter; `old_release_key` and
/// `release_key`, empty if the values did not come from a server; `source`, the origin of the new
/// values; `sequence`, the number of the change within its namespace, increasing by one from 1;
/// `coalesced`, the number of later events that were merged into this one because the listener fell
/// behind, whose `sequence` is then that of the last; and `size`, the number of changed keys.
/// Release it with `castalia_record_release`. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_about(
    event: Option<&CastaliaEvent>,
) -> Option<Box<CastaliaRecord>> {
    guard_or(None, || Some(CastaliaRecord::boxed(describe::event(&event?.0))))
}

/// The values after the change; for merged events, those after the last of them. Release it with
/// `castalia_snapshot_release`. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_event_snapshot(
    event: Option<&CastaliaEvent>,
) -> *const CastaliaSnapshot {
    event.map_or(std::ptr::null(), |event| hand_out(event.0.snapshot().clone()))
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
