//! Connections on which only a limited number of bytes is received. The limits of a call do not
//! bind the HTTP parser: a peer that sends interim answers (`100 Continue`, `103 Early Hints`)
//! without end would occupy a worker thread, because the time limit is looked at between two reads
//! only. A mail server could send a line without end, which is read as a whole. Knows nothing of the
//! protocols.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower::Service;

/// More than the permitted number of bytes was received.
#[derive(Debug, Error)]
#[error("more than {0} bytes were received")]
pub struct Exceeded(usize);

/// Opens the connections of another connector, with a limit for each.
#[derive(Clone, Debug)]
pub(super) struct MeteredConnector<C> {
    pub(super) connector: C,
    /// Maximum number of received bytes for each connection, TLS included.
    pub(super) limit: usize,
}

impl<C, S> Service<Uri> for MeteredConnector<C>
where
    C: Service<Uri, Response = TokioIo<S>>,
    C::Future: Send + 'static,
{
    type Response = TokioIo<Metered<S>>;
    type Error = C::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let (opening, limit) = (self.connector.call(address), self.limit);
        Box::pin(async move {
            let stream = opening.await?.into_inner();
            Ok(TokioIo::new(Metered::new(stream, limit)))
        })
    }
}

/// A connection that fails once more than the limit has been received.
#[derive(Debug)]
pub struct Metered<S> {
    stream: S,
    limit: usize,
    received: usize,
}

impl<S> Metered<S> {
    /// A connection on which nothing has been received yet.
    pub fn new(stream: S, limit: usize) -> Self {
        Self { stream, limit, received: 0 }
    }

    /// The connection without its limit.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.received += buffer.filled().len() - before;
        if self.received > self.limit {
            return Poll::Ready(Err(io::Error::other(Exceeded(self.limit))));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: Connection> Connection for Metered<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}
