//! A TCP way to a database that withholds answers or resets connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// The way.
pub(crate) struct Way {
    /// URL of the database through it.
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    /// Number of connections so far.
    opened: AtomicU32,
    /// The answers on the connections with these numbers are lost: from the first one to the
    /// second one.
    lost: (AtomicU32, AtomicU32),
    reset: Notify,
    /// Connections with greater numbers are reset.
    kept: AtomicU32,
}

impl Way {
    pub(crate) async fn to(url: &str) -> Self {
        let (head, rest) = url.split_once('@').unwrap();
        let (target, name) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("{head}@{}/{name}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            target: target.parse().unwrap(),
            opened: AtomicU32::new(0),
            lost: (AtomicU32::new(u32::MAX), AtomicU32::new(0)),
            reset: Notify::new(),
            kept: AtomicU32::new(0),
        });
        let way = Self { url, shared: Arc::clone(&shared) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = shared.opened.fetch_add(1, Ordering::SeqCst) + 1;
                let shared = Arc::clone(&shared);
                tokio::spawn(async move { shared.carry(client, number).await });
            }
        });
        way
    }

    pub(crate) fn opened(&self) -> u32 {
        self.shared.opened.load(Ordering::SeqCst)
    }

    /// Loses the answers on the connections that were opened after so many others.
    pub(crate) fn lose_after(&self, before: u32) {
        let (first, last) = &self.shared.lost;
        last.store(self.opened(), Ordering::SeqCst);
        first.store(before + 1, Ordering::SeqCst);
    }

    /// Loses the answers on all connections that are opened from now on.
    pub(crate) fn lose_new(&self) {
        let (first, last) = &self.shared.lost;
        last.store(u32::MAX, Ordering::SeqCst);
        first.store(self.opened() + 1, Ordering::SeqCst);
    }

    /// Resets the open connections.
    pub(crate) fn reset(&self) {
        self.reset_after(0);
    }

    /// Resets those that were opened after so many others.
    pub(crate) fn reset_after(&self, before: u32) {
        self.shared.kept.store(before, Ordering::SeqCst);
        self.shared.reset.notify_waiters();
    }
}

impl Shared {
    async fn carry(&self, client: TcpStream, number: u32) {
        let server = TcpStream::connect(self.target).await.unwrap();
        let ((mut questions, mut client), (mut answers, mut server)) =
            (client.into_split(), server.into_split());
        let forward = tokio::io::copy(&mut questions, &mut server);
        let back = async {
            let mut buffer = [0; 8192];
            while let Ok(bytes @ 1..) = answers.read(&mut buffer).await {
                if !self.is_lost(number) && client.write_all(&buffer[..bytes]).await.is_err() {
                    return;
                }
            }
        };
        let is_reset = tokio::select! {
            _ = forward => false,
            () = back => false,
            () = self.is_reset(number) => true,
        };
        if is_reset {
            client.as_ref().set_zero_linger().unwrap();
            // Otherwise the end of the stream would precede the reset.
            client.forget();
        }
    }

    async fn is_reset(&self, number: u32) {
        loop {
            self.reset.notified().await;
            if number > self.kept.load(Ordering::SeqCst) {
                return;
            }
        }
    }

    fn is_lost(&self, number: u32) -> bool {
        let (first, last) = &self.lost;
        (first.load(Ordering::SeqCst)..=last.load(Ordering::SeqCst)).contains(&number)
    }
}
