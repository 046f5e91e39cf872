//! Validators of releases.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use castalia_core::Snapshot;

use crate::boundary::{CastaliaStr, UserData, guard, reason_of, required};
use crate::client::CastaliaClient;
use crate::error::CastaliaError;
use crate::snapshot::CastaliaSnapshot;
use crate::subscription::CastaliaRelease;

/// Function that is called before a release is applied, on a thread that may block. The snapshot is
/// valid during the call. Returns 0 to accept the release. To reject it, it writes the reason into
/// `reason`, which has `capacity` zero bytes, and returns any other number. It must not throw.
pub type CastaliaValidator = Option<
    extern "C" fn(
        user_data: *mut c_void,
        snapshot: *const CastaliaSnapshot,
        reason: *mut c_char,
        capacity: usize,
    ) -> i32,
>;

/// Calls a function before a release of a namespace of the client's app is applied, as long as the
/// client exists. A rejected release is not applied, and the reason is in the metrics. `release` is
/// called with the user data when it is no longer needed, also if this call fails.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for an invalid name, `CASTALIA_CLOSED` for a
/// stale handle.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_validate(
    client: CastaliaClient,
    name: CastaliaStr,
    validator: CastaliaValidator,
    user_data: *mut c_void,
    release: CastaliaRelease,
) -> Option<Box<CastaliaError>> {
    let user_data = UserData::new(user_data, release);
    guard(|| {
        let client = client.get()?;
        let validator = required(validator)?;
        client.validate(name.text()?, move |snapshot: &Arc<Snapshot>| {
            let snapshot = Arc::as_ptr(snapshot).cast();
            reason_of(|reason, capacity| validator(user_data.get(), snapshot, reason, capacity))
        })
    })
}
