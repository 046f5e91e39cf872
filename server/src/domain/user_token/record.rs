//! Records of the use of access tokens: each call that may change something, and the time of the
//! last use.

pub use castalia_store::user::token::{Usage, UserTokenCall};

use castalia_store::user::token;
use castalia_store::{Store, now};

use super::wall_clock;
use crate::domain::permission::requirement::UserToken;
use crate::error::Result;

/// Widths of the columns, in characters.
const IP: usize = 64;
const USER_AGENT: usize = 512;
const URI: usize = 1024;
const METHOD: usize = 16;

/// A call at the present time, to be recorded; long texts are cut.
#[must_use]
pub fn call(token: &UserToken, method: &str, uri: &str) -> UserTokenCall {
    UserTokenCall {
        token_id: token.id,
        user_id: token.user_id.clone(),
        method: cut(method, METHOD),
        uri: cut(uri, URI),
        time: now(),
    }
}

/// A use at the present time, to be recorded.
#[must_use]
pub fn usage(token: &UserToken, ip: &str, user_agent: Option<&str>) -> Usage {
    Usage {
        token_id: token.id,
        time: wall_clock(now()),
        ip: Some(cut(ip, IP)),
        user_agent: user_agent.map(|text| cut(text, USER_AGENT)),
    }
}

/// Stores recorded calls.
pub async fn record_calls(store: &Store, calls: Vec<UserTokenCall>) -> Result<()> {
    Ok(store.write(calls, |tx, calls| Box::pin(token::record_calls(tx, calls))).await?)
}

/// Stores recorded uses.
pub async fn record_usage(store: &Store, usages: Vec<Usage>) -> Result<()> {
    Ok(store.write(usages, |tx, usages| Box::pin(token::record_usage(tx, usages))).await?)
}

fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}
