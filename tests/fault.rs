//! Bad days: the database goes away, clients do not read, clocks jump, nodes end and start.

mod bad_row;
mod branch_end;
mod clock;
mod cluster;
mod database;
mod deferred;
mod disk;
mod drift;
mod feed_node;
mod frozen;
mod ledger;
mod locked;
mod log_pipe;
mod odd_row;
mod odd_value;
mod paused;
pub(crate) mod race;
mod read_only;
mod restart;
mod rewind;
mod search;
mod sequence;
mod signal;
mod silent_client;
mod slow_reads;
mod trial_write;
