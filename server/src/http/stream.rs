//! The socket of a connection. It disconnects a client that does not read its answers, or that
//! sends heads beyond the memory budget, because the data would remain in memory for as long as the
//! client likes. Bytes that another parser has to read can be put back.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::large_head::Head;
use super::refuse;

/// Time after which a stuck write ends the connection.
const LIMIT: Duration = Duration::from_secs(30);
/// Bytes that a client must have read by then to get the same time again: one that reads a byte at
/// a time is treated as dead.
const PROGRESS: usize = 30 * 1024;

/// A connection. The timer exists only while a write is stuck, so that parked polls do not pay for
/// it.
#[derive(Debug)]
pub(super) struct Stream {
    socket: TcpStream,
    head: Arc<Head>,
    /// Bytes that were put back and are read first; they have already been counted.
    unread: Bytes,
    stuck: Option<Pin<Box<Stuck>>>,
}

#[derive(Debug)]
struct Stuck {
    timer: Pin<Box<Sleep>>,
    written: usize,
}

impl Stream {
    pub(super) fn new(socket: TcpStream, head: Arc<Head>) -> Self {
        // A poll is answered with one small write; waiting to fill a packet would only delay it.
        let _ = socket.set_nodelay(true);
        Self { socket, head, unread: Bytes::new(), stuck: None }
    }

    /// The counter of the bytes of its heads.
    pub(super) fn head(&self) -> Arc<Head> {
        Arc::clone(&self.head)
    }

    /// Marks the head as complete; no body follows it.
    pub(super) fn complete_head(&self) {
        self.head.complete(false);
    }

    /// Makes the next read start with these bytes.
    pub(super) fn put_back(&mut self, bytes: Bytes) {
        self.unread = bytes;
    }

    /// Returns the number of bytes to read, at most one; zero means that the client has closed the
    /// connection.
    pub(super) fn poll_peek(&self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.socket.poll_peek(context, &mut ReadBuf::new(&mut [0]))
    }

    fn watch(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = written {
            if let (Some(stuck), Ok(bytes)) = (&mut self.stuck, &result) {
                stuck.written += bytes;
                if stuck.written >= PROGRESS {
                    self.stuck = None;
                }
            }
            return Poll::Ready(result);
        }
        let stuck = self
            .stuck
            .get_or_insert_with(|| Box::pin(Stuck { timer: Box::pin(sleep(LIMIT)), written: 0 }));
        ready!(stuck.timer.as_mut().poll(context));
        metrics::counter!("castalia_cut_connections_total").increment(1);
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client does not read its answer",
        )))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let count = self.unread.len().min(buffer.remaining());
            buffer.put_slice(&self.unread[..count]);
            self.unread.advance(count);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        if self.head.receive(buffer.filled().len() - before) {
            return Poll::Ready(Ok(()));
        }
        refuse(&self.socket);
        let message = "large request heads have reached their memory limit";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::QuotaExceeded, message)))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.watch(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.watch(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// Called when all data was written: the next write starts with a new timer.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stuck = None;
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
