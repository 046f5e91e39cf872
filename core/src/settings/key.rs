//! The table of all settings: property name, further names, default and description.

/// The settings files that may contain a key; the same as in the Java client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SettingsFiles {
    Neither,
    Server,
    App,
    Both,
}

/// One setting.
#[derive(Debug)]
pub(crate) struct SettingKey {
    /// Property name.
    pub(crate) name: &'static str,
    /// Environment variables, in order of precedence. The one derived from the name comes last.
    pub(crate) env: &'static [&'static str],
    pub(crate) files: SettingsFiles,
    /// Deprecated property name and environment variable, tried after all others.
    pub(crate) deprecated: Option<(&'static str, &'static str)>,
    pub(crate) default: &'static str,
    pub(crate) doc: &'static str,
}

impl SettingKey {
    const fn new(name: &'static str, default: &'static str, doc: &'static str) -> Self {
        Self { name, env: &[], files: SettingsFiles::App, deprecated: None, default, doc }
    }

    const fn files(mut self, files: SettingsFiles) -> Self {
        self.files = files;
        self
    }

    const fn env(mut self, names: &'static [&'static str]) -> Self {
        self.env = names;
        self
    }

    const fn deprecated(mut self, name: &'static str, env: &'static str) -> Self {
        self.deprecated = Some((name, env));
        self
    }

    /// Environment variables to read, in order of precedence.
    pub(crate) fn variables(&self) -> impl Iterator<Item = String> {
        let derived = derived_variable(self.name);
        let given = self.env.iter().map(|name| (*name).to_owned());
        let is_new = !self.env.contains(&derived.as_str());
        given.chain(is_new.then_some(derived))
    }
}

/// `a.bC-d` becomes `A_B_C_D`; successive capitals are one word.
fn derived_variable(name: &str) -> String {
    let mut variable = String::with_capacity(name.len() + 4);
    let mut after_lower = false;
    for character in name.chars() {
        if character.is_ascii_uppercase() && after_lower {
            variable.push('_');
        }
        after_lower = character.is_ascii_lowercase() || character.is_ascii_digit();
        variable.push(match character {
            c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
            _ => '_',
        });
    }
    variable
}

macro_rules! keys {
    ($($constant:ident = $key:expr;)+) => {
        $(pub(crate) const $constant: SettingKey = $key;)+

        /// Every key, in the order in which effective settings are reported.
        pub(crate) const ALL: &[&SettingKey] = &[$(&$constant),+];
    };
}

