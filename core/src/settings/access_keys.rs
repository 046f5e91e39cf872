//! The access key of each app id: from the settings, or replaced at run time. A key is never used
//! for another app.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

use super::key::{SettingsFiles, variable_of_app};
use super::layers::Layers;
use crate::blocking_pool::{HOOK_POOL, warn_if_slow};
use crate::process_local::{ProcessLocal, ProcessLocalCell};
use crate::protocol::signature::AccessKey;

/// How often secrets of the provider end the waits of those whose key was rejected. If the server
/// rejects each of them, every request that is repeated brings another one.
const WAKE_INTERVAL: Duration = Duration::from_secs(30);

/// Returns the secret of an app id; `None` if it has none.
pub type SecretProvider = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Access keys by app id.
pub(crate) struct AccessKeys {
    layers: Layers,
    provider: Option<SecretProvider>,
    keys: Arc<Keys>,
    /// The last call of the provider, by app id.
    calls: ProcessLocalCell<Mutex<HashMap<String, LastCall>>>,
}

/// Keys by app id, read from the settings at the first use of the app id.
struct Keys {
    /// Replaced as a whole instead of locked, so that a forked child never finds a lock held.
    entries: ArcSwap<HashMap<String, KeyEntry>>,
    /// Wakes those that wait for another key.
    replaced: ProcessLocalCell<watch::Sender<()>>,
}

#[derive(Clone)]
struct KeyEntry {
    /// `None` if the app has none.
    key: Option<Arc<AccessKey>>,
    /// When a key of the provider ends waits; `None` if the key is not from the provider.
    wakes_at: Option<Instant>,
}

#[derive(Clone)]
struct LastCall {
    /// The key that was rejected; the secret replaces no other one.
    refused: Option<Arc<AccessKey>>,
    /// Cancelled when the call has ended.
    ended: CancellationToken,
}

impl AccessKeys {
    pub(super) fn new(
        main_app_id: &str,
        secret: Option<&str>,
        layers: Layers,
        provider: Option<SecretProvider>,
    ) -> Self {
        let key = secret.and_then(|secret| parse_secret(main_app_id, secret));
        let main = (main_app_id.to_owned(), KeyEntry { key, wakes_at: None });
        let entries = ArcSwap::from_pointee(HashMap::from([main]));
        let keys = Arc::new(Keys { entries, replaced: ProcessLocalCell::new() });
        Self { layers, provider, keys, calls: ProcessLocalCell::new() }
    }

    /// The current key of an app id; `None` if requests are not signed.
    pub(crate) fn of(&self, app_id: &str) -> Option<Arc<AccessKey>> {
        if let Some(entry) = self.keys.entries.load().get(app_id) {
            return entry.key.clone();
        }
        let first = KeyEntry { key: self.in_settings(app_id), wakes_at: None };
        self.keys.change(|keys| {
            keys.entry(app_id.to_owned()).or_insert_with(|| first.clone());
        });
        self.keys.entries.load().get(app_id).and_then(|entry| entry.key.clone())
    }

    /// Replaces the key of an app id. A blank secret removes it.
    pub(crate) fn replace(&self, app_id: &str, secret: &str) {
        let entry = KeyEntry { key: parse_secret(app_id, secret), wakes_at: None };
        self.keys.change(|keys| {
            keys.insert(app_id.to_owned(), entry.clone());
        });
        self.keys.replaced().send_replace(());
    }

