//! Settings of one server process: parsed once at the start, validated together, passed by reference from then on.

pub mod admin_tokens;
pub mod definition;
pub mod source;

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::FixedOffset;
use ipnet::IpNet;

use crate::role::Role;
use crate::store::{DatabaseUrl, Secret};

pub use self::source::{Fault, Origin, Texts};

/// Shortest administrator password and metrics token that are accepted, in characters.
const MIN_PASSWORD: usize = 12;
const MIN_TOKEN: usize = 32;
/// Fewest different characters of a token; a random one in hexadecimal has more with near certainty.
const MIN_DISTINCT: usize = 8;
/// Longest administrator password, so that hashing it stays cheap.
const MAX_PASSWORD: usize = 128;

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people, on standard error.
    Text,
    /// One JSON object for each line, on standard output.
    Json,
}

/// What the start does with the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaMode {
    /// Create what is missing.
    Apply,
    /// Only report.
    Check,
    /// Trust the database.
    Off,
}

/// How services are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discovery {
    /// In the ServiceRegistry table.
    Database,
    /// As two keys of ServerConfig list them.
    Custom,
}

/// Which kind of installation the defaults are for: fresh ones are closed, adopted ones keep Apollo's clients, nodes and scripts
/// working.
pub use crate::store::Origin as Installation;

/// Settings of `serve` and, as far as they need them, of the other commands.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Roles that this process plays.
    pub roles: Vec<Role>,
    /// Address that all roles listen on.
    pub bind: IpAddr,
    /// Port of the config and meta roles.
    pub config_port: u16,
    /// Port of the admin role.
    pub admin_port: u16,
    /// Port of the portal role.
    pub portal_port: u16,
    /// Directory of the SQLite files, the lock and generated tokens.
    pub data_dir: PathBuf,
    /// Config database, where it is not the file in the data directory.
    pub config_db: Option<DatabaseUrl>,
    /// Portal database, likewise.
    pub portal_db: Option<DatabaseUrl>,
    /// Environment served here, normalised.
    pub env: String,
    /// Address under which others reach this node.
    pub advertise: Option<String>,
    /// Path in front of every route; empty or with a leading and without a trailing slash.
    pub base_path: String,
    /// What the start does with the schema.
    pub schema: SchemaMode,
    /// Whether a fresh SQLite directory gets a sample app.
    pub sample_app: bool,
    /// Data center of this node.
    pub idc: Option<String>,
    /// Cluster of this node.
    pub cluster: Option<String>,
    /// Form of the log.
    pub log_format: LogFormat,
    /// Filter of the log.
    pub log_level: String,
    /// First password of the administrator.
    pub admin_password: Option<Secret>,
    /// Token of the metrics.
    pub metrics_token: Option<Secret>,
    /// Overrides what the database says about the installation.
    pub defaults: Option<Installation>,
    /// Switches between security and compatibility, as far as they are set.
    pub compat: CompatOverrides,
    /// Whether apps without an enabled access key are refused.
    pub require_access_key: bool,
    /// Access keys that were read longer ago admit nobody.
    pub access_key_max_age: Option<Duration>,
    /// Polls held for one address; 0 means no limit.
    pub max_polls_per_address: usize,
    /// Polls held for one app; 0 means no limit.
    pub max_polls_per_app: usize,
    /// MiB for the names that held polls wait for, beside 1 KiB for each poll; 0 means no limit.
    pub max_watch_mib: usize,
    /// Host names that the portal answers to; `None` picks by installation.
    pub hosts: Option<Vec<String>>,
    /// Proxies whose `X-Forwarded-For` the portal believes.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether the session cookie is always `Secure`.
    pub cookie_always_secure: bool,
    /// How services are found.
    pub discovery: Discovery,
    /// Offset of the clocks of Java nodes on the same database.
    pub time_zone: Option<FixedOffset>,
    /// Connections to MySQL or PostgreSQL for requests, for each database.
    pub max_connections: u32,
    /// Keys of Apollo's ServerConfig tables that this node fixes.
    pub server_config: BTreeMap<String, String>,
    /// Meta servers by environment, from variables such as `DEV_META`.
    pub meta_servers: BTreeMap<String, String>,
}

