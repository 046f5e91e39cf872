//! What an HTTP client reports about the connection of a request: connecting has limits of its own,
//! so the limit on a server's silence does not apply meanwhile.

use std::sync::Arc;

use tokio::sync::watch;

/// Stops the limit on silence of a request while a connection is made for it.
///
/// ```
/// use castalia_core::transport::Connecting;
///
/// let connecting = Connecting::default();
/// let guard = connecting.begin();
/// // Names are looked up, and a connection is made, within limits of the HTTP client.
/// drop(guard);
/// // From here on, the server must answer within the read timeout.
/// ```
#[derive(Debug, Clone, Default)]
pub struct Connecting {
    /// Number of guards. One request may wait for two connections: hyper sends it over the one that
    /// is available first, and keeps the other.
    guards: Arc<watch::Sender<usize>>,
}

impl Connecting {
    /// Reports that the request has no connection until the guard is dropped.
    #[must_use]
    pub fn begin(&self) -> ConnectingGuard {
        self.guards.send_modify(|guards| *guards += 1);
        ConnectingGuard { connecting: self.clone() }
    }

    /// Number of guards.
    pub(super) fn subscribe(&self) -> watch::Receiver<usize> {
        self.guards.subscribe()
    }
}

/// Dropped once there is a connection, or none can be made; see [`Connecting::begin`].
#[derive(Debug)]
pub struct ConnectingGuard {
    connecting: Connecting,
}

impl Drop for ConnectingGuard {
    fn drop(&mut self) {
        self.connecting.guards.send_modify(|guards| *guards -= 1);
    }
}
