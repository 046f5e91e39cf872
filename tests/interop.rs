//! Clients and servers of others on the other end of the wire.

mod java;
mod java_cache;
mod java_client;
mod mock_server;
