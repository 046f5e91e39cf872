//! The access key of each app id: as the settings say, or replaced while the client runs. Never one app's key for another.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::task::spawn_blocking;

use super::key::Files;
use super::layers::Layers;
use crate::protocol::signature::AccessKey;

/// Names the secret of an app id; `None` where it knows none.
pub type SecretProvider = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Access keys by app id.
pub(crate) struct AccessKeys {
    layers: Layers,
    provider: Option<SecretProvider>,
    /// Keys by app id, read from the settings at the first use of the app id; replaced whole, so that a forked child finds no
    /// lock held.
    keys: ArcSwap<HashMap<String, Entry>>,
}

#[derive(Clone)]
struct Entry {
    /// `None` for an app without one.
    key: Option<AccessKey>,
    /// What the provider gave last, to see whether it has anything new.
    provided: Option<String>,
}

impl AccessKeys {
    pub(super) fn new(
        main_app_id: &str,
        secret: Option<&str>,
        layers: Layers,
        provider: Option<SecretProvider>,
    ) -> Self {
        let key = secret.and_then(|secret| AccessKey::new(main_app_id, secret));
        let main = (main_app_id.to_owned(), Entry { key, provided: None });
        Self { layers, provider, keys: ArcSwap::from_pointee(HashMap::from([main])) }
    }

    /// The key of an app id now.
    pub(crate) fn of(&self, app_id: &str) -> Option<AccessKey> {
        if let Some(entry) = self.keys.load().get(app_id) {
            return entry.key.clone();
        }
        let first = Entry { key: self.in_settings(app_id), provided: None };
        self.change(|keys| {
            keys.entry(app_id.to_owned()).or_insert_with(|| first.clone());
        });
        self.keys.load().get(app_id).and_then(|entry| entry.key.clone())
    }

    /// Replaces the key of an app id; a blank secret removes it.
    pub(crate) fn replace(&self, app_id: &str, secret: &str) {
        let entry = Entry { key: AccessKey::new(app_id, secret), provided: None };
        self.change(|keys| {
            keys.insert(app_id.to_owned(), entry.clone());
        });
    }

    /// Asks the provider after a key was refused; true when it gave another than last time. It may block.
    pub(crate) async fn renew(&self, app_id: &str) -> bool {
        let Some(provider) = self.provider.clone() else {
            return false;
        };
        let asked = app_id.to_owned();
        let Ok(Some(secret)) = spawn_blocking(move || provider(&asked)).await else {
            return false;
        };
        let known = self.keys.load();
        let last = known.get(app_id).and_then(|entry| entry.provided.as_deref());
        if last == Some(&secret) {
            return false;
        }
        let entry = Entry { key: AccessKey::new(app_id, &secret), provided: Some(secret) };
        self.change(|keys| {
            keys.insert(app_id.to_owned(), entry.clone());
        });
        true
    }

    fn change(&self, change: impl Fn(&mut HashMap<String, Entry>)) {
        self.keys.rcu(|known| {
            let mut known = HashMap::clone(known);
            change(&mut known);
            known
        });
    }

    fn in_settings(&self, app_id: &str) -> Option<AccessKey> {
        let suffix = app_id.replace(|character: char| !character.is_ascii_alphanumeric(), "_");
        let variables = [format!("APOLLO_ACCESS_KEY_SECRET_{}", suffix.to_ascii_uppercase())];
        let names = [
            format!("apollo.accesskey.{app_id}.secret"),
            format!("apollo.access-key.{app_id}.secret"),
        ];
        let mut found =
            names.iter().filter_map(|name| self.layers.find_as(name, &variables, Files::Neither));
        AccessKey::new(app_id, &found.next()?.value)
    }
}

/// Whether a name is the secret of some app id.
pub(super) fn is_secret_of_app(name: &str) -> bool {
    let rest =
        name.strip_prefix("apollo.accesskey.").or_else(|| name.strip_prefix("apollo.access-key."));
    rest.is_some_and(|rest| rest.ends_with(".secret"))
}
