//! The answers to imports that failed and of which something stays: they name what failed, and what
//! could not be taken back.

use super::undo::NotUndone;
use crate::domain::permission::requirement::Resource;
use crate::error::{Code, Error, Reaction};

/// Maximum number of objects that the message of a failure names.
const NAMED: usize = 50;

impl NotUndone {
    /// Names of what stays; `paths` are those of the entries of the archive.
    pub(super) fn names(&self, paths: &[&str]) -> Vec<String> {
        let entries = self.entries.iter().map(|at| paths[*at].to_owned());
        let mut names: Vec<_> = entries.chain(self.namespaces.iter().map(path_of)).collect();
        // The creation of a namespace and its items are two changes, one after the other.
        names.dedup();
        names
    }
}

/// The answer if an import failed at an entry or a file of this name, and these objects stay.
pub(super) fn partly_failed(at: &str, error: &Error, kept: &[String]) -> Error {
    let message = format!(
        "import failed for: {at} ({}); could not be removed again: {}",
        error.message(),
        some(kept)
    );
    Error::new(reaction(error), message).with_code(Code::PartlyFailed)
}

/// What the caller should do after an import failed with this error.
pub(super) fn reaction(error: &Error) -> Reaction {
    match error.reaction() {
        Reaction::Unavailable => Reaction::Unavailable,
        _ => Reaction::BadRequest,
    }
}

fn path_of(place: &Resource) -> String {
    let Resource { app_id, env, cluster, namespace } = place;
    format!("{app_id}/{env}/{cluster}/{namespace}")
}

/// The first of the names.
fn some(names: &[String]) -> String {
    match names.len().checked_sub(NAMED) {
        Some(hidden @ 1..) => format!("{} and {hidden} more", names[..NAMED].join(", ")),
        _ => names.join(", "),
    }
}
