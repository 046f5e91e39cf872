//! Settings of one server process: parsed once at the start, validated together, and passed by
//! reference from then on.

pub mod address;
pub mod admin_tokens;
mod compat;
pub mod definition;
pub mod directory;
pub mod environment;
pub mod eureka;
mod file;
mod read;
pub mod role;
pub mod sign_in;
pub mod source;
pub mod token;
mod variables_of_others;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use castalia_store::{DatabaseUrl, Secret};
use chrono::FixedOffset;
use ipnet::IpNet;

use self::eureka::EurekaSettings;
use self::role::Role;
use self::sign_in::SignInSettings;

pub use self::compat::{Compat, CompatOverrides};
use self::read::{COUNT, MAX_CONNECTIONS, PORT, PoolSize, SettingsReader};
pub use self::source::{Fault, Fixed, Origin, Texts};

/// Format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For users, on standard error.
    Text,
    /// One JSON object for each line; that of a server goes to standard output.
    Json,
}

/// How the start treats the database schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaMode {
    /// Creates what is missing.
    Apply,
    /// Reports differences without changing anything.
    Check,
    /// Trusts the database without looking.
    Off,
}

/// How services find each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discovery {
    /// Through the ServiceRegistry table.
    Database,
    /// Through the addresses in two keys of ServerConfig.
    Custom,
    /// Through Eureka: that of this node, or else those in `eureka.service.url`.
    Eureka,
}

/// The kind of installation, which selects the defaults: new ones are closed, adopted ones
/// keep Apollo's clients, nodes and scripts working.
pub use castalia_store::Origin as Installation;

/// Settings of `serve`. The other commands use the part that they need.
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
    /// Config database, unless it is the file in the data directory.
    pub config_db: Option<DatabaseUrl>,
    /// Portal database, unless it is the file in the data directory.
    pub portal_db: Option<DatabaseUrl>,
    /// Environment served here, in its normalised spelling.
    pub env: String,
    /// Address at which clients and other nodes reach this node.
    pub advertise: Option<String>,
    /// Address at which others reach the admin role, if it differs from the former by more than
    /// the port.
    pub advertise_admin: Option<String>,
    /// Path in front of every route: empty, or with a leading and without a trailing slash.
    pub base_path: String,
    /// How the start treats the schema.
    pub schema: SchemaMode,
    /// Whether a new SQLite directory receives a sample app.
    pub sample_app: bool,
    /// Data center of this node.
    pub idc: Option<String>,
    /// Cluster of this node.
    pub cluster: Option<String>,
    /// Format of the log.
    pub log_format: LogFormat,
    /// Filter of the log, in the syntax of `EnvFilter` (`tracing-subscriber`).
    pub log_level: String,
    /// Initial password of the administrator.
    pub admin_password: Option<Secret>,
    /// Token that protects the metrics.
    pub metrics_token: Option<Secret>,
    /// Overrides the kind of installation that the database records.
    pub defaults: Option<Installation>,
    /// Switches between security and compatibility, where they are set.
    pub compat: CompatOverrides,
    /// Whether apps without an enabled access key are rejected.
    pub require_access_key: bool,
    /// Access keys that were read longer ago than this no longer authenticate requests.
    pub access_key_max_age: Option<Duration>,
    /// Maximum number of polls held for one address; 0 means no limit.
    pub max_polls_per_address: usize,
    /// Maximum number of polls held for one app; 0 means no limit.
    pub max_polls_per_app: usize,
    /// MiB for the names that held polls wait for, in addition to 1 KiB for each poll, and half as
    /// many for large request heads; 0 means no limit.
    pub max_watch_mib: usize,
    /// Host names that the portal answers to; `None` selects them by installation.
    pub hosts: Option<Vec<String>>,
    /// Proxies whose `X-Forwarded-For` the portal trusts.
    pub trusted_proxies: Vec<IpNet>,
    /// Hosts that webhooks may call although their addresses are internal.
    pub webhook_hosts: Vec<String>,
    /// Whether the session cookie is always `Secure`.
    pub cookie_always_secure: bool,
    /// How users sign in to the portal.
    pub sign_in: SignInSettings,
    /// How services find each other.
    pub discovery: Discovery,
    /// How this node takes part in Eureka.
    pub eureka: EurekaSettings,
    /// UTC offset of the clocks of Java nodes on the same database.
    pub time_zone: Option<FixedOffset>,
    /// Connections to MySQL or PostgreSQL for requests, per database.
    pub max_connections: u32,
    /// Keys of Apollo's ServerConfig tables that this node fixes.
    pub server_config: BTreeMap<String, Fixed>,
    /// Meta servers by environment, from variables such as `DEV_META`; addresses may contain
    /// credentials.
    pub meta_servers: BTreeMap<String, Secret>,
}

