//! The settings that a client uses, after all origins were read and all values validated.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Hooks;
use super::access_keys::AccessKeys;
use super::client_ip::ClientIp;
use super::environment::Env;
use super::layers::Origin;
use crate::format::rules::ReadRules;
use crate::protocol::namespace::strip_properties_suffix;

/// One effective setting, for people; see [`Client::settings`](crate::Client::settings).
///
/// ```
/// use castalia_core::{Client, Origin, Settings};
///
/// # fn main() -> castalia_core::Result<()> {
/// let client = Client::new(Settings::new().set("app.id", "demo"))?;
/// let app_id = client.settings().iter().find(|setting| setting.name == "app.id").expect("listed");
/// assert_eq!(app_id.value, "demo");
/// assert_eq!(app_id.origin, Origin::Code);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Property name.
    pub name: &'static str,
    /// The value; `***` for secrets, empty if unset.
    pub value: String,
    /// Origin of the value.
    pub origin: Origin,
    /// The name under which it was found: the property, a variable, or a deprecated name.
    pub found_as: String,
    /// Description, with the unit.
    pub meaning: &'static str,
}

/// What must be loaded for a start to succeed.
///
/// ```
/// use castalia_core::StartPolicy;
///
/// assert_eq!(StartPolicy::default(), StartPolicy::BestEffort);
/// assert_eq!(StartPolicy::RequireAllRemote.name(), "require-all-remote");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StartPolicy {
    /// Nothing: reads return their defaults until something is loaded.
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

/// Validated settings; they do not change while a client exists.
pub(crate) struct EffectiveSettings {
    pub(crate) app_id: String,
    pub(crate) env: Env,
    pub(crate) cluster: String,
    pub(crate) data_center: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) client_ip: ClientIp,
    pub(crate) meta_servers: Vec<String>,
    /// Configured config services; if empty, they are discovered.
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
    /// Whether `a` and `a.properties` are two namespaces with two cache files, as in the Java
    /// client.
    pub(crate) keep_suffix: bool,
    /// Values that override the releases of every namespace.
    pub(crate) overlay: HashMap<String, String>,
    /// Values for keys that no release has.
    pub(crate) environment: HashMap<String, String>,
    pub(crate) report: Vec<Setting>,
    pub(crate) hooks: Hooks,
}

/// Location of cache files.
pub(crate) struct CacheSettings {
    pub(crate) root: PathBuf,
    /// Used if the root cannot be written.
    pub(crate) fallback: Option<PathBuf>,
    pub(crate) file_mode: u32,
    pub(crate) seed_dir: Option<PathBuf>,
    pub(crate) import_dir: Option<PathBuf>,
    /// Whether the files are the only source of values, as in local mode.
    pub(crate) is_local: bool,
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
    /// Whether a server may raise the limit: only if it was not configured.
    pub(crate) poll_line_may_grow: bool,
    pub(crate) start_timeout: Duration,
}

/// How connections are made.
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
    /// Whether the client must never open a socket.
    pub(crate) fn is_local(&self) -> bool {
        self.env == Env::Local
    }

    /// The name by which a namespace is known, for any spelling of it.
    pub(crate) fn name_of<'a>(&self, requested: &'a str) -> &'a str {
        match self.keep_suffix {
            true => requested,
            false => strip_properties_suffix(requested),
        }
    }

    /// A random number generator, reproducible if the settings have a seed. Seeded anew each time:
    /// forked children would inherit the state of a shared one and do everything at the same
    /// moments.
    pub(crate) fn random(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.hooks.random_seed.unwrap_or_else(fresh_seed))
    }
}

/// A number that differs between processes and between calls.
fn fresh_seed() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    // `RandomState` alone does not change in a forked child, hence process id and time.
    seed(&RandomState::new(), std::process::id(), Instant::now(), call)
}

fn seed(keys: &RandomState, process: u32, now: Instant, call: u64) -> u64 {
    keys.hash_one((process, now, call))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A forked child inherits hash keys, clock and counter, and must still draw other numbers.
    #[test]
    fn a_forked_child_draws_other_numbers() {
        let (keys, now) = (RandomState::new(), Instant::now());
        assert_ne!(seed(&keys, 1, now, 0), seed(&keys, 2, now, 0));
        assert_ne!(fresh_seed(), fresh_seed());
    }
}