keys! {
    APP_ID = SettingKey::new("app.id", "", "app id of this program");
    ENV = SettingKey::new("env", "", "environment: LOCAL, DEV, FAT, UAT, LPT, PRO or TOOLS")
        .env(&["APOLLO_ENV", "ENV"]).files(SettingsFiles::Server);
    IDC = SettingKey::new("idc", "", "data center; its cluster is looked up after `apollo.cluster`").files(SettingsFiles::Server);
    CLUSTER = SettingKey::new("apollo.cluster", "", "cluster; if unset, the data center, else `default`")
        .files(SettingsFiles::Server);
    LABEL = SettingKey::new("apollo.label", "", "label that gray release rules match");
    CLIENT_IP = SettingKey::new("host.ip", "", "IP address that gray release rules match; if unset, this machine's")
        .env(&["host.ip", "HOST_IP", "POD_IP"]).files(SettingsFiles::Neither);
    META = SettingKey::new("apollo.meta", "http://apollo.meta", "addresses of the meta servers, comma-separated")
        .files(SettingsFiles::Both);
    CONFIG_SERVICE = SettingKey::new("apollo.config-service", "", "addresses of config services; disables discovery through the meta server")
        .files(SettingsFiles::Both).deprecated("apollo.configService", "APOLLO_CONFIGSERVICE");
    SECRET = SettingKey::new("apollo.access-key.secret", "", "access key secret that signs requests")
        .deprecated("apollo.accesskey.secret", "APOLLO_ACCESSKEY_SECRET");
    SECRET_FILE = SettingKey::new("apollo.access-key.secret-file", "", "file that contains the access key secret")
        .env(&["APOLLO_ACCESS_KEY_SECRET_FILE"]).files(SettingsFiles::Neither);
    CACHE_DIR = SettingKey::new("apollo.cache-dir", if cfg!(windows) { "C:\\opt\\data" } else { "/opt/data" }, "root directory of the cache files; if unset and the default cannot be used, the user's cache directory")
        .files(SettingsFiles::Both).deprecated("apollo.cacheDir", "APOLLO_CACHEDIR");
    CACHE_ENABLE = SettingKey::new("apollo.cache.file.enable", "true", "enables reading and writing cache files");
    REFRESH_INTERVAL = SettingKey::new("apollo.refreshInterval", "5", "minutes between refreshes");
    REFRESH_MILLIS = SettingKey::new("castalia.refresh-interval", "300000", "ms between refreshes, at least 1000; overrides apollo.refreshInterval");
    CONNECT_TIMEOUT = SettingKey::new("apollo.connectTimeout", "1000", "ms to connect to one address of a server, without the lookup of its name, which may take 10 s");
    READ_TIMEOUT = SettingKey::new("apollo.readTimeout", "5000", "read timeout of config services, ms");
    DISCOVERY_CONNECT_TIMEOUT = SettingKey::new("apollo.discoveryConnectTimeout", "1000", "connect timeout of meta servers, ms");
    DISCOVERY_READ_TIMEOUT = SettingKey::new("apollo.discoveryReadTimeout", "1000", "read timeout of meta servers, ms");
    DISCOVERY_QPS = SettingKey::new("apollo.discoveryQPS", "1", "requests to meta servers per second");
    LOAD_QPS = SettingKey::new("apollo.loadConfigQPS", "2", "loads of each namespace per second");
    POLL_QPS = SettingKey::new("apollo.longPollQPS", "2", "long polls of each connection per second");
    POLL_INITIAL_DELAY = SettingKey::new("apollo.longPollingInitialDelayInMills", "0", "ms before the first long poll; if above 0, plus a random 0 to 500 ms");
    POLL_ENABLE = SettingKey::new("castalia.long-poll.enable", "true", "enables long polling; without it, changes arrive with the periodic refresh");
    POLL_TIMEOUT = SettingKey::new("castalia.long-poll.timeout", "90000", "timeout of a long poll, ms; at least 10 s more than servers hold one (`long.polling.timeout`, 60 s by default)");
    POLL_LINE_LIMIT = SettingKey::new("castalia.long-poll.line-limit", "6144", "maximum bytes of a poll's request line; more namespaces are divided among several polls; if unset, the limit is raised when the server announces a higher one, as Castalia does");
    NAMESPACES = SettingKey::new("castalia.namespaces", "", "namespaces to open at the start, comma-separated");
    START_POLICY = SettingKey::new("castalia.start-policy", "best-effort", "what the start requires: best-effort, require-any, require-all, require-any-remote or require-all-remote");
    START_TIMEOUT = SettingKey::new("castalia.start-timeout", "15000", "maximum ms that opening a namespace waits for a server");
    REQUIRE_APP_ID = SettingKey::new("castalia.require-app-id", "true", "rejects a missing app id; false with castalia.java-compat");
    CACHE_FILE_MODE = SettingKey::new("castalia.cache.file-mode", "600", "permissions of cache files, octal");
    CA_FILE = SettingKey::new("castalia.tls.ca-file", "", "CA certificates (PEM) to trust in addition to the system's");
    INSECURE = SettingKey::new("castalia.tls.insecure", "false", "accepts every certificate; for tests only: builds without the feature `insecure-tls` always verify");
    SYSTEM_PROXY = SettingKey::new("castalia.proxy.enable", "true", "uses HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY; the system's proxy settings are not read");
    BODY_LIMIT = SettingKey::new("castalia.body-limit", "67108864", "maximum bytes of a response, decompressed");
    SEED_DIR = SettingKey::new("castalia.seed-dir", "", "directory of files in the cache's format, read when there is no cache file");
    IMPORT_DIR = SettingKey::new("castalia.import-dir", "", "directory of the Go client's cache files, imported when there is no cache file");
    JAVA_COMPAT = SettingKey::new("castalia.java-compat", "false", "behaves like the Java client: accepts a missing app id, falls back to environment variables for missing keys, parses dates leniently, and treats `a.properties` and `a` as two namespaces with two cache files");
    ENV_FALLBACK = SettingKey::new("castalia.env-fallback", "false", "falls back to environment variables for keys that a namespace does not have; true with castalia.java-compat");
    LENIENT_DATES = SettingKey::new("castalia.lenient-dates", "false", "accepts dates out of range (30 February is 2 March) and ignores text after a date; true with castalia.java-compat");
    TIME_ZONE = SettingKey::new("castalia.time-zone", "local", "time zone of dates without one: local, utc or an offset such as +08:00");
    STRICT_BOOLEANS = SettingKey::new("castalia.strict-booleans", "false", "accepts only true, yes, on, 1 and their opposites as booleans; anything else is malformed instead of false");
    TYPED_CACHE = SettingKey::new("apollo.configCacheSize", "500", "parsed values cached for each release of a namespace");
    MONITOR = SettingKey::new("apollo.client.monitor.enabled", "false", "accepted and ignored; metrics are always collected").env(&["apollo.client.monitor.enabled"]);
    EXPORTER = SettingKey::new("apollo.client.monitor.external.type", "", "format of the metrics text; only `prometheus` is supported");
    EXPORT_PERIOD = SettingKey::new("apollo.client.monitor.external.export-period", "10", "accepted and ignored; the metrics text is produced on request");
    ERROR_QUEUE = SettingKey::new("apollo.client.monitor.exception-queue-size", "25", "recent errors kept");
    LISTENER_QUEUE = SettingKey::new("castalia.listener-queue", "256", "maximum queued events of a subscription");
    BINDING = SettingKey::new("castalia.binding", "rust", "language named in the User-Agent header");
    PROPERTY_ORDER = SettingKey::new("apollo.property.order.enable", "true", "accepted and ignored; the server's order is always kept");
    NAMES_CACHE = SettingKey::new("apollo.property.names.cache.enable", "false", "accepted; for Spring, without effect here");
    OVERRIDE_SYSTEM = SettingKey::new("apollo.override-system-properties", "true", "accepted; for Spring, without effect here").env(&["apollo.override-system-properties"]);
    AUTO_UPDATE = SettingKey::new("apollo.autoUpdateInjectedSpringProperties", "true", "accepted; for Spring, without effect here");
    SERVER_PROPERTIES = SettingKey::new("apollo.path.server.properties", if cfg!(windows) { "C:/opt/settings/server.properties" } else { "/opt/settings/server.properties" }, "settings of this machine")
        .files(SettingsFiles::Neither);
    APP_PROPERTIES = SettingKey::new("apollo.path.app.properties", "", "settings of this program; if unset, ./META-INF/app.properties, else ./app.properties")
        .env(&["APOLLO_PATH_APP_PROPERTIES", "AGOLLO_CONF"]).files(SettingsFiles::Neither);
}

