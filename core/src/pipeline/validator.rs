//! Validators: functions of the application that may reject a release before it is applied.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::blocking_pool::HOOK_POOL;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::namespace::NamespaceKey;
use crate::snapshot::Snapshot;

/// Returns the reason why a release must not be applied.
pub(crate) type Validator = Arc<dyn Fn(&Arc<Snapshot>) -> Result<(), String> + Send + Sync>;

/// The validators of a client, by namespace.
#[derive(Default)]
pub(crate) struct Validators {
    /// Replaced as a whole instead of locked, so that a forked child never finds a lock held.
    validators: ArcSwap<HashMap<NamespaceKey, Vec<Validator>>>,
}

impl Validators {
    pub(crate) fn add(&self, identity: &NamespaceKey, validator: &Validator) {
        self.validators.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.entry(identity.clone()).or_default().push(validator.clone());
            known
        });
    }

    /// Runs all validators of the namespace on a blocking thread.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`] with the reason of the first validator that rejects the snapshot or
    /// panics.
    pub(super) async fn check(&self, snapshot: &Arc<Snapshot>) -> Result<()> {
        let validators = self.of(snapshot.identity());
        if validators.is_empty() {
            return Ok(());
        }
        let candidate = snapshot.clone();
        let checked = HOOK_POOL.run(move || {
            validators.iter().try_for_each(|validator| {
                // A panic rejects the release: applying values that the application could not
                // examine is the greater risk.
                let verdict = catch_unwind(AssertUnwindSafe(|| validator(&candidate)));
                verdict.unwrap_or_else(|_| Err("the validator panicked".to_owned()))
            })
        });
        let verdict =
            checked.await.unwrap_or_else(|_| Err("the validator was cancelled".to_owned()));
        verdict.map_err(|reason| {
            Error::new(ErrorKind::Parse, "validate release", reason)
                .with("namespace", snapshot.namespace())
                .with("release_key", snapshot.release_key())
        })
    }

    fn of(&self, identity: &NamespaceKey) -> Vec<Validator> {
        self.validators.load().get(identity).cloned().unwrap_or_default()
    }
}
