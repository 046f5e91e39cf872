//! Determines the text of a setting from flag, environment, file and default, in this order. The
//! only part of the server that reads the environment. Does not know what a text means.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use castalia_store::Secret;

use super::definition::{self, Definition, find};
use super::file;
use super::variables_of_others::is_of_others;
use crate::server_config::keys;
use crate::settings::environment::normalise;

/// Prefix of the server's environment variables.
const PREFIX: &str = "CASTALIA_";
/// Names the file. No setting, because the file cannot contain it.
const CONFIG_FILE: &str = "CASTALIA_CONFIG_FILE";
/// Table of the file that fixes keys of Apollo's ServerConfig tables for this node.
const SERVER_CONFIG: &str = "server-config";

/// Origin of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Command line.
    Flag(String),
    /// Environment variable.
    Variable(String),
    /// `castalia.toml`, or the file named by `--config-file`.
    File(PathBuf),
    /// The table of definitions.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) => write!(f, "--{name}"),
            Origin::Variable(name) => f.write_str(name),
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A ServerConfig key that this node fixes; `Debug` hides its text, which may be a secret.
#[derive(Clone)]
pub struct Fixed {
    /// The effective text.
    pub text: String,
    /// Where it is set; the first origin hides the others.
    pub origins: Vec<Origin>,
}

impl fmt::Debug for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fixed({:?})", self.origins)
    }
}

/// Texts of all settings that have one, and the ServerConfig keys that this node fixes.
#[derive(Debug, Default)]
pub struct Texts {
    values: BTreeMap<&'static str, (String, Origin)>,
    /// Keys of Apollo's ServerConfig tables that this node fixes.
    pub server_config: BTreeMap<String, Fixed>,
    /// Meta servers by normalised environment name, from variables such as `DEV_META`.
    pub meta_servers: BTreeMap<String, Secret>,
}

/// A fault of a setting, under the name that the user spelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Flag, variable or key.
    pub setting: String,
    /// What is wrong, and what to do about it.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.problem)
    }
}

impl Texts {
    /// Collects all layers. `flags` contains the command line's texts by the name of their
    /// definition.
    ///
    /// # Errors
    /// Returns all unknown names of all layers, and a file that cannot be read.
    pub fn gather(
        flags: Vec<(&'static str, String)>,
        config_file: Option<PathBuf>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut texts = Self::default();
        for definition in definition::all() {
            if let Some(default) = definition.default {
                texts.values.insert(definition.name, (default.to_owned(), Origin::Default));
            }
        }
        let (mut environment, others): (BTreeMap<String, String>, BTreeMap<String, String>) =
            environment.partition(|(name, _)| name.starts_with(PREFIX));
        texts.meta_servers = meta_servers(&others);
        let variable = environment.remove(CONFIG_FILE).map(PathBuf::from);
        let named = config_file.or(variable);
        texts.add_file(named.as_deref(), &mut faults);
        texts.add_environment(environment, &mut faults);
        for (name, text) in flags {
            if let Some(definition) = find(name) {
                texts.values.insert(definition.name, (text, Origin::Flag(definition.flag())));
            }
        }
        if faults.is_empty() { Ok(texts) } else { Err(faults) }
    }

    /// Whether a variable of this name may be a setting.
    #[must_use]
    pub fn reads(variable: &str) -> bool {
        variable.starts_with(PREFIX) || environment_of(variable).is_some()
    }

    /// The text of a setting and its origin; a blank text is treated as unset.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<(&str, &Origin)> {
        let (text, origin) = self.values.get(name)?;
        let text = text.trim();
        (!text.is_empty()).then_some((text, origin))
    }

    /// Whether a layer sets it to a blank text.
    #[must_use]
    pub fn is_blank(&self, name: &str) -> bool {
        self.values
            .get(name)
            .is_some_and(|(text, origin)| text.trim().is_empty() && *origin != Origin::Default)
    }

    /// The name under which the user set it, for error messages.
    #[must_use]
    pub fn spelling(&self, name: &str) -> String {
        match (self.values.get(name), find(name)) {
            (Some((_, origin @ (Origin::Flag(_) | Origin::Variable(_)))), _) => origin.to_string(),
            (Some((_, Origin::File(path))), _) => format!("{name} in {}", path.display()),
            (_, Some(definition)) => format!("--{}", definition.flag()),
            (_, None) => match self.server_config.get(name).map(|fixed| &fixed.origins[..]) {
                Some([Origin::File(path), ..]) => format!("{name} in {}", path.display()),
                _ => name.to_owned(),
            },
        }
    }