    /// Returns once another key of an app id is in use than this one, which a server rejected. Keys
    /// of the provider end waits every 30 s at most, keys that were set at once.
    pub(crate) async fn wait_for_other(&self, app_id: &str, refused: &Option<Arc<AccessKey>>) {
        let replaced = self.keys.replaced();
        let mut changes = replaced.subscribe();
        loop {
            // The sender lives in `replaced`, so the wait cannot fail.
            let _ = changes.wait_for(|_| !is_same(&self.of(app_id), refused)).await;
            let Some(wakes_at) = self.keys.wakes_at(app_id) else { return };
            // Meanwhile the key may be set, or be the rejected one again.
            if timeout_at(wakes_at, changes.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Called after a server rejected a key: whether another one is in use now, perhaps from the
    /// provider, for which this waits no longer than `patience`. Many requests are rejected at once
    /// when a secret is replaced, and each of them must be repeated.
    pub(crate) async fn renew(
        &self,
        app_id: &str,
        refused: Option<Arc<AccessKey>>,
        patience: Duration,
    ) -> bool {
        if !is_same(&self.of(app_id), &refused) {
            return true;
        }
        // Twice, because the call that is running may be for a key that was replaced meanwhile.
        for _ in 0..2 {
            let Some(call) = self.ask_provider(app_id, &refused) else { break };
            let _ = timeout(patience, call.ended.cancelled()).await;
            if !is_same(&self.of(app_id), &refused) {
                return true;
            }
            if is_same(&call.refused, &refused) {
                break;
            }
        }
        false
    }

    /// Calls the provider, unless its last call for the app id is still running; `None` if there is
    /// no provider.
    fn ask_provider(&self, app_id: &str, refused: &Option<Arc<AccessKey>>) -> Option<LastCall> {
        let provider = self.provider.clone()?;
        let Ok(calls) = self.calls.get(|| Ok::<_, Infallible>(Mutex::default()));
        let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        // A provider that never returns must not occupy a thread for each rejected request.
        if let Some(running) = calls.get(app_id).filter(|call| !call.ended.is_cancelled()) {
            return Some(running.clone());
        }
        let ended = CancellationToken::new();
        let last = LastCall { refused: refused.clone(), ended };
        calls.insert(app_id.to_owned(), last.clone());
        let call = ProviderCall {
            provider,
            keys: self.keys.clone(),
            app_id: app_id.to_owned(),
            refused: refused.clone(),
            _ended: last.ended.clone().drop_guard(),
        };
        tokio::spawn(call.run());
        Some(last)
    }

    fn in_settings(&self, app_id: &str) -> Option<Arc<AccessKey>> {
        let variables = [variable_of_app(app_id)];
        // The second spelling is the deprecated one of the Java client.
        let names = [
            format!("apollo.access-key.{app_id}.secret"),
            format!("apollo.accesskey.{app_id}.secret"),
        ];
        let found = names
            .iter()
            .filter_map(|name| self.layers.find_as(name, &variables, SettingsFiles::Neither));
        parse_secret(app_id, &found.min_by_key(|found| found.origin)?.value)
    }
}

impl Keys {
    /// Created by each process, because a watch has a lock.
    fn replaced(&self) -> Arc<ProcessLocal<watch::Sender<()>>> {
        let Ok(replaced) = self.replaced.get(|| Ok::<_, Infallible>(watch::Sender::new(())));
        replaced
    }

    fn change(&self, change: impl Fn(&mut HashMap<String, KeyEntry>)) {
        self.entries.rcu(|known| {
            let mut known = HashMap::clone(known);
            change(&mut known);
            known
        });
    }

    fn wakes_at(&self, app_id: &str) -> Option<Instant> {
        self.entries.load().get(app_id).and_then(|entry| entry.wakes_at)
    }

    /// Uses a secret of the provider instead of the rejected key, which may have been replaced
    /// meanwhile.
    fn accept(&self, app_id: &str, refused: &Option<Arc<AccessKey>>, secret: &str) {
        let key = parse_secret(app_id, secret);
        if is_same(&key, refused) {
            return;
        }
        self.change(|keys| {
            let known = keys.get_mut(app_id).filter(|known| is_same(&known.key, refused));
            if let Some(known) = known {
                *known = KeyEntry { key: key.clone(), wakes_at: Some(known.next_wake()) };
            }
        });
        self.replaced().send_replace(());
    }
}

impl KeyEntry {
    /// When the next key of the provider ends waits.
    fn next_wake(&self) -> Instant {
        let now = Instant::now();
        match self.wakes_at {
            None => now,
            // Nobody was woken for the key before.
            Some(pending) if pending > now => pending,
            Some(last) => now.max(last + WAKE_INTERVAL),
        }
    }
}

/// A call of the provider after a server rejected a key.
struct ProviderCall {
    provider: SecretProvider,
    keys: Arc<Keys>,
    app_id: String,
    refused: Option<Arc<AccessKey>>,
    /// Also dropped if the provider panics, or the runtime ends.
    _ended: DropGuard,
}

impl ProviderCall {
    async fn run(self) {
        let Self { provider, keys, app_id, refused, _ended } = self;
        let asked = app_id.clone();
        let call = HOOK_POOL.run(move || provider(&asked));
        let report = || {
            warn!(
                app_id,
                "the secret provider has been called for 30 s; requests are rejected before it returns a secret"
            );
        };
        if let Ok(Some(secret)) = warn_if_slow(call, report).await {
            keys.accept(&app_id, &refused, &secret);
        }
    }
}

/// Whether two keys sign the same: a server that rejected one rejects the other, too.
fn is_same(one: &Option<Arc<AccessKey>>, other: &Option<Arc<AccessKey>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            Arc::ptr_eq(one, other) || one.headers(0, "/") == other.headers(0, "/")
        }
        (one, other) => one.is_some() == other.is_some(),
    }
}

fn parse_secret(app_id: &str, secret: &str) -> Option<Arc<AccessKey>> {
    AccessKey::new(app_id, secret).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// The app's own key in code or overlay overrides the variable, in both spellings, and never
    /// falls back to the main app's key.
    #[test]
    fn the_strongest_place_gives_the_key_of_another_app() {
        let (modern, old) = ("apollo.access-key.my-app.secret", "apollo.accesskey.my-app.secret");
        let one = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = [one("APOLLO_ACCESS_KEY_SECRET_MY_APP", "variable")];
        let layers = Layers { environment: environment.into(), ..Layers::default() };
        let secret_of = |layers: &Layers| {
            let keys = AccessKeys::new("order", Some("main"), layers.clone(), None);
            let headers = keys.of("my-app").unwrap().headers(0, "/");
            ["variable", "overlay", "code"]
                .into_iter()
                .find(|secret| parse_secret("my-app", secret).unwrap().headers(0, "/") == headers)
        };
        assert_eq!(secret_of(&layers), Some("variable"));
        for name in [modern, old] {
            let layers = Layers { overlay: [one(name, "overlay")].into(), ..layers.clone() };
            assert_eq!(secret_of(&layers), Some("overlay"), "{name}");
            let code = [one(modern, "code"), one(old, "code")].into();
            assert_eq!(secret_of(&Layers { code, ..layers }), Some("code"), "{name}");
        }
    }

    /// Keys of the app `order` with the secret `old`, and a provider that returns what it receives
    /// from a channel.
    fn keys_of_provider() -> (AccessKeys, std::sync::mpsc::SyncSender<&'static str>) {
        let (sender, receiver) = sync_channel(1);
        let receiver = Mutex::new(receiver);
        let provider: SecretProvider = Arc::new(move |_| {
            let secret: &str = receiver.lock().unwrap().recv().ok()?;
            Some(secret.to_owned())
        });
        (AccessKeys::new("order", Some("old"), Layers::default(), Some(provider)), sender)
    }

    /// All requests rejected at the same time are repeated, although only one of them fetches the
    /// new secret.
    #[tokio::test(flavor = "multi_thread")]
    async fn everyone_who_was_refused_learns_of_the_new_key() {
        let (keys, secrets) = keys_of_provider();
        let old = keys.of("order");
        // The first two are waiting when the third runs.
        let renewed = tokio::join!(
            keys.renew("order", old.clone(), PATIENCE),
            keys.renew("order", old.clone(), PATIENCE),
            async { secrets.send("new").unwrap() },
        );
        assert_eq!(renewed, (true, true, ()));
        assert!(keys.renew("order", old, PATIENCE).await, "without asking again: it would wait");
    }

    /// The call that is running is for the key before.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_that_is_refused_while_another_one_is_renewed_is_renewed_too() {
        let (keys, secrets) = keys_of_provider();
        let old = keys.of("order");
        assert!(!keys.renew("order", old, Duration::ZERO).await);
        keys.replace("order", "set");
        let set = keys.of("order");
        let sender = secrets.clone();
        let sending = tokio::task::spawn_blocking(move || {
            for secret in ["late", "new"] {
                sender.send(secret).unwrap();
            }
        });
        assert!(keys.renew("order", set, PATIENCE).await);
        sending.await.unwrap();
    }

    /// A secret that comes late is used, but not instead of one that was set meanwhile.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_late_secret_replaces_only_the_refused_key() {
        for is_set_meanwhile in [false, true] {
            let (keys, secrets) = keys_of_provider();
            let old = keys.of("order");
            assert!(!keys.renew("order", old.clone(), Duration::ZERO).await);
            if is_set_meanwhile {
                keys.replace("order", "set");
            }
            let set = keys.of("order");
            let answered = keys.ask_provider("order", &old).unwrap();
            secrets.send("late").unwrap();
            answered.ended.cancelled().await;
            assert_eq!(is_same(&keys.of("order"), &set), is_set_meanwhile);
        }
    }
}
