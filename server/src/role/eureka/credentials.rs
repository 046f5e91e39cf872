//! Compares the user name and the password that a caller sends with those of the settings, in a
//! time that does not depend on where they differ.
//!
//! Clients send them with every heartbeat, and the verification of a hash is slow by intent. A
//! digest of those that were accepted once is therefore kept in memory, and nothing else is
//! accepted then. Until then, callers wait for each other: those that the node itself sends to the
//! other servers are verified first, because they are the right ones in most installations.

use std::mem;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use castalia_store::Secret;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::turns::{Presence, Turns};
use crate::password::{self, Memory};
use crate::settings::eureka::{EurekaCredentials, EurekaPassword};

/// Digest of `user:password`, so that the comparison takes the same time for every length.
type Accepted = [u8; 32];

/// What callers have to send.
#[derive(Debug)]
pub(super) struct Expected {
    credentials: Arc<AcceptedCredentials>,
    /// Guesses of many callers must not occupy every core.
    turns: Turns,
}

#[derive(Debug)]
struct AcceptedCredentials {
    username: String,
    hash: Option<Secret>,
    /// Known from the start if the settings have the password itself.
    accepted: OnceLock<Accepted>,
    /// What the node sends to servers that expect something else.
    others: Mutex<Vec<Accepted>>,
    /// For one verification after the other, until the password is known.
    memory: Mutex<Memory>,
}

impl Expected {
    pub(super) fn new(credentials: &EurekaCredentials) -> Self {
        let EurekaCredentials { username, password } = credentials;
        let (hash, accepted) = match password {
            EurekaPassword::Clear(password) => {
                let text = format!("{username}:{}", password.expose());
                (None, OnceLock::from(Accepted::from(Sha256::digest(text))))
            }
            EurekaPassword::Hashed(hash) => (Some(hash.clone()), OnceLock::new()),
        };
        let credentials = AcceptedCredentials {
            username: username.clone(),
            hash,
            accepted,
            others: Mutex::default(),
            memory: Mutex::default(),
        };
        Self { credentials: Arc::new(credentials), turns: Turns::default() }
    }

    /// Whether `user:password` is expected; `None` if only [`Self::verify`] can answer that.
    pub(super) fn compare(&self, given: &[u8]) -> Option<bool> {
        self.credentials.compare(given)
    }

    /// Adds a caller to those that wait for a verification; `None` if too many do.
    pub(super) fn arrive(&self, peer: Option<IpAddr>) -> Option<Presence> {
        self.turns.arrive(peer)
    }

    /// Whether `user:password` matches the hash; `own` is what this node sends to the other
    /// servers. What is right is accepted from then on. The caller has its turn.
    pub(super) async fn verify(&self, given: Vec<u8>, own: Vec<Secret>) -> bool {
        let credentials = Arc::clone(&self.credentials);
        let verified = tokio::task::spawn_blocking(move || {
            for own in own {
                credentials.learn(own.expose().as_bytes());
            }
            credentials.verify(&given)
        });
        verified.await.unwrap_or_default()
    }
}

impl AcceptedCredentials {
    fn compare(&self, given: &[u8]) -> Option<bool> {
        let digest: Accepted = Sha256::digest(given).into();
        self.accepted.get().map(|accepted| digest.ct_eq(accepted).into())
    }

    /// Verifies what this node sends, once.
    fn learn(&self, own: &[u8]) {
        let digest = Sha256::digest(own).into();
        if !self.others.lock().contains(&digest) && !self.verify(own) {
            self.others.lock().push(digest);
        }
    }

    fn verify(&self, given: &[u8]) -> bool {
        self.compare(given).unwrap_or_else(|| {
            let is_right = self.matches(given);
            if is_right {
                self.accepted.get_or_init(|| Sha256::digest(given).into());
                drop(mem::take(&mut *self.memory.lock()));
            }
            is_right
        })
    }

    /// The password is also verified for another user name, which the time would reveal otherwise.
    fn matches(&self, given: &[u8]) -> bool {
        let colon = given.iter().position(|byte| *byte == b':').unwrap_or(given.len());
        let (username, password) = given.split_at(colon);
        let password = std::str::from_utf8(password.strip_prefix(b":").unwrap_or_default());
        let hash = self.hash.as_ref().map(Secret::expose).unwrap_or_default();
        let is_password =
            password::verify(&mut self.memory.lock(), password.unwrap_or_default(), hash);
        let digests = [username, self.username.as_bytes()].map(Sha256::digest);
        is_password & bool::from(digests[0].ct_eq(&digests[1]))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::password::Scheme;

    /// Hash of `pw`.
    pub(in super::super) const BCRYPT: &str =
        "{bcrypt}$2a$04$5eVsL58M16C3/wNrCpzif.vFCgRexdjJce1lInDewNOqpYgF3WZNK";

    fn expected(password: EurekaPassword) -> Expected {
        Expected::new(&EurekaCredentials { username: "eu".to_owned(), password })
    }

    async fn is_right(expected: &Expected, given: &[u8]) -> bool {
        match expected.compare(given) {
            Some(is_right) => is_right,
            None => expected.verify(given.to_vec(), Vec::new()).await,
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

    /// Case 91: the time does not reveal whether a user name is the right one. The fastest of
    /// several runs in turn is that without other work of the machine.
    #[test]
    fn a_password_is_verified_for_every_user_name() {
        let hashed = expected(EurekaPassword::Hashed(Secret::new(BCRYPT))).credentials;
        let time = |given: &[u8]| {
            let began = Instant::now();
            assert!(!hashed.matches(given));
            began.elapsed()
        };
        let (mut same, mut other) = (Duration::MAX, Duration::MAX);
        for _ in 0..30 {
            same = same.min(time(b"eu:other"));
            other = other.min(time(b"stranger:other"));
        }
        assert!(other * 2 > same && same * 2 > other, "{same:?} {other:?}");
    }

    /// Those of an outside server are verified once, whoever calls how often.
    #[tokio::test]
    async fn what_the_node_sends_itself_is_known_before_what_callers_send() {
        let verify = async |own: &[&str], given: &[u8]| {
            let expected = expected(EurekaPassword::Hashed(Secret::new(BCRYPT)));
            let own = own.iter().copied().map(Secret::new).collect();
            let is_right = expected.verify(given.to_vec(), own).await;
            let others = expected.credentials.others.lock().len();
            (is_right, expected.compare(b"eu:pw"), others)
        };
        assert_eq!(verify(&["eu:pw"], b"eu:guess").await, (false, Some(true), 0));
        assert_eq!(verify(&["x:y", "x:y", "eu:pw"], b"eu:guess").await, (false, Some(true), 1));
        assert_eq!(verify(&["x:y", "x:y"], b"eu:guess").await, (false, None, 1));
        assert_eq!(verify(&["x:y"], b"eu:pw").await, (true, Some(true), 1));
    }

    /// X88: strangers guess one password after the other, and the right one ends it.
    #[test]
    fn verifications_use_the_same_memory_until_the_password_is_known() {
        let hash = password::hash(&mut Memory::default(), "pw", Scheme::Argon2id).unwrap();
        let hashed = expected(EurekaPassword::Hashed(Secret::new(hash))).credentials;
        assert!(!hashed.verify(b"eu:guess"));
        assert_eq!(hashed.memory.lock().kib(), 19 * 1024);
        assert!(hashed.verify(b"eu:pw"));
        assert_eq!(hashed.memory.lock().kib(), 0);
    }
}
