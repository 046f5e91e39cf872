//! What strangers can make a node hold: an attack of every anonymous kind on a real server, whose memory and tables must stay
//! within the bounds of `docs/bounds.md` while an honest client is served.
//!
//! The quick form sends a part; `CASTALIA_TEST_STRANGERS=full` sends all of it, which is meant for an
//! optimised server (`CASTALIA_TEST_BINARY`), and `CASTALIA_TEST_STRANGERS=4` a quarter.

mod attack;
mod connection;
mod instance;
mod refusal;
mod request;
