//! The minimal work of accepting, parking and answering polls: one thread around epoll, no tasks,
//! no parser.

use std::io::{ErrorKind, Read as _, Write as _};

use anyhow::{Context as _, Result};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::poll::{CONTENT, FIRST_ID, READ, WAKE, answer, known_id, notification};
use super::{announce, listen};

/// Token of the listener; connections are numbered from 0.
const LISTENER: Token = Token(usize::MAX);

pub(super) fn run() -> Result<()> {
    let mut server = Server {
        poll: Poll::new()?,
        clients: Vec::new(),
        parked: Vec::new(),
        id: FIRST_ID,
        notification: answer(&notification(FIRST_ID)),
        content: answer(&"x".repeat(CONTENT)),
    };
    let mut listener = TcpListener::from_std(listen()?);
    server.poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    announce(listener.local_addr()?);
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        server.poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                LISTENER => server.accept(&listener)?,
                Token(client) => server.read(client, &mut buffer),
            }
        }
    }
}

struct Server {
    poll: Poll,
    clients: Vec<Option<TcpStream>>,
    parked: Vec<usize>,
    id: i64,
    notification: Vec<u8>,
    content: Vec<u8>,
}

impl Server {
    fn accept(&mut self, listener: &TcpListener) -> Result<()> {
        loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    stream.set_nodelay(true)?;
                    let token = Token(self.clients.len());
                    self.poll.registry().register(&mut stream, token, Interest::READABLE)?;
                    self.clients.push(Some(stream));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("cannot accept a connection"),
            }
        }
    }

    fn read(&mut self, number: usize, buffer: &mut [u8]) {
        let Some(client) = &mut self.clients[number] else { return };
        match client.read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => self.clients[number] = None,
            Ok(count) if buffer[..count].starts_with(WAKE) => self.wake(number),
            Ok(count) if buffer[..count].starts_with(READ) => {
                self.write(number, |server| &server.content)
            }
            Ok(count) if known_id(&buffer[..count]) < self.id => {
                self.write(number, |server| &server.notification)
            }
            Ok(_) => self.parked.push(number),
        }
    }

    /// Increments the id and responds to all polls, and last to the client that requested it.
    fn wake(&mut self, number: usize) {
        self.id += 1;
        self.notification = answer(&notification(self.id));
        for client in std::mem::take(&mut self.parked) {
            self.write(client, |server| &server.notification);
        }
        self.write(number, |server| &server.notification);
    }

    /// A response is smaller than the kernel's buffer; a client that does not accept it has
    /// disconnected.
    fn write(&mut self, number: usize, answer: fn(&Self) -> &[u8]) {
        if let Some(mut client) = self.clients[number].as_ref()
            && client.write_all(answer(self)).is_err()
        {
            self.clients[number] = None;
        }
    }
}
