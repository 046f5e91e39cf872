//! Listeners: a function and its data are registered, called for each event, and released when the
//! subscription ends.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::panic::resume_unwind;
use std::sync::Arc;

use castalia_core::host::handle;
use castalia_core::{ChangeEvent, Interest, Snapshot, Subscription};

use crate::boundary::{CastaliaStr, UserData, end_handle, guard_into, required, texts};
use crate::config::CastaliaConfig;
use crate::error::CastaliaError;
use crate::event::CastaliaEvent;
use crate::snapshot::CastaliaSnapshot;

/// Handle of a registered function; never 0.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct CastaliaSubscription {
    id: u64,
}

/// Keys and prefixes that a listener is interested in; without any, it is interested in everything.
#[repr(C)]
pub struct CastaliaFilter {
    /// Exact keys.
    pub keys: *const CastaliaStr,
    /// Number of keys.
    pub keys_len: usize,
    /// Prefixes as plain text: `db` covers `dbName`.
    pub prefixes: *const CastaliaStr,
    /// Number of prefixes.
    pub prefixes_len: usize,
}

/// Function that is called for each event: in order, one call at a time, on a thread that may
/// block. The event is valid during the call. Returns 0; any other number is counted as a failure
/// of the listener, which remains registered. It must not throw.
pub type CastaliaListener =
    Option<extern "C" fn(user_data: *mut c_void, event: *const CastaliaEvent) -> i32>;

/// Function that is called once with the user data when it is no longer needed, on any thread; may
/// be NULL.
pub type CastaliaRelease = Option<extern "C" fn(user_data: *mut c_void)>;

/// Calls a function for each change that matches the filter; of a namespace that is open as one
/// text, for each change of the text. Without a filter, for each change. The filter is read during
/// this call only. `release` is called with the user data after the last call of the function, also
/// if this call fails.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for another NULL and
/// for a filter with invalid texts.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_config_on_change(
    config: CastaliaConfig,
    filter: Option<&CastaliaFilter>,
    listener: CastaliaListener,
    user_data: *mut c_void,
    release: CastaliaRelease,
    subscription: Option<&mut MaybeUninit<CastaliaSubscription>>,
) -> Option<Box<CastaliaError>> {
    let user_data = UserData::new(user_data, release);
    guard_into(subscription, || {
        let (opened, listener) = (config.get()?, required(listener)?);
        let interest = match filter {
            None => Interest::everything(),
            Some(filter) => Interest {
                keys: texts(filter.keys, filter.keys_len)?,
                prefixes: texts(filter.prefixes, filter.prefixes_len)?,
            },
        };
        let call = move |event: &Arc<ChangeEvent>| {
            if listener(user_data.get(), Arc::as_ptr(event).cast()) != 0 {
                // The core counts a listener that unwinds. Unlike `panic!`, this prints no message.
                resume_unwind(Box::new("the listener reported a failure"));
            }
        };
        let subscription = opened.config.on_change(interest, call);
        Ok(CastaliaSubscription { id: handle::insert(subscription)? })
    })
}

/// Function that is called with the values of a namespace, on a thread that may block, one call at
/// a time. The snapshot is valid during the call. It must not throw.
pub type CastaliaFollower =
    Option<extern "C" fn(user_data: *mut c_void, snapshot: *const CastaliaSnapshot)>;

/// Calls a function with the current values, on the calling thread and before this returns, and
/// then with each newer snapshot, never with an older one. Snapshots that are replaced while a call
/// is running are skipped, except the newest. Use this to keep anything that is derived from the
/// values: listening and reading separately, in whichever order, can miss a release. `release` is
/// called with the user data after the last call of the function, also if this call fails.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for NULL; the
/// function is then not called.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_config_follow(
    config: CastaliaConfig,
    function: CastaliaFollower,
    user_data: *mut c_void,
    release: CastaliaRelease,
    subscription: Option<&mut MaybeUninit<CastaliaSubscription>>,
) -> Option<Box<CastaliaError>> {
    let user_data = UserData::new(user_data, release);
    guard_into(subscription, || {
        let (opened, function) = (config.get()?, required(function)?);
        let call = move |snapshot: &Arc<Snapshot>| {
            function(user_data.get(), Arc::as_ptr(snapshot).cast());
        };
        let follower = opened.config.follow();
        call(follower.snapshot());
        Ok(CastaliaSubscription { id: handle::insert(follower.on_newer(call))? })
    })
}

/// Ends a subscription and releases its handle. After this returns, no call is running, none will
/// start, and the user data has been released. Called from within the function itself, this only
/// marks the end; the data is then released after the function returns. A stale handle is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_subscription_cancel(subscription: CastaliaSubscription) {
    end_handle(subscription.id, Subscription::cancel);
}
