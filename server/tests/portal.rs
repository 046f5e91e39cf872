//! The portal as browsers, scripts and third parties use it: the numbered cases, in process with
//! one environment LOCAL. On SQLite in memory; `tests/on_databases.sh` repeats them on MariaDB,
//! with the tables of an adopted installation as Apollo creates them, and `tests/portal_process.sh`
//! repeats them against a `castalia serve` process.

#![forbid(unsafe_code)]
#![recursion_limit = "256"]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure in a test's own steps may end it"
)]

// The empty databases that the store's own tests use.
#[expect(dead_code, unused_imports, unused_macros, reason = "the store's tests use the rest")]
#[path = "../store/tests/store/database.rs"]
mod database;

// Does not measure the moments at which this machine ran nothing.
#[path = "../../tests/support/stopwatch.rs"]
mod stopwatch;

mod portal {
    mod access;
    mod access_grant;
    mod access_key;
    mod access_request;
    mod account;
    mod answer;
    mod apollo_branch;
    mod app;
    mod archive;
    mod audit;
    mod audit_limit;
    mod audit_of_portal;
    mod audit_of_users;
    mod audit_operations;
    mod audit_seal;
    mod basic;
    mod bearer;
    mod branch;
    mod branch_revision;
    mod call;
    mod change_sets;
    mod changes;
    mod cluster;
    mod consumer;
    mod consumer_grant;
    mod content_read;
    mod contract;
    mod contract_differences;
    mod damaged_row;
    mod deleted_app;
    mod directory;
    mod directory_account;
    mod directory_tls;
    mod directory_token;
    mod disconnected;
    mod engine;
    mod environment;
    mod environment_seal;
    mod events;
    mod export;
    mod fan_out;
    mod fan_out_failure;
    mod fan_out_late;
    mod fan_out_names;
    mod faulty_environment;
    mod favorite;
    mod frozen_environment;
    mod gray_audience;
    mod half_deleted;
    mod half_done;
    mod held;
    mod history;
    mod hostile;
    mod import;
    mod import_beside;
    mod import_failed;
    mod import_limits;
    mod import_refused;
    mod instance;
    mod item;
    mod item_batch;
    mod kept_password;
    mod later_user;
    mod lent;
    mod long_history;
    mod long_list;
    mod mail;
    mod mail_fault;
    mod mail_of_absent;
    mod mail_refusal;
    mod mail_relay;
    mod many_rows;
    mod matrix;
    mod missing_roles;
    mod namespace;
    mod notice_of_deleted;
    mod notice_of_two_nodes;
    mod old_path;
    mod open_id;
    mod open_id_tab;
    mod open_read;
    mod owed_deletion;
    mod own_account;
    mod permission;
    mod preference;
    mod presence;
    mod process;
    mod provider;
    mod provider_answer;
    mod provider_group;
    mod proxy;
    mod query_plan;
    mod random_history;
    mod reads;
    mod receiver;
    mod recent;
    mod registration;
    mod release;
    mod removal;
    mod repeated_key;
    mod restarted_task;
    mod restoration;
    mod restoration_order;
    mod restoration_permutation;
    mod restoration_unused;
    mod restored_grant;
    mod right_of_each_target;
    mod schema;
    mod schema_elsewhere;
    mod search;
    mod server_setting;
    mod set_back;
    mod setting_catalogue;
    mod sign_in;
    mod sign_in_end;
    mod sign_in_modes;
    mod sign_in_outage;
    mod slapd;
    mod stale;
    mod stale_account;
    mod stale_cluster;
    mod stale_consumer;
    mod stale_row;
    mod statement_count;
    mod statement_count_of_writes;
    mod system_info;
    mod tenant;
    mod tenant_table;
    mod text_length;
    mod text_name;
    mod transfer;
    mod trigger;
    mod unlisted_changes;
    mod user_rate;
    mod user_token;
    mod user_token_operations;
    mod user_token_propose;
    mod user_token_scope;
    mod visibility;
    mod web;
    mod webhook;
    mod webhook_fault;
    mod webhook_guard;
    mod withdrawal;
    mod world;
}
