//! Converts texts to values: each setting has its own form, and the faults of all settings are
//! collected.

use std::collections::BTreeMap;
use std::net::IpAddr;

use castalia_core::redact::without_credentials;
use castalia_store::{DatabaseUrl, Secret};
use ipnet::{IpNet, Ipv4Net};

use super::compat::CompatOverrides;
use super::definition::{self, Definition};
use super::token::weakness;
use super::{Fault, Fixed, Texts, admin_tokens, file};
use crate::server_config::keys;
use crate::settings::role::Role;

/// Shortest administrator password that is accepted, in characters.
const MIN_PASSWORD: usize = 12;
/// Maximum length of the administrator password, in characters, so that hashing it remains cheap.
const MAX_PASSWORD: usize = 128;

/// Maximum length of the base path, which is part of every address, in bytes.
const BASE_PATH: usize = 100;

/// Size of a connection pool. At least 2: a publish needs a connection beside the one that reads.
pub(super) struct PoolSize(pub(super) u32);

impl std::str::FromStr for PoolSize {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.parse().ok().filter(|number| (2..=10_000).contains(number)).map(Self).ok_or(())
    }
}

/// The only setting whose blank text has a meaning.
pub(super) const MAY_BE_BLANK: &str = "eureka.apps";
const BLANK: &str = "is set but empty; set a value or unset it";
pub(super) const MAX_CONNECTIONS: &str = "a whole number from 2 to 10000";
pub(super) const PORT: &str = "a port from 0 to 65535";
pub(super) const COUNT: &str = "a whole number; 0 means no limit";

pub(super) struct SettingsReader<'a> {
    pub(super) texts: &'a Texts,
    pub(super) faults: Vec<Fault>,
}

