//! Every setting by its property name: where it may be given, its default, and what it is for.

/// Which settings files a key is looked up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Files {
    Neither,
    Server,
    App,
    Both,
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Key {
    /// Property name.
    pub(crate) name: &'static str,
    /// Environment variables, in order; the one derived from the name comes after them.
    pub(crate) env: &'static [&'static str],
    pub(crate) files: Files,
    /// Deprecated property name and environment variable, tried after every modern place.
    pub(crate) deprecated: Option<(&'static str, &'static str)>,
    pub(crate) default: &'static str,
    pub(crate) doc: &'static str,
}

impl Key {
    const fn new(name: &'static str, default: &'static str, doc: &'static str) -> Self {
        Self { name, env: &[], files: Files::App, deprecated: None, default, doc }
    }

    const fn files(mut self, files: Files) -> Self {
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

    /// The environment variables to look at, in order.
    pub(crate) fn variables(&self) -> impl Iterator<Item = String> {
        let derived = derived_variable(self.name);
        let given = self.env.iter().map(|name| (*name).to_owned());
        let is_new = !self.env.contains(&derived.as_str());
        given.chain(is_new.then_some(derived))
    }
}

/// `a.bC-d` becomes `A_B_C_D`; capitals in a row are one word.
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
        $(pub(crate) const $constant: Key = $key;)+

        /// Every key, in the order in which the effective settings are told.
        pub(crate) const ALL: &[&Key] = &[$(&$constant),+];
    };
}

