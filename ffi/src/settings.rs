//! What a client is made from: values by property name, over those of the environment if asked for.

use std::mem::{self, MaybeUninit};

use castalia_core::Settings;

use crate::boundary::{CastaliaStr, guard, required};
use crate::error::CastaliaError;

/// Settings before a client is made from them. Used by one thread at a time.
#[derive(Debug)]
pub struct CastaliaSettings(pub(crate) Settings);

/// Settings that read nothing from the environment and its files.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_settings_new() -> Box<CastaliaSettings> {
    Box::new(with_binding(Settings::new()))
}

/// Settings of the surroundings: environment variables, `server.properties` and `app.properties`. The files are read when a
/// client is made.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` where a variable of ours is not UTF-8.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_settings_from_env(
    settings: Option<&mut MaybeUninit<Box<CastaliaSettings>>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let out = required(settings)?;
        out.write(Box::new(with_binding(Settings::from_env()?)));
        Ok(())
    })
}

/// Sets a value by its property name, such as `app.id`. Names and values are checked when a client is made.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for text that is not UTF-8.
#[unsafe(no_mangle)]
#[must_use]
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

/// Releases settings; clients that were made from them live on.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_settings_release(settings: Option<Box<CastaliaSettings>>) {
    drop(settings);
}

fn with_binding(settings: Settings) -> CastaliaSettings {
    CastaliaSettings(settings.set("castalia.binding", "c"))
}
