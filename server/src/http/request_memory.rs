//! Limits the memory for large bodies and answers on the ports of users and scripts: over all
//! connections, and for each caller. A body is charged as it arrives and until its request is
//! answered, an answer until the socket has accepted it, to the caller that the guard of the route
//! has identified, otherwise to the address.
//!
//! Small ones are not charged, so that large ones never keep an ordinary request out. They are
//! bounded by the number of connections, and by that of the changes that continue after their callers
//! disconnected.

use std::error::Error as StdError;
use std::iter::successors;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::Extensions;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;

use super::byte_budget::{ByteBudget, ByteCharge, Exhausted, Holder};
use super::request::{BODY, LARGE_BODY};
use super::route::PayerOf;
use crate::error::{Error, Reaction};
use crate::feed::hub::network;

/// Length in bytes up to which a body is small.
const SMALL_BODY: usize = 64 * 1024;
/// Bytes of all large bodies. One caller may have half, which suffices for the largest body and for
/// the piece of a longer one that exceeds its limit.
const BODIES: usize = 2 * (LARGE_BODY + BODY);
/// Bytes of large bodies that each caller may have in any case: those of ordinary requests.
const FREE_BODY: usize = BODY;
/// Length in bytes from which an answer is large.
const LARGE_ANSWER: usize = 256 * 1024;
/// Bytes of all large answers, without the first one of each caller.
const ANSWERS: usize = 64 << 20;
/// Fraction that one caller may have.
const CALLER_PART: usize = 2;

static RECEIVED: LazyLock<Arc<ByteBudget<MemoryHolder>>> =
    LazyLock::new(|| Arc::new(ByteBudget::new(BODIES, CALLER_PART).with_free(FREE_BODY)));

static SENT: LazyLock<Arc<ByteBudget<MemoryHolder>>> =
    LazyLock::new(|| Arc::new(ByteBudget::new(ANSWERS, CALLER_PART)));

/// What the guard of a route knows of a request.
#[derive(Debug)]
pub struct Payer {
    /// Whom the memory is charged to.
    pub holder: MemoryHolder,
    /// Whether the request changes something, so that it must not be repeated.
    pub is_change: bool,
}

/// Whom the memory is charged to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MemoryHolder {
    /// A caller, by a name that is unique.
    Caller(String),
    /// A portal at an address, which limits its users.
    Portal(IpAddr),
    /// An address, from which no caller was identified.
    Address(IpAddr),
}

impl Holder for MemoryHolder {
    fn has_part(&self) -> bool {
        !matches!(self, Self::Portal(_))
    }
}

/// Marks an answer whose bytes are in memory anyway, such as an embedded file.
#[derive(Debug, Clone, Copy)]
pub struct SharedBytes;

/// The memory that a request uses. Cheap to clone; an extension of the request.
#[derive(Debug, Clone)]
pub struct RequestMemory(Arc<Usage>);

#[derive(Debug)]
struct Usage {
    address: IpAddr,
    payer: OnceLock<Payer>,
    is_safe: bool,
    /// Whether the body is passed on as it arrives.
    is_passed_on: AtomicBool,
    body: Mutex<ReceivedBytes>,
}

#[derive(Debug, Default)]
struct ReceivedBytes {
    all: usize,
    /// Of those that exceed a small body.
    charge: Option<ByteCharge<MemoryHolder>>,
}

impl RequestMemory {
    fn new(address: IpAddr, is_safe: bool) -> Self {
        Self(Arc::new(Usage {
            address: network(address),
            payer: OnceLock::new(),
            is_safe,
            is_passed_on: AtomicBool::new(false),
            body: Mutex::default(),
        }))
    }

    /// Counts what a request uses, which came from this address.
    pub(super) fn count(request: Request, address: IpAddr) -> Request {
        let memory = Self::new(address, request.method().is_safe());
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(memory.clone());
        let body = if body.is_end_stream() {
            body
        } else {
            Body::new(CountedBody { body, memory, is_begun: false })
        };
        Request::from_parts(parts, body)
    }

    /// Charges the caller instead of the address.
    pub(super) fn charge_caller(request: &Request, payer: PayerOf) {
        let Some(Self(usage)) = request.extensions().get::<Self>() else { return };
        if let Some(payer) = payer(request) {
            usage.payer.get_or_init(|| payer);
        }
    }

    /// The body of the request is passed on as it arrives, such as to a file, and takes no memory.
    pub fn pass_on(extensions: &Extensions) {
        if let Some(Self(usage)) = extensions.get::<Self>() {
            usage.is_passed_on.store(true, Ordering::Relaxed);
        }
    }

    /// That of no request, to test what keeps one.
    #[cfg(test)]
    pub(crate) fn of_test() -> Self {
        Self::new([127, 0, 0, 1].into(), false)
    }

