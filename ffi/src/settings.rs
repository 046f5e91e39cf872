//! Settings for creating a client, optionally on top of those of the environment.

use castalia_core::host::settings::HostSettings;

use crate::boundary::{CastaliaStr, guard, required};
use crate::error::CastaliaError;

/// Settings for creating clients. Must not be used by several threads at the same time.
#[derive(Clone)]
pub struct CastaliaSettings(pub(crate) HostSettings);

impl CastaliaSettings {
    pub(crate) fn boxed(from_env: bool) -> Box<Self> {
        Box::new(Self(HostSettings { binding: "c", from_env, ..HostSettings::default() }))
    }
}

/// Settings that read neither the environment nor its files.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_settings_new() -> Box<CastaliaSettings> {
    CastaliaSettings::boxed(false)
}

/// Settings from environment variables, `server.properties` and `app.properties`. They are read
/// when a client is created, which fails if a variable that begins with `APOLLO_` or `CASTALIA_` is
/// not UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_settings_from_env() -> Box<CastaliaSettings> {
    CastaliaSettings::boxed(true)
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
        let values = &mut required(settings)?.0.values;
        values.insert(name.text()?.to_owned(), value.text()?.to_owned());
        Ok(())
    })
}

/// Copies settings; NULL is returned as such. The copy must be released too.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_settings_copy(
    settings: Option<&CastaliaSettings>,
) -> Option<Box<CastaliaSettings>> {
    settings.cloned().map(Box::new)
}

/// Releases settings. Clients that were created from them are unaffected.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_settings_release(settings: Option<Box<CastaliaSettings>>) {
    drop(settings);
}
