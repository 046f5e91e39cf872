//! Limits how many files are received at the same time, because each occupies the disk: of all
//! users, and of each, so that one who sends slowly does not keep the others waiting.

use crate::domain::permission::requirement::Identity;
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
    pub(super) fn take(&self, caller: Option<&Identity>) -> Option<UploadTurn> {
        let all = self.0.take(UploadKey::All, ALL)?;
        let user = caller.map(Identity::unique_name).unwrap_or_default();
        let of_user = self.0.take(UploadKey::User(user), OF_USER)?;
        Some(UploadTurn { _turns: [all, of_user] })
    }
}

#[cfg(test)]
mod tests {
    use castalia_store::Id;

    use super::*;
    use crate::domain::permission::requirement::Consumer;

    fn take(uploads: &Uploads, user: &str) -> Option<UploadTurn> {
        uploads.take(Some(&Identity::User(user.to_owned())))
    }

    /// X129: also under a name in another case, which the database may find as well. A consumer of
    /// this name is another caller.
    #[test]
    fn a_user_has_a_part_of_all_turns() {
        let uploads = Uploads::default();
        let mut taken: Vec<_> = (0..OF_USER).map(|_| take(&uploads, "bob").unwrap()).collect();
        assert!(take(&uploads, "bob").is_none() && take(&uploads, "Bob").is_none());
        let consumer = Consumer { id: Id(1), app_id: "bob".to_owned(), all_apps: false };
        assert!(uploads.take(Some(&Identity::Consumer(consumer))).is_some());
        let others = (0..ALL - OF_USER).map(|at| take(&uploads, &at.to_string()).unwrap());
        let others: Vec<_> = others.collect();
        assert!(take(&uploads, "eve").is_none());
        taken.pop();
        assert!(take(&uploads, "eve").is_some());
        assert!(take(&uploads, "bob").is_some());
        drop((taken, others));
    }
}
