//! Who may call Eureka: callers with the user name and the password of the settings, by basic
//! authentication. No other header grants anything.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use tokio::time::Instant;

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
/// Maximum number of addresses that have counters of their own. IPv6 addresses are counted by their
/// /64: the nodes of a company often share a /48, where one with a wrong password must not lock out
/// the others, although a stranger may own one as well.
const ADDRESSES: usize = 10_000;
/// Time for which an address that sent the right password keeps its counter, many times the interval
/// of heartbeats.
const KNOWN: Duration = Duration::from_secs(600);
/// Minimum time between two searches for counters that are not needed.
const AGAIN: Duration = Duration::from_secs(1);

/// Checks callers.
#[derive(Debug)]
pub(super) struct Access {
    /// `None` if no credentials are required.
    expected: Option<Expected>,
    failures: Arc<Counters>,
    registrations: Counters,
}

impl Access {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            expected: settings.eureka.credentials.as_ref().map(Expected::new),
            failures: Arc::default(),
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
                self.failures.keep(peer);
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
        let failures = Arc::clone(&self.failures);
        Ok(expected.verify(given, turn, move || failures.forgive(peer)).await)
    }

    /// Counts a registration. Callers with the password whose addresses have no counter of their own
    /// are not limited: all instances of a large installation may register within a minute.
    pub(super) fn admit_registration(&self, peer: Option<IpAddr>) -> Result<(), Refusal> {
        let number = self.registrations.count(peer);
        let is_limited = self.is_anonymous() || self.registrations.has_own(peer);
        if is_limited && number > REGISTRATIONS {
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
struct Counters(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    by_address: HashMap<IpAddr, Counter>,
    /// That of all addresses beyond the maximum number, which would be unlimited otherwise.
    others: Counter,
    searched: Option<Instant>,
}

#[derive(Debug, Default)]
struct Counter {
    began: Option<Instant>,
    number: u32,
    kept: Option<Instant>,
}

impl Counters {
    fn number(&self, peer: Option<IpAddr>) -> u32 {
        let Some(address) = peer.map(network) else { return 0 };
        let counts = self.0.lock();
        let is_full = counts.by_address.len() >= ADDRESSES;
        let shared = is_full.then_some(&counts.others);
        counts.by_address.get(&address).or(shared).map_or(0, Counter::number)
    }

    /// Whether the address has a counter of its own.
    fn has_own(&self, peer: Option<IpAddr>) -> bool {
        peer.is_some_and(|peer| self.0.lock().by_address.contains_key(&network(peer)))
    }

    /// Counts a call, and returns the number in this window.
    fn count(&self, peer: Option<IpAddr>) -> u32 {
        let Some(address) = peer.map(network) else { return 0 };
        let mut counts = self.0.lock();
        let counter = counts.counter(address);
        let number = counter.number();
        if number == 0 {
            counter.began = Some(Instant::now());
        }
        counter.number = number.saturating_add(1);
        counter.number
    }

    /// Takes back a call that was counted.
    fn forgive(&self, peer: Option<IpAddr>) {
        let Some(address) = peer.map(network) else { return };
        let mut counts = self.0.lock();
        let counter = counts.counter(address);
        counter.number = counter.number.saturating_sub(1);
    }

    /// Keeps the counter of an address, so that strangers with many addresses do not lock it out by
    /// the counter that they share.
    fn keep(&self, peer: Option<IpAddr>) {
        let Some(address) = peer.map(network) else { return };
        let mut counts = self.0.lock();
        counts.make_room(address);
        counts.counter(address).kept = Some(Instant::now());
    }
}

impl Counts {
    /// Forgets the counter of a stranger for an address that sent the right password.
    fn make_room(&mut self, address: IpAddr) {
        if self.by_address.len() < ADDRESSES || self.by_address.contains_key(&address) {
            return;
        }
        let mut counters = self.by_address.iter();
        let stranger =
            counters.find(|(_, counter)| !counter.is_kept()).map(|(stranger, _)| *stranger);
        if let Some(stranger) = stranger {
            self.by_address.remove(&stranger);
        }
    }

    fn counter(&mut self, address: IpAddr) -> &mut Counter {
        let is_full = |counts: &Self| {
            counts.by_address.len() >= ADDRESSES && !counts.by_address.contains_key(&address)
        };
        if is_full(self) && self.searched.is_none_or(|at| at.elapsed() >= AGAIN) {
            self.by_address.retain(|_, counter| counter.is_needed());
            self.searched = Some(Instant::now());
        }
        if is_full(self) {
            return &mut self.others;
        }
        self.by_address.entry(address).or_default()
    }
}

impl Counter {
    fn number(&self) -> u32 {
        let is_current = self.began.is_some_and(|began| began.elapsed() < WINDOW);
        if is_current { self.number } else { 0 }
    }

    fn is_needed(&self) -> bool {
        self.number() > 0 || self.is_kept()
    }

    fn is_kept(&self) -> bool {
        self.kept.is_some_and(|kept| kept.elapsed() < KNOWN)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use castalia_store::Secret;
    use http::HeaderValue;
    use tokio::time::advance;

    use super::*;
    use crate::settings::eureka::{EurekaCredentials, EurekaPassword};

    /// Hash of `pw`.
    const HASH: &str = "{bcrypt}$2a$04$5eVsL58M16C3/wNrCpzif.vFCgRexdjJce1lInDewNOqpYgF3WZNK";

    fn access() -> Access {
        with_password(EurekaPassword::Clear(Secret::new("pw")))
    }

    fn with_password(password: EurekaPassword) -> Access {
        let credentials = EurekaCredentials { username: "eu".to_owned(), password };
        Access {
            expected: Some(Expected::new(&credentials)),
            failures: Arc::default(),
            registrations: Counters::default(),
        }
    }

    async fn status(access: &Access, credentials: &str, peer: IpAddr) -> u16 {
        let value = format!("Basic {}", BASE64_STANDARD.encode(credentials));
        let headers = [(AUTHORIZATION, HeaderValue::try_from(value).unwrap())];
        let outcome = access.check(&headers.into_iter().collect(), Some(peer)).await;
        outcome.err().map_or(200, |refusal| refusal.status.as_u16())
    }

    /// An address in the network with this number.
    fn address(number: usize) -> IpAddr {
        let number = u128::try_from(number).unwrap();
        Ipv6Addr::from_bits((0x2001_0db8 << 96) | (number << 64) | 1).into()
    }

    const WRONG: &str = "eu:wrong";
    const RIGHT: &str = "eu:pw";

    /// Case 93: the address is locked out with the right password as well, and for a minute.
    #[tokio::test(start_paused = true)]
    async fn an_address_is_locked_out_for_a_minute() {
        let (access, peer) = (access(), address(0));
        for _ in 0..FAILURES {
            assert_eq!(status(&access, WRONG, peer).await, 401);
            advance(Duration::from_secs(1)).await;
        }
        assert_eq!(status(&access, RIGHT, peer).await, 429);
        assert_eq!(status(&access, RIGHT, address(1)).await, 200);
        let passed = Duration::from_secs(u64::from(FAILURES));
        advance(WINDOW - passed - Duration::from_millis(1)).await;
        assert_eq!(status(&access, RIGHT, peer).await, 429);
        advance(Duration::from_millis(1)).await;
        assert_eq!(status(&access, RIGHT, peer).await, 200);
        for _ in 0..FAILURES {
            assert_eq!(status(&access, WRONG, peer).await, 401);
        }
        assert_eq!(status(&access, WRONG, peer).await, 429);
    }

    /// Spring's servers wait 200 ms, and a hash may take longer.
    #[tokio::test]
    async fn a_right_password_counts_also_if_its_caller_does_not_wait() {
        let (access, peer) = (with_password(EurekaPassword::Hashed(Secret::new(HASH))), address(0));
        let mut check = Box::pin(status(&access, RIGHT, peer));
        assert!(futures_util::poll!(&mut check).is_pending());
        drop(check);
        let expected = access.expected.as_ref().unwrap();
        let is_settled = || {
            let is_known = expected.compare(RIGHT.as_bytes()) == Some(true);
            is_known && access.failures.number(Some(peer)) == 0
        };
        tokio::time::timeout(Duration::from_secs(60), async {
            while !is_settled() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }

    /// Those beyond the maximum share one counter, which does not lock out who had the password.
    #[tokio::test(start_paused = true)]
    async fn guesses_from_any_number_of_addresses_are_limited() {
        let access = access();
        let (known, late) = (address(ADDRESSES * 2), address(ADDRESSES * 2 + 1));
        assert_eq!(status(&access, RIGHT, known).await, 200);
        advance(WINDOW * 2).await;
        for number in 0..ADDRESSES - 1 {
            assert_eq!(status(&access, WRONG, address(number)).await, 401);
        }
        let further = (ADDRESSES..).map(address).take(2 * usize::try_from(FAILURES).unwrap());
        let mut statuses = Vec::new();
        for peer in further {
            statuses.push(status(&access, WRONG, peer).await);
        }
        let (admitted, refused) = statuses.split_at(statuses.len() / 2);
        assert!(admitted.iter().all(|status| *status == 401), "{statuses:?}");
        assert!(refused.iter().all(|status| *status == 429), "{statuses:?}");
        assert_eq!(status(&access, RIGHT, known).await, 200);
        assert_eq!(status(&access, RIGHT, late).await, 429);
        assert!(access.failures.0.lock().by_address.len() <= ADDRESSES);
        advance(WINDOW).await;
        assert_eq!(status(&access, RIGHT, late).await, 200);
        // Strangers came first: who has the password since takes the place of one.
        for number in 0..ADDRESSES {
            assert_eq!(status(&access, WRONG, address(number)).await, 401);
        }
        let since = address(ADDRESSES * 2 + 2);
        assert_eq!(status(&access, RIGHT, since).await, 200);
        for number in 0..2 * usize::try_from(FAILURES).unwrap() {
            status(&access, WRONG, address(ADDRESSES + number)).await;
        }
        assert_eq!(status(&access, RIGHT, address(ADDRESSES * 2 + 3)).await, 429);
        assert_eq!(status(&access, RIGHT, since).await, 200);
    }

    /// Each instance of a large installation has an address of its own.
    #[tokio::test(start_paused = true)]
    async fn registrations_beyond_the_counters_are_limited_only_without_a_password() {
        let (with, without) = (access(), Access { expected: None, ..access() });
        let further = ADDRESSES + usize::try_from(REGISTRATIONS).unwrap() + 1;
        for (access, is_admitted) in [(with, true), (without, false)] {
            let last = (0..further).map(|number| access.admit_registration(Some(address(number))));
            assert_eq!(last.last().unwrap().is_ok(), is_admitted);
            let same = (0..=REGISTRATIONS).map(|_| access.admit_registration(Some(address(0))));
            assert!(same.last().unwrap().is_err(), "an address with a counter is limited");
        }
    }
}
