//! Connections that each ask again as soon as they are answered, on one thread, for a fixed time.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mio::{Events, Interest, Poll, Token};

use super::framing::Framing;
use super::source;
use crate::measure::{Stopwatch, number};

/// What a run reached, its warm-up left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// Answers per second.
    pub(crate) rate: f64,
    /// CPU time of the server for each request, in seconds.
    pub(crate) server_cpu: f64,
    /// Share of a core that the server used, and the load.
    pub(crate) server_busy: f64,
    pub(crate) load_busy: f64,
}

/// How long to ask. The warm-up fills caches and lets both sides reach their pace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

struct Connection<'a> {
    stream: mio::net::TcpStream,
    framing: Framing,
    request: &'a [u8],
}

/// Asks over one connection for each request; every answer must have the status.
pub(crate) fn run(
    server: (SocketAddr, u32),
    requests: &[Vec<u8>],
    status: u16,
    span: Span,
) -> Result<Outcome> {
    let mut running = Loop::open(server.0, requests, status)?;
    running.run_for(span.warm_up)?;
    let (server, load) = (Stopwatch::start(server.1)?, Stopwatch::start(std::process::id())?);
    let began = Instant::now();
    let answers = running.run_for(span.measured)?;
    let elapsed = began.elapsed();
    anyhow::ensure!(answers > 0, "the server did not answer within {:?}", span.measured);
    Ok(Outcome {
        rate: number(answers) / elapsed.as_secs_f64(),
        server_cpu: server.used()?.as_secs_f64() / number(answers),
        server_busy: server.busy()?,
        load_busy: load.busy()?,
    })
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

    /// Goes on for some time; returns how many answers were complete.
    fn run_for(&mut self, time: Duration) -> Result<u64> {
        let end = Instant::now() + time;
        let mut answers = 0;
        loop {
            let rest = end.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Ok(answers);
            }
            match self.poll.poll(&mut self.events, Some(rest)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &self.events {
                answers += self.connections[event.token().0].turn(&mut self.buffer, self.status)?;
            }
        }
    }
}

impl Connection<'_> {
    /// Reads until there is no more, and asks again after each complete answer.
    fn turn(&mut self, buffer: &mut [u8], wanted: u16) -> Result<u64> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(count) => match self.framing.take(&buffer[..count])? {
                    Some(status) if status == wanted => {
                        // The kernel's buffer is empty between two requests, so it takes all of this one.
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
