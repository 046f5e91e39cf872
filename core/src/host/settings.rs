//! Settings as a host passes them: plain maps, all in one call.

use std::collections::HashMap;

use crate::error::Result;
use crate::settings::{self, Settings, is_address, is_secret, public_addresses};

/// Keys and values of a namespace.
pub type Entries = Vec<(String, String)>;

/// What a host creates a client from.
///
/// ```
/// use castalia_core::host::client::HostClient;
/// use castalia_core::host::settings::HostSettings;
///
/// let values = [("app.id".to_owned(), "demo".to_owned())].into();
/// let settings = HostSettings { binding: "lua", values, ..HostSettings::default() };
/// assert_eq!(HostClient::new(settings)?.app_id(), "demo");
/// # Ok::<(), castalia_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct HostSettings {
    /// Name of the binding, which servers see in the user agent.
    pub binding: &'static str,
    /// Whether environment variables and settings files are read too.
    pub from_env: bool,
    /// By property name; they override all others.
    pub values: HashMap<String, String>,
    /// Properties of the host; see [`Settings::overlay`].
    pub overlay: HashMap<String, String>,
    /// By namespace; see [`Settings::defaults`].
    pub defaults: Vec<(String, Entries)>,
    /// By namespace; see [`Settings::seed`].
    pub seeds: Vec<(String, Entries)>,
    /// Content of the program's settings file, for hosts that find it where the core does not look,
    /// such as in a jar. A file that the settings name is used instead.
    pub app_properties: Option<Vec<u8>>,
    /// Values by namespace of a client without servers, which a test of a program sets.
    pub memory: Option<Vec<(String, Entries)>>,
}

impl HostSettings {
    /// The same as settings of the core, which have no values of namespaces.
    pub(super) fn resolve(self) -> Result<Settings> {
        let settings = if self.from_env { Settings::from_env()? } else { Settings::new() };
        let settings = settings.set("castalia.binding", self.binding).overlay(self.overlay);
        let settings = settings.app_properties(self.app_properties);
        let settings = self.values.into_iter().fold(settings, |all, (k, v)| all.set(k, v));
        let defaults = self.defaults.into_iter();
        let settings = defaults.fold(settings, |all, (name, values)| all.defaults(&name, values));
        Ok(self.seeds.into_iter().fold(settings, |all, (name, values)| all.seed(&name, values)))
    }
}

/// The value of a setting as another process may see it: addresses have no users and passwords.
/// `None` for a secret, and for addresses that clients refuse, because it is not certain where a
/// password ends.
///
/// ```
/// use castalia_core::host::settings::public_value;
///
/// let public = public_value("apollo.meta", "http://user:secret@meta:8080");
/// assert_eq!(public.as_deref(), Some("http://meta:8080"));
/// assert_eq!(public_value("apollo.access-key.secret", "secret"), None);
/// ```
#[must_use]
pub fn public_value(name: &str, value: &str) -> Option<String> {
    match is_address(name) {
        true => public_addresses(value),
        false => (!is_secret(name)).then(|| value.to_owned()),
    }
}

/// The documented environment variable of a setting.
#[must_use]
pub fn variable_of(name: &str) -> String {
    settings::variable_of(name)
}
