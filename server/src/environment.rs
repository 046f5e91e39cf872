//! Calls the admin API of each environment: that of this process through a router in memory, the
//! others through their admin services. Callers cannot see the difference; what an admin service
//! refuses reaches them unchanged. Which routes the router has is not known here.

mod address;
mod audit;
mod call;
mod comparing;
mod local;
mod probe;
mod remote;
pub mod revision;
mod services;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Router;
use castalia_store::Secret;
use parking_lot::Mutex;

use self::call::{Call, Transport};
use self::local::Local;
use self::remote::{Remote, Timeouts};
use crate::error::{Code, Error, Result};
use crate::server_config::kind::{ByEnvironment, Key};
use crate::server_config::{ServerConfig, keys};
use crate::settings::Settings;
use crate::settings::environment::normalise;

pub use self::address::Address;
pub use self::call::Environment;
pub(crate) use self::remote::Relayed;
pub use self::services::Services;

/// Environments of an installation that does not configure any, as in Apollo's portal.
const DEFAULT_ENVS: [&str; 3] = ["FAT", "UAT", "PRO"];

/// All environments of the portal. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Environments {
    config: ServerConfig,
    local: Option<Arc<Local>>,
    /// Meta servers of environments that are not in `apollo.portal.meta.servers`.
    meta_servers: Arc<BTreeMap<String, Secret>>,
    /// By name; created on first use.
    remotes: Arc<Mutex<HashMap<String, Arc<Remote>>>>,
}

impl Environments {
    /// The environments that the portal's settings name, and the one of this process, whose admin
    /// API is `admin`.
    #[must_use]
    pub fn new(settings: &Settings, config: &ServerConfig, admin: Option<Router>) -> Self {
        let local = admin.map(|router| Local { name: settings.env.clone(), router });
        Self {
            config: config.clone(),
            local: local.map(Arc::new),
            meta_servers: Arc::new(settings.meta_servers.clone()),
            remotes: Arc::default(),
        }
    }

    /// Logs the environments without an address, because the portal omits them without an error.
    pub fn report_missing_addresses(&self) {
        let (missing, addressed): (Vec<_>, Vec<_>) = self
            .all()
            .into_iter()
            .partition(|environment| matches!(environment.transport, Transport::Unreachable));
        let missing = missing.iter().map(Environment::name).collect::<Vec<_>>().join(", ");
        if addressed.is_empty() {
            tracing::warn!(
                envs = missing,
                "no environment of this portal has a meta server: set their addresses in \
                 apollo.portal.meta.servers, or as DEV_META=http://host:8080 for the environment DEV"
            );
        } else if !missing.is_empty() {
            tracing::warn!(
                envs = missing,
                "environments without a meta server are not shown: set its address in \
                 apollo.portal.meta.servers or remove them from apollo.portal.envs"
            );
        }
    }

    /// Names in display order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let configured = self.config.get(&keys::ENVIRONMENTS);
        let configured = match configured.is_empty() {
            true => DEFAULT_ENVS.map(str::to_owned).to_vec(),
            false => configured,
        };
        let mut names = Vec::with_capacity(configured.len() + 1);
        let own = self.local.iter().map(|local| local.name.clone());
        for name in configured.iter().map(|name| normalise(name)).chain(own) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The reachable environments, in the same order.
    #[must_use]
    pub fn active(&self) -> Vec<Environment> {
        self.all().into_iter().filter(Environment::is_up).collect()
    }

    /// The environments with an address, whether or not they are reachable at present.
    #[must_use]
    pub fn addressed(&self) -> Vec<Environment> {
        let is_addressed = |one: &Environment| !matches!(one.transport, Transport::Unreachable);
        self.all().into_iter().filter(is_addressed).collect()
    }

    /// All environments, reachable or not.
    #[must_use]
    pub fn all(&self) -> Vec<Environment> {
        self.names().into_iter().map(|name| self.named(name)).collect()
    }

    /// The environment with this name, in any of its spellings.
    ///
    /// # Errors
    /// Fails if there is no environment with this name.
    pub fn find(&self, name: &str) -> Result<Environment> {
        let normalised = normalise(name);
        if !self.names().contains(&normalised) {
            return Err(Error::bad_request(format!("invalid env format:{name}"))
                .with_code(Code::UnknownEnv));
        }
        Ok(self.named(normalised))
    }

    fn named(&self, name: String) -> Environment {
        let transport = match self.local.clone().filter(|local| local.name == name) {
            Some(local) => Transport::InProcess(local),
            None => self.remote(&name).map_or(Transport::Unreachable, Transport::Remote),
        };
        Environment { name, transport, config: self.config.clone() }
    }

