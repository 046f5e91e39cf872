//! Bad days: the database goes away, clients do not read, clocks jump, nodes end and start.

mod clock;
mod cluster;
mod database;
mod disk;
mod frozen;
mod ledger;
mod locked;
mod restart;
mod silent_client;
