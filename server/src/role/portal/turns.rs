//! Limits how much work of one kind each user has at a time on this node, so that one of them leaves
//! what all share to the others. Knows no kind of work.

use std::time::Duration;

use crate::turns::{KeyedTurns, Turn};

/// The work that runs or waits.
#[derive(Debug)]
pub(super) struct UserTurns {
    of_user: usize,
    users: KeyedTurns<String>,
}

impl UserTurns {
    /// At most this many turns of a user at a time.
    pub(super) fn new(of_user: usize) -> Self {
        Self { of_user, users: KeyedTurns::default() }
    }

    /// `None` if the user has all turns already.
    pub(super) fn take(&self, user: &str) -> Option<Turn> {
        self.users.take(user.to_owned(), self.of_user)
    }

    /// Waits for a turn; `None` if the user had all of them for this time.
    pub(super) async fn wait(&self, user: &str, patience: Duration) -> Option<Turn> {
        self.users.wait_at_most(patience, user.to_owned(), self.of_user).await
    }
}
