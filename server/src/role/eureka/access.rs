//! Who may call Eureka: callers with the user name and the password of the settings, by basic
//! authentication. No other header grants anything.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use castalia_store::Secret;
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};

use super::RefusedRequest;
use super::counters::Counters;
use super::credentials::Expected;
use crate::log_rate::LogRate;
use crate::settings::Settings;

/// Wrong passwords and registrations of one address within a minute.
const FAILURES: u32 = 10;
const REGISTRATIONS: u32 = 600;
/// Minimum number of addresses that have counters of their own. Large installations have more
/// instances than that, and each may have an address of its own.
const ADDRESSES: usize = 10_000;

/// Maximum length of user name and password while they are compared with a hash, in bytes.
const CREDENTIALS: usize = 1024;
/// The answer to a caller that cannot wait for a verification.
const BUSY: &str = "too many callers wait for their passwords to be verified";

/// Checks callers.
#[derive(Debug)]
pub(super) struct Access {
    /// `None` if no credentials are required.
    expected: Option<Arc<Expected>>,
    failures: Arc<Counters>,
    registrations: Counters,
}

impl Access {
    pub(super) fn new(settings: &Settings) -> Self {
        let addresses = settings.eureka.max_instances.saturating_mul(2).max(ADDRESSES);
        Self {
            expected: settings
                .eureka
                .credentials
                .as_ref()
                .map(|expected| Arc::new(Expected::new(expected))),
            failures: Arc::new(Counters::new(addresses)),
            registrations: Counters::new(addresses),
        }
    }

    /// Checks the credentials. `own` returns those that this node itself sends to the other
    /// servers.
    pub(super) async fn check(
        &self,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
        own: impl Fn() -> Vec<Secret>,
    ) -> Result<(), RefusedRequest> {
        static FAILED: LogRate = LogRate::once_a_minute();
        let Some(expected) = &self.expected else { return Ok(()) };
        self.admit_guess(peer)?;
        if let Some(given) = credentials(headers) {
            if self.is_right(expected, given, peer, own).await? {
                self.failures.keep(peer);
                return Ok(());
            }
            if let Some(suppressed) = FAILED.admit() {
                tracing::warn!(peer = ?peer, suppressed, "a caller of Eureka has a wrong user name or password");
            }
        }
        let refusal = RefusedRequest::new(StatusCode::UNAUTHORIZED, "");
        Err(refusal.with(WWW_AUTHENTICATE, "Basic realm=\"castalia\""))
    }

    fn admit_guess(&self, peer: Option<IpAddr>) -> Result<(), RefusedRequest> {
        if self.failures.number(peer) >= FAILURES {
            return Err(locked_out());
        }
        Ok(())
    }

    /// Compares, and counts what is wrong.
    async fn is_right(
        &self,
        expected: &Arc<Expected>,
        given: Vec<u8>,
        peer: Option<IpAddr>,
        own: impl Fn() -> Vec<Secret>,
    ) -> Result<bool, RefusedRequest> {
        let is_too_long = given.len() > CREDENTIALS;
        if let Some(is_right) = expected.compare(&given).or(is_too_long.then_some(false)) {
            if !is_right {
                self.failures.count(peer);
            }
            return Ok(is_right);
        }
        let Some(presence) = expected.arrive(peer) else {
            return Err(
                RefusedRequest::new(StatusCode::SERVICE_UNAVAILABLE, BUSY).with(RETRY_AFTER, "30")
            );
        };
        let (expected, failures, own) = (Arc::clone(expected), Arc::clone(&self.failures), own());
        // A caller that closes its connection keeps its turn.
        let verification = tokio::spawn(async move {
            let _turn = presence.turn().await;
            // Meanwhile others had their turn, and guesses from this address among them were
            // counted.
            if failures.number(peer) >= FAILURES {
                return None;
            }
            let is_right = match expected.compare(&given) {
                Some(is_right) => is_right,
                None => expected.verify(given, own).await,
            };
            if !is_right {
                failures.count(peer);
            }
            Some(is_right)
        });
        match verification.await {
            Ok(Some(is_right)) => Ok(is_right),
            Ok(None) => Err(locked_out()),
            Err(_) => Ok(false),
        }
    }

    /// Counts a registration. Callers with the password whose addresses have no counter of their
    /// own are not limited: all instances of a large installation may register within a minute.
    pub(super) fn admit_registration(&self, peer: Option<IpAddr>) -> Result<(), RefusedRequest> {
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

    /// Counts a registration that a peer sends, and returns whether it is carried out. A peer
    /// passes on those of all its clients, which move to it together when another server fails,
    /// and what it cannot send is missing here for the interval of a heartbeat. Callers with
    /// the password are therefore not limited; without one, only the peers in the settings are
    /// not, because everybody can send a batch.
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

fn locked_out() -> RefusedRequest {
    too_many("too many wrong passwords from this address")
}

fn too_many(text: &str) -> RefusedRequest {
    RefusedRequest::new(StatusCode::TOO_MANY_REQUESTS, text).with(RETRY_AFTER, "30")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;
    use std::time::Duration;

    use http::HeaderValue;
    use tokio::time::advance;

    use super::super::counters::WINDOW;
    use super::super::credentials::tests::BCRYPT;
    use super::*;
    use crate::settings::eureka::{EurekaCredentials, EurekaPassword};

    fn access() -> Access {
        with_password(EurekaPassword::Clear(Secret::new("pw")))
    }

    fn with_password(password: EurekaPassword) -> Access {
        let credentials = EurekaCredentials { username: "eu".to_owned(), password };
        Access {
            expected: Some(Arc::new(Expected::new(&credentials))),
            failures: Arc::new(Counters::new(ADDRESSES)),
            registrations: Counters::new(ADDRESSES),
        }
    }

    async fn status(access: &Access, credentials: &str, peer: IpAddr) -> u16 {
        let value = format!("Basic {}", BASE64_STANDARD.encode(credentials));
        let headers = [(AUTHORIZATION, HeaderValue::try_from(value).unwrap())];
        let outcome = access.check(&headers.into_iter().collect(), Some(peer), Vec::new).await;
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
        let (access, peer) =
            (with_password(EurekaPassword::Hashed(Secret::new(BCRYPT))), address(0));
        let expected = access.expected.as_ref().unwrap();
        let before = expected.arrive(Some(address(1))).unwrap().turn().await;
        let mut check = Box::pin(status(&access, RIGHT, peer));
        assert!(futures_util::poll!(&mut check).is_pending());
        drop(check);
        drop(before);
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

    /// Guesses right after a start do not keep the nodes and their clients waiting.
    #[tokio::test]
    async fn the_first_guess_makes_the_right_password_known() {
        let access = with_password(EurekaPassword::Hashed(Secret::new(BCRYPT)));
        let guess = [(AUTHORIZATION, HeaderValue::from_static("Basic ZXU6d3Jvbmc="))];
        let own = || vec![Secret::new(RIGHT)];
        let refused = access.check(&guess.into_iter().collect(), Some(address(0)), own).await;
        assert_eq!(refused.unwrap_err().status, 401);
        let expected = access.expected.as_ref().unwrap();
        assert_eq!(expected.compare(RIGHT.as_bytes()), Some(true));
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
        assert!(access.failures.len() <= ADDRESSES);
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
