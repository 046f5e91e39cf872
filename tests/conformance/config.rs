//! Config and meta services: cases C001 to C127.

mod access;
mod discovery;
mod file;
mod fixture;
mod incremental;
mod instance;
mod lane;
mod legacy;
mod notification;
mod operation;
mod query;
mod wake;