impl Settings {
    /// Parses and validates the texts of all settings.
    ///
    /// # Errors
    /// Returns all faults at once, each with the name of its setting.
    pub fn from_texts(texts: &Texts) -> Result<Self, Vec<Fault>> {
        let mut read = SettingsReader { texts, faults: Vec::new() };
        read.refuse_blank();
        let roles = read.roles();
        let server_config = read.server_config(&roles);
        let bind = read
            .parsed("bind", "an IP address such as 127.0.0.1 or 0.0.0.0")
            .unwrap_or(IpAddr::from([127, 0, 0, 1]));
        let discovery = read.discovery();
        let eureka = read.eureka(discovery, &roles, bind);
        let settings = Self {
            roles,
            bind,
            config_port: read.parsed("config_port", PORT).unwrap_or_default(),
            admin_port: read.parsed("admin_port", PORT).unwrap_or_default(),
            portal_port: read.parsed("portal_port", PORT).unwrap_or_default(),
            data_dir: read.text("data_dir").map(PathBuf::from).unwrap_or_default(),
            config_db: read.database("config_db"),
            portal_db: read.database("portal_db"),
            env: read.env(),
            advertise: read.address("advertise"),
            advertise_admin: read.address("advertise_admin"),
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
            hosts: read.hosts("security.hosts"),
            webhook_hosts: read.hosts("security.webhook_hosts").unwrap_or_default(),
            cookie_always_secure: read
                .choice("security.cookie_secure", &[("auto", false), ("always", true)])
                .unwrap_or_default(),
            sign_in: read.sign_in(),
            discovery,
            eureka,
            time_zone: read.parsed("store.time_zone", "an offset such as +08:00"),
            max_connections: read
                .parsed("store.max_connections", MAX_CONNECTIONS)
                .map_or(16, |connections: PoolSize| connections.0),
            server_config,
            meta_servers: texts.meta_servers.clone(),
        };
        if read.faults.is_empty() { Ok(settings) } else { Err(read.faults) }
    }

    /// The ServerConfig keys that this node fixes in the database that the given role reads.
    #[must_use]
    pub fn fixed_for(&self, role: Role) -> BTreeMap<String, String> {
        let keys = self.server_config.keys();
        keys.filter_map(|key| Some((key.clone(), self.fixed(role, key)?.text.clone()))).collect()
    }

    /// The same for one key.
    #[must_use]
    pub fn fixed(&self, role: Role, key: &str) -> Option<&Fixed> {
        let fixed = self.server_config.get(key)?;
        (key != admin_tokens::KEY || admin_tokens::is_for(role, &fixed.text)).then_some(fixed)
    }

