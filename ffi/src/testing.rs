//! A client without servers, whose content a test of the application sets.

use std::mem::MaybeUninit;
use std::time::Duration;

use castalia_core::InMemory;
use castalia_core::blocking::{self, Client};

use crate::boundary::{CastaliaStr, guard, guard_or, required};
use crate::client::CastaliaClient;
use crate::error::CastaliaError;
use crate::handle;
use crate::settings::CastaliaSettings;

/// Longest wait for content to be applied; only a validator or a listener's lock could take that long.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client without servers. 0 never stands for one.
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

/// Makes a client for tests of an application: it opens no socket and no file, and its namespaces hold what the functions below
/// put there. NULL for `settings` is an app `test` without settings; otherwise those of servers and cache files have no effect.
/// `client` is used and closed like every client.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT`, naming every fault of the settings at once.
#[unsafe(no_mangle)]
#[must_use]
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

/// Sets a value. When this returns, reads of the open namespace answer it and its event is queued for every listener.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle and a closed client, `CASTALIA_INVALID_ARGUMENT` for a bad name and on a
/// listener's thread, `CASTALIA_PARSE` when a validator refuses it.
#[unsafe(no_mangle)]
#[must_use]
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

/// Removes a key; as `castalia_testing_set`.
#[unsafe(no_mangle)]
#[must_use]
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

/// Lets a namespace fail to load, as without a server, until a value of it is set again. What was loaded before remains.
///
/// Fails as `castalia_testing_set` does.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_testing_fail(
    testing: CastaliaTesting,
    name: CastaliaStr,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let name = name.text()?;
        testing.change(|memory| async move { memory.fail(name).await })
    })
}

/// Releases what a test sets content with. Its client lives until it is closed. A stale handle does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_testing_release(testing: CastaliaTesting) {
    guard_or((), || drop(handle::remove::<InMemory>(testing.id)));
}