/// The `compat.*` settings as given; what is unset follows the installation.
#[derive(Debug, Clone, Copy, Default)]
pub struct CompatOverrides {
    strict_status: Option<bool>,
    fold_names: Option<bool>,
    open_metrics: Option<bool>,
    empty_admin_tokens_pass: Option<bool>,
    cookie_without_csrf: Option<bool>,
    json_duplicate_members: Option<bool>,
    token_reads_all: Option<bool>,
    accept_broken_documents: Option<bool>,
}

/// The `compat.*` settings in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of its own")]
pub struct Compat {
    /// The reference's status numbers for unknown path, wrong method and bad parameters.
    pub strict_status: bool,
    /// App id and cluster of clients match ignoring ASCII case.
    pub fold_names: bool,
    /// Metrics without the token.
    pub open_metrics: bool,
    /// Admin access control without tokens lets calls pass.
    pub empty_admin_tokens_pass: bool,
    /// Cookie requests of scripts need no `X-CSRF-Token`.
    pub cookie_without_csrf: bool,
    /// JSON values may have duplicate members.
    pub json_duplicate_members: bool,
    /// Consumers read the items of apps on which they have no role.
    pub token_reads_all: bool,
    /// JSON and YAML that do not parse may be saved.
    pub accept_broken_documents: bool,
}

impl CompatOverrides {
    /// What is in force for an installation.
    #[must_use]
    pub fn resolve(&self, installation: Installation) -> Compat {
        let adopted = installation == Installation::Adopted;
        Compat {
            strict_status: self.strict_status.unwrap_or(false),
            fold_names: self.fold_names.unwrap_or(adopted),
            open_metrics: self.open_metrics.unwrap_or(adopted),
            empty_admin_tokens_pass: self.empty_admin_tokens_pass.unwrap_or(adopted),
            cookie_without_csrf: self.cookie_without_csrf.unwrap_or(adopted),
            json_duplicate_members: self.json_duplicate_members.unwrap_or(adopted),
            token_reads_all: self.token_reads_all.unwrap_or(adopted),
            accept_broken_documents: self.accept_broken_documents.unwrap_or(false),
        }
    }
}