    /// Whether this process has the given role.
    #[must_use]
    pub fn plays(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether this process has a role that works on the config database.
    #[must_use]
    pub fn serves_environment(&self) -> bool {
        [Role::Config, Role::Meta, Role::Admin].iter().any(|role| self.plays(*role))
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

    /// SEC-11: what could have no effect, or would tell clients a secret, stops the start.
    #[test]
    fn settings_without_effect_and_advertised_credentials_stop_the_start() {
        let faults = |flag: (&'static str, &str), variable: (&str, &str)| -> Vec<String> {
            let flags = vec![(flag.0, flag.1.to_owned())];
            let variables = [(variable.0.to_owned(), variable.1.to_owned())];
            let texts = Texts::gather(flags, None, variables.into_iter()).unwrap();
            let faults = Settings::from_texts(&texts).err().unwrap_or_default();
            faults.iter().map(Fault::to_string).collect()
        };
        let hold = "CASTALIA_LONG_POLLING_TIMEOUT";
        let (portal, all) = (("roles", "portal"), ("roles", "config,meta,admin,portal"));
        assert_eq!(faults(all, (hold, "30")), [""; 0]);
        // A blank one would replace the row of the database by the default, which may open the port.
        for variable in [hold, "CASTALIA_ADMIN_SERVICE_ACCESS_TOKENS", "CASTALIA_EUREKA_HOST"] {
            let found = faults(all, (variable, " "));
            assert!(found.concat().contains("is set but empty") && found.len() == 1, "{found:?}");
        }
        for text in ["abc", "0", "91"] {
            let found = faults(all, (hold, text)).concat();
            assert!(
                found.contains(&format!("`{text}` is invalid; expected: s, 1 to 90")),
                "{found}"
            );
        }
        let tokens = ("CASTALIA_ADMIN_SERVICE_ACCESS_TOKENS", r#"{"DEV":"x"}"#);
        assert_eq!(faults(("roles", "config"), tokens).len(), 1);
        assert_eq!(faults(portal, ("CASTALIA_EUREKA_HOST", "true")).len(), 1);
        assert_eq!(faults(all, ("CASTALIA_EUREKA_HOST", "true")), [""; 0]);
        let found = faults(("advertise", "http://u:p@10.0.0.9:1"), (hold, "30")).concat();
        assert!(found.contains("contains credentials") && !found.contains("u:p"), "{found}");
        assert_eq!(faults(("advertise", "http://10.0.0.9:1/a@b"), (hold, "30")), [""; 0]);
    }

    /// A deployment that leaves one empty, as `${X}` does without `X`, would otherwise open what its
    /// file closes.
    #[test]
    fn no_setting_may_be_empty() {
        for definition in definition::all().filter(|one| one.name != read::MAY_BE_BLANK) {
            let variables = [(definition.variable(), " ".to_owned())].into_iter();
            let texts = Texts::gather(Vec::new(), None, variables).unwrap();
            let faults = Settings::from_texts(&texts).unwrap_err();
            let text = format!("{}: is set but empty", definition.variable());
            assert!(faults[0].to_string().starts_with(&text) && faults.len() == 1, "{faults:?}");
        }
    }

    /// Eureka servers would silently not list the node, or lead others elsewhere.
    #[test]
    fn a_description_that_eureka_does_not_accept_stops_the_start() {
        let entries = |number: usize| (0..number).map(|i| format!("k{i}=v")).collect::<Vec<_>>();
        let faults = |name: &'static str, text: &str| match settings(&[(name, text)]) {
            Ok(_) => 0,
            Err(faults) => faults.len(),
        };
        let metadata = "eureka.instance.metadata";
        // The node adds two entries.
        assert_eq!(faults(metadata, &entries(62).join(",")), 0);
        assert_eq!(faults(metadata, &entries(63).join(",")), 1);
        assert_eq!(faults(metadata, "@class=java.lang.Runtime"), 1);
        // The name of the service is appended, if the process has two.
        assert_eq!(faults("eureka.instance.instance_id", &"i".repeat(230)), 0);
        assert_eq!(faults("eureka.instance.instance_id", &"i".repeat(231)), 1);
        for (name, text) in [
            ("eureka.instance.ip_address", "0.0.0.0"),
            ("eureka.instance.ip_address", "::"),
            ("eureka.instance.hostname", "0.0.0.0"),
            ("eureka.instance.hostname", "*"),
            ("advertise_admin", "http://*:8090"),
            ("base_path", &"b".repeat(101)),
        ] {
            assert_eq!(faults(name, text), 1, "{name}={text}");
        }
    }

    #[test]
    fn eureka_is_read_beside_the_table_only() {
        let is_accepted = |flags: &[(&'static str, &str)]| settings(flags).is_ok();
        let read = ("eureka.read", "on");
        assert!(is_accepted(&[read]));
        assert!(!is_accepted(&[read, ("registry", "eureka")]));
        assert!(!is_accepted(&[read, ("registry", "custom")]));
        assert!(!is_accepted(&[read, ("eureka.host", "on")]));
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
