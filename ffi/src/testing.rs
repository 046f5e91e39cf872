//! A client without servers, whose values a test of the application sets.

use std::mem::MaybeUninit;
use std::time::Duration;

use castalia_core::host::memory::Edits;
use castalia_core::host::settings::HostSettings;
use castalia_core::{Result, blocking};

use crate::boundary::{CastaliaStr, guard, guard_into};
use crate::client::CastaliaClient;
use crate::error::CastaliaError;
use crate::settings::CastaliaSettings;

/// Longest wait until values are applied. Only a validator, or a listener that blocks, could take
/// that long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Creates a client for tests of an application. It opens no socket and no file; its values are set
/// by the functions below. If `settings` is NULL, the app id is `test` and there are no settings;
/// otherwise those of servers and cache files have no effect. Use and close it like any client.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` that lists every invalid setting.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_testing_new(
    settings: Option<&CastaliaSettings>,
    client: Option<&mut MaybeUninit<CastaliaClient>>,
) -> Option<Box<CastaliaError>> {
    guard_into(client, || {
        let settings = settings.cloned().unwrap_or_else(|| *CastaliaSettings::boxed(false));
        CastaliaClient::new(HostSettings { memory: Some(Vec::new()), ..settings.0 })
    })
}

/// Sets a value. When this returns, reads of the open namespace return it and each listener has its
/// event queued.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for a client with
/// servers, for an invalid name and on a listener's thread, `CASTALIA_PARSE` if a validator rejects
/// it.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_testing_set(
    client: CastaliaClient,
    name: CastaliaStr,
    key: CastaliaStr,
    value: CastaliaStr,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let edit = (key.text()?.to_owned(), Some(value.text()?.to_owned()));
        change(client, name, Some(vec![edit]))
    })
}

/// Removes a key; see `castalia_testing_set`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_testing_remove(
    client: CastaliaClient,
    name: CastaliaStr,
    key: CastaliaStr,
) -> Option<Box<CastaliaError>> {
    guard(|| change(client, name, Some(vec![(key.text()?.to_owned(), None)])))
}

/// Makes loads of a namespace fail, as without a server, until one of its values is set again.
/// Values loaded before remain.
///
/// Fails like `castalia_testing_set`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_testing_fail(
    client: CastaliaClient,
    name: CastaliaStr,
) -> Option<Box<CastaliaError>> {
    guard(|| change(client, name, None))
}

fn change(client: CastaliaClient, name: CastaliaStr, edits: Option<Edits>) -> Result<()> {
    let name = name.text()?.to_owned();
    blocking::wait(client.get()?.change(name, edits, false), PATIENCE)
}
