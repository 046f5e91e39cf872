//! Decides by the start policy whether enough namespaces are loaded.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;

use super::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::NamespaceHandle;
use crate::settings::StartPolicy;
use crate::snapshot::{Snapshot, Source};

/// The source that a policy judges: that of the text, or that of the values in it.
pub(super) type SourceOf = fn(&Snapshot) -> Source;
/// A namespace that is being opened, and how it will be read.
pub(super) type Opening<'a> = (&'a NamespaceHandle, SourceOf);

impl Client {
    /// Opens the namespaces of `castalia.namespaces` once; does not wait for loads.
    pub(super) fn start_namespaces(&self) -> Result<()> {
        let inner = &self.inner;
        if !inner.started.load(Ordering::SeqCst) {
            for namespace in &inner.settings.namespaces {
                self.open(&inner.settings.app_id, namespace)?;
            }
            // Set after the loop, so that a failed start is repeated. Two concurrent calls open the
            // same namespaces twice, which is harmless.
            inner.started.store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Opens a namespace and waits for its first load, on another runtime if the one of the tasks
    /// ends meanwhile.
    pub(super) async fn open_and_wait(
        &self,
        app_id: &str,
        namespace: &str,
    ) -> Result<NamespaceHandle> {
        let namespace = self.open(app_id, namespace)?;
        self.start_namespaces()?;
        namespace.wait_until_settled().await;
        // Neither has an effect unless the runtime ended.
        self.tasks.resume();
        namespace.wait_until_settled().await;
        // A close ends the wait, too.
        self.tasks.check_open()?;
        Ok(namespace)
    }

    /// Waits for the namespaces that the policy covers.
    ///
    /// # Errors
    /// The policy's refusal, or [`ErrorKind::Closed`] if the client is closed meanwhile.
    pub(super) async fn check_start_policy(&self, opening: Option<Opening<'_>>) -> Result<()> {
        let settings = &self.inner.settings;
        let policy = settings.start_policy;
        // Opening one namespace must not wait for the others, which cannot fail the start anyway.
        if policy == StartPolicy::BestEffort && opening.is_some() {
            return Ok(());
        }
        let opening = opening.map(|(namespace, source)| (namespace.clone(), source));
        let mut checked: Vec<_> = opening.into_iter().collect();
        let open = self.inner.namespaces.load_full();
        for namespace in &settings.namespaces {
            // A namespace that the application has closed since is no longer required.
            let identity = self.identity(&settings.app_id, namespace)?;
            if checked.iter().any(|(opening, _)| *opening.identity() == identity) {
                continue;
            }
            let listed = open.get(&identity).and_then(NamespaceHandle::acquire);
            checked.extend(listed.map(|listed| (listed, Snapshot::values_source as SourceOf)));
        }
        join_all(checked.iter().map(|(namespace, _)| namespace.wait_until_settled())).await;
        self.tasks.check_open()?;
        let (ready, missing): (Vec<_>, Vec<_>) = checked.iter().partition(|(namespace, source)| {
            accepts(policy, self.judged_source(namespace, *source))
        });
        let missing: Vec<_> = missing.into_iter().map(|(namespace, _)| namespace).collect();
        let enough = match policy {
            StartPolicy::BestEffort => true,
            StartPolicy::RequireAny | StartPolicy::RequireAnyRemote => {
                !ready.is_empty() || missing.is_empty()
            }
            StartPolicy::RequireAll | StartPolicy::RequireAllRemote => missing.is_empty(),
        };
        match enough {
            true => Ok(()),
            false => Err(refusal(&missing)),
        }
    }

    /// The source by which a namespace is judged. Values that a test sets in memory take the place
    /// of a server's, unless the test makes their loads fail.
    fn judged_source(&self, namespace: &NamespaceHandle, source: SourceOf) -> Source {
        let memory = self.inner.settings.hooks.memory.as_ref();
        let is_set = memory.is_some_and(|memory| !memory.is_failing(namespace.identity()));
        match source(&namespace.snapshot()) {
            Source::Static if is_set => Source::Remote,
            source => source,
        }
    }
}

fn accepts(policy: StartPolicy, source: Source) -> bool {
    match policy {
        StartPolicy::RequireAnyRemote | StartPolicy::RequireAllRemote => source == Source::Remote,
        _ => source != Source::None,
    }
}

/// Lists the missing namespaces. Its kind is theirs if all agree on one that somebody has to act
/// on.
fn refusal(missing: &[&NamespaceHandle]) -> Error {
    let errors: Vec<_> = missing.iter().map(|n| n.runtime().monitor().last_error()).collect();
    let kinds = errors.iter().map(|error| match error.as_ref().map(Error::kind) {
        // Unreachable servers may come back without anybody acting.
        None | Some(ErrorKind::Transport) => ErrorKind::NotReady,
        Some(kind) => kind,
    });
    let kind = kinds.reduce(|a, b| if a == b { a } else { ErrorKind::NotReady });
    let text = "the start policy is not met; the client keeps trying";
    let mut refusal = Error::new(kind.unwrap_or(ErrorKind::NotReady), "open", text);
    for (namespace, error) in missing.iter().zip(&errors) {
        let why = error.as_ref().map_or("not loaded", Error::message);
        let name = &namespace.identity().namespace;
        refusal = refusal.with("missing", format!("{name}: {why}"));
    }
    refusal
}
