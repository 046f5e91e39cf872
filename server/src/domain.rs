//! The rules: what an edit, a publish or a look-up means. Knows neither HTTP nor SQL; opens transactions and calls the store's
//! queries.

pub mod environment;
pub mod gray;
pub mod lookup;
pub mod password;
pub mod watch_key;