    /// Whether a request still uses it.
    #[cfg(test)]
    pub(crate) fn is_used(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    fn holder(&self) -> MemoryHolder {
        match self.0.payer.get() {
            Some(payer) => payer.holder.clone(),
            None => MemoryHolder::Address(self.0.address),
        }
    }

    /// Whether a body of so many bytes is refused before it has arrived.
    fn check(&self, announced: u64) -> Result<(), Exhausted> {
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        if announced <= SMALL_BODY || self.0.is_passed_on.load(Ordering::Relaxed) {
            return Ok(());
        }
        RECEIVED.check(&self.holder(), announced - SMALL_BODY)
    }

    fn receive(&self, bytes: usize) -> Result<(), Exhausted> {
        if self.0.is_passed_on.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut body = self.0.body.lock();
        let before = body.all.saturating_sub(SMALL_BODY);
        body.all += bytes;
        let more = body.all.saturating_sub(SMALL_BODY) - before;
        if more == 0 {
            return Ok(());
        }
        let charge = &mut body.charge;
        let new = || ByteCharge::new(Arc::clone(&RECEIVED), self.holder());
        let charged = charge.get_or_insert_with(new).add(more);
        if charged.is_err() {
            // At once, so that of two bodies that arrive together only one is refused.
            *charge = None;
        }
        charged
    }

    /// Counts a large answer until it is sent, or refuses it. The first one of a caller is never
    /// refused, and neither is the answer to a change, because that must not be repeated.
    pub(super) fn send(self, response: Response) -> Result<Response, Error> {
        let length = response.body().size_hint().exact().unwrap_or_default();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if response.extensions().get::<SharedBytes>().is_some() {
            return Ok(response);
        }
        match self.keep(length)?.0 {
            Some(charge) => Ok(response.map(|body| Body::new(SentBody { body, charge }))),
            None => Ok(response),
        }
    }

    /// Charges the caller for a large part of an answer.
    ///
    /// # Errors
    /// Fails if the caller has too many of them that are not sent yet.
    pub fn keep(&self, length: usize) -> Result<KeptBytes, Error> {
        if length < LARGE_ANSWER {
            return Ok(KeptBytes(None));
        }
        let (budget, holder) = (Arc::clone(&SENT), self.holder());
        let is_change = self.0.payer.get().map_or(!self.0.is_safe, |payer| payer.is_change);
        let charge = if is_change {
            ByteCharge::anyway(budget, holder, length)
        } else {
            ByteCharge::first(budget, holder, length).map_err(|_| {
                let message = "Your other large answers are still being sent, and there is no memory for this one beside them; read them, then repeat this.";
                Error::new(Reaction::TooMany, message)
            })?
        };
        Ok(KeptBytes(Some(Arc::new(charge))))
    }
}

/// Bytes that are charged until this is dropped, if they are many.
#[derive(Debug, Clone, Default)]
pub struct KeptBytes(Option<Arc<ByteCharge<MemoryHolder>>>);

/// The answer to a request whose body was refused while it arrived; `None` if this is not the
/// cause of the error.
pub(super) fn refusal(error: &(dyn StdError + 'static)) -> Option<Error> {
    let exhausted = successors(Some(error), |error| StdError::source(*error))
        .find_map(|error| error.downcast_ref::<Exhausted>())?;
    Some(match exhausted {
        Exhausted::Own => {
            let message = "Your other requests use the memory for large bodies; repeat this when they are done.";
            Error::new(Reaction::TooMany, message)
        }
        Exhausted::All => {
            Error::unavailable("Other requests use the memory for large bodies; repeat this later.")
        }
    })
}

/// A body whose bytes are charged as they arrive.
struct CountedBody {
    body: Body,
    memory: RequestMemory,
    is_begun: bool,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // The guard of the route has identified the caller by now.
        if !std::mem::replace(&mut self.is_begun, true)
            && let Err(exhausted) = self.memory.check(self.body.size_hint().lower())
        {
            return Poll::Ready(Some(Err(axum::Error::new(exhausted))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let length = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        Poll::Ready(match self.memory.receive(length) {
            Ok(()) => frame,
            Err(exhausted) => Some(Err(axum::Error::new(exhausted))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body whose bytes are charged until they are dropped: the connection keeps them after the end
/// of the body, until the socket has accepted them.
struct SentBody {
    body: Body,
    charge: Arc<ByteCharge<MemoryHolder>>,
}

struct SentBytes {
    bytes: Bytes,
    _charge: Arc<ByteCharge<MemoryHolder>>,
}

impl AsRef<[u8]> for SentBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for SentBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let counted =
            |bytes| Bytes::from_owner(SentBytes { bytes, _charge: Arc::clone(&self.charge) });
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(counted))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
