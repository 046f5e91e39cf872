//! Clients: creating them from settings, opening namespaces, reports, validators, closing.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::Duration;

use castalia_core::host::client::HostClient;
use castalia_core::host::settings::HostSettings;
use castalia_core::host::{describe, handle, log};
use castalia_core::{Result, Snapshot};
use serde_json::Value;

use crate::boundary::{
    CastaliaStr, UserData, end_handle, guard, guard_into, reason_of, required, unusable,
};
use crate::config::CastaliaConfig;
use crate::error::CastaliaError;
use crate::record::CastaliaRecord;
use crate::settings::CastaliaSettings;
use crate::snapshot::CastaliaSnapshot;
use crate::subscription::CastaliaRelease;

/// Handle of a client; never 0.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct CastaliaClient {
    id: u64,
}

/// Creates a client; opens no socket and starts no thread. The settings remain the caller's. Unless
/// `castalia_log_set` was called, warnings and errors are written to standard error from now on.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` that lists every invalid setting.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_new(
    settings: Option<&CastaliaSettings>,
    client: Option<&mut MaybeUninit<CastaliaClient>>,
) -> Option<Box<CastaliaError>> {
    guard_into(client, || {
        let settings = required(settings)?.0.clone();
        log::warn_on_stderr_by_default();
        CastaliaClient::new(settings)
    })
}

/// Opens a namespace of the client's app and waits for its first load, at most `timeout_ms`
/// milliseconds.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for an invalid name, and on a listener's thread unless
/// the namespace is already open; `CASTALIA_TIMEOUT` after the timeout, while opening continues;
/// `CASTALIA_CLOSED`; or the start policy's refusal.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_config(
    client: CastaliaClient,
    name: CastaliaStr,
    timeout_ms: u32,
    config: Option<&mut MaybeUninit<CastaliaConfig>>,
) -> Option<Box<CastaliaError>> {
    guard_into(config, || {
        let config = client.get()?.blocking().config(name.text()?, millis(timeout_ms))?;
        CastaliaConfig::new(&config)
    })
}

/// Opens a namespace of another app; see `castalia_client_config`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_config_of(
    client: CastaliaClient,
    app_id: CastaliaStr,
    name: CastaliaStr,
    timeout_ms: u32,
    config: Option<&mut MaybeUninit<CastaliaConfig>>,
) -> Option<Box<CastaliaError>> {
    guard_into(config, || {
        let (app_id, name) = (app_id.text()?, name.text()?);
        let config = client.get()?.blocking().config_of(app_id, name, millis(timeout_ms))?;
        CastaliaConfig::new(&config)
    })
}

/// Opens a namespace as one text, which `castalia_snapshot_content` returns; see
/// `castalia_client_config`. Its events have the key `content` alone, whose values are the whole
/// text before and after.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_config_file(
    client: CastaliaClient,
    name: CastaliaStr,
    timeout_ms: u32,
    config: Option<&mut MaybeUninit<CastaliaConfig>>,
) -> Option<Box<CastaliaError>> {
    guard_into(config, || {
        let file = client.get()?.blocking().config_file(name.text()?, millis(timeout_ms))?;
        CastaliaConfig::new(file.as_config())
    })
}

/// What a client reports about itself, by the name of the report:
/// - `about`: a record of what never changes, such as `app_id` and `env`, the environment as it was
///   recognized, such as `PRO`, or `UNKNOWN` if it is unset
/// - `metrics`: state and counters, a record with the fields of `castalia::Metrics` in
///   `castalia/monitor.hpp`, but for `namespace`, whose C++ member ends with `_`, and the names of
///   times; an error is a record of `kind`, `code`, `message`, `operation` and `context`
/// - `metrics_text`: the same as a text in the format of OpenMetrics
/// - `settings`: every effective setting and its origin, a list of records with the fields of
///   `castalia::Setting`; secrets are masked
///
/// Release it with `castalia_record_release`.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for another name.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_report(
    client: CastaliaClient,
    name: CastaliaStr,
    report: Option<&mut MaybeUninit<Box<CastaliaRecord>>>,
) -> Option<Box<CastaliaError>> {
    guard_into(report, || match describe::report(&*client.get()?, name.text()?) {
        Value::Null => Err(unusable("there is no report of this name")),
        report => Ok(CastaliaRecord::boxed(report)),
    })
}

/// Signs requests for an app id with another secret from the next request on. A blank secret ends
/// signing. The secret is copied, and appears in no log, error or metric.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for text that is
/// not UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_set_access_key(
    client: CastaliaClient,
    app_id: CastaliaStr,
    secret: CastaliaStr,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        client.get()?.set_access_key(app_id.text()?, secret.text()?);
        Ok(())
    })
}

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

/// Stops the client and waits for it, at most `timeout_ms` milliseconds; the handle is stale from
/// then on. Open namespaces still return the last values. Handles of subscriptions keep some memory
/// until `castalia_subscription_cancel`. A stale handle is ignored. On a listener's thread this
/// does not wait.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_close(client: CastaliaClient, timeout_ms: u32) {
    end_handle(client.id, |client: &HostClient| client.blocking().close(millis(timeout_ms)));
}

impl CastaliaClient {
    pub(crate) fn new(settings: HostSettings) -> Result<Self> {
        Ok(Self { id: handle::insert(HostClient::new(settings)?)? })
    }

    pub(crate) fn get(self) -> Result<Arc<HostClient>> {
        handle::get(self.id)
    }
}

pub(crate) fn millis(timeout_ms: u32) -> Duration {
    Duration::from_millis(timeout_ms.into())
}
