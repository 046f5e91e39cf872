//! Rules of the domain on each database, because engines could resolve a race differently. Calls
//! the domain directly; knows no role.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a failure in a test's own steps may end it")]

#[path = "domain/appended.rs"]
mod appended;
// The rows that the store's own tests use.
#[expect(dead_code, reason = "the store's tests use the rest")]
#[path = "../store/tests/store/config_row.rs"]
mod config_row;
// The empty databases that the store's own tests use.
#[path = "../store/tests/store/database.rs"]
mod database;
#[path = "domain/deleted_definition.rs"]
mod deleted_definition;
// A transaction that the portal's tests use as well.
#[path = "portal/held.rs"]
mod held;
#[path = "domain/history_walk.rs"]
mod history_walk;
#[path = "domain/instance_record.rs"]
mod instance_record;
#[path = "domain/instance_retention.rs"]
mod instance_retention;
#[path = "domain/leftover.rs"]
mod leftover;
#[path = "domain/load.rs"]
mod load;
#[path = "domain/lookup.rs"]
mod lookup;
#[path = "domain/many_definitions.rs"]
mod many_definitions;
#[path = "domain/pending_change.rs"]
mod pending_change;
#[path = "domain/restored_definition.rs"]
mod restored_definition;
#[path = "domain/retention.rs"]
mod retention;
#[path = "domain/setting.rs"]
mod setting;
#[path = "domain/sign_in.rs"]
mod sign_in;
#[path = "domain/went_back.rs"]
mod went_back;