impl SettingsReader<'_> {
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.texts.get(name).map(|(text, _)| text.to_owned())
    }

    pub(super) fn fault(&mut self, name: &str, problem: impl Into<String>) {
        self.faults.push(Fault { setting: self.texts.spelling(name), problem: problem.into() });
    }

    pub(super) fn parsed<T: std::str::FromStr>(&mut self, name: &str, wanted: &str) -> Option<T> {
        let text = self.text(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.fault(name, format!("`{text}` is not {wanted}"));
        }
        value
    }

    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.fault(name, format!("`{text}` is not one of {}", words.join(", ")));
        }
        found
    }

    pub(super) fn switch(&mut self, name: &str) -> Option<bool> {
        self.choice(name, &[("true", true), ("false", false), ("on", true), ("off", false)])
    }

    pub(super) fn compat(&mut self) -> CompatOverrides {
        CompatOverrides {
            strict_status: self.switch("compat.strict_status"),
            fold_names: self.switch("compat.fold_names"),
            open_metrics: self.switch("compat.open_metrics"),
            empty_admin_tokens_pass: self.switch("compat.empty_admin_tokens_pass"),
            cookie_without_csrf: self.switch("compat.cookie_without_csrf"),
            basic_authentication: self.switch("compat.basic_authentication"),
            json_duplicate_members: self.switch("compat.json_duplicate_members"),
            token_reads_all: self.switch("compat.token_reads_all"),
            disabled_operators: self.switch("compat.disabled_operators"),
            merge_gray_with_modify: self.switch("compat.merge_gray_with_modify"),
            open_user_directory: self.switch("compat.open_user_directory"),
            accept_broken_documents: self.switch("compat.accept_broken_documents"),
        }
    }

    pub(super) fn networks(&mut self, name: &'static str) -> Vec<IpNet> {
        let text = self.text(name).unwrap_or_default();
        let mut networks = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let address = word.parse::<IpAddr>().map(IpNet::from);
            match word.parse::<IpNet>().or(address) {
                Ok(network) => networks.push(canonical(network)),
                Err(_) => self.fault(
                    name,
                    format!("`{word}` is not an address or a network such as 10.0.0.0/8"),
                ),
            }
        }
        networks
    }

    pub(super) fn roles(&mut self) -> Vec<Role> {
        let text = self.text("roles").unwrap_or_default();
        let mut roles = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match Role::from_name(word) {
                Some(role) if !roles.contains(&role) => roles.push(role),
                Some(_) => {}
                None => self
                    .fault("roles", format!("`{word}` is not one of config, meta, admin, portal")),
            }
        }
        if roles.is_empty() && self.faults.is_empty() {
            self.fault("roles", "contains no role; choose from config, meta, admin, portal");
        }
        roles
    }

    pub(super) fn server_config(&mut self, roles: &[Role]) -> BTreeMap<String, Fixed> {
        let fixed = self.texts.server_config.clone();
        if let Some(Fixed { text, .. }) = fixed.get(admin_tokens::KEY)
            && let Err(problem) = admin_tokens::check(text, roles)
        {
            self.fault(admin_tokens::KEY, problem);
        }
        for (key, Fixed { text, .. }) in &fixed {
            match keys::ALL.iter().find(|entry| entry.name() == key) {
                Some(_) if text.trim().is_empty() => self.fault(key, BLANK),
                // Read as a switch of this program, which accepts more texts.
                Some(_) if key == keys::EUREKA_SERVER.name => {}
                Some(entry) if !entry.is_plain(text) => {
                    let shown = without_credentials(text);
                    self.fault(key, format!("`{shown}` is invalid; expected: {}", entry.form()));
                }
                None if !key.starts_with(keys::REGISTRY_METADATA) => {
                    self.fault(
                        key,
                        "is not a key of ServerConfig; docs/server-config.md lists them",
                    );
                }
                _ => {}
            }
        }
        fixed
    }

    pub(super) fn hosts(&mut self, name: &'static str) -> Option<Vec<String>> {
        let text = self.text(name)?;
        let hosts = text.split(',').map(str::trim).filter(|host| !host.is_empty());
        let hosts: Vec<_> = hosts.map(str::to_owned).collect();
        if hosts.is_empty() || hosts.iter().any(|host| host.contains(['/', ' '])) {
            let problem = format!("`{text}` is not a list of host names such as castalia.example");
            self.fault(name, problem);
        }
        Some(hosts)
    }

    pub(super) fn database(&mut self, name: &'static str) -> Option<DatabaseUrl> {
        let text = self.text(name)?;
        match text.parse::<DatabaseUrl>() {
            Ok(url) if url.is_memory() => {
                self.fault(
                    name,
                    "names no file, so that everything is lost at the end; use sqlite://FILE",
                );
                None
            }
            Ok(url) => Some(url),
            Err(error) => {
                self.fault(name, error);
                None
            }
        }
    }

    pub(super) fn env(&mut self) -> String {
        let Some(text) = self.text("env") else { return String::new() };
        if !castalia_core::protocol::namespace::is_valid_name(&text) {
            self.fault("env", format!("`{text}` is not a name; use letters, digits, `-` and `_`"));
        }
        crate::settings::environment::normalise(&text)
    }

    pub(super) fn base_path(&mut self) -> String {
        let text = self.text("base_path").unwrap_or_default();
        let path = text.trim_matches('/');
        let fits = |segment: &str| castalia_core::protocol::namespace::is_valid_name(segment);
        if path.is_empty() {
            return String::new();
        }
        if !path.split('/').all(fits) {
            self.fault("base_path", format!("`{text}` is not a path such as /apollo"));
        } else if path.len() > BASE_PATH {
            self.fault("base_path", format!("is longer than {BASE_PATH} bytes"));
        }
        format!("/{path}")
    }

    pub(super) fn log_level(&mut self) -> String {
        let text = self.text("log_level").unwrap_or_default();
        if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&text) {
            self.fault("log_level", format!("`{text}` is not a log filter: {error}"));
        }
        text
    }

    /// A blank text, as of a variable that a deployment did not fill, is a mistake, not a request
    /// for the default, which may open what was to be closed. An empty list of apps is that of all.
    pub(super) fn refuse_blank(&mut self) {
        for Definition { name, .. } in definition::all() {
            if *name != MAY_BE_BLANK && self.texts.is_blank(name) {
                self.fault(name, BLANK);
            }
        }
    }

    pub(super) fn admin_password(&mut self) -> Option<Secret> {
        let (name, password) = match (self.text("admin_password"), self.text("admin_password_file"))
        {
            (Some(_), Some(_)) => {
                self.fault(
                    "admin_password_file",
                    "admin_password is also set; set only one of them",
                );
                return None;
            }
            (Some(password), None) => ("admin_password", password),
            (None, Some(path)) => match file::text(&path) {
                Ok(text) => ("admin_password_file", text.trim().to_owned()),
                Err(error) => {
                    self.fault("admin_password_file", format!("cannot read {path}: {error}"));
                    return None;
                }
            },
            (None, None) => return None,
        };
        let length = password.chars().count();
        if !(MIN_PASSWORD..=MAX_PASSWORD).contains(&length) {
            self.fault(
                name,
                format!("the password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters"),
            );
        } else if let Some(fragment) = crate::password::blocked_fragment(&password) {
            self.fault(
                name,
                format!("the password contains `{fragment}`, which is too easy to guess"),
            );
        }
        Some(Secret::new(password))
    }

    pub(super) fn metrics_token(&mut self) -> Option<Secret> {
        let token = self.text("metrics_token")?;
        self.check_token("metrics_token", &token);
        Some(Secret::new(token))
    }

    /// Refuses a token that can be guessed.
    pub(super) fn check_token(&mut self, name: &str, token: &str) {
        if let Some(problem) = weakness(token) {
            self.fault(name, problem);
        }
    }
}

/// IPv4 networks in their IPv6 form are those of the addresses that they contain, because addresses
/// are compared in their IPv4 form.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let address = mapped.network().to_ipv4_mapped();
    let length = mapped.prefix_len().checked_sub(96);
    let network =
        address.zip(length).and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    network.map_or(IpNet::V6(mapped), IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_networks_contain_addresses_in_their_usual_form() {
        for (text, expected) in [
            ("::ffff:10.1.0.0/112", "10.1.0.0/16"),
            ("::ffff:10.1.2.3/128", "10.1.2.3/32"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("2001:db8::/96", "2001:db8::/96"),
            ("10.0.0.0/8", "10.0.0.0/8"),
        ] {
            assert_eq!(canonical(text.parse().unwrap()).to_string(), expected, "{text}");
        }
    }
}
