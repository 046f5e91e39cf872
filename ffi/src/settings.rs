//! Settings for creating a client, optionally on top of those of the environment.

use std::mem::{self, MaybeUninit};

use castalia_core::Settings;

use crate::boundary::{CastaliaStr, guard, guard_into, required};
use crate::error::CastaliaError;

/// Settings for creating clients. Must not be used by several threads at the same time.
#[derive(Debug, Clone)]
pub struct CastaliaSettings(pub(crate) Settings);

/// Settings that read neither the environment nor its files.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_settings_new() -> Box<CastaliaSettings> {
    Box::new(with_binding(Settings::new()))
}

/// Settings from environment variables, `server.properties` and `app.properties`. The files are
/// read when a client is created.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` if a variable that begins with `APOLLO_` or `CASTALIA_`
/// is not UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_settings_from_env(
    settings: Option<&mut MaybeUninit<Box<CastaliaSettings>>>,
) -> Option<Box<CastaliaError>> {
    guard_into(settings, || Ok(Box::new(with_binding(Settings::from_env()?))))
}

/// Sets a value by its property name, such as `app.id`. Names and values are validated when a
/// client is created. What must be loaded for opening to succeed is `castalia.start-policy`;
/// otherwise opening fails, mostly with `CASTALIA_NOT_READY`.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for text that is not UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_settings_set(
    settings: Option<&mut CastaliaSettings>,
    name: CastaliaStr,
    value: CastaliaStr,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let settings = required(settings)?;
        let (name, value) = (name.text()?, value.text()?);
        settings.0 = mem::take(&mut settings.0).set(name, value);
        Ok(())
    })
}

/// Copies settings. The copy must be released too.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_settings_copy(
    settings: Option<&CastaliaSettings>,
    copy: Option<&mut MaybeUninit<Box<CastaliaSettings>>>,
) -> Option<Box<CastaliaError>> {
    guard_into(copy, || Ok(Box::new(required(settings)?.clone())))
}

/// Releases settings. Clients that were created from them are unaffected.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_settings_release(settings: Option<Box<CastaliaSettings>>) {
    drop(settings);
}

fn with_binding(settings: Settings) -> CastaliaSettings {
    CastaliaSettings(settings.set("castalia.binding", "c"))
}