    /// All settings that are not defaults, with their origin. The start-up log prints them.
    pub fn explicit(&self) -> impl Iterator<Item = (&'static str, &Origin)> {
        self.values
            .iter()
            .filter(|(_, (_, origin))| *origin != Origin::Default)
            .map(|(name, (_, origin))| (*name, origin))
    }

    /// Flags that contain a secret, which every user of the machine can read in the process list.
    pub fn secrets_in_arguments(&self) -> impl Iterator<Item = (&'static Definition, String)> {
        let flags = self.values.iter().filter(|(_, (_, origin))| matches!(origin, Origin::Flag(_)));
        let secret = flags.filter(|(name, (text, _))| match **name {
            "admin_password"
            | "metrics_token"
            | "oidc.client_secret"
            | "ldap.password"
            | "eureka.password"
            | "proxy_sign_in.secret" => true,
            "config_db" | "portal_db" => has_password(text),
            _ => false,
        });
        secret.filter_map(|(name, (_, origin))| Some((find(name)?, origin.to_string())))
    }

    fn add_file(&mut self, named: Option<&Path>, faults: &mut Vec<Fault>) {
        let path = named.unwrap_or_else(|| Path::new("castalia.toml"));
        let text = match file::text(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => return,
            Err(error) => {
                let problem = format!("cannot read {}: {error}", path.display());
                faults.push(fault("--config-file", problem));
                return;
            }
        };
        match text.parse::<toml::Table>() {
            Ok(table) => self.add_table(table, path, faults),
            Err(error) => {
                // Without the line itself, which may contain a secret.
                let start = error.span().map_or(0, |span| span.start);
                let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
                let problem = format!("line {line} is not valid TOML: {}", error.message());
                faults.push(fault(path.display(), problem));
            }
        }
    }

    fn add_table(&mut self, mut table: toml::Table, path: &Path, faults: &mut Vec<Fault>) {
        if let Some(toml::Value::Table(fixed)) = table.remove(SERVER_CONFIG) {
            let mut keys = Vec::new();
            flatten("", &fixed, &mut keys);
            for (key, text) in keys {
                self.fix(&key, text, Origin::File(path.to_owned()));
            }
        }
        let mut flat = Vec::new();
        flatten("", &table, &mut flat);
        for (name, text) in flat {
            match find(&name) {
                Some(definition) => {
                    self.values.insert(definition.name, (text, Origin::File(path.to_owned())));
                }
                None => faults
                    .push(fault(format!("{name} in {}", path.display()), "unknown setting".into())),
            }
        }
    }

    fn add_environment(&mut self, environment: BTreeMap<String, String>, faults: &mut Vec<Fault>) {
        let known: BTreeMap<String, &Definition> =
            definition::all().map(|definition| (definition.variable(), definition)).collect();
        for (variable, text) in environment {
            // First, because some have the name of a setting.
            if is_of_others(&variable, &text) {
                continue;
            }
            if let Some(definition) = known.get(&variable) {
                self.values.insert(definition.name, (text, Origin::Variable(variable)));
            } else if let Some(key) = server_config_key(&variable) {
                self.fix(key, text, Origin::Variable(variable));
            } else {
                faults.push(fault(variable, "unknown setting; unset this variable".into()));
            }
        }
    }

    /// Fixes a ServerConfig key; this origin hides earlier ones.
    fn fix(&mut self, key: &str, text: String, origin: Origin) {
        let earlier = self.server_config.remove(key).map(|fixed| fixed.origins);
        let origins = [origin].into_iter().chain(earlier.unwrap_or_default()).collect();
        self.server_config.insert(key.to_owned(), Fixed { text, origins });
    }
}

fn fault(setting: impl fmt::Display, problem: String) -> Fault {
    Fault { setting: setting.to_string(), problem }
}

/// Variables that name the meta servers of an environment, as Apollo's portal reads them:
/// `DEV_META` or `dev_meta`, for any environment.
fn meta_servers(variables: &BTreeMap<String, String>) -> BTreeMap<String, Secret> {
    let found = variables.iter().filter_map(|(variable, servers)| {
        let env = environment_of(variable).filter(|_| !servers.trim().is_empty())?;
        Some((normalise(env), Secret::new(servers.trim())))
    });
    found.collect()
}

/// The environment whose meta servers a variable names.
fn environment_of(variable: &str) -> Option<&str> {
    let (env, suffix) = variable.rsplit_once('_')?;
    suffix.eq_ignore_ascii_case("meta").then_some(env)
}

/// Whether a database URL contains a password.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let credentials = rest.rsplit_once('@').map_or("", |(credentials, _)| credentials);
    credentials.contains(':') || url.contains("password=")
}