keys! {
    APP_ID = Key::new("app.id", "", "app id of this program");
    ENV = Key::new("env", "", "environment: LOCAL, DEV, FAT, UAT, LPT, PRO or TOOLS")
        .env(&["APOLLO_ENV", "ENV"]).files(Files::Server);
    IDC = Key::new("idc", "", "data center, the second cluster to look in").files(Files::Server);
    CLUSTER = Key::new("apollo.cluster", "", "cluster; unset it is the data center, else `default`")
        .files(Files::Server);
    LABEL = Key::new("apollo.label", "", "label that gray rules see");
    CLIENT_IP = Key::new("host.ip", "", "address that gray rules see; unset it is this machine's")
        .env(&["host.ip", "HOST_IP", "POD_IP"]).files(Files::Neither);
    META = Key::new("apollo.meta", "http://apollo.meta", "addresses of the meta servers, comma between")
        .files(Files::Both);
    CONFIG_SERVICE = Key::new("apollo.config-service", "", "addresses of config services; no meta server is then asked")
        .files(Files::Both).deprecated("apollo.configService", "APOLLO_CONFIGSERVICE");
    SECRET = Key::new("apollo.access-key.secret", "", "secret that requests are signed with")
        .deprecated("apollo.accesskey.secret", "APOLLO_ACCESSKEY_SECRET");
    SECRET_FILE = Key::new("apollo.access-key.secret-file", "", "file that holds the secret")
        .env(&["APOLLO_ACCESS_KEY_SECRET_FILE"]).files(Files::Neither);
    CACHE_DIR = Key::new("apollo.cache-dir", if cfg!(windows) { "C:\\opt\\data" } else { "/opt/data" }, "root of the cache files; unset and without this directory, it is the user's cache directory")
        .files(Files::Both).deprecated("apollo.cacheDir", "APOLLO_CACHEDIR");
    CACHE_ENABLE = Key::new("apollo.cache.file.enable", "true", "whether cache files are read and written");
    REFRESH_INTERVAL = Key::new("apollo.refreshInterval", "5", "minutes between refreshes");
    REFRESH_MILLIS = Key::new("castalia.refresh-interval", "300000", "ms between refreshes, 1000 at least, instead of the minutes above");
    CONNECT_TIMEOUT = Key::new("apollo.connectTimeout", "1000", "ms to connect");
    READ_TIMEOUT = Key::new("apollo.readTimeout", "5000", "ms of silence of a config service");
    DISCOVERY_CONNECT_TIMEOUT = Key::new("apollo.discoveryConnectTimeout", "1000", "ms to connect to a meta server");
    DISCOVERY_READ_TIMEOUT = Key::new("apollo.discoveryReadTimeout", "1000", "ms of silence of a meta server");
    DISCOVERY_QPS = Key::new("apollo.discoveryQPS", "1", "questions to meta servers in a second");
    LOAD_QPS = Key::new("apollo.loadConfigQPS", "2", "loads of a namespace in a second");
    POLL_QPS = Key::new("apollo.longPollQPS", "2", "polls of a loop in a second");
    POLL_INITIAL_DELAY = Key::new("apollo.longPollingInitialDelayInMills", "0", "ms before the first poll, and up to 500 more at random");
    POLL_ENABLE = Key::new("castalia.long-poll.enable", "true", "whether changes are pushed; without, they come with the refresh");
    POLL_TIMEOUT = Key::new("castalia.long-poll.timeout", "90000", "ms that a poll may stay without an answer");
    POLL_LINE_LIMIT = Key::new("castalia.long-poll.line-limit", "6144", "bytes of a poll's request line, above which its namespaces are shared out to several polls; unset, it grows where the servers say that they take more, as Castalia's do");
    NAMESPACES = Key::new("castalia.namespaces", "", "namespaces opened at the start, comma between");
    START_POLICY = Key::new("castalia.start-policy", "best-effort", "what must be loaded: best-effort, require-any, require-all, require-any-remote or require-all-remote");
    START_TIMEOUT = Key::new("castalia.start-timeout", "15000", "ms that opening a namespace may wait for a server");
    REQUIRE_APP_ID = Key::new("castalia.require-app-id", "true", "whether a missing app id is an error; false with castalia.java-compat");
    CACHE_FILE_MODE = Key::new("castalia.cache.file-mode", "600", "permissions of cache files, octal");
    CA_FILE = Key::new("castalia.tls.ca-file", "", "certificates (PEM) to trust beside the system's");
    INSECURE = Key::new("castalia.tls.insecure", "false", "accepts every certificate; for tests only");
    SYSTEM_PROXY = Key::new("castalia.proxy.enable", "true", "whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY count");
    BODY_LIMIT = Key::new("castalia.body-limit", "67108864", "bytes that an answer may have, decoded");
    SEED_DIR = Key::new("castalia.seed-dir", "", "folder of files named and written as cache files, read when there is no cache file");
    IMPORT_DIR = Key::new("castalia.import-dir", "", "folder of cache files of the Go client, taken over where there is no cache file");
    JAVA_COMPAT = Key::new("castalia.java-compat", "false", "behaves as the Java client: a missing app id is no error, the environment answers for missing keys, dates are read leniently, and `a.properties` is another namespace than `a`, with another cache file");
    ENV_FALLBACK = Key::new("castalia.env-fallback", "false", "whether environment variables answer for keys that a namespace does not have; true with castalia.java-compat");
    LENIENT_DATES = Key::new("castalia.lenient-dates", "false", "whether days that do not exist count on (30 February is 2 March) and text behind a date is ignored; true with castalia.java-compat");
    TIME_ZONE = Key::new("castalia.time-zone", "local", "zone of dates that name none: local, utc or an offset such as +08:00");
    STRICT_BOOLEANS = Key::new("castalia.strict-booleans", "false", "whether a boolean must be true, yes, on, 1 or their opposites, and all else is malformed, instead of false");
    TYPED_CACHE = Key::new("apollo.configCacheSize", "500", "parsed values kept for each release of a namespace");
    MONITOR = Key::new("apollo.client.monitor.enabled", "false", "accepted; counters are always kept").env(&["apollo.client.monitor.enabled"]);
    EXPORTER = Key::new("apollo.client.monitor.external.type", "", "`prometheus`, the form of the metrics text; there is no other");
    EXPORT_PERIOD = Key::new("apollo.client.monitor.external.export-period", "10", "accepted; the metrics text is made when it is asked for");
    ERROR_QUEUE = Key::new("apollo.client.monitor.exception-queue-size", "25", "latest errors kept");
    LISTENER_QUEUE = Key::new("castalia.listener-queue", "256", "events that a subscription may keep waiting");
    BINDING = Key::new("castalia.binding", "rust", "language that the User-Agent header names");
    PROPERTY_ORDER = Key::new("apollo.property.order.enable", "true", "accepted; the order of the server is always kept");
    NAMES_CACHE = Key::new("apollo.property.names.cache.enable", "false", "accepted; for Spring, without effect here");
    OVERRIDE_SYSTEM = Key::new("apollo.override-system-properties", "true", "accepted; for Spring, without effect here").env(&["apollo.override-system-properties"]);
    AUTO_UPDATE = Key::new("apollo.autoUpdateInjectedSpringProperties", "true", "accepted; for Spring, without effect here");
    SERVER_PROPERTIES = Key::new("apollo.path.server.properties", if cfg!(windows) { "C:/opt/settings/server.properties" } else { "/opt/settings/server.properties" }, "settings of this machine")
        .files(Files::Neither);
    APP_PROPERTIES = Key::new("apollo.path.app.properties", "", "settings of this program; unset ./META-INF/app.properties, else ./app.properties")
        .env(&["APOLLO_PATH_APP_PROPERTIES", "AGOLLO_CONF"]).files(Files::Neither);
}

/// The key of a property name, and whether the name is its deprecated one.
pub(crate) fn find(name: &str) -> Option<(&'static Key, bool)> {
    let modern = ALL.iter().find(|key| key.name == name);
    let deprecated = || ALL.iter().find(|key| key.deprecated.is_some_and(|(old, _)| old == name));
    match modern {
        Some(key) => Some((key, false)),
        None => deprecated().map(|key| (*key, true)),
    }
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

    #[test]
    fn variables_keep_their_order() {
        assert_eq!(ENV.variables().collect::<Vec<_>>(), ["APOLLO_ENV", "ENV"]);
        assert_eq!(CLIENT_IP.variables().collect::<Vec<_>>(), ["host.ip", "HOST_IP", "POD_IP"]);
    }

    #[test]
    fn the_readme_lists_every_setting() {
        let readme = include_str!("../../README.md");
        let files = |files| match files {
            Files::Neither => "",
            Files::Server => "server",
            Files::App => "app",
            Files::Both => "server, app",
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
