//! Values to serve while no server has answered: the cache file, else a seed file, else the seed
//! set in code.

use std::sync::Arc;

use tracing::warn;

use super::disk::Disk;
use super::namespace::Namespace;
use super::validator::Validators;
use crate::cache::CachedContent;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::wire::Configurations;
use crate::snapshot::{LoadInfo, NamespaceContext, Snapshot, Source};

pub(crate) struct Fallback {
    pub(crate) disk: Option<Disk>,
    pub(crate) seed: Option<Configurations>,
}

impl Fallback {
    /// Publishes the fallback values, unless a validator rejects them.
    pub(super) async fn serve(&self, namespace: &Namespace, validators: &Validators) {
        // A forked child starts with the values of its parent, which are newer than any file.
        if namespace.snapshot().source() != Source::None {
            return;
        }
        let name = &namespace.identity().namespace;
        match self.find(namespace).await {
            Some(found) => {
                let age = found.loaded_at().elapsed().unwrap_or_default();
                let (source, age_s) = (found.source(), age.as_secs());
                warn!(namespace = name, %source, age_s, "no server available; serving fallback values");
                // A rejection has been logged, and no caller waits for its result.
                let _ = accept(namespace, validators, found).await;
            }
            None => {
                let error = namespace.runtime().monitor().last_error();
                let error = error.map_or_else(|| "no answer yet".to_owned(), |e| e.to_string());
                warn!(
                    namespace = name,
                    error,
                    "the namespace is empty: it could not be loaded and there is no cache file; reads return their defaults until a load succeeds (castalia.start-policy=require-all makes such a start fail)"
                );
            }
        }
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
            Some(found) => accept(namespace, validators, found).await,
            None => {
                let text = "there is neither a cache file nor a seed";
                let error = Error::new(ErrorKind::NotFound, "load local file", text);
                Err(error.with("namespace", &namespace.identity().namespace))
            }
        }
    }

    /// The fallback values; `None` if there are none.
    async fn find(&self, namespace: &Namespace) -> Option<Snapshot> {
        let context = namespace.context();
        let load_info = |source| LoadInfo { source, ..LoadInfo::unknown() };
        let (load_info, content) = match self.read_disk(context).await {
            Some((source, CachedContent { content, written_at })) => {
                (LoadInfo { since: written_at, ..load_info(source) }, content)
            }
            None => (load_info(Source::Static), self.seed.clone()?),
        };
        Some(Snapshot::new(context.clone(), load_info, content, Some(&namespace.snapshot())))
    }

    async fn read_disk(&self, context: &Arc<NamespaceContext>) -> Option<(Source, CachedContent)> {
        let disk = self.disk.clone()?;
        let identity = context.identity.clone();
        let read = disk.run(move |cache| {
            let cached = cache.load(&identity).map(|found| found.map(|c| (Source::Local, c)));
            let seed =
                || cache.load_seed(&identity).map(|found| found.map(|c| (Source::Static, c)));
            // The cache file comes before the seeds: it is what a server released, while seeds are
            // as old as the program's packages.
            match cached {
                Ok(Some(found)) => Ok((Some(found), None)),
                Ok(None) => Ok((seed()?, None)),
                // A damaged cache file must not prevent the start; the seed is used and the damage
                // is logged.
                Err(error) => Ok((seed()?, Some(error))),
            }
        });
        let (found, read_error) = match read.await {
            Ok(read) => read,
            Err(error) => (None, Some(error)),
        };
        if let Some(error) = read_error {
            let namespace = &*context.identity.namespace;
            warn!(namespace, %error, "cannot read the cache file");
        }
        found
    }
}

async fn accept(namespace: &Namespace, validators: &Validators, found: Snapshot) -> Result<()> {
    let found = Arc::new(found);
    let verdict = validators.check(&found).await;
    match &verdict {
        Ok(()) => {
            namespace.publish(&found);
        }
        Err(error) => {
            let namespace = &*namespace.identity().namespace;
            warn!(namespace, %error, "the fallback values were rejected");
        }
    }
    verdict
}
