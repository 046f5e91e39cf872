//! Compares the user name and the password that a caller sends with those of the settings, in a time
//! that does not depend on where they differ.
//!
//! Clients send them with every heartbeat, and the verification of a hash is slow by intent. A digest
//! of those that were accepted once is therefore kept in memory, and nothing else is accepted then.

use std::sync::{Arc, OnceLock};

use castalia_store::Secret;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::password;
use crate::settings::eureka::{EurekaCredentials, EurekaPassword};

/// Digest of `user:password`, so that the comparison takes the same time for every length.
type Accepted = [u8; 32];

/// What callers have to send.
#[derive(Debug)]
pub(super) struct Expected {
    /// Known from the start if the settings have the password itself.
    accepted: Arc<OnceLock<Accepted>>,
    hashed: Option<Hashed>,
    /// Guesses of many callers must not occupy every core.
    turn: Arc<Semaphore>,
}

#[derive(Debug, Clone)]
struct Hashed {
    username: String,
    hash: Secret,
}

impl Expected {
    pub(super) fn new(credentials: &EurekaCredentials) -> Self {
        let EurekaCredentials { username, password } = credentials;
        let accepted = Arc::new(OnceLock::new());
        let hashed = match password {
            EurekaPassword::Clear(password) => {
                let text = format!("{username}:{}", password.expose());
                accepted.get_or_init(|| Sha256::digest(text).into());
                None
            }
            EurekaPassword::Hashed(hash) => {
                Some(Hashed { username: username.clone(), hash: hash.clone() })
            }
        };
        Self { accepted, hashed, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Whether `user:password` is expected; `None` if only [`Self::verify`] can answer that.
    pub(super) fn compare(&self, given: &[u8]) -> Option<bool> {
        let digest: Accepted = Sha256::digest(given).into();
        self.accepted.get().map(|accepted| digest.ct_eq(accepted).into())
    }

    /// Waits for the verifications of other callers.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turn).acquire_owned().await.ok()
    }

    /// Whether `user:password` matches the hash. The turn ends with the verification, and what is
    /// right is accepted from then on and reported to `on_right`, also if the caller does not wait
    /// for it.
    pub(super) async fn verify(
        &self,
        given: &[u8],
        turn: Option<OwnedSemaphorePermit>,
        on_right: impl FnOnce() + Send + 'static,
    ) -> bool {
        let Some(hashed) = self.hashed.clone() else { return false };
        let (sent, accepted) = (given.to_vec(), Arc::clone(&self.accepted));
        let verified = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let is_right = hashed.matches(&sent);
            if is_right {
                accepted.get_or_init(|| Sha256::digest(&sent).into());
                on_right();
            }
            is_right
        });
        verified.await.unwrap_or_default()
    }
}

impl Hashed {
    /// The password is also verified for another user name, which the time would reveal otherwise.
    fn matches(&self, given: &[u8]) -> bool {
        let colon = given.iter().position(|byte| *byte == b':').unwrap_or(given.len());
        let (username, password) = given.split_at(colon);
        let password = std::str::from_utf8(password.strip_prefix(b":").unwrap_or_default());
        let is_password = password::verify(password.unwrap_or_default(), self.hash.expose());
        let digests = [username, self.username.as_bytes()].map(Sha256::digest);
        is_password & bool::from(digests[0].ct_eq(&digests[1]))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Hash of `pw`.
    const BCRYPT: &str = "{bcrypt}$2a$04$5eVsL58M16C3/wNrCpzif.vFCgRexdjJce1lInDewNOqpYgF3WZNK";

    fn expected(password: EurekaPassword) -> Expected {
        Expected::new(&EurekaCredentials { username: "eu".to_owned(), password })
    }

    async fn is_right(expected: &Expected, given: &[u8]) -> bool {
        match expected.compare(given) {
            Some(is_right) => is_right,
            None => expected.verify(given, expected.turn().await, || ()).await,
        }
    }

    /// Case 91: both are compared, whatever the other one is, and nothing is accepted in part.
    #[tokio::test]
    async fn user_and_password_are_both_compared() {
        let forms =
            [EurekaPassword::Clear(Secret::new("pw")), EurekaPassword::Hashed(Secret::new(BCRYPT))];
        for form in forms {
            let expected = expected(form);
            for given in [
                &b"eu:pW"[..],
                b"eU:pw",
                b"eu:p",
                b"eu:pw2",
                b"e:pw",
                b"eu2:pw",
                b"eu:",
                b":pw",
                b":",
                b"",
                b"eu",
                b"eu:pw:",
                b"eu::pw",
                b"pw:eu",
                b"eu:\xff",
            ] {
                assert!(!is_right(&expected, given).await, "{}", given.escape_ascii());
            }
            assert!(is_right(&expected, b"eu:pw").await);
            // The digest is known now.
            assert_eq!(expected.compare(b"eu:pw"), Some(true));
            assert_eq!(expected.compare(b"eu:other"), Some(false));
        }
    }

    /// Case 91: the time does not reveal whether a user name is the right one. The fastest of several
    /// runs is that without other work of the machine.
    #[test]
    fn a_password_is_verified_for_every_user_name() {
        let hashed = Hashed { username: "eu".to_owned(), hash: Secret::new(BCRYPT) };
        let fastest = |given: &[u8]| {
            let time = || {
                let began = Instant::now();
                assert!(!hashed.matches(given));
                began.elapsed()
            };
            (0..9).map(|_| time()).min().unwrap_or(Duration::ZERO)
        };
        let (same, other) = (fastest(b"eu:other"), fastest(b"stranger:other"));
        assert!(other * 2 > same && same * 2 > other, "{same:?} {other:?}");
    }
}
