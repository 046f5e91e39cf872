//! Turns what was configured into effective settings: looks up every key, validates its value and
//! reports all invalid ones at once.

mod read;

use std::collections::HashMap;
use std::time::Duration;

use tracing::{error, info, warn};

use super::access_keys::AccessKeys;
use super::cache_directory;
use super::client_ip::ClientIp;
use super::effective::{
    CacheSettings, EffectiveSettings, NetworkSettings, Setting, StartPolicy, TimingSettings,
};
use super::environment::Env;
use super::key::{self, SettingKey};
use super::layers::{Layers, Origin, SettingValue};
use super::{Hooks, MetaProvider, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::format::rules::{ReadRules, Zone};
use crate::protocol::namespace::{DEFAULT_CLUSTER, NO_APP_ID, is_valid_name};

// Checked before any I/O. Apollo's own limits are lower.
const MAX_NAME: usize = 128;
/// Refreshing more often than this costs servers more than a long poll.
const MIN_SENSIBLE_REFRESH: Duration = Duration::from_secs(30);

impl Settings {
    /// Looks up and validates every setting; reads files, opens no socket.
    pub(crate) fn resolve(mut self) -> Result<EffectiveSettings> {
        self.layers.read_files(self.ambient);
        let mut resolver = Resolver::new(self.layers, self.hooks.memory.is_some());
        resolver.check_names();
        let effective = resolver.effective(self.hooks);
        resolver.check_exporter();
        let report = resolver.finish()?;
        Ok(EffectiveSettings { report, ..effective })
    }
}

struct Resolver {
    layers: Layers,
    report: Vec<Setting>,
    faults: Vec<String>,
    /// Whether the client has no servers.
    is_in_memory: bool,
}

impl Resolver {
    fn new(layers: Layers, is_in_memory: bool) -> Self {
        let report = Vec::with_capacity(key::ALL.len());
        Self { layers, report, faults: Vec::new(), is_in_memory }
    }

    fn effective(&mut self, hooks: Hooks) -> EffectiveSettings {
        let app_id = self.app_id();
        let env = self.env();
        let data_center = self.text(&key::IDC);
        let cluster = self.cluster(data_center.as_deref());
        let secret = self.secret();
        EffectiveSettings {
            env,
            cluster,
            data_center,
            label: self.text(&key::LABEL),
            client_ip: self.client_ip(),
            meta_servers: self.meta_servers(env, &hooks),
            config_services: self.addresses(&key::CONFIG_SERVICE),
            access_keys: AccessKeys::new(
                &app_id,
                secret.as_deref(),
                self.layers.clone(),
                hooks.secret_provider.clone(),
            ),
            cache: self.cache(env),
            timing: self.timing(),
            network: self.network(),
            namespaces: self.namespaces(),
            start_policy: self.parse(&key::START_POLICY, "a start policy", StartPolicy::parse),
            listener_queue: self.count(&key::LISTENER_QUEUE),
            error_queue: self.count(&key::ERROR_QUEUE),
            typed_cache: self.parse(&key::TYPED_CACHE, "a number", |text| text.parse().ok()),
            rules: self.rules(),
            keep_suffix: self.flag(&key::JAVA_COMPAT),
            overlay: self.layers.overlay.clone(),
            environment: self.environment(),
            report: Vec::new(),
            hooks,
            app_id,
        }
    }

    fn rules(&mut self) -> ReadRules {
        let zone = "local, utc or an offset such as +08:00";
        ReadRules {
            zone: self.parse(&key::TIME_ZONE, zone, Zone::parse),
            lenient_dates: self.flag_unless_compat(&key::LENIENT_DATES),
            strict_booleans: self.flag(&key::STRICT_BOOLEANS),
        }
    }

    fn app_id(&mut self) -> String {
        let required = self.flag_unless_compat(&key::REQUIRE_APP_ID);
        match self.text(&key::APP_ID) {
            Some(app_id) => self.name(&key::APP_ID, app_id),
            None => {
                if required {
                    let fault = "app.id is missing; set it, or the variable APP_ID";
                    self.faults.push(fault.to_owned());
                }
                NO_APP_ID.to_owned()
            }
        }
    }

    fn env(&mut self) -> Env {
        let found = self.look_up(&key::ENV);
        if let Some(found) = &found {
            info!(env = found.value, found_as = found.name, origin = %found.origin, "environment");
        }
        found.map_or(Env::Unknown, |found| Env::parse(&found.value))
    }

    fn cluster(&mut self, data_center: Option<&str>) -> String {
        let cluster = self.text(&key::CLUSTER);
        let cluster = cluster.or_else(|| data_center.map(str::to_owned));
        let cluster = cluster.unwrap_or_else(|| DEFAULT_CLUSTER.to_owned());
        self.report_instead_of_default(&key::CLUSTER, cluster.clone());
        self.name(&key::CLUSTER, cluster)
    }

    fn client_ip(&mut self) -> ClientIp {
        let address = ClientIp::new(self.text(&key::CLIENT_IP));
        self.report_instead_of_default(&key::CLIENT_IP, address.get());
        address
    }

    fn meta_servers(&mut self, env: Env, hooks: &Hooks) -> Vec<String> {
        let first = provided("first_meta_provider", hooks.first_meta_provider.as_ref(), env);
        // Precedence as in the Java client: first provider, `apollo.meta`, provider, then the
        // environment's own names.
        if first.is_none() && self.layers.find(&key::META).is_some() {
            return self.addresses(&key::META);
        }
        let found = first
            .or_else(|| provided("meta_provider", hooks.meta_provider.as_ref(), env))
            .or_else(|| self.layers.meta_of(env));
        match found {
            Some(found) => {
                self.record(&key::META, Some(&found));
                self.parse_addresses(&found)
            }
            None => self.addresses(&key::META),
        }
    }

    /// In local mode cache files are the only source, so they are used even if they are disabled,
    /// but not by a client in memory: it would replace files that a developer wrote for that mode.
    fn cache(&mut self, env: Env) -> Option<CacheSettings> {
        let is_local = env == Env::Local;
        let enabled = (self.flag(&key::CACHE_ENABLE) || is_local) && !self.is_in_memory;
        let octal = |text: &str| u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
        let file_mode = self.parse(&key::CACHE_FILE_MODE, "an octal file mode", octal);
        let seed_dir = self.path(&key::SEED_DIR);
        let import_dir = self.path(&key::IMPORT_DIR);
        let is_given = self.layers.find(&key::CACHE_DIR).is_some();
        let root = self.path(&key::CACHE_DIR).unwrap_or_default();
        let user = cache_directory::user_cache(&self.layers.environment);
        let (root, fallback) = match user {
            // The default directory is only used if it exists already, for instance for the Java
            // client.
            Some(user) if !is_given && !cache_directory::exists(&root) => (user, None),
            user => (root, user),
        };
        if enabled && !is_given {
            let path = root.display().to_string();
            info!(
                path,
                "using this directory for cache files; apollo.cache-dir selects another one"
            );
            self.report_instead_of_default(&key::CACHE_DIR, path);
        }
        enabled.then_some(CacheSettings {
            root,
            fallback,
            file_mode,
            seed_dir,
            import_dir,
            is_local,
        })
    }

    fn environment(&mut self) -> HashMap<String, String> {
        match self.flag_unless_compat(&key::ENV_FALLBACK) {
            true => self.layers.environment.clone(),
            false => HashMap::new(),
        }
    }

    fn namespaces(&mut self) -> Vec<String> {
        let names = self.list(&key::NAMESPACES);
        names.into_iter().map(|name| self.name(&key::NAMESPACES, name)).collect()
    }

    fn timing(&mut self) -> TimingSettings {
        TimingSettings {
            refresh_interval: self.refresh_interval(),
            read_timeout: self.millis(&key::READ_TIMEOUT),
            discovery_read_timeout: self.millis(&key::DISCOVERY_READ_TIMEOUT),
            discovery_per_second: self.rate(&key::DISCOVERY_QPS),
            load_per_second: self.rate(&key::LOAD_QPS),
            poll_per_second: self.rate(&key::POLL_QPS),
            poll_initial_delay: self.parse(&key::POLL_INITIAL_DELAY, "milliseconds", |text| {
                text.parse().map(Duration::from_millis).ok()
            }),
            poll_timeout: self.parse(&key::POLL_TIMEOUT, "30000 to 600000 ms", |text| {
                let millis = text.parse().ok()?;
                (30_000..=600_000).contains(&millis).then(|| Duration::from_millis(millis))
            }),
            poll: self.flag(&key::POLL_ENABLE),
            poll_line_limit: self.count(&key::POLL_LINE_LIMIT),
            poll_line_may_grow: self.layers.find(&key::POLL_LINE_LIMIT).is_none(),
            start_timeout: self.millis(&key::START_TIMEOUT),
        }
    }

    /// Whole minutes as in the Java client, or milliseconds under a name of this client.
    fn refresh_interval(&mut self) -> Duration {
        let minutes = self.parse(&key::REFRESH_INTERVAL, "a number of minutes above 0", |text| {
            // 32 bits as in the Java client: the end of a longer interval is beyond the clock.
            text.parse().ok().filter(|minutes: &u32| *minutes > 0)
        });
        if self.layers.find(&key::REFRESH_MILLIS).is_none() {
            return Duration::from_secs(u64::from(minutes) * 60);
        }
        let interval = self.parse(&key::REFRESH_MILLIS, "1000 ms or more", |text| {
            text.parse().ok().filter(|millis| *millis >= 1000).map(Duration::from_millis)
        });
        let poll = self.layers.find(&key::POLL_ENABLE);
        let polls = poll.is_none_or(|found| found.value.eq_ignore_ascii_case("true"));
        // Checked only without long polling; with it, refreshes are mostly answered with 304.
        if !polls && interval < MIN_SENSIBLE_REFRESH {
            let millis = interval.as_millis();
            warn!(
                millis,
                "refreshing this often puts load on the servers; use long polling instead"
            );
        }
        interval
    }

    fn network(&mut self) -> NetworkSettings {
        let is_insecure = self.is_insecure();
        let version = env!("CARGO_PKG_VERSION");
        let binding = self.text(&key::BINDING).unwrap_or_default();
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        NetworkSettings {
            connect_timeout: self.connect_timeout(),
            ca_file: self.file_for_servers(&key::CA_FILE).map(|file| file.value.into()),
            is_insecure,
            system_proxy: self.flag(&key::SYSTEM_PROXY),
            body_limit: self.count(&key::BODY_LIMIT),
            user_agent: format!("castalia/{version} ({binding}; {os}-{arch})"),
        }
    }

    /// Whether every certificate is accepted, which only a build for tests can do.
    fn is_insecure(&mut self) -> bool {
        if !cfg!(feature = "insecure-tls") {
            let expected = "false, because this build verifies every certificate (to trust a private \
                            CA, set castalia.tls.ca-file)";
            let verify = |text: &str| text.eq_ignore_ascii_case("false").then_some(false);
            return self.parse(&key::INSECURE, expected, verify);
        }
        let is_insecure = self.flag(&key::INSECURE);
        if is_insecure {
            warn!("castalia.tls.insecure accepts every certificate; use it in tests only");
        }
        is_insecure
    }

    /// The longer of the two timeouts, because both kinds of servers share one connection pool.
    fn connect_timeout(&mut self) -> Duration {
        let load = self.millis(&key::CONNECT_TIMEOUT);
        let discovery = self.millis(&key::DISCOVERY_CONNECT_TIMEOUT);
        load.max(discovery)
    }

    fn name(&mut self, key: &SettingKey, value: String) -> String {
        if !is_usable_name(&value) {
            let name = key.name;
            self.faults.push(format!(
                "{name} must consist of at most {MAX_NAME} letters, digits, '-', '_' and '.' (not first), but is {value:?}"
            ));
        }
        value
    }

    /// Every name that is set in code must exist: a typing error there would otherwise go
    /// unnoticed. Other origins contain settings of other programs.
    fn check_names(&mut self) {
        for name in self.layers.code.keys() {
            let is_of_app = key::app_of_secret(name).is_some();
            if key::find(name).is_none() && !is_of_app && !is_meta_of_env(name) {
                self.faults.push(format!("unknown setting {name:?}"));
            }
        }
    }

    fn check_exporter(&mut self) {
        let exporter = self.text(&key::EXPORTER);
        if let Some(name) = exporter.filter(|name| name != "prometheus") {
            error!(name, "unknown metrics exporter; only prometheus is supported");
        }
    }

    /// The report of all settings, in the order of the table.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] with all faults.
    fn finish(mut self) -> Result<Vec<Setting>> {
        if !self.faults.is_empty() {
            let text = self.faults.join("; ");
            return Err(Error::new(ErrorKind::InvalidArgument, "read settings", text));
        }
        for key in key::ALL {
            if !self.report.iter().any(|setting| setting.name == key.name) {
                self.look_up(key);
            }
        }
        let place = |setting: &Setting| key::ALL.iter().position(|key| key.name == setting.name);
        self.report.sort_by_key(place);
        Ok(self.report)
    }
}

impl Layers {
    /// Meta servers of one environment: `dev_meta`, `DEV_META`, and `dev.meta` in
    /// `apollo-env.properties`.
    fn meta_of(&self, env: Env) -> Option<SettingValue> {
        if !env.has_own_meta() {
            return None;
        }
        let lower = env.name().to_ascii_lowercase();
        let variable = format!("{}_META", env.name());
        let name = format!("{lower}_meta");
        self.find_as(&name, &[variable], key::SettingsFiles::Neither).or_else(|| {
            let name = format!("{lower}.meta");
            let value = self.env.get(&name)?.trim().to_owned();
            (!value.is_empty()).then_some(SettingValue {
                value,
                origin: Origin::EnvProperties,
                name,
            })
        })
    }
}

/// Whether an app id, cluster or namespace is valid. Anything else must never reach a path or a
/// file name.
pub(crate) fn is_usable_name(name: &str) -> bool {
    is_valid_name(name) && name.len() <= MAX_NAME
}

/// The result of a provider, unless it is blank.
fn provided(name: &str, provider: Option<&MetaProvider>, env: Env) -> Option<SettingValue> {
    let value = provider.and_then(|ask| ask(env)).filter(|value| !value.trim().is_empty())?;
    Some(SettingValue { value, origin: Origin::Code, name: name.to_owned() })
}

fn is_meta_of_env(name: &str) -> bool {
    let env = name.strip_suffix("_meta").map(Env::parse);
    env.is_some_and(Env::has_own_meta)
}
