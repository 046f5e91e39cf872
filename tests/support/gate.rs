//! A TCP gate between a server and its database: open, slow, frozen in one direction or both, or
//! shut, so that a database becomes unreachable for one server only.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Treatment of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Bytes of these directions are held back until the gate opens; connections stay open, and new
    /// ones are accepted.
    Frozen(Direction),
    /// Every answer is delayed by this time.
    Slow(Duration),
    /// Connections are closed, and new ones immediately.
    Shut,
}

/// The bytes that a frozen gate holds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Both,
    Requests,
    /// Requests take effect, and nobody learns of it.
    Answers,
}

impl State {
    fn holds_back(self, is_answer: bool) -> bool {
        match self {
            Self::Frozen(Direction::Both) => true,
            Self::Frozen(Direction::Requests) => !is_answer,
            Self::Frozen(Direction::Answers) => is_answer,
            Self::Open | Self::Slow(_) | Self::Shut => false,
        }
    }
}

/// A gate in front of a database.
#[derive(Debug)]
pub(crate) struct Gate {
    state: watch::Sender<State>,
    /// URL of the database through the gate.
    pub(crate) url: String,
}

impl Gate {
    /// Opens a gate in front of the database of a URL.
    pub(crate) async fn before(url: &str) -> Self {
        let (head, rest) = url.split_once('@').unwrap();
        let (target, name) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, watched) = watch::channel(State::Open);
        tokio::spawn(accept(listener, target.parse().unwrap(), watched));
        Self { state, url: format!("{head}@{address}/{name}") }
    }

    pub(crate) fn open(&self) {
        self.state.send_replace(State::Open);
    }

    pub(crate) fn slow_down(&self, time: Duration) {
        self.state.send_replace(State::Slow(time));
    }

    pub(crate) fn freeze(&self) {
        self.freeze_only(Direction::Both);
    }

    pub(crate) fn freeze_only(&self, direction: Direction) {
        self.state.send_replace(State::Frozen(direction));
    }

    pub(crate) fn shut(&self) {
        self.state.send_replace(State::Shut);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, state: watch::Receiver<State>) {
    while let Ok((client, _)) = listener.accept().await {
        if *state.borrow() == State::Shut {
            continue;
        }
        let Ok(server) = TcpStream::connect(target).await else { continue };
        let ((from_client, to_client), (from_server, to_server)) =
            (client.into_split(), server.into_split());
        tokio::spawn(copy(from_client, to_server, state.clone(), false));
        tokio::spawn(copy(from_server, to_client, state.clone(), true));
    }
}

/// Copies bytes until one side closes or the gate is shut; both halves are dropped then.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: watch::Receiver<State>,
    is_answer: bool,
) {
    let mut shut = state.clone();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            _ = shut.wait_for(|state| *state == State::Shut) => return,
            read = from.read(&mut buffer) => read,
        };
        let Ok(bytes @ 1..) = read else { return };
        let present = *state.borrow();
        if let (State::Slow(time), true) = (present, is_answer) {
            tokio::time::sleep(time).await;
        }
        // One side may close meanwhile; what it wrote before still arrives, as after a real pause.
        if shut.wait_for(|state| !state.holds_back(is_answer)).await.is_err() {
            return;
        }
        if *state.borrow() == State::Shut || to.write_all(&buffer[..bytes]).await.is_err() {
            return;
        }
    }
}
