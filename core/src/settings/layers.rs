//! The origins of settings and their precedence.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use tracing::{debug, warn};

use super::agollo;
use super::key::{self, SettingKey, SettingsFiles};
use crate::error::Result;
use crate::format::properties;
use crate::protocol::wire::Configurations;

/// Origin of a setting, in order of precedence.
///
/// ```
/// use castalia_core::Origin;
///
/// assert!(Origin::Code < Origin::Environment, "code overrides the environment");
/// assert_eq!(Origin::AppProperties.name(), "app.properties");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// Set in code.
    Code,
    /// Passed by the host, such as the system properties of a JVM.
    Overlay,
    /// An environment variable.
    Environment,
    /// The settings file of the machine.
    ServerProperties,
    /// The settings file of the program.
    AppProperties,
    /// The file that names the meta servers of each environment.
    EnvProperties,
    /// Not set anywhere.
    Default,
}

impl Origin {
    /// Stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Origin::Code => "code",
            Origin::Overlay => "overlay",
            Origin::Environment => "environment",
            Origin::ServerProperties => "server.properties",
            Origin::AppProperties => "app.properties",
            Origin::EnvProperties => "apollo-env.properties",
            Origin::Default => "default",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value that was found; trimmed and not empty.
#[derive(Clone)]
pub(crate) struct SettingValue {
    pub(crate) value: String,
    pub(crate) origin: Origin,
    /// Name under which it was found.
    pub(crate) name: String,
}

/// All settings, by origin.
#[derive(Default, Clone)]
pub(crate) struct Layers {
    pub(crate) code: BTreeMap<String, String>,
    pub(crate) overlay: HashMap<String, String>,
    pub(crate) environment: HashMap<String, String>,
    pub(super) server: Configurations,
    pub(super) app: Configurations,
    /// Content of the program's settings file, if the host has found it.
    pub(super) app_file: Option<Vec<u8>>,
    pub(super) env: Configurations,
    /// Contents of a settings file of the Go client. Applies to any key, whichever files it is
    /// allowed in.
    pub(super) agollo: Configurations,
}

impl Layers {
    /// Reads the explicitly configured settings files and, if `ambient` is set, those in the
    /// default locations. A file that does not exist or cannot be read is not an error: most
    /// machines have none of them.
    pub(super) fn read_files(&mut self, ambient: bool) {
        let usual = |paths: &[&str]| -> Vec<PathBuf> {
            let paths = paths.iter().filter(|_| ambient);
            paths.map(PathBuf::from).collect()
        };
        let named = |key: &SettingKey| self.find(key).map(|found| vec![PathBuf::from(found.value)]);
        let server = named(&key::SERVER_PROPERTIES);
        let server = server.unwrap_or_else(|| usual(&[key::SERVER_PROPERTIES.default]));
        let app = named(&key::APP_PROPERTIES);
        let app_file = self.app_file.take().filter(|_| app.is_none());
        let app = app.unwrap_or_else(|| usual(&["META-INF/app.properties", "app.properties"]));
        let env = usual(&["config/apollo-env.properties", "apollo-env.properties"]);
        self.server = server.iter().find_map(|path| read(path)).unwrap_or_default();
        self.env = env.iter().find_map(|path| read(path)).unwrap_or_default();
        let app = match app_file {
            Some(content) => {
                let text = properties::decode(&content).into_owned();
                Some((Path::new("META-INF/app.properties"), text))
            }
            None => app.iter().find_map(|path| Some((path.as_path(), read_text(path)?))),
        };
        match app {
            // The Go client's file is JSON; no property name begins with a brace.
            Some((path, text)) if text.trim_start().starts_with('{') => {
                self.agollo = or_warn(path, agollo::parse(&text)).unwrap_or_default();
            }
            Some((path, text)) => self.app = parse(path, &text).unwrap_or_default(),
            None => {}
        }
    }

    /// The value with the highest precedence. All origins are searched for the current name before
    /// any is searched for the deprecated one.
    pub(crate) fn find(&self, key: &SettingKey) -> Option<SettingValue> {
        let variables: Vec<_> = key.variables().collect();
        self.find_as(key.name, &variables, key.files).or_else(|| {
            let (name, variable) = key.deprecated?;
            let found = self.find_as(name, &[variable.to_owned()], key.files)?;
            warn_deprecated(&found.name, key.name);
            Some(found)
        })
    }

    /// The value with the highest precedence under a name that is not in the table.
    pub(super) fn find_as(
        &self,
        name: &str,
        variables: &[String],
        files: SettingsFiles,
    ) -> Option<SettingValue> {
        let found = |value: Option<&String>, origin, name: &str| {
            let value = value?.trim();
            // An empty value counts as unset: deployment templates leave empty variables behind.
            (!value.is_empty()).then(|| SettingValue {
                value: value.to_owned(),
                origin,
                name: name.to_owned(),
            })
        };
        let in_environment = || {
            let mut variables = variables.iter();
            variables.find_map(|v| found(self.environment.get(v), Origin::Environment, v))
        };
        let in_server = || {
            let is_searched = matches!(files, SettingsFiles::Server | SettingsFiles::Both);
            let value = self.server.get(name).filter(|_| is_searched);
            found(value, Origin::ServerProperties, name)
        };
        let in_app = || {
            let is_searched = matches!(files, SettingsFiles::App | SettingsFiles::Both);
            let value = self.app.get(name).filter(|_| is_searched);
            found(value, Origin::AppProperties, name)
        };
        found(self.code.get(name), Origin::Code, name)
            .or_else(|| found(self.overlay.get(name), Origin::Overlay, name))
            .or_else(in_environment)
            .or_else(in_server)
            .or_else(in_app)
            .or_else(|| found(self.agollo.get(name), Origin::AppProperties, name))
    }
}

fn read(path: &Path) -> Option<Configurations> {
    parse(path, &read_text(path)?)
}

fn read_text(path: &Path) -> Option<String> {
    match std::fs::read(path) {
        Ok(bytes) => Some(properties::decode(&bytes).into_owned()),
        Err(error) => {
            debug!(path = %path.display(), %error, "settings file not read");
            None
        }
    }
}

fn parse(path: &Path, text: &str) -> Option<Configurations> {
    or_warn(path, properties::parse(text))
}

/// The parsed file; logs a warning if it cannot be parsed.
fn or_warn(path: &Path, parsed: Result<Configurations>) -> Option<Configurations> {
    if let Err(error) = &parsed {
        warn!(path = %path.display(), %error, "settings file ignored; correct it");
    }
    parsed.ok()
}

/// Warns once for each deprecated name, in the whole process: programs with many clients would
/// repeat it.
fn warn_deprecated(name: &str, replacement: &str) {
    static WARNED: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());
    let is_first = {
        let mut warned = WARNED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_first = !warned.iter().any(|known| known == name);
        if is_first {
            warned.push(name.to_owned());
        }
        is_first
    };
    // Without the lock: the logger may be a function of the host that opens a client.
    if is_first {
        warn!(name, replacement, "this setting has a new name; the old one still works");
    }
}
