//! The connection for pings is lost in a way that neither side learns of, as behind a proxy that
//! forgot it: the next ping is answered over a new one, and the other connections remain in use.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use castalia_store::{Store, StoreOptions};
use sea_orm::{ConnectionTrait as _, Statement};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::database::{Database, on_each_database, patient};

/// Time after which a ping is sent over another connection as well.
const SECOND_TRY: Duration = Duration::from_secs(1);
/// Attempts of which one has to be undisturbed: pings that are late because the machine is busy say
/// nothing about connections.
const TRIES: u32 = 5;

/// A way to a database that withholds answers.
struct Way {
    url: String,
    /// Number of connections so far.
    opened: Arc<AtomicU32>,
    /// The answers on these connections are lost: those up to the number, beginning with `from`.
    lost: Arc<(AtomicU32, AtomicU32)>,
}

impl Way {
    async fn to(url: &str) -> Self {
        let (head, rest) = url.split_once('@').unwrap();
        let (target, name) = rest.split_once('/').unwrap();
        let target: SocketAddr = target.parse().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("{head}@{}/{name}", listener.local_addr().unwrap());
        let (opened, lost) = (Arc::<AtomicU32>::default(), Arc::new((u32::MAX.into(), 0.into())));
        let way = Self { url, opened: Arc::clone(&opened), lost: Arc::clone(&lost) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = opened.fetch_add(1, Ordering::SeqCst) + 1;
                let lost = Arc::clone(&lost);
                tokio::spawn(async move { carry(client, target, number, &lost).await });
            }
        });
        way
    }

    fn opened(&self) -> u32 {
        self.opened.load(Ordering::SeqCst)
    }

    /// Loses the answers of the connections that were opened after so many others.
    fn lose_after(&self, before: u32) {
        self.lost.1.store(self.opened(), Ordering::SeqCst);
        self.lost.0.store(before + 1, Ordering::SeqCst);
    }
}

async fn carry(client: TcpStream, to: SocketAddr, number: u32, lost: &(AtomicU32, AtomicU32)) {
    let server = TcpStream::connect(to).await.unwrap();
    let ((mut questions, mut client), (mut answers, mut server)) =
        (client.into_split(), server.into_split());
    let forward = tokio::io::copy(&mut questions, &mut server);
    let back = async {
        let mut buffer = [0; 8192];
        while let Ok(bytes @ 1..) = answers.read(&mut buffer).await {
            let (from, until) = (lost.0.load(Ordering::SeqCst), lost.1.load(Ordering::SeqCst));
            if !(from..=until).contains(&number)
                && client.write_all(&buffer[..bytes]).await.is_err()
            {
                return;
            }
        }
    };
    tokio::select! {
        _ = forward => {}
        () = back => {}
    }
}

on_each_database! {
    async fn a_lost_connection_for_pings_is_replaced_and_no_other(database: Database) {
        if database.is_sqlite() {
            return;
        }
        for _ in 0..TRIES {
            if replaces_lost_connections(&database).await {
                return;
            }
        }
        panic!("in none of {TRIES} tries was the connection for pings replaced");
    }
}

/// Loses the connection for pings twice. False if a ping was late afterwards, or before.
async fn replaces_lost_connections(database: &Database) -> bool {
    let way = Way::to(&database.url).await;
    let options = StoreOptions { max_connections: 2, ..patient("config-db") };
    let store = Store::connect(&way.url, options).await.unwrap();
    // The pool opens its second connection in the background.
    while way.opened() < 2 {
        tokio::task::yield_now().await;
    }
    if !is_quick(&store).await {
        return false;
    }
    assert_eq!(way.opened(), 3, "the connection for pings");
    for replaced in 1..=2 {
        way.lose_after(way.opened() - 1);
        if store.ping().await.is_err() || !is_quick(&store).await {
            return false;
        }
        let statement = Statement::from_string(store.read().get_database_backend(), "SELECT 1");
        store.read().query_one_raw(statement).await.unwrap();
        assert_eq!(way.opened(), 3 + replaced, "other connections were closed");
    }
    true
}

/// Whether a ping is answered before it is sent over another connection.
async fn is_quick(store: &Store) -> bool {
    let begun = Instant::now();
    store.ping().await.is_ok() && begun.elapsed() < SECOND_TRY
}
