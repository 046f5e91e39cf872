//! Limits the memory for large answers to clients while they are being sent. A client chooses the
//! names that its answer repeats, so one large release has thousands of different bodies, and each
//! connection keeps its own until the client has read it.
//!
//! A body is charged once, however many clients receive it, to the address that requested it first:
//! clients that are woken at once receive the same body. Small ones are not charged, and bounded by
//! the number of connections.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use parking_lot::Mutex;

use super::byte_budget::{ByteBudget, ByteCharge, Exhausted};
use super::memory::PlainAnswer;
use crate::error::{Error, Reaction};
use crate::feed::hub::network;

/// Length in bytes up to which a body is small: what the front copies behind its head.
const SMALL: usize = 32 * 1024;
/// Bytes of all large bodies. The last one may exceed it, so that any body can be sent.
const LIMIT: usize = 32 << 20;
/// Fraction that one address may have once half is used.
const ADDRESS_PART: usize = 8;

static SENDING: LazyLock<Arc<Sending>> = LazyLock::new(|| Arc::new(Sending::new(LIMIT)));

/// The large body of a response, so that it can be counted where the response is complete.
#[derive(Debug, Clone)]
pub(super) struct LargeBody(Bytes);

impl LargeBody {
    /// `None` for a small body.
    pub(super) fn of(body: &Bytes) -> Option<Self> {
        (body.len() > SMALL).then(|| Self(body.clone()))
    }
}

/// Counts the body of an answer until it is sent, if it is large.
///
/// # Errors
/// Fails if too many others are being sent.
pub(super) fn counted(mut plain: PlainAnswer, address: IpAddr) -> Result<PlainAnswer, Error> {
    if plain.body.len() > SMALL {
        plain.body = SENDING.keep(plain.body, address).map_err(refusal)?;
    }
    Ok(plain)
}

/// The same for a response that was a [`PlainAnswer`]. Others are not counted.
///
/// # Errors
/// Fails if too many others are being sent.
pub(super) fn counted_response(
    mut response: Response,
    address: Option<IpAddr>,
) -> Result<Response, Error> {
    if let Some(LargeBody(body)) = response.extensions_mut().remove()
        && let Some(address) = address
    {
        *response.body_mut() = Body::from(SENDING.keep(body, address).map_err(refusal)?);
    }
    Ok(response)
}

fn refusal(exhausted: Exhausted) -> Error {
    match exhausted {
        Exhausted::Own => {
            let message = "Other large answers to this address are still being sent, and there is no memory for this one beside them; read them, then repeat this.";
            Error::new(Reaction::TooMany, message)
        }
        Exhausted::All => Error::unavailable(
            "Other large answers are still being sent, and there is no memory for this one beside them; repeat this later.",
        ),
    }
}

/// The large bodies that are being sent.
#[derive(Debug)]
struct Sending {
    budget: Arc<ByteBudget<IpAddr>>,
    /// Few, because none of them is small.
    bodies: Mutex<Vec<BodyInUse>>,
}

#[derive(Debug)]
struct BodyInUse {
    bytes: Bytes,
    uses: usize,
    _charge: ByteCharge<IpAddr>,
}

impl Sending {
    fn new(limit: usize) -> Self {
        let budget = Arc::new(ByteBudget::new(limit, ADDRESS_PART));
        Self { budget, bodies: Mutex::default() }
    }

    /// The same bytes, which are charged until they are dropped: the connection keeps them until
    /// the socket has accepted them.
    fn keep(self: &Arc<Self>, body: Bytes, address: IpAddr) -> Result<Bytes, Exhausted> {
        let bytes = self.begin(body, address)?;
        Ok(Bytes::from_owner(BytesInUse { bytes, sending: Arc::clone(self) }))
    }

    /// Returns the bytes of an equal body that is being sent already, otherwise these.
    fn begin(&self, body: Bytes, address: IpAddr) -> Result<Bytes, Exhausted> {
        let mut bodies = self.bodies.lock();
        // A body that is too large for the cache of answers is made again for each request.
        let known = bodies
            .iter()
            .position(|one| is_same(&one.bytes, &body))
            .or_else(|| bodies.iter().position(|one| one.bytes == body));
        if let Some(at) = known {
            bodies[at].uses += 1;
            return Ok(bodies[at].bytes.clone());
        }
        let budget = Arc::clone(&self.budget);
        let charge = ByteCharge::one(budget, network(address), body.len())?;
        bodies.push(BodyInUse { bytes: body.clone(), uses: 1, _charge: charge });
        Ok(body)
    }

