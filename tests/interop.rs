//! Clients and servers of others on the other end of the wire.

mod java_client;
