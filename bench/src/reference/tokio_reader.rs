//! The minimal memory of a parked client with tokio: a task that owns a socket and no buffer.

use std::cell::RefCell;
use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::poll::{FIRST_ID, WAKE, answer, known_id, notification};
use super::{announce, listen};

thread_local! {
    /// Shared by all connections of a worker, because only one of them reads at a time.
    static BUFFER: RefCell<[u8; 16 * 1024]> = const { RefCell::new([0; 16 * 1024]) };
}

/// The newest id, and the response body for it.
#[derive(Clone)]
struct Newest {
    id: i64,
    answer: Arc<[u8]>,
}

impl Newest {
    fn new(id: i64) -> Self {
        Self { id, answer: answer(&notification(id)).into() }
    }
}

/// The kind of a request.
enum Asked {
    Poll { known: i64 },
    Wake,
    Nothing,
}

pub(super) async fn run() -> anyhow::Result<()> {
    let newest = watch::Sender::new(Newest::new(FIRST_ID));
    let listener = TcpListener::from_std(listen()?)?;
    announce(listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream, newest.clone()));
    }
}

/// Returns without an error when the client disconnects.
async fn serve(mut stream: TcpStream, newest: watch::Sender<Newest>) -> Result<()> {
    let mut woken = newest.subscribe();
    loop {
        stream.readable().await?;
        let known = match read(&stream)? {
            Asked::Nothing => continue,
            Asked::Poll { known } => known,
            Asked::Wake => {
                newest.send_modify(|newest| *newest = Newest::new(newest.id + 1));
                -1
            }
        };
        let answer = tokio::select! {
            biased;
            newest = woken.wait_for(|newest| newest.id > known) => {
                newest.map(|newest| Arc::clone(&newest.answer)).map_err(|_| ErrorKind::BrokenPipe)?
            }
            end = ended(&stream) => return Err(end),
        };
        stream.write_all(&answer).await?;
    }
}

/// Returns when the client disconnects, or sends a request before its response, which no client of
/// the suite does.
async fn ended(stream: &TcpStream) -> Error {
    loop {
        if let Err(error) = stream.readable().await {
            return error;
        }
        match read(stream) {
            Ok(Asked::Nothing) => {}
            Ok(_) => return ErrorKind::InvalidData.into(),
            Err(error) => return error,
        }
    }
}

fn read(stream: &TcpStream) -> Result<Asked> {
    BUFFER.with_borrow_mut(|buffer| match stream.try_read(buffer) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(count) if buffer[..count].starts_with(WAKE) => Ok(Asked::Wake),
        Ok(count) => Ok(Asked::Poll { known: known_id(&buffer[..count]) }),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Asked::Nothing),
        Err(error) => Err(error),
    })
}
