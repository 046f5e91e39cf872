//! What is served while no server has answered: the cache file, else a seed file, else the seed given in code.

use std::sync::Arc;

use tracing::warn;

use super::disk::Disk;
use super::namespace::Namespace;
use super::validator::Validators;
use crate::protocol::wire::Configurations;
use crate::snapshot::{Place, Provenance, Snapshot, Source};

pub(crate) struct Fallback {
    pub(crate) disk: Option<Disk>,
    pub(crate) seed: Option<Configurations>,
}

impl Fallback {
    /// Serves what is there without a server, if the application does not refuse it.
    pub(super) async fn serve(&self, namespace: &Namespace, validators: &Validators) {
        // A forked child starts with what its parent had, which is newer than any file.
        if namespace.snapshot().source() != Source::None {
            return;
        }
        let name = &namespace.identity().namespace;
        let Some(snapshot) = self.find(namespace.place()).await else {
            warn!(namespace = name, "nothing is loaded; reads answer their defaults");
            return;
        };
        let snapshot = Arc::new(snapshot);
        match validators.check(&snapshot).await {
            Ok(()) => {
                warn!(namespace = name, source = %snapshot.source(), "served without a server");
                namespace.publish(&snapshot);
            }
            Err(error) => warn!(%error, "what is there without a server was refused"),
        }
    }

    /// The content to start with; `None` when there is none anywhere.
    async fn find(&self, place: &Arc<Place>) -> Option<Snapshot> {
        let (source, content) = match self.on_disk(place).await {
            Some(found) => found,
            None => (Source::Static, self.seed.clone()?),
        };
        let provenance = Provenance { source, ..Provenance::unknown() };
        Some(Snapshot::new(place.clone(), provenance, content, None))
    }

    async fn on_disk(&self, place: &Arc<Place>) -> Option<(Source, Configurations)> {
        let disk = self.disk.clone()?;
        let identity = place.identity.clone();
        let read = disk.run(move |cache| {
            let cached = cache.load(&identity).map(|found| found.map(|c| (Source::Local, c)));
            let seed =
                || cache.load_seed(&identity).map(|found| found.map(|c| (Source::Static, c)));
            match cached {
                Ok(Some(found)) => Ok((Some(found), None)),
                Ok(None) => Ok((seed()?, None)),
                Err(error) => Ok((seed()?, Some(error))),
            }
        });
        let (found, damage) = match read.await {
            Ok(read) => read,
            Err(error) => (None, Some(error)),
        };
        if let Some(error) = damage {
            warn!(%error, "the cache file is unusable");
        }
        found
    }
}