/// The key of a property name, and whether that is its deprecated name.
pub(crate) fn find(name: &str) -> Option<(&'static SettingKey, bool)> {
    let modern = ALL.iter().find(|key| key.name == name);
    let deprecated = || ALL.iter().find(|key| key.deprecated.is_some_and(|(old, _)| old == name));
    match modern {
        Some(key) => Some((key, false)),
        None => deprecated().map(|key| (*key, true)),
    }
}

/// The app id whose secret has this name.
pub(super) fn app_of_secret(name: &str) -> Option<&str> {
    let rest =
        name.strip_prefix("apollo.accesskey.").or_else(|| name.strip_prefix("apollo.access-key."));
    rest?.strip_suffix(".secret")
}

/// The environment variable with the secret of an app id.
pub(super) fn variable_of_app(app_id: &str) -> String {
    // Characters that a shell does not allow in variable names become underscores.
    let suffix = app_id.replace(|character: char| !character.is_ascii_alphanumeric(), "_");
    format!("APOLLO_ACCESS_KEY_SECRET_{}", suffix.to_ascii_uppercase())
}

/// The documented environment variable of a setting, which may have its deprecated name.
#[cfg(feature = "host")]
pub(crate) fn variable_of(name: &str) -> String {
    match app_of_secret(name) {
        Some(app_id) => variable_of_app(app_id),
        None => derived_variable(find(name).map_or(name, |(key, _)| key.name)),
    }
}

