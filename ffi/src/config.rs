//! Open namespaces: current values, state, refresh, text, closing.

use std::mem::MaybeUninit;
use std::sync::Arc;

use castalia_core::host::fork::Seen;
use castalia_core::host::{describe, handle};
use castalia_core::{Config, Result, blocking};

use crate::boundary::{end_handle, guard, guard_into, hand_out};
use crate::client::millis;
use crate::error::CastaliaError;
use crate::fork::seen_now;
use crate::record::CastaliaRecord;
use crate::snapshot::CastaliaSnapshot;

/// Handle of an open namespace, as keys and values or as one text; never 0.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct CastaliaConfig {
    id: u64,
}

impl CastaliaConfig {
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let id = handle::insert(Opened { config: config.clone(), seen: seen_now() })?;
        Ok(Self { id })
    }

    pub(crate) fn get(self) -> Result<Arc<Opened>> {
        let opened: Arc<Opened> = handle::get(self.id)?;
        // A program that only reads would otherwise keep its parent's values forever.
        if opened.seen.is_first_in_child() {
            opened.config.resume_after_fork();
        }
        Ok(opened)
    }
}

/// The object behind the handle of a namespace.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) config: Config,
    seen: Seen,
}

/// The current values, and the text as `castalia_snapshot_content`. They do not change until
/// `castalia_snapshot_release`. Never waits.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_config_snapshot(
    config: CastaliaConfig,
    snapshot: Option<&mut MaybeUninit<*const CastaliaSnapshot>>,
) -> Option<Box<CastaliaError>> {
    guard_into(snapshot, || Ok(hand_out(config.get()?.config.snapshot())))
}

/// Result of the last load, as a record: `state`, which is `Loading`, `Ready`, `Unavailable`, or the
/// name of the error's kind; and `last_error`, the error of the last load, or of parsing its
/// document, a record of `kind`, `code`, `message`, `operation` and `context`, or unset if both
/// succeeded. Release it with `castalia_record_release`.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_config_about(
    config: CastaliaConfig,
    about: Option<&mut MaybeUninit<Box<CastaliaRecord>>>,
) -> Option<Box<CastaliaError>> {
    guard_into(about, || Ok(CastaliaRecord::boxed(describe::standing(&config.get()?.config))))
}

/// Loads now and waits for the result, at most `timeout_ms` milliseconds.
///
/// Fails with the error of the load, `CASTALIA_TIMEOUT`, `CASTALIA_CLOSED`, or
/// `CASTALIA_INVALID_ARGUMENT` on a listener's thread.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_config_refresh(
    config: CastaliaConfig,
    timeout_ms: u32,
) -> Option<Box<CastaliaError>> {
    guard(|| blocking::wait(config.get()?.config.refresh(), millis(timeout_ms)))
}

/// Releases the handle of a namespace, which remains open in its client. A stale handle is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_config_release(config: CastaliaConfig) {
    end_handle(config.id, |_: &Opened| ());
}

/// Closes a namespace and releases its handle. Once no other handle of it exists, it is no longer
/// refreshed and its subscriptions end after their queued events. Snapshots remain valid; opening
/// it again loads it anew. A stale handle is ignored. Never waits.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_config_close(config: CastaliaConfig) {
    end_handle(config.id, |opened: &Opened| opened.config.clone().close());
}
