//! Validators: functions of the application that may reject a release before it is applied.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tracing::warn;

use crate::blocking_pool::{HOOK_POOL, warn_if_slow};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::namespace::NamespaceKey;
use crate::snapshot::Snapshot;

/// Returns the reason why a release must not be applied.
pub(crate) type Validator = Arc<dyn Fn(&Arc<Snapshot>) -> Result<(), String> + Send + Sync>;

type ByNamespace = HashMap<NamespaceKey, Vec<Validator>>;

/// The validators of a client.
pub(crate) struct Validators {
    /// Replaced as a whole instead of locked, so that a forked child never finds a lock held.
    /// `None` once the client is closed and its tasks have ended.
    validators: ArcSwapOption<ByNamespace>,
}

impl Default for Validators {
    fn default() -> Self {
        Self { validators: ArcSwapOption::from_pointee(ByNamespace::new()) }
    }
}

impl Validators {
    /// Adds one; after [`Validators::close`] it is dropped.
    pub(crate) fn add(&self, identity: &NamespaceKey, validator: &Validator) {
        self.validators.rcu(|known| {
            let mut known = HashMap::clone(known.as_ref()?);
            known.entry(identity.clone()).or_default().push(validator.clone());
            Some(Arc::new(known))
        });
    }

    /// Removes all validators and returns them, to be dropped; `None` if there are none. No release
    /// is accepted afterwards: one that nobody can judge must not be applied.
    pub(crate) fn close(&self) -> Option<Arc<ByNamespace>> {
        self.validators.swap(None).filter(|known| !known.is_empty())
    }

    /// Runs all validators of the namespace on a blocking thread.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`] with the reason of the first validator that rejects the snapshot or
    /// panics; [`ErrorKind::Closed`] after [`Validators::close`].
    pub(super) async fn check(&self, snapshot: &Arc<Snapshot>) -> Result<()> {
        let Some(validators) = self.of(snapshot.identity()) else {
            return Err(Error::new(ErrorKind::Closed, "validate release", "the client is closed"));
        };
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
        let report = || {
            let identity = snapshot.identity();
            warn!(
                app_id = identity.app_id,
                namespace = identity.namespace,
                "a release has been waiting for a validator for 30 s; the namespace is not updated before it returns"
            );
        };
        let verdict = warn_if_slow(checked, report)
            .await
            .unwrap_or_else(|_| Err("the validator was cancelled".to_owned()));
        verdict.map_err(|reason| {
            Error::new(ErrorKind::Parse, "validate release", reason)
                .with("namespace", snapshot.namespace())
                .with("release_key", snapshot.release_key())
        })
    }

    fn of(&self, identity: &NamespaceKey) -> Option<Vec<Validator>> {
        let validators = self.validators.load();
        Some(validators.as_ref()?.get(identity).cloned().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn after_the_close_none_is_kept_and_no_release_is_accepted() {
        let validators = Validators::default();
        let release = Snapshot::sample("application", "1", &[("n", "1")]);
        let accept = |_: &Arc<Snapshot>| -> Result<(), String> { Ok(()) };
        let validator: Validator = Arc::new(accept);
        validators.add(release.identity(), &validator);
        validators.check(&release).await.unwrap();
        drop(validators.close());
        validators.add(release.identity(), &validator);
        assert_eq!(Arc::strong_count(&validator), 1);
        assert_eq!(validators.check(&release).await.unwrap_err().kind(), ErrorKind::Closed);
    }
}
