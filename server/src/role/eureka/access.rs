//! Who may call Eureka: callers with the user name and the password of the settings, by basic
//! authentication. No other header grants anything.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;

use super::Refusal;
use super::credentials::Expected;
use crate::feed::hub::network;
use crate::log_rate::LogRate;
use crate::settings::Settings;

/// Time in which calls of one address are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// Wrong passwords and registrations of one address in that time.
const FAILURES: u32 = 10;
const REGISTRATIONS: u32 = 600;
/// Maximum number of addresses that are counted.
const ADDRESSES: usize = 10_000;

/// Checks callers.
#[derive(Debug)]
pub(super) struct Access {
    /// `None` if no credentials are required.
    expected: Option<Expected>,
    failures: Counters,
    registrations: Counters,
}

impl Access {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            expected: settings.eureka.credentials.as_ref().map(Expected::new),
            failures: Counters::default(),
            registrations: Counters::default(),
        }
    }

    /// Checks the credentials.
    pub(super) async fn check(
        &self,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
    ) -> Result<(), Refusal> {
        static FAILED: LogRate = LogRate::once_a_minute();
        let Some(expected) = &self.expected else { return Ok(()) };
        self.admit_guess(peer)?;
        if let Some(given) = credentials(headers) {
            if self.is_right(expected, &given, peer).await? {
                return Ok(());
            }
            if let Some(suppressed) = FAILED.admit() {
                tracing::warn!(peer = ?peer, suppressed, "a caller of Eureka has a wrong user name or password");
            }
        }
        let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "");
        Err(refusal.with(WWW_AUTHENTICATE, "Basic realm=\"castalia\""))
    }

    fn admit_guess(&self, peer: Option<IpAddr>) -> Result<(), Refusal> {
        if self.failures.number(peer) >= FAILURES {
            return Err(too_many("too many wrong passwords from this address"));
        }
        Ok(())
    }

    /// Compares, and counts what is wrong.
    async fn is_right(
        &self,
        expected: &Expected,
        given: &[u8],
        peer: Option<IpAddr>,
    ) -> Result<bool, Refusal> {
        let mut outcome = expected.compare(given);
        let mut turn = None;
        if outcome.is_none() {
            turn = expected.turn().await;
            // Meanwhile others had their turn, and guesses from this address among them were counted.
            self.admit_guess(peer)?;
            outcome = expected.compare(given);
        }
        if let Some(is_right) = outcome {
            if !is_right {
                self.failures.count(peer);
            }
            return Ok(is_right);
        }
        // Counted first, because a caller that closes its connection does not stop the verification.
        self.failures.count(peer);
        let is_right = expected.verify(given, turn).await;
        if is_right {
            self.failures.forgive(peer);
        }
        Ok(is_right)
    }

    /// Counts a registration.
    pub(super) fn admit_registration(&self, peer: Option<IpAddr>) -> Result<(), Refusal> {
        if self.registrations.count(peer) > REGISTRATIONS {
            return Err(too_many("too many registrations from this address"));
        }
        Ok(())
    }

    /// Whether everybody may send what this node then has to hold.
    pub(super) fn is_anonymous(&self) -> bool {
        self.expected.is_none()
    }

    /// Counts a registration that a peer sends, and returns whether it is carried out. A peer passes
    /// on those of all its clients, which move to it together when another server fails, and what it
    /// cannot send is missing here for the interval of a heartbeat. Callers with the password are
    /// therefore not limited; without one, only the peers in the settings are not, because everybody
    /// can send a batch.
    pub(super) fn admits_replicated(&self, peer: Option<IpAddr>, is_peer: bool) -> bool {
        is_peer || self.expected.is_some() || self.registrations.count(peer) <= REGISTRATIONS
    }
}

fn credentials(headers: &HeaderMap) -> Option<Vec<u8>> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    let encoded = Some(encoded.trim()).filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    BASE64_STANDARD.decode(encoded).ok()
}

fn too_many(text: &str) -> Refusal {
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, text).with(RETRY_AFTER, "30")
}

/// Calls by address within the window.
#[derive(Debug, Default)]
struct Counters(Mutex<HashMap<IpAddr, (Instant, u32)>>);

impl Counters {
    fn number(&self, peer: Option<IpAddr>) -> u32 {
        let Some(address) = peer.map(network) else { return 0 };
        let counters = self.0.lock();
        let counter = counters.get(&address).filter(|(began, _)| began.elapsed() < WINDOW);
        counter.map_or(0, |(_, number)| *number)
    }

    /// Counts a call, and returns the number in this window.
    fn count(&self, peer: Option<IpAddr>) -> u32 {
        let Some(address) = peer.map(network) else { return 0 };
        let mut counters = self.0.lock();
        if counters.len() >= ADDRESSES {
            counters.retain(|_, (began, _)| began.elapsed() < WINDOW);
        }
        if counters.len() >= ADDRESSES && !counters.contains_key(&address) {
            return 0;
        }
        let counter = counters.entry(address).or_insert_with(|| (Instant::now(), 0));
        if counter.0.elapsed() >= WINDOW {
            *counter = (Instant::now(), 0);
        }
        counter.1 = counter.1.saturating_add(1);
        counter.1
    }
    /// Takes back a call that was counted.
    fn forgive(&self, peer: Option<IpAddr>) {
        let Some(address) = peer.map(network) else { return };
        if let Some((_, number)) = self.0.lock().get_mut(&address) {
            *number = number.saturating_sub(1);
        }
    }
}
