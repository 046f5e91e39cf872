//! Clients: creating them from settings, opening namespaces, closing.

use std::mem::MaybeUninit;
use std::time::Duration;

use castalia_core::Result;
use castalia_core::blocking::Client;
use castalia_core::host::handle;

use crate::boundary::{CastaliaStr, end_handle, guard, guard_into, required};
use crate::config::CastaliaConfig;
use crate::error::CastaliaError;
use crate::record::CastaliaRecord;
use crate::settings::CastaliaSettings;

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
        castalia_core::host::log::warn_on_stderr_by_default();
        CastaliaClient::new(Client::new(settings)?)
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
        let config = client.get()?.config(name.text()?, millis(timeout_ms))?;
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
        let config = client.get()?.config_of(app_id, name, millis(timeout_ms))?;
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
        let file = client.get()?.config_file(name.text()?, millis(timeout_ms))?;
        CastaliaConfig::new(file.as_config())
    })
}

/// The client's app id, a text. Release it with `castalia_record_release`.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_app_id(
    client: CastaliaClient,
    app_id: Option<&mut MaybeUninit<Box<CastaliaRecord>>>,
) -> Option<Box<CastaliaError>> {
    guard_into(app_id, || Ok(CastaliaRecord::boxed(client.get()?.app_id())))
}

/// The environment as it was recognized, such as `PRO`; `UNKNOWN` if it is unset. The text is never
/// freed.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_env(
    client: CastaliaClient,
    env: Option<&mut MaybeUninit<CastaliaStr>>,
) -> Option<Box<CastaliaError>> {
    guard_into(env, || Ok(CastaliaStr::of(client.get()?.env().name())))
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

/// Stops the client and waits for it, at most `timeout_ms` milliseconds; the handle is stale from
/// then on. Open namespaces still return the last values. Handles of subscriptions keep some memory
/// until `castalia_subscription_cancel`. A stale handle is ignored. On a listener's thread this
/// does not wait.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_close(client: CastaliaClient, timeout_ms: u32) {
    end_handle(client.id, |client: &Client| client.close(millis(timeout_ms)));
}

impl CastaliaClient {
    pub(crate) fn new(client: Client) -> Result<Self> {
        Ok(Self { id: handle::insert(client)? })
    }

    pub(crate) fn get(self) -> Result<std::sync::Arc<Client>> {
        handle::get(self.id)
    }
}

pub(crate) fn millis(timeout_ms: u32) -> Duration {
    Duration::from_millis(timeout_ms.into())
}
