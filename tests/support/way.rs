//! A TCP way between a client and a server, which becomes bad: data is late, connections are cut in
//! the middle of an answer or reset, and requests arrive twice, as behind a proxy that repeats
//! them. Or it forgets its connections, as a firewall does: neither side learns of it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::raw::authority;

/// Milliseconds by which data is late.
const DELAY: std::ops::Range<u64> = 20..400;
/// One in so many pieces of data is cut, reset or repeated.
const RARITY: u8 = 20;

/// The way. Requests of clients are so small that each is one piece of data.
#[derive(Debug)]
pub(crate) struct Way {
    /// Base address of the server through it.
    pub(crate) url: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: Mutex<SocketAddr>,
    is_bad: AtomicBool,
    /// Connections that are older than the last increment are forgotten.
    generation: AtomicU64,
    requests: Mutex<Vec<Instant>>,
}

/// What happens to a piece of data on a bad way.
enum Fate {
    Arrives,
    /// One half arrives, and the connection is closed.
    Cut,
    Reset,
    Repeated,
}

impl Fate {
    fn random() -> Self {
        match fastrand::u8(..RARITY) {
            0 => Self::Cut,
            1 => Self::Reset,
            2 => Self::Repeated,
            _ => Self::Arrives,
        }
    }
}

impl Way {
    pub(crate) async fn to(base: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            target: Mutex::new(authority(base).parse().unwrap()),
            is_bad: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            requests: Mutex::default(),
        });
        tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { url, shared }
    }

    /// Leads to another server from now on, as a name does whose address changes.
    pub(crate) fn lead_to(&self, base: &str) {
        *self.shared.target.lock().unwrap() = authority(base).parse().unwrap();
    }

    /// Leads to nothing from now on. After a server has ended, another one may listen at its port.
    pub(crate) fn lead_nowhere(&self) {
        self.lead_to("http://127.0.0.1:1");
    }

    pub(crate) fn worsen(&self) {
        self.shared.is_bad.store(true, Ordering::Relaxed);
    }

    /// Delivers nothing more on the present connections, and does not close them.
    pub(crate) fn forget(&self) {
        self.shared.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// When each request arrived.
    pub(crate) fn requests(&self) -> Vec<Instant> {
        self.shared.requests.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // The client's connection is closed if the server does not accept it.
            let target = *shared.target.lock().unwrap();
            let Ok(server) = TcpStream::connect(target).await else { return };
            let generation = shared.generation.load(Ordering::Relaxed);
            let (client, server) = (client.into_split(), server.into_split());
            // When one direction ends, the connection does.
            tokio::select! {
                () = copy(client.0, server.1, &shared, generation, false) => {}
                () = copy(server.0, client.1, &shared, generation, true) => {}
            }
        });
    }
}

async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    generation: u64,
    is_answer: bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await;
        if shared.generation.load(Ordering::Relaxed) != generation {
            return std::future::pending().await;
        }
        let Ok(bytes @ 1..) = read else { return };
        if !is_answer {
            shared.requests.lock().unwrap().push(Instant::now());
        }
        let mut piece = &buffer[..bytes];
        if shared.is_bad.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(DELAY))).await;
            match Fate::random() {
                Fate::Cut => piece = &piece[..bytes / 2],
                Fate::Reset => {
                    for half in [from.as_ref(), to.as_ref()] {
                        let _ = half.set_zero_linger();
                    }
                    return;
                }
                Fate::Repeated if !is_answer => {
                    repeat(piece.to_vec(), *shared.target.lock().unwrap());
                }
                Fate::Repeated | Fate::Arrives => {}
            }
        }
        if to.write_all(piece).await.is_err() || piece.len() < bytes {
            return;
        }
    }
}

/// Sends a request on another connection; its answer is lost.
fn repeat(request: Vec<u8>, target: SocketAddr) {
    tokio::spawn(async move {
        let Ok(mut stream) = TcpStream::connect(target).await else { return };
        let _ = stream.write_all(&request).await;
        let _ = stream.read(&mut [0; 16 * 1024]).await;
    });
}
