//! Limits how many files are received at the same time, because each occupies the disk: of all
//! users, and of each, so that one who sends slowly does not keep the others waiting.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// Maximum number of files; each occupies up to 200 MiB.
const ALL: usize = 16;
/// Maximum number of files of one user.
const OF_USER: usize = 4;

/// The files that are being received, or were received and are in use. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::role::portal) struct Uploads(Arc<Mutex<HashMap<String, usize>>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct UploadTurn {
    uploads: Uploads,
    user: String,
}

impl Uploads {
    /// `None` if too many others are being received.
    pub(super) fn take(&self, user: &str) -> Option<UploadTurn> {
        let mut files = self.0.lock();
        if files.values().sum::<usize>() >= ALL {
            return None;
        }
        let of_user = files.entry(user.to_owned()).or_default();
        if *of_user >= OF_USER {
            return None;
        }
        *of_user += 1;
        Some(UploadTurn { uploads: self.clone(), user: user.to_owned() })
    }
}

impl Drop for UploadTurn {
    fn drop(&mut self) {
        let mut files = self.uploads.0.lock();
        if let Some(of_user @ 2..) = files.get_mut(&self.user) {
            *of_user -= 1;
        } else {
            files.remove(&self.user);
        }
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
        assert!(uploads.0.lock().is_empty());
    }
}
