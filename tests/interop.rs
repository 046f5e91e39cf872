//! Apollo's own clients and servers on the other side of the protocol.

mod command_line;
mod eureka;
mod java;
mod java_cache;
mod java_client;
mod mock_server;
mod open_api_client;
mod pages;
mod replay;