impl Settings {
    /// Makes settings of texts.
    ///
    /// # Errors
    /// All faults at once, each naming its setting.
    pub fn from_texts(texts: &Texts) -> Result<Self, Vec<Fault>> {
        let mut read = Reader { texts, faults: Vec::new() };
        // Nothing where a secret, a database or a list of hosts was meant is a mistake, not a wish for the default.
        for name in NEVER_BLANK {
            read.refuse_blank(name);
        }
        let roles = read.roles();
        let server_config = read.server_config(&roles);
        let settings = Self {
            roles,
            bind: read
                .parsed("bind", "an IP address such as 127.0.0.1 or 0.0.0.0")
                .unwrap_or(IpAddr::from([127, 0, 0, 1])),
            config_port: read.parsed("config_port", PORT).unwrap_or_default(),
            admin_port: read.parsed("admin_port", PORT).unwrap_or_default(),
            portal_port: read.parsed("portal_port", PORT).unwrap_or_default(),
            data_dir: read.text("data_dir").map(PathBuf::from).unwrap_or_default(),
            config_db: read.database("config_db"),
            portal_db: read.database("portal_db"),
            env: read.env(),
            advertise: read.advertise(),
            base_path: read.base_path(),
            schema: read
                .choice(
                    "schema",
                    &[
                        ("apply", SchemaMode::Apply),
                        ("check", SchemaMode::Check),
                        ("off", SchemaMode::Off),
                    ],
                )
                .unwrap_or(SchemaMode::Apply),
            sample_app: read
                .choice("sample_app", &[("on", true), ("off", false)])
                .unwrap_or_default(),
            idc: read.text("idc"),
            cluster: read.text("cluster"),
            log_format: read
                .choice("log_format", &[("text", LogFormat::Text), ("json", LogFormat::Json)])
                .unwrap_or(LogFormat::Text),
            log_level: read.log_level(),
            admin_password: read.admin_password(),
            metrics_token: read.metrics_token(),
            defaults: read.choice(
                "compat.defaults",
                &[("fresh", Installation::Fresh), ("adopted", Installation::Adopted)],
            ),
            compat: read.compat(),
            require_access_key: read.switch("security.require_access_key").unwrap_or_default(),
            access_key_max_age: read
                .parsed("security.access_key_max_age", "a number of seconds")
                .map(Duration::from_secs),
            max_polls_per_address: read
                .parsed("security.max_polls_per_address", COUNT)
                .unwrap_or_default(),
            max_polls_per_app: read.parsed("security.max_polls_per_app", COUNT).unwrap_or_default(),
            trusted_proxies: read.networks("security.trusted_proxies"),
            max_watch_mib: read.parsed("security.max_watch_mib", COUNT).unwrap_or_default(),
            hosts: read.hosts(),
            cookie_always_secure: read
                .choice("security.cookie_secure", &[("auto", false), ("always", true)])
                .unwrap_or_default(),
            discovery: read
                .choice(
                    "registry",
                    &[("database", Discovery::Database), ("custom", Discovery::Custom)],
                )
                .unwrap_or(Discovery::Database),
            time_zone: read.parsed("store.time_zone", "an offset such as +08:00"),
            max_connections: read
                .parsed("store.max_connections", MAX_CONNECTIONS)
                .map_or(16, |connections: PoolSize| connections.0),
            server_config,
            meta_servers: texts.meta_servers.clone(),
        };
        if read.faults.is_empty() { Ok(settings) } else { Err(read.faults) }
    }

    /// The ServerConfig keys that this node fixes in the database that a role reads.
    #[must_use]
    pub fn fixed_for(&self, role: Role) -> BTreeMap<String, String> {
        let mut fixed = self.server_config.clone();
        fixed.retain(|key, text| key != admin_tokens::KEY || admin_tokens::is_for(role, text));
        fixed
    }

    /// Whether this process plays a role.
    #[must_use]
    pub fn plays(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether this process plays a role that works on the config database.
    #[must_use]
    pub fn serves_environment(&self) -> bool {
        [Role::Config, Role::Meta, Role::Admin].iter().any(|role| self.plays(*role))
    }
}

/// A publish needs a connection beside the one that reads.
struct PoolSize(u32);

impl std::str::FromStr for PoolSize {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.parse().ok().filter(|number| (2..=10_000).contains(number)).map(Self).ok_or(())
    }
}

/// Settings that are either given a value or not set.
const NEVER_BLANK: [&str; 8] = [
    "roles",
    "data_dir",
    "config_db",
    "portal_db",
    "admin_password",
    "admin_password_file",
    "metrics_token",
    "security.hosts",
];
const MAX_CONNECTIONS: &str = "a whole number from 2 to 10000";
const PORT: &str = "a port from 0 to 65535";
const COUNT: &str = "a whole number; 0 means no limit";

