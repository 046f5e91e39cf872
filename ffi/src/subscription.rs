//! Listening: a function and its data are registered, called for each event, and released when the subscription ends.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};

use castalia_core::{ChangeEvent, Interest, Result, Snapshot, Subscription};

use crate::boundary::{
    CastaliaStr, UserData, guard, guard_or, prepare_sized, required, sized, texts,
};
use crate::config::{CastaliaConfig, CastaliaConfigFile};
use crate::error::CastaliaError;
use crate::event::CastaliaEvent;
use crate::handle;
use crate::snapshot::CastaliaSnapshot;

/// A registered function. 0 never stands for one.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct CastaliaSubscription {
    id: u64,
}

/// Keys and prefixes that a listener asks for; none of either means everything. Set up by `castalia_filter_init`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct CastaliaFilter {
    /// Bytes of this structure, as the program knows it.
    pub struct_size: u32,
    /// Exact keys.
    pub keys: *const CastaliaStr,
    /// How many.
    pub keys_len: usize,
    /// Plain text prefixes: `db` covers `dbName`.
    pub prefixes: *const CastaliaStr,
    /// How many.
    pub prefixes_len: usize,
}

/// What is called for each event, in order and one call at a time, on a thread that may wait. The event is lent for the call.
/// Returns 0; any other number counts as a failure of the listener, which stays registered. It must not throw.
pub type CastaliaListener =
    Option<extern "C" fn(user_data: *mut c_void, event: *const CastaliaEvent) -> i32>;

/// What is called once with the user data when it is needed no more, on any thread; NULL for nothing.
pub type CastaliaRelease = Option<extern "C" fn(user_data: *mut c_void)>;

/// Prepares a filter that lets everything through. `size` is `sizeof(CastaliaFilter)`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_filter_init(filter: *mut CastaliaFilter, size: usize) {
    prepare_sized(filter, size);
}

/// Calls a function for each change that the filter lets through; NULL is no filter, and it is read during the call only.
/// Whether it works or fails, `release` is called with the user data when the function is called no more.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for NULL and for a bad filter.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_config_on_change(
    config: CastaliaConfig,
    filter: *const CastaliaFilter,
    listener: CastaliaListener,
    user_data: *mut c_void,
    release: CastaliaRelease,
    subscription: Option<&mut MaybeUninit<CastaliaSubscription>>,
) -> Option<Box<CastaliaError>> {
    let user_data = UserData::new(user_data, release);
    guard(|| {
        let (config, out) = (config.get()?, required(subscription)?);
        let interest = interest(filter)?;
        let registered = config.on_change(interest, caller(listener, user_data)?);
        out.write(CastaliaSubscription::new(registered)?);
        Ok(())
    })
}

/// Calls a function for each change of the text of a file, under the key `content`; as `castalia_config_on_change`.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_config_file_on_change(
    file: CastaliaConfigFile,
    listener: CastaliaListener,
    user_data: *mut c_void,
    release: CastaliaRelease,
    subscription: Option<&mut MaybeUninit<CastaliaSubscription>>,
) -> Option<Box<CastaliaError>> {
    let user_data = UserData::new(user_data, release);
    guard(|| {
        let (file, out) = (file.get()?, required(subscription)?);
        let registered = file.on_change(caller(listener, user_data)?);
        out.write(CastaliaSubscription::new(registered)?);
        Ok(())
    })
}

/// What is called with the content of a namespace, on a thread that may wait, one call at a time. The snapshot is lent for the
/// call. It must not throw.
pub type CastaliaFollower =
    Option<extern "C" fn(user_data: *mut c_void, snapshot: *const CastaliaSnapshot)>;

/// Calls a function with the content now, on the calling thread and before this returns, and then with each newer content, never
/// with an older one. Content that was replaced while a call was running is skipped; the newest never is. This is how to keep
/// something that is made of the content: listening and reading apart from it, in whichever order, can miss a release.
/// Whether it works or fails, `release` is called with the user data when the function is called no more.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for NULL; then nothing is called.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_config_follow(
    config: CastaliaConfig,
    function: CastaliaFollower,
    user_data: *mut c_void,
    release: CastaliaRelease,
    subscription: Option<&mut MaybeUninit<CastaliaSubscription>>,
) -> Option<Box<CastaliaError>> {
    let user_data = UserData::new(user_data, release);
    guard(|| {
        let (config, out) = (config.get()?, required(subscription)?);
        let function = required(function)?;
        let call = move |snapshot: &Arc<Snapshot>| {
            function(user_data.get(), Arc::as_ptr(snapshot).cast());
        };
        let follower = config.follow();
        call(follower.snapshot());
        out.write(CastaliaSubscription::new(follower.on_newer(call))?);
        Ok(())
    })
}

/// Ends a subscription and releases its handle: when this returns, no call is running, none will start, and the user data has
/// been released. From inside the function itself it only marks the end, and the data is released after the function returns.
/// A stale handle does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_subscription_cancel(subscription: CastaliaSubscription) {
    guard_or((), || {
        if let Some(held) = handle::remove::<Held>(subscription.id) {
            let taken = held.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(subscription) = taken {
                subscription.cancel();
            }
        }
    });
}

type Held = Mutex<Option<Subscription>>;

impl CastaliaSubscription {
    fn new(subscription: Subscription) -> Result<Self> {
        let id = handle::insert(Mutex::new(Some(subscription)))?;
        Ok(Self { id })
    }
}

fn interest(filter: *const CastaliaFilter) -> Result<Interest> {
    let filter = sized(filter, CastaliaFilter::EVERYTHING)?;
    Ok(Interest {
        keys: texts(filter.keys, filter.keys_len)?,
        prefixes: texts(filter.prefixes, filter.prefixes_len)?,
    })
}

impl CastaliaFilter {
    const EVERYTHING: Self = Self {
        struct_size: 0,
        keys: std::ptr::null(),
        keys_len: 0,
        prefixes: std::ptr::null(),
        prefixes_len: 0,
    };
}

fn caller(
    listener: CastaliaListener,
    user_data: UserData,
) -> Result<impl FnMut(&Arc<ChangeEvent>) + Send + 'static> {
    let listener = required(listener)?;
    Ok(move |event: &Arc<ChangeEvent>| {
        let event = CastaliaEvent::new(event.clone());
        if listener(user_data.get(), Arc::as_ptr(&event)) != 0 {
            // The core counts what unwinds out of a listener; this way no panic message is printed for it.
            resume_unwind(Box::new("the listener reported a failure"));
        }
    })
}