    /// The connection to another environment; replaced when its meta servers or the time-outs
    /// change.
    fn remote(&self, name: &str) -> Option<Arc<Remote>> {
        let meta = by_env(&self.config, &keys::META_SERVERS, name)
            .or_else(|| Some(self.meta_servers.get(name)?.expose().to_owned()))?;
        let timeouts = Timeouts::of(&self.config);
        let is_same = |remote: &&Arc<Remote>| remote.meta == meta && remote.timeouts == timeouts;
        let mut remotes = self.remotes.lock();
        if let Some(known) = remotes.get(name).filter(is_same) {
            return Some(Arc::clone(known));
        }
        match Remote::new(&meta, timeouts) {
            Ok(remote) => {
                let remote = Arc::new(remote);
                remotes.insert(name.to_owned(), Arc::clone(&remote));
                Some(remote)
            }
            Err(error) => {
                tracing::error!(env = name, %error, "an environment cannot be called");
                None
            }
        }
    }
}

/// The text for an environment in a setting that is a JSON object by environment.
fn by_env(config: &ServerConfig, key: &Key<ByEnvironment>, name: &str) -> Option<String> {
    let mut texts = config.get(key).into_iter();
    let found = texts.find_map(|(env, text)| (normalise(&env) == name).then_some(text));
    found.filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use axum::Router;

    use super::*;

    fn environments(rows: &[(&str, &str)], own: Option<&str>) -> Environments {
        let config = ServerConfig::new(BTreeMap::new());
        config.replace(
            rows.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<HashMap<_, _>>(),
        );
        let local =
            own.map(|name| Arc::new(Local { name: name.to_owned(), router: Router::new() }));
        let elsewhere =
            BTreeMap::from([("FAR".to_owned(), Secret::new("http://gate:planted@127.0.0.1:1"))]);
        Environments { config, local, meta_servers: Arc::new(elsewhere), remotes: Arc::default() }
    }

    #[test]
    fn a_variable_names_the_meta_server_unless_the_table_does() {
        let meta =
            |rows: &[(&str, &str)]| match environments(rows, None).named("FAR".into()).transport {
                Transport::Remote(remote) => remote.meta.clone(),
                other => panic!("{other:?}"),
            };
        assert_eq!(meta(&[]), "http://gate:planted@127.0.0.1:1");
        let row = ("apollo.portal.meta.servers", r#"{"far":"http://127.0.0.1:2"}"#);
        assert_eq!(meta(&[row]), "http://127.0.0.1:2");
    }

    /// S78: the portal reads its settings again while it runs.
    #[test]
    fn a_time_out_that_changes_applies_to_further_calls() {
        let environments = environments(&[], None);
        let remote = || environments.remote("FAR").unwrap();
        let before = remote();
        assert!(Arc::ptr_eq(&before, &remote()), "one connection as long as nothing changes");
        let after = |key: &str, milliseconds: &str| {
            let row = (key.to_owned(), milliseconds.to_owned());
            environments.config.replace(HashMap::from([row]));
            remote().timeouts
        };
        let read = Duration::from_secs(4);
        assert_eq!(after("api.readTimeout", "4000"), Timeouts { read, ..before.timeouts });
        let connect = Duration::from_secs(1);
        assert_eq!(after("api.connectTimeout", "1000"), Timeouts { connect, ..before.timeouts });
    }

    #[test]
    fn credentials_of_meta_servers_are_not_shown() {
        let row = ("apollo.portal.meta.servers", r#"{"PRO":"http://planted@127.0.0.1:2"}"#);
        let environments = environments(&[row], None);
        let [far, pro] = ["FAR", "PRO"].map(|name| environments.named(name.to_owned()));
        assert_eq!(far.meta_servers().as_deref(), Some("http://***@127.0.0.1:1"));
        for shown in [format!("{environments:?}"), format!("{far:?}"), format!("{pro:?}")] {
            assert!(!shown.contains("planted"), "{shown}");
        }
    }

    #[test]
    fn names_are_normalised_once_each_and_the_own_one_is_among_them() {
        let environments = environments(&[("apollo.portal.envs", "dev, prod,Pro")], Some("LOCAL"));
        assert_eq!(environments.names(), ["DEV", "PRO", "LOCAL"]);
        let active: Vec<_> = environments.active().iter().map(|e| e.name().to_owned()).collect();
        assert_eq!(active, ["LOCAL"]);
    }

    #[test]
    fn without_a_setting_the_names_are_those_of_apollos_portal() {
        assert_eq!(environments(&[], None).names(), DEFAULT_ENVS);
    }

    #[test]
    fn an_unknown_name_is_a_bad_request() {
        let environments = environments(&[("apollo.portal.envs", "DEV")], None);
        assert_eq!(environments.find("dev").unwrap().name(), "DEV");
        assert_eq!(environments.find("x").unwrap_err().message(), "invalid env format:x");
    }

    #[tokio::test]
    async fn an_environment_that_is_not_here_says_so_as_apollos_portal_does() {
        let environments = environments(&[("apollo.portal.envs", "DEV")], None);
        let error = environments
            .find("DEV")
            .unwrap()
            .delete(Address::new(["apps", "a"]))
            .await
            .unwrap_err();
        assert!(error.message().starts_with("No available admin server."), "{error}");
    }
}