/// The ServerConfig key that a variable fixes: the name in capitals, with `_` for every other
/// character.
fn server_config_key(variable: &str) -> Option<&'static str> {
    let rest = variable.strip_prefix(PREFIX)?;
    keys::ALL.iter().map(|key| key.name()).find(|key| {
        key.len() == rest.len()
            && key.bytes().zip(rest.bytes()).all(|(k, v)| {
                if k.is_ascii_alphanumeric() { k.to_ascii_uppercase() == v } else { v == b'_' }
            })
    })
}

fn flatten(prefix: &str, table: &toml::Table, flat: &mut Vec<(String, String)>) {
    for (key, value) in table {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(inner) => flatten(&name, inner, flat),
            other => flat.push((name, plain(other))),
        }
    }
}

fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    #[test]
    fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(&file, "env = \"uat\"\nconfig_port = 1\nadmin_port = 2\n[server-config]\n\"item.key.length.limit\" = 9\n").unwrap();
        let variables = environment(&[
            ("CASTALIA_CONFIG_PORT", "3"),
            ("CASTALIA_ENV", "fat"),
            ("HOME", "/root"),
        ]);
        let texts = Texts::gather(vec![("env", "pro".to_owned())], Some(file), variables).unwrap();
        assert_eq!(texts.get("env").unwrap().0, "pro");
        assert_eq!(texts.get("config_port").unwrap().0, "3");
        assert_eq!(texts.get("admin_port").unwrap().0, "2");
        assert_eq!(texts.get("portal_port").unwrap(), ("8070", &Origin::Default));
        assert_eq!(texts.server_config["item.key.length.limit"].text, "9");
    }

    #[test]
    fn unknown_names_are_faults_that_name_themselves() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(&file, "[security]\nrequire_key = true\n").unwrap();
        let faults = Texts::gather(Vec::new(), Some(file), environment(&[("CASTALIA_PORTS", "1")]))
            .unwrap_err();
        let text = faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ");
        assert!(text.contains("security.require_key") && text.contains("CASTALIA_PORTS"), "{text}");
    }

    #[test]
    fn a_secret_in_an_argument_is_found_and_one_elsewhere_is_not() {
        let flags = [
            ("metrics_token", "0123456789abcdef0123456789abcdef"),
            ("config_db", "mysql://user:password@host/db"),
            ("portal_db", "postgres://user@host/db"),
            ("data_dir", "data"),
        ];
        let flags = flags.map(|(name, text)| (name, text.to_owned())).to_vec();
        let variables = environment(&[("CASTALIA_ADMIN_PASSWORD", "a secret password")]);
        let texts = Texts::gather(flags, None, variables).unwrap();
        let found: Vec<_> = texts.secrets_in_arguments().map(|(_, flag)| flag).collect();
        assert_eq!(found, ["--config-db", "--metrics-token"]);
    }

    /// I17: one of these variables has the name of a setting.
    #[test]
    fn a_variable_of_kubernetes_is_no_setting() {
        let link = ("CASTALIA_ADMIN_PORT", "tcp://10.0.0.1:8090");
        let texts = Texts::gather(Vec::new(), None, environment(&[link])).unwrap();
        assert_eq!(texts.get("admin_port").unwrap(), ("8090", &Origin::Default));
        let port = ("CASTALIA_ADMIN_PORT", "8091");
        let texts = Texts::gather(Vec::new(), None, environment(&[port])).unwrap();
        assert_eq!(texts.get("admin_port").unwrap().0, "8091");
    }

    #[test]
    fn the_meta_servers_of_environments_have_the_variables_of_apollos_portal() {
        let pairs = [
            ("DEV_META", "http://d "),
            ("prod_meta", "http://p"),
            ("FAT_META", " "),
            ("META", "m"),
        ];
        let texts = Texts::gather(Vec::new(), None, environment(&pairs)).unwrap();
        let found = texts.meta_servers.iter().map(|(env, text)| (env.as_str(), text.expose()));
        assert_eq!(found.collect::<Vec<_>>(), [("DEV", "http://d"), ("PRO", "http://p")]);
    }

    #[test]
    fn a_server_config_key_can_be_fixed_by_a_variable_which_hides_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(&file, "[server-config]\n\"long.polling.timeout\" = 9\n").unwrap();
        let variables = environment(&[("CASTALIA_LONG_POLLING_TIMEOUT", "5")]);
        let texts = Texts::gather(Vec::new(), Some(file.clone()), variables).unwrap();
        let variable = Origin::Variable("CASTALIA_LONG_POLLING_TIMEOUT".to_owned());
        let fixed = &texts.server_config["long.polling.timeout"];
        assert_eq!(fixed.origins, [variable, Origin::File(file)]);
        assert_eq!(fixed.text, "5");
    }
}
