//! Reference programs that do the minimum of the same work. Each runs as its own process, so that
//! it is measured from outside, built with the same profile and allocator as the product.

mod axum_sqlite;
mod epoll_loop;
mod hyper_hello;
mod poll;
pub(crate) mod sqlite_loop;
mod stock_axum;
mod tokio_reader;

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context as _, Result, bail};
use socket2::{Domain, Socket, Type};

use crate::print;

pub(crate) const AXUM_SQLITE: &str = "axum-sqlite";
pub(crate) const EPOLL_LOOP: &str = "epoll-loop";
pub(crate) const HYPER_HELLO: &str = "hyper-hello";
pub(crate) const SQLITE_LOOP: &str = "sqlite-loop";
pub(crate) const STOCK_AXUM: &str = "stock-axum";
pub(crate) const TOKIO_READER: &str = "tokio-reader";

/// Backlog of the accept queue, as in the product; the libraries' default of 128 would delay bursts
/// of connections by a second.
const BACKLOG: i32 = 4096;

/// Runs a reference by its name.
pub(crate) fn run(name: &str, arguments: &[String]) -> Result<()> {
    if name == SQLITE_LOOP {
        return sqlite_loop::run(arguments);
    }
    end_with_parent();
    match name {
        EPOLL_LOOP => epoll_loop::run(),
        AXUM_SQLITE => block_on(axum_sqlite::run(arguments)),
        HYPER_HELLO => block_on(hyper_hello::run()),
        STOCK_AXUM => block_on(stock_axum::run()),
        TOKIO_READER => block_on(tokio_reader::run()),
        _ => bail!("there is no reference {name}"),
    }
}

/// Exits this process when its parent has exited.
pub(crate) fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
}

/// Listens on a free port of the loopback address, non-blocking.
fn listen() -> Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn announce(address: SocketAddr) {
    print(&format!("listening {address}"));
}

/// Runs on a tokio runtime with default settings.
pub(crate) fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start a runtime")?.block_on(work)
}
