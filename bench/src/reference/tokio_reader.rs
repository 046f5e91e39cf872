//! The least memory that a parked client costs under tokio: a task that holds a socket and no buffer.

use std::cell::RefCell;
use std::io::{ErrorKind, Result};

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{NOTIFICATION, WAKE, announce, answer, knows_nothing, listen};

thread_local! {
    /// Shared by all connections of a worker: only one of them reads at a time.
    static BUFFER: RefCell<[u8; 16 * 1024]> = const { RefCell::new([0; 16 * 1024]) };
}

/// What a request asks for.
enum Asked {
    AtOnce,
    Later,
    Wake,
    Nothing,
}

pub(super) async fn run() -> anyhow::Result<()> {
    let (wake, _) = watch::channel(());
    let answer: &'static [u8] = Box::leak(answer(NOTIFICATION).into_boxed_slice());
    let listener = TcpListener::from_std(listen()?)?;
    announce(listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream, wake.clone(), answer));
    }
}

/// Ends when the client does, which is no error.
async fn serve(
    mut stream: TcpStream,
    wake: watch::Sender<()>,
    answer: &'static [u8],
) -> Result<()> {
    let mut woken = wake.subscribe();
    loop {
        stream.readable().await?;
        match read(&stream)? {
            Asked::Nothing => continue,
            Asked::AtOnce => {}
            Asked::Wake => {
                wake.send_replace(());
            }
            Asked::Later => {
                woken.mark_unchanged();
                tokio::select! {
                    _ = woken.changed() => {}
                    _ = stream.readable() => continue,
                }
            }
        }
        stream.write_all(answer).await?;
    }
}

fn read(stream: &TcpStream) -> Result<Asked> {
    BUFFER.with_borrow_mut(|buffer| match stream.try_read(buffer) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(count) if buffer[..count].starts_with(WAKE) => Ok(Asked::Wake),
        Ok(count) if knows_nothing(&buffer[..count]) => Ok(Asked::AtOnce),
        Ok(_) => Ok(Asked::Later),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Asked::Nothing),
        Err(error) => Err(error),
    })
}
