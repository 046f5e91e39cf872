//! A client without servers, whose values a test of the application sets.

use std::mem::MaybeUninit;
use std::time::Duration;

use castalia_core::InMemory;
use castalia_core::blocking::{self, Client};

use crate::boundary::{CastaliaStr, guard, guard_or, required};
use crate::client::CastaliaClient;
use crate::error::CastaliaError;
use crate::handle;
use crate::settings::CastaliaSettings;

/// Longest wait until values are applied. Only a validator, or a listener that blocks, could take
/// that long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Handle of a client without servers; never 0.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct CastaliaTesting {
    id: u64,
}

impl CastaliaTesting {
    fn change<F>(self, change: impl FnOnce(InMemory) -> F) -> castalia_core::Result<()>
    where
        F: Future<Output = castalia_core::Result<()>>,
    {
        let memory: std::sync::Arc<InMemory> = handle::get(self.id)?;
        blocking::wait(change(InMemory::clone(&memory)), PATIENCE)
    }
}

/// Creates a client for tests of an application. It opens no socket and no file; its values are set
/// by the functions below. If `settings` is NULL, the app id is `test` and there are no settings;
/// otherwise those of servers and cache files have no effect. Use and close `client` like any
/// client.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` that lists every invalid setting.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_testing_new(
    settings: Option<&CastaliaSettings>,
    testing: Option<&mut MaybeUninit<CastaliaTesting>>,
    client: Option<&mut MaybeUninit<CastaliaClient>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let (testing, client) = (required(testing)?, required(client)?);
        let memory = match settings {
            Some(settings) => InMemory::with(settings.0.clone())?,
            None => InMemory::new()?,
        };
        client.write(CastaliaClient::new(Client::from(memory.client().clone()))?);
        testing.write(CastaliaTesting { id: handle::insert(memory)? });
        Ok(())
    })
}

/// Sets a value. When this returns, reads of the open namespace return it and each listener has its
/// event queued.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle and a closed client, `CASTALIA_INVALID_ARGUMENT`
/// for an invalid name and on a listener's thread, `CASTALIA_PARSE` if a validator rejects it.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_testing_set(
    testing: CastaliaTesting,
    name: CastaliaStr,
    key: CastaliaStr,
    value: CastaliaStr,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let (name, key, value) = (name.text()?, key.text()?, value.text()?);
        testing.change(|memory| async move { memory.set(name, key, value).await })
    })
}

/// Removes a key; see `castalia_testing_set`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_testing_remove(
    testing: CastaliaTesting,
    name: CastaliaStr,
    key: CastaliaStr,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let (name, key) = (name.text()?, key.text()?);
        testing.change(|memory| async move { memory.remove(name, key).await })
    })
}

/// Makes loads of a namespace fail, as without a server, until one of its values is set again.
/// Values loaded before remain.
///
/// Fails like `castalia_testing_set`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_testing_fail(
    testing: CastaliaTesting,
    name: CastaliaStr,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let name = name.text()?;
        testing.change(|memory| async move { memory.fail(name).await })
    })
}

/// Releases the handle. The client exists until it is closed. A stale handle is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_testing_release(testing: CastaliaTesting) {
    guard_or((), || drop(handle::remove::<InMemory>(testing.id)));
}
