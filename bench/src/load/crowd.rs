//! Many clients on one thread: they connect, poll, and wait. All share one buffer.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use mio::{Events, Interest, Poll, Token};

use super::framing::Framing;
use super::source;

/// Clients that have connected without a response yet; more would overflow the server's accept
/// queue.
const IN_FLIGHT: usize = 512;
/// Timeout of one step of all clients.
const STEP: Duration = Duration::from_secs(60);

/// Clients of one server.
#[derive(Debug)]
pub(crate) struct Crowd {
    server: SocketAddr,
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    buffer: Vec<u8>,
    waiting: usize,
}

#[derive(Debug)]
struct Client {
    stream: mio::net::TcpStream,
    framing: Framing,
    is_waiting: bool,
}

impl Crowd {
    /// Creates an empty crowd.
    pub(crate) fn new(server: SocketAddr) -> Result<Self> {
        Ok(Self {
            server,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            clients: Vec::new(),
            buffer: vec![0; 64 * 1024],
            waiting: 0,
        })
    }

    /// Connects clients, each of which sends a request; returns the time until all have a response.
    pub(crate) fn join(&mut self, count: usize, first: &[u8]) -> Result<Duration> {
        let began = Instant::now();
        let wanted = self.clients.len() + count;
        while self.clients.len() < wanted || self.waiting > 0 {
            while self.clients.len() < wanted && self.waiting < IN_FLIGHT {
                self.connect(first)?;
            }
            // Below the limit, connecting clients is more urgent than waiting for responses.
            self.pump(Duration::from_millis(100), |_| {})?;
            ensure!(
                began.elapsed() < STEP,
                "{} of {wanted} clients are not answered after {STEP:?}",
                self.waiting
            );
        }
        Ok(began.elapsed())
    }

    /// Sends a request on every connection.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<()> {
        for client in &mut self.clients {
            client.send(request)?;
        }
        self.waiting = self.clients.len();
        Ok(())
    }

    /// Checks that no client has received a response yet.
    pub(crate) fn check_waiting(&mut self) -> Result<()> {
        self.pump(Duration::ZERO, |_| {})?;
        let answered = self.clients.len() - self.waiting;
        ensure!(answered == 0, "{answered} clients were answered that should wait");
        Ok(())
    }

    /// Waits until every client has a response; returns their times since `since`, sorted.
    pub(crate) fn answers(&mut self, since: Instant) -> Result<Vec<Duration>> {
        let mut times = Vec::with_capacity(self.waiting);
        while self.waiting > 0 {
            self.pump(Duration::from_millis(100), |_| times.push(since.elapsed()))?;
            ensure!(
                since.elapsed() < STEP,
                "{} clients are not answered after {STEP:?}",
                self.waiting
            );
        }
        Ok(times)
    }

    /// Waits until every client has two responses; the second request is sent after the first
    /// response. Returns the times of the second.
    pub(crate) fn answers_after(&mut self, since: Instant, then: &[u8]) -> Result<Vec<Duration>> {
        let mut times = Vec::with_capacity(self.waiting);
        let mut has_first = vec![false; self.clients.len()];
        let mut answered = Vec::new();
        while self.waiting > 0 {
            self.pump(Duration::from_millis(100), |client| answered.push(client))?;
            for client in answered.drain(..) {
                if std::mem::replace(&mut has_first[client], true) {
                    times.push(since.elapsed());
                } else {
                    self.clients[client].send(then)?;
                    self.waiting += 1;
                }
            }
            ensure!(
                since.elapsed() < STEP,
                "{} clients are not answered after {STEP:?}",
                self.waiting
            );
        }
        Ok(times)
    }

    /// Lets clients repeat their request after each response, for some time. Returns the number of
    /// responses.
    pub(crate) fn hold(&mut self, request: &[u8], time: Duration) -> Result<usize> {
        let end = Instant::now() + time;
        let mut answered = Vec::new();
        let mut total = 0;
        loop {
            let rest = end.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Ok(total);
            }
            self.pump(rest, |client| answered.push(client))?;
            total += answered.len();
            self.waiting += answered.len();
            for client in answered.drain(..) {
                self.clients[client].send(request)?;
            }
        }
    }

    fn connect(&mut self, first: &[u8]) -> Result<()> {
        let number = self.clients.len();
        let stream = source::connect(self.server, number)
            .with_context(|| format!("client {number} cannot connect to {}", self.server))?;
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        self.poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
        let mut client = Client { stream, framing: Framing::default(), is_waiting: false };
        client.send(first)?;
        self.clients.push(client);
        self.waiting += 1;
        Ok(())
    }

    /// Reads what has arrived; calls `on_answer` for each client whose response is complete.
    fn pump(&mut self, timeout: Duration, mut on_answer: impl FnMut(usize)) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        for event in &self.events {
            let number = event.token().0;
            if self.clients[number].receive(&mut self.buffer)? {
                self.waiting -= 1;
                on_answer(number);
            }
        }
        Ok(())
    }
}

impl Client {
    /// Sends a request, which is far smaller than the kernel's buffer, so it is accepted whole.
    fn send(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).context("a client cannot send its request")?;
        self.is_waiting = true;
        Ok(())
    }

    /// Reads until the socket is empty; returns whether the response is complete.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<bool> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => anyhow::bail!("the server closed the connection of a client"),
                Ok(count) => {
                    ensure!(self.is_waiting, "a client was answered that did not ask");
                    if let Some(status) = self.framing.take(&buffer[..count])? {
                        ensure!(matches!(status, 200 | 304), "a client was answered {status}");
                        self.is_waiting = false;
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("a client's connection broke"),
            }
        }
    }
}