    fn end(&self, bytes: &Bytes) {
        let mut bodies = self.bodies.lock();
        let Some(at) = bodies.iter().position(|one| is_same(&one.bytes, bytes)) else { return };
        bodies[at].uses -= 1;
        let ended = (bodies[at].uses == 0).then(|| bodies.swap_remove(at));
        // The memory is freed after the lock, for which others wait.
        drop(bodies);
        drop(ended);
    }
}

/// Whether both are the same allocation.
fn is_same(one: &Bytes, other: &Bytes) -> bool {
    std::ptr::eq::<[u8]>(&**one, &**other)
}

struct BytesInUse {
    bytes: Bytes,
    sending: Arc<Sending>,
}

impl AsRef<[u8]> for BytesInUse {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for BytesInUse {
    fn drop(&mut self) {
        self.sending.end(&self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use http::StatusCode;

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn body(of: u8, length: usize) -> Bytes {
        Bytes::from(vec![of; length])
    }

    /// X31: a publish wakes thousands of clients, also those behind one address.
    #[test]
    fn a_body_is_charged_once_however_many_clients_receive_it() {
        let sending = Arc::new(Sending::new(1000));
        let cached = body(1, 900);
        let keep = |body: &Bytes, last| sending.keep(body.clone(), address(last));
        let many: Vec<_> =
            (0..2000_u16).map(|number| keep(&cached, (number % 200) as u8).unwrap()).collect();
        // One that does not fit in the cache of answers.
        let made_again = sending.keep(body(1, 900), address(7)).unwrap();
        assert!(is_same(&made_again, &cached));
        assert_eq!(sending.budget.used(), (900, 1));
        assert!(many.iter().all(|bytes| *bytes == cached));
        drop((many, cached));
        assert_eq!(sending.budget.used(), (900, 1), "one is still being sent");
        drop(made_again.clone());
        assert_eq!(sending.budget.used(), (900, 1));
        drop(made_again);
        assert_eq!(sending.budget.used(), (0, 0));
        assert!(sending.bodies.lock().is_empty());
    }

    /// X31.
    #[test]
    fn different_bodies_have_a_limit_of_which_an_address_has_a_part() {
        let sending = Arc::new(Sending::new(1600));
        let mut held = Vec::new();
        let mut next = 0;
        let mut fill = |last| loop {
            next += 1;
            match sending.keep(body(next, 100), address(last)) {
                Ok(bytes) => held.push(bytes),
                Err(exhausted) => break (exhausted, held.len()),
            }
        };
        assert_eq!(fill(1), (Exhausted::Own, 8));
        for last in 2..5 {
            assert_eq!(fill(last), (Exhausted::Own, 6 + 2 * usize::from(last)));
        }
        assert_eq!(fill(5), (Exhausted::Own, 16));
        assert_eq!(fill(6), (Exhausted::All, 16));
        // Nothing is charged for what another client receives already.
        let shared = sending.keep(held[3].clone(), address(6)).unwrap();
        assert_eq!(sending.budget.used().0, 1600);
        drop(held);
        assert_eq!(sending.budget.used().0, 100);
        assert!(sending.keep(body(0, 5000), address(6)).is_ok(), "any body can be sent");
        drop(shared);
        assert_eq!(sending.budget.used(), (0, 0));
    }

    #[test]
    fn a_large_body_is_counted_in_both_forms_of_an_answer() {
        for (length, is_large) in [(SMALL, false), (SMALL + 1, true)] {
            let cached = body(7, length);
            let plain = PlainAnswer { status: StatusCode::OK, headers: &[], body: cached.clone() };
            let is_sent = || SENDING.bodies.lock().iter().any(|one| is_same(&one.bytes, &cached));
            let answer = counted(plain.clone(), address(1)).unwrap();
            assert!(is_same(&answer.body, &cached));
            assert_eq!(is_sent(), is_large);
            drop(answer);
            let response = counted_response(plain.into_response(), Some(address(1))).unwrap();
            assert!(response.extensions().get::<LargeBody>().is_none());
            assert_eq!(is_sent(), is_large);
            drop(response);
            assert!(!is_sent());
        }
    }
}