struct Reader<'a> {
    texts: &'a Texts,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn text(&self, name: &str) -> Option<String> {
        self.texts.get(name).map(|(text, _)| text.to_owned())
    }

    fn fault(&mut self, name: &str, problem: impl Into<String>) {
        self.faults.push(Fault { setting: self.texts.spelling(name), problem: problem.into() });
    }

    fn parsed<T: std::str::FromStr>(&mut self, name: &str, wanted: &str) -> Option<T> {
        let text = self.text(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.fault(name, format!("`{text}` is not {wanted}"));
        }
        value
    }

    fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.fault(name, format!("`{text}` is none of {}", words.join(", ")));
        }
        found
    }

    fn switch(&mut self, name: &str) -> Option<bool> {
        self.choice(name, &[("true", true), ("false", false), ("on", true), ("off", false)])
    }

    fn compat(&mut self) -> CompatOverrides {
        CompatOverrides {
            strict_status: self.switch("compat.strict_status"),
            fold_names: self.switch("compat.fold_names"),
            open_metrics: self.switch("compat.open_metrics"),
            empty_admin_tokens_pass: self.switch("compat.empty_admin_tokens_pass"),
            cookie_without_csrf: self.switch("compat.cookie_without_csrf"),
            json_duplicate_members: self.switch("compat.json_duplicate_members"),
            token_reads_all: self.switch("compat.token_reads_all"),
            accept_broken_documents: self.switch("compat.accept_broken_documents"),
        }
    }

    fn networks(&mut self, name: &'static str) -> Vec<IpNet> {
        let text = self.text(name).unwrap_or_default();
        let mut networks = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let address = word.parse::<IpAddr>().map(IpNet::from);
            match word.parse::<IpNet>().or(address) {
                Ok(network) => networks.push(network),
                Err(_) => self.fault(
                    name,
                    format!("`{word}` is not an address or a network such as 10.0.0.0/8"),
                ),
            }
        }
        networks
    }

    fn roles(&mut self) -> Vec<Role> {
        let text = self.text("roles").unwrap_or_default();
        let mut roles = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match Role::from_name(word) {
                Some(role) if !roles.contains(&role) => roles.push(role),
                Some(_) => {}
                None => {
                    self.fault("roles", format!("`{word}` is none of config, meta, admin, portal"))
                }
            }
        }
        if roles.is_empty() && self.faults.is_empty() {
            self.fault("roles", "names no role; choose from config, meta, admin, portal");
        }
        roles
    }

    fn server_config(&mut self, roles: &[Role]) -> BTreeMap<String, String> {
        let fixed = self.texts.server_config.clone();
        if let Some(text) = fixed.get(admin_tokens::KEY)
            && let Err(problem) = admin_tokens::check(text, roles)
        {
            self.fault(admin_tokens::KEY, problem);
        }
        fixed
    }

    fn hosts(&mut self) -> Option<Vec<String>> {
        let text = self.text("security.hosts")?;
        let hosts = text.split(',').map(str::trim).filter(|host| !host.is_empty());
        let hosts: Vec<_> = hosts.map(str::to_owned).collect();
        if hosts.is_empty() || hosts.iter().any(|host| host.contains(['/', ' '])) {
            let problem = format!("`{text}` is not a list of host names such as castalia.example");
            self.fault("security.hosts", problem);
        }
        Some(hosts)
    }

    fn database(&mut self, name: &'static str) -> Option<DatabaseUrl> {
        let text = self.text(name)?;
        match text.parse::<DatabaseUrl>() {
            Ok(url) => Some(url),
            Err(error) => {
                self.fault(name, error);
                None
            }
        }
    }

    fn env(&mut self) -> String {
        let text = self.text("env").unwrap_or_default();
        if !castalia_core::protocol::namespace::is_valid_name(&text) {
            self.fault("env", format!("`{text}` is not a name; use letters, digits, `-` and `_`"));
        }
        crate::domain::environment::normalise(&text)
    }

    fn advertise(&mut self) -> Option<String> {
        let text = self.text("advertise")?;
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) {
            self.fault(
                "advertise",
                format!("`{text}` is not an address such as http://10.0.0.5:8080"),
            );
        }
        Some(text)
    }

    fn base_path(&mut self) -> String {
        let text = self.text("base_path").unwrap_or_default();
        let path = text.trim_matches('/');
        let fits = |segment: &str| castalia_core::protocol::namespace::is_valid_name(segment);
        if path.is_empty() {
            return String::new();
        }
        if !path.split('/').all(fits) {
            self.fault("base_path", format!("`{text}` is not a path such as /apollo"));
        }
        format!("/{path}")
    }

    fn log_level(&mut self) -> String {
        let text = self.text("log_level").unwrap_or_default();
        if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&text) {
            self.fault("log_level", format!("`{text}` is not a log filter: {error}"));
        }
        text
    }

    fn refuse_blank(&mut self, name: &str) {
        if self.texts.is_blank(name) {
            self.fault(name, "is set but empty; give it a value or do not set it");
        }
    }

    fn admin_password(&mut self) -> Option<Secret> {
        let (name, password) = match (self.text("admin_password"), self.text("admin_password_file"))
        {
            (Some(_), Some(_)) => {
                self.fault(
                    "admin_password_file",
                    "admin_password is set too; set only one of them",
                );
                return None;
            }
            (Some(password), None) => ("admin_password", password),
            (None, Some(file)) => match std::fs::read_to_string(&file) {
                Ok(text) => ("admin_password_file", text.trim().to_owned()),
                Err(error) => {
                    self.fault("admin_password_file", format!("cannot read {file}: {error}"));
                    return None;
                }
            },
            (None, None) => return None,
        };
        let length = password.chars().count();
        if !(MIN_PASSWORD..=MAX_PASSWORD).contains(&length) {
            self.fault(
                name,
                format!("the password needs {MIN_PASSWORD} to {MAX_PASSWORD} characters"),
            );
        } else if let Some(fragment) = crate::domain::password::blocked_fragment(&password) {
            self.fault(
                name,
                format!("the password contains `{fragment}`, which is too easy to guess"),
            );
        }
        Some(Secret::new(password))
    }

    fn metrics_token(&mut self) -> Option<Secret> {
        let token = self.text("metrics_token")?;
        if token.len() < MIN_TOKEN {
            self.fault("metrics_token", format!("the token needs at least {MIN_TOKEN} characters"));
        } else if token.bytes().collect::<HashSet<_>>().len() < MIN_DISTINCT {
            let problem = format!("the token needs at least {MIN_DISTINCT} different characters");
            self.fault("metrics_token", problem);
        }
        Some(Secret::new(token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(flags: &[(&'static str, &str)]) -> Result<Settings, Vec<Fault>> {
        let flags = flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        Settings::from_texts(&Texts::gather(flags, None, std::iter::empty())?)
    }

    #[test]
    fn nothing_set_means_all_roles_on_loopback() {
        let settings = settings(&[]).unwrap();
        assert_eq!(settings.roles, Role::ALL);
        assert!(settings.bind.is_loopback());
        assert_eq!(
            (settings.config_port, settings.admin_port, settings.portal_port),
            (8080, 8090, 8070)
        );
        assert_eq!(settings.env, "DEV");
    }

    #[test]
    fn all_faults_are_reported_at_once_by_the_names_the_user_wrote() {
        let faults =
            settings(&[("bind", "here"), ("config_port", "70000"), ("roles", "config,king")])
                .unwrap_err();
        let names: Vec<_> = faults.iter().map(|fault| fault.setting.as_str()).collect();
        assert_eq!(names, ["--roles", "--bind", "--config-port"]);
    }

    #[test]
    fn the_installation_decides_what_is_unset() {
        let compat = settings(&[("compat.strict_status", "true")]).unwrap().compat;
        assert!(compat.resolve(Installation::Fresh).strict_status);
        assert!(!compat.resolve(Installation::Fresh).fold_names);
        assert!(compat.resolve(Installation::Adopted).fold_names);
    }

    #[test]
    fn a_weak_password_stops_the_start_and_is_not_repeated() {
        for password in [" ", "short", "aaaaaaaaaaaa111"] {
            let faults = settings(&[("admin_password", password)]).unwrap_err();
            let text = faults.iter().map(Fault::to_string).collect::<String>();
            assert!(text.contains("--admin-password") && !text.contains("aaaa"), "{text}");
        }
    }
}
