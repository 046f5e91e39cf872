//! Limits how many files are received at the same time, because each occupies the disk: of all
//! users, and of each, so that one who sends slowly does not keep the others waiting.

use crate::turns::{KeyedTurns, Turn};

/// Maximum number of files; each occupies up to 200 MiB.
const ALL: usize = 16;
/// Maximum number of files of one user.
const OF_USER: usize = 4;

/// The files that are being received, or were received and are in use.
#[derive(Debug, Default)]
pub(in crate::role::portal) struct Uploads(KeyedTurns<UploadKey>);

/// What files share a limit by.
#[derive(Debug, PartialEq, Eq, Hash)]
enum UploadKey {
    All,
    User(String),
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct UploadTurn {
    _turns: [Turn; 2],
}

impl Uploads {
    /// `None` if too many others are being received.
    pub(super) fn take(&self, user: &str) -> Option<UploadTurn> {
        let all = self.0.take(UploadKey::All, ALL)?;
        let of_user = self.0.take(UploadKey::User(user.to_owned()), OF_USER)?;
        Some(UploadTurn { _turns: [all, of_user] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_part_of_all_turns() {
        let uploads = Uploads::default();
        let mut taken: Vec<_> = (0..OF_USER).map(|_| uploads.take("bob").unwrap()).collect();
        assert!(uploads.take("bob").is_none());
        let others = (0..ALL - OF_USER).map(|at| uploads.take(&at.to_string()).unwrap());
        let others: Vec<_> = others.collect();
        assert!(uploads.take("eve").is_none());
        taken.pop();
        assert!(uploads.take("eve").is_some());
        assert!(uploads.take("bob").is_some());
        drop((taken, others));
    }
}
