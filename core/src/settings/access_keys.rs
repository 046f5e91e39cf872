//! The access key of each app id: from the settings, or replaced at run time. A key is never used
//! for another app.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::key::SettingsFiles;
use super::layers::Layers;
use crate::blocking_pool::HOOK_POOL;
use crate::protocol::signature::AccessKey;

/// Returns the secret of an app id; `None` if it has none.
pub type SecretProvider = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Access keys by app id.
pub(crate) struct AccessKeys {
    layers: Layers,
    provider: Option<SecretProvider>,
    /// Keys by app id, read from the settings at the first use of the app id. Replaced as a whole
    /// instead of locked, so that a forked child never finds a lock held.
    keys: ArcSwap<HashMap<String, KeyEntry>>,
}

#[derive(Clone)]
struct KeyEntry {
    /// `None` if the app has none.
    key: Option<Arc<AccessKey>>,
    /// The provider's last secret, to detect a new one.
    provided: Option<String>,
}

impl AccessKeys {
    pub(super) fn new(
        main_app_id: &str,
        secret: Option<&str>,
        layers: Layers,
        provider: Option<SecretProvider>,
    ) -> Self {
        let key = secret.and_then(|secret| parse_secret(main_app_id, secret));
        let main = (main_app_id.to_owned(), KeyEntry { key, provided: None });
        Self { layers, provider, keys: ArcSwap::from_pointee(HashMap::from([main])) }
    }

    /// The current key of an app id; `None` if requests are not signed.
    pub(crate) fn of(&self, app_id: &str) -> Option<Arc<AccessKey>> {
        if let Some(entry) = self.keys.load().get(app_id) {
            return entry.key.clone();
        }
        let first = KeyEntry { key: self.in_settings(app_id), provided: None };
        self.change(|keys| {
            keys.entry(app_id.to_owned()).or_insert_with(|| first.clone());
        });
        self.keys.load().get(app_id).and_then(|entry| entry.key.clone())
    }

    /// Replaces the key of an app id. A blank secret removes it.
    pub(crate) fn replace(&self, app_id: &str, secret: &str) {
        let entry = KeyEntry { key: parse_secret(app_id, secret), provided: None };
        self.change(|keys| {
            keys.insert(app_id.to_owned(), entry.clone());
        });
    }

    /// Called after a server rejected a key: whether another one is in use now, perhaps from the
    /// provider. Many requests are rejected at once when a secret is replaced, and each of them
    /// must be repeated.
    pub(crate) async fn renew(&self, app_id: &str, refused: Option<Arc<AccessKey>>) -> bool {
        // Compared by pointer: a key that was set again with the same secret is worth one more
        // attempt.
        let is_different = || match (&self.of(app_id), &refused) {
            (Some(now), Some(refused)) => !Arc::ptr_eq(now, refused),
            (now, refused) => now.is_some() != refused.is_some(),
        };
        if is_different() {
            return true;
        }
        let Some(provider) = self.provider.clone() else {
            return false;
        };
        let owned_app_id = app_id.to_owned();
        let Ok(Some(secret)) = HOOK_POOL.run(move || provider(&owned_app_id)).await else {
            return false;
        };
        let known = self.keys.load_full();
        let last = known.get(app_id).and_then(|entry| entry.provided.as_deref());
        // An unchanged secret must not become a new key: every rejected request would be repeated.
        if last != Some(&secret) {
            let entry = KeyEntry { key: parse_secret(app_id, &secret), provided: Some(secret) };
            self.change(|keys| {
                keys.insert(app_id.to_owned(), entry.clone());
            });
        }
        is_different()
    }

    fn change(&self, change: impl Fn(&mut HashMap<String, KeyEntry>)) {
        self.keys.rcu(|known| {
            let mut known = HashMap::clone(known);
            change(&mut known);
            known
        });
    }

    fn in_settings(&self, app_id: &str) -> Option<Arc<AccessKey>> {
        let suffix = app_id.replace(|character: char| !character.is_ascii_alphanumeric(), "_");
        // Characters that a shell does not allow in variable names become underscores.
        let variables = [format!("APOLLO_ACCESS_KEY_SECRET_{}", suffix.to_ascii_uppercase())];
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

fn parse_secret(app_id: &str, secret: &str) -> Option<Arc<AccessKey>> {
    AccessKey::new(app_id, secret).map(Arc::new)
}

/// Whether a name is the secret of an app id.
pub(super) fn is_secret_of_app(name: &str) -> bool {
    let rest =
        name.strip_prefix("apollo.accesskey.").or_else(|| name.strip_prefix("apollo.access-key."));
    rest.is_some_and(|rest| rest.ends_with(".secret"))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

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

    /// All requests rejected at the same time are repeated, although only one of them fetches the
    /// new secret.
    #[tokio::test(flavor = "multi_thread")]
    async fn everyone_who_was_refused_learns_of_the_new_key() {
        let together = Barrier::new(2);
        let provider: SecretProvider = Arc::new(move |_| {
            together.wait();
            Some("new".to_owned())
        });
        let keys = AccessKeys::new("order", Some("old"), Layers::default(), Some(provider));
        let old = keys.of("order");
        let both = tokio::join!(keys.renew("order", old.clone()), keys.renew("order", old.clone()));
        assert_eq!(both, (true, true));
        assert!(keys.renew("order", old).await, "without asking again: the barrier would hold");
    }
}
