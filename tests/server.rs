//! The HTTP of the server, by what it is for.

mod access_key;
mod database;
mod document;
mod health;
mod input;
mod limit;
mod mutation;
mod open_api;
mod revision;
mod roles;
mod start;
mod stranger;
mod surface;
