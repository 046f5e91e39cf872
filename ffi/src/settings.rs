//! What a client is made from: values by property name, over those of the environment if asked for.

use std::mem::{self, MaybeUninit};

use castalia_core::{Settings, StartPolicy};

use crate::boundary::{CastaliaStr, guard, required, unusable};
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

/// Nothing: a namespace that cannot be loaded is empty, and its state says so.
pub const CASTALIA_START_BEST_EFFORT: i32 = 0;
/// At least one namespace, from a server or a file.
pub const CASTALIA_START_REQUIRE_ANY: i32 = 1;
/// Every namespace, from a server or a file.
pub const CASTALIA_START_REQUIRE_ALL: i32 = 2;
/// At least one namespace, from a server.
pub const CASTALIA_START_REQUIRE_ANY_REMOTE: i32 = 3;
/// Every namespace, from a server.
pub const CASTALIA_START_REQUIRE_ALL_REMOTE: i32 = 4;

/// What must be loaded for opening to succeed: `CASTALIA_START_...`. Otherwise opening fails, mostly with `CASTALIA_NOT_READY`.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for another number.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_settings_start_policy(
    settings: Option<&mut CastaliaSettings>,
    policy: i32,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let settings = required(settings)?;
        let policy = usize::try_from(policy).ok().and_then(|at| StartPolicy::ALL.get(at));
        let policy =
            policy.ok_or_else(|| unusable("the start policy is none of CASTALIA_START_"))?;
        settings.0 = mem::take(&mut settings.0).start_policy(*policy);
        Ok(())
    })
}

/// Copies settings; the copy is released by itself.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for NULL.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_settings_copy(
    settings: Option<&CastaliaSettings>,
    copy: Option<&mut MaybeUninit<Box<CastaliaSettings>>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let (settings, out) = (required(settings)?, required(copy)?);
        out.write(Box::new(CastaliaSettings(settings.0.clone())));
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
