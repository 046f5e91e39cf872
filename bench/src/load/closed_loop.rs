//! Connections on one thread that each send the next request when they receive a response, for a
//! fixed time.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mio::{Events, Interest, Poll, Token};

use super::framing::Framing;
use super::source;
use crate::measure::{Stopwatch, number};

/// Results of a run, without its warm-up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// Responses per second.
    pub(crate) rate: f64,
    /// CPU time of the server per request, in seconds.
    pub(crate) server_cpu: f64,
    /// Fraction of a core that the server used.
    pub(crate) server_busy: f64,
    /// Fraction of the time in which the load generator had work.
    pub(crate) load_busy: f64,
}

/// How the load generator waits for responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// Sleeps, because the server needs the core.
    Sleep,
    /// Spins: the load generator has its own core, and being woken by the server would cost the
    /// server more the faster it is.
    Spin,
}

/// How long to send requests. The warm-up fills caches and lets both sides reach a steady rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    pub(crate) idle: Idle,
}

struct Connection<'a> {
    stream: mio::net::TcpStream,
    framing: Framing,
    request: &'a [u8],
}

/// Repeats a request on every connection; each response must have the expected status.
pub(crate) fn run(
    server: (SocketAddr, u32),
    requests: &[Vec<u8>],
    status: u16,
    span: Span,
) -> Result<Outcome> {
    let mut running = Loop::open(server.0, requests, status)?;
    running.run_for(span.warm_up, span.idle)?;
    let server = Stopwatch::start(server.1)?;
    let began = Instant::now();
    let pace = running.run_for(span.measured, span.idle)?;
    let elapsed = began.elapsed().as_secs_f64();
    anyhow::ensure!(pace.answers > 0, "the server did not answer within {:?}", span.measured);
    Ok(Outcome {
        rate: number(pace.answers) / elapsed,
        server_cpu: server.used()?.as_secs_f64() / number(pace.answers),
        server_busy: server.busy()?,
        load_busy: 1.0 - pace.idle.as_secs_f64() / elapsed,
    })
}

/// Counters of a loop over a period.
#[derive(Debug, Default)]
struct Pace {
    answers: u64,
    /// Time without a response to read.
    idle: Duration,
}

struct Loop<'a> {
    poll: Poll,
    events: Events,
    connections: Vec<Connection<'a>>,
    buffer: Vec<u8>,
    status: u16,
}

impl<'a> Loop<'a> {
    fn open(server: SocketAddr, requests: &'a [Vec<u8>], status: u16) -> Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(requests.len());
        for (token, request) in requests.iter().enumerate() {
            let stream = source::connect(server, 0)
                .with_context(|| format!("cannot connect to {server}"))?;
            stream.set_nonblocking(true)?;
            let mut stream = mio::net::TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(token), Interest::READABLE)?;
            stream.write_all(request)?;
            connections.push(Connection { stream, framing: Framing::default(), request });
        }
        Ok(Self {
            poll,
            events: Events::with_capacity(256),
            connections,
            buffer: vec![0; 64 * 1024],
            status,
        })
    }

    fn run_for(&mut self, time: Duration, idle: Idle) -> Result<Pace> {
        let mut now = Instant::now();
        let end = now + time;
        let mut pace = Pace::default();
        while now < end {
            // Polls first without waiting: the load generator is idle only if nothing is ready.
            self.wait(Duration::ZERO)?;
            if self.events.is_empty() {
                if idle == Idle::Sleep {
                    self.wait(end - now)?;
                }
                pace.idle += now.elapsed();
            }
            for event in &self.events {
                pace.answers +=
                    self.connections[event.token().0].turn(&mut self.buffer, self.status)?;
            }
            now = Instant::now();
        }
        Ok(pace)
    }

    fn wait(&mut self, time: Duration) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(time)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            polled => Ok(polled?),
        }
    }
}

impl Connection<'_> {
    /// Reads until the socket is empty, and sends the next request after each complete response.
    fn turn(&mut self, buffer: &mut [u8], wanted: u16) -> Result<u64> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(count) => match self.framing.take(&buffer[..count])? {
                    Some(status) if status == wanted => {
                        // The kernel's send buffer is empty between two requests, so it accepts the
                        // whole request.
                        self.stream.write_all(self.request).context("cannot send a request")?;
                        return Ok(1);
                    }
                    Some(status) => {
                        bail!("answered {status}: {}", String::from_utf8_lossy(&buffer[..count]))
                    }
                    None => {}
                },
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("a connection broke"),
            }
        }
    }
}
