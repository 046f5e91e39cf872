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
    is_read_by_bytes: bool,
}

impl<S> Metered<S> {
    /// A connection on which nothing has been received yet.
    pub fn new(stream: S, limit: usize) -> Self {
        Self { stream, limit, received: 0, is_read_by_bytes: false }
    }

    /// Each read returns one byte, so that nobody has read further than the line after which TLS
    /// begins: what follows it in clear must not be taken for what TLS protects.
    pub fn by_bytes(self) -> Self {
        Self { is_read_by_bytes: true, ..self }
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
        if self.is_read_by_bytes {
            let mut byte = [0];
            let mut one = ReadBuf::new(&mut byte);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut one))?;
            buffer.put_slice(one.filled());
        } else {
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        }
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn nothing_is_read_ahead_by_bytes() {
        let (stream, mut peer) = tokio::io::duplex(64);
        peer.write_all(b"220 go on\r\n250 ok\r\n").await.unwrap();
        let mut stream = Metered::new(stream, 12).by_bytes();
        let mut buffer = [0; 64];
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 1);
        stream.read_exact(&mut buffer[1..11]).await.unwrap();
        assert_eq!(&buffer[..11], b"220 go on\r\n");
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 1);
        assert!(stream.read(&mut buffer).await.is_err(), "the limit holds");
    }
}
