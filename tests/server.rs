//! The HTTP of the server, by what it is for.

mod health;
mod open_api;
mod start;
