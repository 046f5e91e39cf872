//! The settings that a client runs with, after every place was looked at and every value checked.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Hooks;
use super::access_keys::AccessKeys;
use super::client_ip::ClientIp;
use super::environment::Env;
use super::layers::Origin;
use crate::format::rules::ReadRules;
use crate::protocol::namespace::strip_properties_suffix;

/// One effective setting, for people: which value counts, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Property name.
    pub name: &'static str,
    /// Value; secrets are `***`, and empty means unset.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
    /// The name under which it was found there: a variable, or a deprecated name.
    pub found_as: String,
    /// What it is for, with its unit.
    pub meaning: &'static str,
}

/// What has to be loaded before a namespace counts as open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StartPolicy {
    /// Nothing: reads answer their defaults until something is loaded.
    #[default]
    BestEffort,
    /// At least one namespace, from any source.
    RequireAny,
    /// Every namespace, from any source.
    RequireAll,
    /// At least one namespace, from a server.
    RequireAnyRemote,
    /// Every namespace, from a server.
    RequireAllRemote,
}

impl StartPolicy {
    /// Every policy.
    pub const ALL: [Self; 5] = [
        Self::BestEffort,
        Self::RequireAny,
        Self::RequireAll,
        Self::RequireAnyRemote,
        Self::RequireAllRemote,
    ];

    /// Name in settings, such as `require-all`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BestEffort => "best-effort",
            Self::RequireAny => "require-any",
            Self::RequireAll => "require-all",
            Self::RequireAnyRemote => "require-any-remote",
            Self::RequireAllRemote => "require-all-remote",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

/// Checked settings; fixed for the life of a client.
pub(crate) struct EffectiveSettings {
    pub(crate) app_id: String,
    pub(crate) env: Env,
    pub(crate) cluster: String,
    pub(crate) data_center: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) client_ip: ClientIp,
    pub(crate) meta_servers: Vec<String>,
    /// Config services given outright; empty means discovery.
    pub(crate) config_services: Vec<String>,
    pub(crate) access_keys: AccessKeys,
    pub(crate) cache: Option<CacheSettings>,
    pub(crate) timing: TimingSettings,
    pub(crate) network: NetworkSettings,
    pub(crate) namespaces: Vec<String>,
    pub(crate) start_policy: StartPolicy,
    pub(crate) listener_queue: usize,
    pub(crate) error_queue: usize,
    pub(crate) typed_cache: usize,
    pub(crate) rules: ReadRules,
    /// Whether `a` and `a.properties` are two namespaces with two cache files, as in the Java client.
    pub(crate) keep_suffix: bool,
    /// What stands above the releases of every namespace.
    pub(crate) overlay: HashMap<String, String>,
    /// What answers for keys that no release has.
    pub(crate) environment: HashMap<String, String>,
    pub(crate) report: Vec<Setting>,
    pub(crate) hooks: Hooks,
}

/// Where cache files go.
pub(crate) struct CacheSettings {
    pub(crate) root: PathBuf,
    /// Where they go when the root cannot be used.
    pub(crate) fallback: Option<PathBuf>,
    pub(crate) file_mode: u32,
    pub(crate) seed_dir: Option<PathBuf>,
    pub(crate) import_dir: Option<PathBuf>,
}

/// Intervals, limits and rates.
pub(crate) struct TimingSettings {
    pub(crate) refresh_interval: Duration,
    pub(crate) read_timeout: Duration,
    pub(crate) discovery_read_timeout: Duration,
    pub(crate) discovery_per_second: f64,
    pub(crate) load_per_second: f64,
    pub(crate) poll_per_second: f64,
    pub(crate) poll_initial_delay: Duration,
    pub(crate) poll_timeout: Duration,
    pub(crate) poll: bool,
    pub(crate) poll_line_limit: usize,
    /// Whether a server may say that it takes longer ones.
    pub(crate) poll_line_may_grow: bool,
    pub(crate) start_timeout: Duration,
}

/// How to connect.
pub(crate) struct NetworkSettings {
    pub(crate) connect_timeout: Duration,
    pub(crate) ca_file: Option<PathBuf>,
    #[cfg_attr(
        not(feature = "insecure-tls"),
        expect(dead_code, reason = "always false, and without the code that would read it")
    )]
    pub(crate) is_insecure: bool,
    pub(crate) system_proxy: bool,
    pub(crate) body_limit: usize,
    pub(crate) user_agent: String,
}

impl EffectiveSettings {
    /// Whether no socket may ever be opened.
    pub(crate) fn is_local(&self) -> bool {
        self.env == Env::Local
    }

    /// The name by which a namespace is known that was asked for in this spelling.
    pub(crate) fn name_of<'a>(&self, requested: &'a str) -> &'a str {
        match self.keep_suffix {
            true => requested,
            false => strip_properties_suffix(requested),
        }
    }

    /// A source of random numbers; repeatable where the settings ask for it. Seeded afresh, since forked children inherit the
    /// state of a shared one and would do everything at the same moments.
    pub(crate) fn random(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.hooks.random_seed.unwrap_or_else(fresh_seed))
    }
}

/// A number that differs between processes and between calls.
fn fresh_seed() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    seed(&RandomState::new(), std::process::id(), Instant::now(), call)
}

fn seed(keys: &RandomState, process: u32, now: Instant, call: u64) -> u64 {
    keys.hash_one((process, now, call))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T44: a forked child has its parent's keys, clock and count, and draws other numbers all the same.
    #[test]
    fn a_forked_child_draws_other_numbers() {
        let (keys, now) = (RandomState::new(), Instant::now());
        assert_ne!(seed(&keys, 1, now, 0), seed(&keys, 2, now, 0));
        assert_ne!(fresh_seed(), fresh_seed());
    }
}
