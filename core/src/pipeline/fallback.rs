//! Values to serve while no server has answered: the cache file, else a seed file, else the seed
//! set in code.

use std::sync::Arc;

use tracing::{info, warn};

use super::disk::Disk;
use super::namespace::Namespace;
use super::validator::Validators;
use crate::cache::CachedContent;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::wire::Configurations;
use crate::snapshot::{LoadInfo, NamespaceContext, Snapshot, Source, is_readable};

pub(crate) struct Fallback {
    pub(crate) disk: Option<Disk>,
    pub(crate) seed: Option<Configurations>,
    /// Whether this is the only source, so that no server is missing.
    pub(crate) is_local: bool,
}

impl Fallback {
    /// Publishes the fallback values, unless a validator rejects them.
    pub(super) async fn serve(&self, namespace: &Namespace, validators: &Validators) {
        // A forked child starts with the values of its parent, which are newer than any file.
        if !is_empty(namespace) {
            return;
        }
        let found = self.find(namespace).await.map(Arc::new);
        let usable = match &found {
            // A rejection has been logged, and no caller waits for its result.
            Some(found) => check(namespace, validators, found).await.is_ok(),
            None => false,
        };
        // A load may have succeeded meanwhile.
        if !is_empty(namespace) {
            return;
        }
        let Some(found) = found.filter(|_| usable) else {
            self.log_empty(namespace);
            return;
        };
        self.log_found(namespace, &found);
        let current = namespace.snapshot();
        // A release that cannot be parsed keeps its text.
        let served = match current.problem() {
            Some(_) => Arc::new(current.with_values_of(&found)),
            None => found,
        };
        namespace.publish(&served);
    }

    fn log_empty(&self, namespace: &Namespace) {
        let name = &namespace.identity().namespace;
        if self.is_local {
            warn!(
                namespace = name,
                "the namespace is empty: local mode has neither a usable cache file nor a seed of it; reads return their defaults (castalia.start-policy=require-all makes such a start fail)"
            );
            return;
        }
        let error = load_error(namespace);
        warn!(
            namespace = name,
            error,
            "the namespace is empty: it could not be loaded and there is no usable cache file; reads return their defaults until a load succeeds (castalia.start-policy=require-all makes such a start fail)"
        );
    }

    fn log_found(&self, namespace: &Namespace, found: &Snapshot) {
        let name = &namespace.identity().namespace;
        let source = found.source();
        if self.is_local {
            info!(namespace = name, %source, "serving the values of local mode");
            return;
        }
        let error = load_error(namespace);
        let age_s = found.loaded_at().elapsed().unwrap_or_default().as_secs();
        warn!(
            namespace = name,
            error,
            %source,
            age_s,
            "no usable release from a server; serving fallback values"
        );
    }

    /// Reads the files again, in local mode. A file that no longer exists leaves the values
    /// unchanged.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no file and no seed, [`ErrorKind::Parse`] if a validator
    /// rejects the values.
    pub(super) async fn reload(
        &self,
        namespace: &Namespace,
        validators: &Validators,
    ) -> Result<()> {
        match self.find(namespace).await {
            Some(found) => {
                let found = Arc::new(found);
                check(namespace, validators, &found).await?;
                namespace.publish(&found);
                Ok(())
            }
            None => {
                let text = "there is neither a cache file nor a seed";
                let error = Error::new(ErrorKind::NotFound, "load local file", text);
                Err(error.with("namespace", &namespace.identity().namespace))
            }
        }
    }

    /// The fallback values; `None` if there are none. A cached document that cannot be parsed has
    /// the values of the seed.
    async fn find(&self, namespace: &Namespace) -> Option<Snapshot> {
        let context = namespace.context();
        let Stored { cached, seed } = self.read_disk(context).await;
        let of_code = || self.seed.clone().map(|content| (content, LoadInfo::unknown().since));
        let seed = seed.map(|found| (found.content, found.written_at)).or_else(of_code);
        let current = namespace.snapshot();
        let snapshot = |source, (content, since)| {
            let info = LoadInfo { source, since, ..LoadInfo::unknown() };
            Snapshot::new(context.clone(), info, content, Some(&current))
        };
        let Some(cached) = cached else { return Some(snapshot(Source::Static, seed?)) };
        let cached = snapshot(Source::Local, (cached.content, cached.written_at));
        Some(match (cached.problem(), seed) {
            (Some(_), Some(seed)) => cached.with_values_of(&snapshot(Source::Static, seed)),
            _ => cached,
        })
    }

    async fn read_disk(&self, context: &Arc<NamespaceContext>) -> Stored {
        let Some(disk) = self.disk.clone() else { return Stored::default() };
        let identity = context.identity.clone();
        let read = disk.run(move |cache| {
            // The cache file comes before the seeds: it is what a server released, while seeds are
            // as old as the program's packages. A damaged one must not prevent the start; the seed
            // is used and the damage is logged.
            let (cached, problem) = match cache.load(&identity) {
                Ok(cached) => (cached, None),
                Err(error) => (None, Some(error)),
            };
            let is_usable = cached
                .as_ref()
                .is_some_and(|found| is_readable(&identity.namespace, &found.content));
            let seed = if is_usable { None } else { cache.load_seed(&identity)? };
            Ok((Stored { cached, seed }, problem))
        });
        let (stored, problem) = match read.await {
            Ok(read) => read,
            Err(error) => (Stored::default(), Some(error)),
        };
        if let Some(error) = problem {
            let namespace = &*context.identity.namespace;
            warn!(namespace, %error, "cannot read the cache file");
        }
        stored
    }
}

/// What the disk has of a namespace.
#[derive(Default)]
struct Stored {
    cached: Option<CachedContent>,
    seed: Option<CachedContent>,
}

/// Why no server's values are there.
fn load_error(namespace: &Namespace) -> String {
    let error = namespace.runtime().monitor().last_error();
    error.map_or_else(|| "no answer yet".to_owned(), |error| error.to_string())
}

/// Whether neither a server nor a fallback has answered.
fn is_empty(namespace: &Namespace) -> bool {
    namespace.snapshot().values_source() == Source::None
}

async fn check(
    namespace: &Namespace,
    validators: &Validators,
    found: &Arc<Snapshot>,
) -> Result<()> {
    let verdict = validators.check(found).await;
    if let Err(error) = &verdict {
        let namespace = &*namespace.identity().namespace;
        warn!(namespace, %error, "the fallback values were rejected");
    }
    verdict
}
