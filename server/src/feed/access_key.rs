//! Access keys in memory, by app: what stands between a client and the configuration.

use std::collections::HashMap;

use arc_swap::ArcSwapOption;
use castalia_core::protocol::signature::Signer;

use crate::store::entity;

/// What a key does with a request that it does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Refuses it.
    Filter,
    /// Only logs it.
    Observe,
}

/// One row as the database holds it.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// App that the key is for.
    pub app_id: String,
    /// Secret, expanded for checking.
    pub signer: Signer,
    /// What it does.
    pub mode: Mode,
    /// Disabled keys do nothing.
    pub is_enabled: bool,
}

impl From<entity::access_key::Model> for AccessKey {
    fn from(row: entity::access_key::Model) -> Self {
        let mode = if row.mode.0 == 0 { Mode::Filter } else { Mode::Observe };
        Self { signer: Signer::new(row.secret.expose()), app_id: row.app_id, mode, is_enabled: row.is_enabled }
    }
}

/// The enabled keys of one app.
#[derive(Debug, Clone, Default)]
pub struct AppKeys {
    /// Keys that refuse.
    pub filter: Vec<Signer>,
    /// Keys that only log; they count where no filter key exists.
    pub observe: Vec<Signer>,
}

/// All enabled keys. Never loaded is not the same as none: a node that knows no keys must not let anybody pass.
#[derive(Debug, Default)]
pub struct AccessKeys(ArcSwapOption<HashMap<String, AppKeys, ahash::RandomState>>);

impl AccessKeys {
    /// Takes over all live rows.
    pub fn replace(&self, rows: impl IntoIterator<Item = AccessKey>) {
        let mut apps: HashMap<String, AppKeys, _> = HashMap::default();
        for row in rows.into_iter().filter(|row| row.is_enabled) {
            let keys = apps.entry(row.app_id.to_ascii_lowercase()).or_default();
            match row.mode {
                Mode::Filter => keys.filter.push(row.signer),
                Mode::Observe => keys.observe.push(row.signer),
            }
        }
        self.0.store(Some(apps.into()));
    }

    /// Whether keys were ever loaded.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.0.load().is_some()
    }

    /// The keys of an app; `None` where it has none that is enabled. App ids are compared ignoring ASCII case, so that another
    /// spelling of an app that has a key never counts as an app without one.
    #[must_use]
    pub fn of(&self, app_id: &str) -> Option<AppKeys> {
        self.0.load().as_ref()?.get(&app_id.to_ascii_lowercase()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(app_id: &str, mode: Mode, is_enabled: bool) -> AccessKey {
        AccessKey { app_id: app_id.into(), signer: Signer::new("s"), mode, is_enabled }
    }

    #[test]
    fn only_enabled_keys_count_and_spelling_does_not_hide_them() {
        let keys = AccessKeys::default();
        assert!(!keys.is_loaded());
        keys.replace([key("sec", Mode::Filter, true), key("sec", Mode::Observe, true), key("off", Mode::Filter, false)]);
        assert!(keys.is_loaded() && keys.of("off").is_none());
        let found = keys.of("SEC").unwrap();
        assert_eq!((found.filter.len(), found.observe.len()), (1, 1));
    }
}
