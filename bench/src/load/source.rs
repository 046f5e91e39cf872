//! Connections of clients. Their source addresses are spread over 127.0.0.0/8, because one address
//! has only about 28,000 ports.

use std::io::Result;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Clients of one source address.
const GROUP: usize = 6_000;

/// Connects the client with this number. It closes with a reset, so that no port remains in
/// TIME_WAIT.
pub(crate) fn connect(server: SocketAddr, client: usize) -> Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let group = u8::try_from(client / GROUP).unwrap_or(u8::MAX);
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 1, group, 1), 0)).into())?;
    socket.connect(&server.into())?;
    socket.set_tcp_nodelay(true)?;
    socket.set_linger(Some(Duration::ZERO))?;
    Ok(socket.into())
}
