//! The HTTP of the server, by what it is for.

mod meta;
mod notification;
mod open_api;
mod query;
mod start;
