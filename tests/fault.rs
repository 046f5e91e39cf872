//! Bad days: the database goes away, clients do not read, clocks jump, nodes end and start.

mod clock;
mod cluster;
mod database;
mod locked;
mod odd_value;
mod paused;
mod race;
mod restart;
mod silent_client;
