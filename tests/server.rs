//! The HTTP interfaces of the server, by purpose.

mod access_key;
mod audit_verify;
mod certificate;
mod database;
mod discovery;
mod document;
mod environments;
mod eureka;
mod first_output;
mod health;
mod input;
mod instance;
mod limit;
mod log_line;
mod metric;
mod mutation;
mod open_api;
mod page;
mod proxy;
mod revision;
mod roles;
mod secret;
mod spelling;
mod start;
mod stranger;
mod surface;
