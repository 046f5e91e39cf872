//! The access key of each app id: as the settings say, or replaced while the client runs. Never one app's key for another.

use std::collections::HashMap;

use arc_swap::ArcSwap;

use super::key::{Files, derived_variable};
use super::layers::Layers;
use crate::protocol::signature::AccessKey;

/// Access keys by app id.
pub(crate) struct AccessKeys {
    main_app_id: String,
    layers: Layers,
    /// Keys by app id, read from the settings at the first use of the app id; `None` for an app without one.
    /// Replaced whole, so that a forked child finds no lock held.
    keys: ArcSwap<HashMap<String, Option<AccessKey>>>,
}

impl AccessKeys {
    pub(super) fn new(main_app_id: &str, secret: Option<&str>, layers: Layers) -> Self {
        let main = secret.and_then(|secret| AccessKey::new(main_app_id, secret));
        Self {
            main_app_id: main_app_id.to_owned(),
            layers,
            keys: ArcSwap::from_pointee(HashMap::from([(main_app_id.to_owned(), main)])),
        }
    }

    /// The key of an app id now.
    pub(crate) fn of(&self, app_id: &str) -> Option<AccessKey> {
        if let Some(key) = self.keys.load().get(app_id) {
            return key.clone();
        }
        let key = self.in_settings(app_id);
        self.put(app_id, &key);
        key
    }

    /// Replaces the key of an app id; a blank secret removes it.
    pub(crate) fn replace(&self, app_id: &str, secret: &str) {
        self.put(app_id, &AccessKey::new(app_id, secret));
    }

    fn put(&self, app_id: &str, key: &Option<AccessKey>) {
        self.keys.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.insert(app_id.to_owned(), key.clone());
            known
        });
    }

    fn in_settings(&self, app_id: &str) -> Option<AccessKey> {
        debug_assert_ne!(app_id, self.main_app_id, "the main key is there from the start");
        let variable = format!("APOLLO_ACCESS_KEY_SECRET_{}", derived_variable(app_id));
        let variables = [variable];
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
