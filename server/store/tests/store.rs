//! The store on every database: SQLite always, MariaDB and PostgreSQL as started by
//! `tests/databases.sh`. The tests fail if a server cannot be started, unless
//! `CASTALIA_TEST_DATABASES=sqlite` restricts the run. They use the store alone, through its public
//! interface.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a failure in a test's own steps may end it")]

#[path = "store/abandoned_read.rs"]
mod abandoned_read;
#[path = "store/adoption.rs"]
mod adoption;
#[path = "store/audit_trail.rs"]
mod audit_trail;
#[path = "store/author.rs"]
mod author;
#[path = "store/bad_time.rs"]
mod bad_time;
#[path = "store/batch.rs"]
mod batch;
#[path = "store/config_query.rs"]
mod config_query;
#[path = "store/config_row.rs"]
mod config_row;
#[path = "store/connection.rs"]
mod connection;
#[path = "store/damaged_file.rs"]
mod damaged_file;
#[path = "store/database.rs"]
mod database;
#[path = "store/galera.rs"]
mod galera;
#[path = "store/hanging_writer.rs"]
mod hanging_writer;
#[path = "store/import_lock.rs"]
mod import_lock;
#[path = "store/installation.rs"]
mod installation;
#[path = "store/late_failure.rs"]
mod late_failure;
#[path = "store/long_work.rs"]
mod long_work;
#[path = "store/lost_listener.rs"]
mod lost_listener;
#[path = "store/lost_ping.rs"]
mod lost_ping;
#[path = "store/migration.rs"]
mod migration;
#[path = "store/odd_server.rs"]
mod odd_server;
#[path = "store/pooler.rs"]
mod pooler;
#[path = "store/portal_query.rs"]
mod portal_query;
#[path = "store/publish.rs"]
mod publish;
#[path = "store/published.rs"]
mod published;
#[path = "store/recovery.rs"]
mod recovery;
#[path = "store/refused_statement.rs"]
mod refused_statement;
#[path = "store/rehearsal.rs"]
mod rehearsal;
#[path = "store/release_index.rs"]
mod release_index;
#[path = "store/restoration.rs"]
mod restoration;
#[path = "store/round_trip.rs"]
mod round_trip;
#[path = "store/session.rs"]
mod session;
#[path = "store/sign_in.rs"]
mod sign_in;
#[path = "store/transaction.rs"]
mod transaction;
#[path = "store/way.rs"]
mod way;
