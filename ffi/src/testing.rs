//! A client without servers, whose values a test of the application sets.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::Duration;

use castalia_core::blocking::{self, Client};
use castalia_core::host::handle;
use castalia_core::host::memory::{self, Edits};
use castalia_core::{InMemory, Result};

use crate::boundary::{CastaliaStr, end_handle, guard, required};
use crate::client::CastaliaClient;
use crate::error::CastaliaError;
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
    fn change(self, name: CastaliaStr, edits: Option<Edits>) -> Result<()> {
        let name = name.text()?.to_owned();
        let memory: Arc<InMemory> = handle::get(self.id)?;
        blocking::wait(memory::change(InMemory::clone(&memory), name, edits, false), PATIENCE)
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
        let (key, value) = (key.text()?.to_owned(), value.text()?.to_owned());
        testing.change(name, Some(vec![(key, Some(value))]))
    })
}

/// Removes a key; see `castalia_testing_set`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_testing_remove(
    testing: CastaliaTesting,
    name: CastaliaStr,
    key: CastaliaStr,
) -> Option<Box<CastaliaError>> {
    guard(|| testing.change(name, Some(vec![(key.text()?.to_owned(), None)])))
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
    guard(|| testing.change(name, None))
}

/// Releases the handle. The client exists until it is closed. A stale handle is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_testing_release(testing: CastaliaTesting) {
    end_handle(testing.id, |_: &InMemory| ());
}
