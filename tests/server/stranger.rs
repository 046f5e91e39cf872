//! The resources that unauthenticated clients can make a node hold: every kind of anonymous attack
//! on a real server, whose memory and tables must remain within the bounds of `docs/bounds.md`
//! while a regular client is served.
//!
//! By default a part of the attack is sent; `CASTALIA_TEST_STRANGERS=full` sends all of it, for an
//! optimised server (`CASTALIA_TEST_BINARY`), and `CASTALIA_TEST_STRANGERS=4` a quarter.

mod attack;
mod combined;
mod connection;
mod instance;
mod one_address;
mod refusal;
mod request;
mod sign_in;
