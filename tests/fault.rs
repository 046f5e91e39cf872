//! Bad days: the database goes away, clients do not read, clocks jump, nodes end and start.

mod clock;
mod cluster;
mod database;
mod locked;
mod log_pipe;
mod odd_value;
mod paused;
mod race;
mod restart;
mod signal;
mod silent_client;
