//! Open namespaces: the view of now, how it stands, loading now, the whole file, giving it up.

use std::mem::MaybeUninit;
use std::ops::Deref;
use std::sync::Arc;

use castalia_core::Result;
use castalia_core::blocking::{Config, ConfigFile};

use crate::boundary::{CastaliaStr, guard, guard_or, hand_out, required};
use crate::client::millis;
use crate::error::CastaliaError;
use crate::fork::Seen;
use crate::handle;
use crate::snapshot::CastaliaSnapshot;

/// An open namespace. 0 never stands for one.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct CastaliaConfig {
    id: u64,
}

impl CastaliaConfig {
    pub(crate) fn new(config: Config) -> Result<Self> {
        let id = handle::insert(Opened { config, seen: Seen::now() })?;
        Ok(Self { id })
    }

    pub(crate) fn get(self) -> Result<Arc<Opened>> {
        let opened: Arc<Opened> = handle::get(self.id)?;
        if opened.seen.is_first_in_child() {
            opened.config.resume_after_fork();
        }
        Ok(opened)
    }
}

/// What a handle of a namespace stands for.
#[derive(Debug)]
pub(crate) struct Opened {
    config: Config,
    seen: Seen,
}

impl Deref for Opened {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.config
    }
}

/// An open namespace as a whole file. 0 never stands for one.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct CastaliaConfigFile {
    id: u64,
}

impl CastaliaConfigFile {
    pub(crate) fn new(file: ConfigFile) -> Result<Self> {
        let id = handle::insert(file)?;
        Ok(Self { id })
    }

    pub(crate) fn get(self) -> Result<Arc<ConfigFile>> {
        handle::get(self.id)
    }
}

/// The content now. It never changes while it is held, and is released by `castalia_snapshot_release`. Never waits.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_config_snapshot(
    config: CastaliaConfig,
    snapshot: Option<&mut MaybeUninit<*const CastaliaSnapshot>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let config = config.get()?;
        required(snapshot)?.write(hand_out(config.snapshot()));
        Ok(())
    })
}

/// How the namespace stands with the servers: `Loading`, `Ready`, or the name of the kind of error that the last load failed
/// with. The text lives for ever.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_config_state(
    config: CastaliaConfig,
    state: Option<&mut MaybeUninit<CastaliaStr>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let config = config.get()?;
        required(state)?.write(CastaliaStr::of(config.state().name()));
        Ok(())
    })
}

/// Why the last load failed, or what is wrong with what it brought; NULL once all is well. The caller releases it.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_config_last_error(
    config: CastaliaConfig,
    last: Option<&mut MaybeUninit<Option<Box<CastaliaError>>>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let config = config.get()?;
        required(last)?.write(config.last_error().as_ref().map(CastaliaError::boxed));
        Ok(())
    })
}

/// Loads now and waits for it, at most this many milliseconds.
///
/// Fails as the load does, with `CASTALIA_TIMEOUT`, `CASTALIA_CLOSED`, and on a listener's thread with
/// `CASTALIA_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_config_refresh(
    config: CastaliaConfig,
    timeout_ms: u32,
) -> Option<Box<CastaliaError>> {
    guard(|| config.get()?.refresh(millis(timeout_ms)))
}

/// Releases the handle of a namespace, which stays open in its client. A stale handle does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_config_release(config: CastaliaConfig) {
    guard_or((), || drop(handle::remove::<Opened>(config.id)));
}

/// Gives a namespace up, and releases its handle: once no other handle of it is left, it is no longer kept fresh and its
/// subscriptions end, after what is queued for them. Snapshots stay as they are; opened again, it starts anew. A stale handle
/// does nothing. Never waits.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_config_close(config: CastaliaConfig) {
    guard_or((), || {
        if let Some(opened) = handle::remove::<Opened>(config.id) {
            opened.config.clone().close();
        }
    });
}

/// The text of a file now, with the snapshot that it lies in, which the caller releases after the text was used. The text is
/// NULL while nothing is loaded. Never waits.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_config_file_content(
    file: CastaliaConfigFile,
    content: Option<&mut MaybeUninit<CastaliaStr>>,
    snapshot: Option<&mut MaybeUninit<*const CastaliaSnapshot>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let file = file.get()?;
        let (content, out) = (required(content)?, required(snapshot)?);
        let now = file.snapshot();
        content.write(CastaliaStr::of_option(now.content()));
        out.write(hand_out(now));
        Ok(())
    })
}

/// How the namespace of a file stands with the servers; as `castalia_config_state`.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_config_file_state(
    file: CastaliaConfigFile,
    state: Option<&mut MaybeUninit<CastaliaStr>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let file = file.get()?;
        required(state)?.write(CastaliaStr::of(file.state().name()));
        Ok(())
    })
}

/// Why the last load of a file failed; as `castalia_config_last_error`.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_config_file_last_error(
    file: CastaliaConfigFile,
    last: Option<&mut MaybeUninit<Option<Box<CastaliaError>>>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let file = file.get()?;
        required(last)?.write(file.last_error().as_ref().map(CastaliaError::boxed));
        Ok(())
    })
}

/// Loads now; as `castalia_config_refresh`.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_config_file_refresh(
    file: CastaliaConfigFile,
    timeout_ms: u32,
) -> Option<Box<CastaliaError>> {
    guard(|| file.get()?.refresh(millis(timeout_ms)))
}

/// Gives the namespace of a file up, and releases its handle; as `castalia_config_close`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_config_file_close(file: CastaliaConfigFile) {
    guard_or((), || {
        if let Some(file) = handle::remove::<ConfigFile>(file.id) {
            ConfigFile::clone(&file).close();
        }
    });
}

/// Releases the handle of a file, whose namespace stays open in its client. A stale handle does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_config_file_release(file: CastaliaConfigFile) {
    guard_or((), || drop(handle::remove::<ConfigFile>(file.id)));
}