/// Whether a setting is a secret; also under a misspelled name, which clients refuse only later.
#[cfg(feature = "host")]
pub(crate) fn is_secret(name: &str) -> bool {
    name.ends_with("secret")
}

/// Whether a setting consists of addresses, also those of one environment, and under a name in
/// another case, which clients refuse only later.
#[cfg(feature = "host")]
pub(crate) fn is_address(name: &str) -> bool {
    let known = find(name).map_or(name, |(key, _)| key.name);
    let is_either =
        [META.name, CONFIG_SERVICE.name].iter().any(|name| known.eq_ignore_ascii_case(name));
    is_either || known.to_lowercase().ends_with("_meta")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_derived_from_names() {
        for (name, variable) in [
            ("apollo.discoveryQPS", "APOLLO_DISCOVERY_QPS"),
            ("apollo.access-key.secret", "APOLLO_ACCESS_KEY_SECRET"),
            ("apollo.longPollingInitialDelayInMills", "APOLLO_LONG_POLLING_INITIAL_DELAY_IN_MILLS"),
            ("app.id", "APP_ID"),
        ] {
            assert_eq!(derived_variable(name), variable);
        }
    }

    #[cfg(feature = "host")]
    #[test]
    fn deprecated_names_and_other_apps_have_documented_variables() {
        for (name, variable) in [
            ("apollo.accesskey.secret", "APOLLO_ACCESS_KEY_SECRET"),
            ("apollo.configService", "APOLLO_CONFIG_SERVICE"),
            ("apollo.access-key.my-app.secret", "APOLLO_ACCESS_KEY_SECRET_MY_APP"),
            ("apollo.accesskey.my.App.secret", "APOLLO_ACCESS_KEY_SECRET_MY_APP"),
            ("dev_meta", "DEV_META"),
        ] {
            assert_eq!(variable_of(name), variable);
        }
    }

    #[test]
    fn variables_keep_their_order() {
        assert_eq!(ENV.variables().collect::<Vec<_>>(), ["APOLLO_ENV", "ENV"]);
        assert_eq!(CLIENT_IP.variables().collect::<Vec<_>>(), ["host.ip", "HOST_IP", "POD_IP"]);
    }

    #[test]
    fn the_readme_lists_every_setting() {
        let readme = include_str!("../../README.md");
        let files = |files| match files {
            SettingsFiles::Neither => "",
            SettingsFiles::Server => "server",
            SettingsFiles::App => "app",
            SettingsFiles::Both => "server, app",
        };
        let rows = ALL.iter().map(|key| {
            let variables: Vec<_> = key.variables().map(|name| format!("`{name}`")).collect();
            let default = match key.default {
                "" => String::new(),
                default => format!("`{default}`"),
            };
            let (name, doc) = (key.name, key.doc);
            let (variables, files) = (variables.join(", "), files(key.files));
            format!("| `{name}` | {variables} | {files} | {default} | {doc} |\n")
        });
        let table: String = rows.collect();
        assert!(readme.contains(&table), "the table of settings in README.md must be:\n{table}");
    }

    #[test]
    fn no_name_is_used_twice() {
        let mut names: Vec<_> = ALL.iter().map(|key| key.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
