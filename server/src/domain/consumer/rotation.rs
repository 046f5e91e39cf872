//! Replaces the token of a consumer. Its roles belong to the consumer, and stay.

use chrono::{NaiveDateTime, TimeDelta};

use castalia_store::consumer::{self, ConsumerToken, ConsumerTokenRow};
use castalia_store::{Authorship, Secret, Store, Transaction};

use super::registration::unknown;
use super::{check_end, local_time, never, random, stored_form};
use crate::error::{Code, Error, Result};
use crate::settings::Installation;

/// Maximum time for which the earlier token stays valid, in seconds: 30 days.
const LONGEST: u32 = 30 * 24 * 3600;

/// A rotation to carry out.
#[derive(Debug, Clone)]
struct Rotation {
    app_id: String,
    stored: Secret,
    /// The present local time, and that at which the earlier tokens end if it is later.
    now: NaiveDateTime,
    end: Option<NaiveDateTime>,
    expires: Option<NaiveDateTime>,
    operator: String,
}

/// Creates a token that replaces those of a consumer, with the rate limit of the newest one and,
/// unless `expires` states another one, its end. The earlier ones are valid for another `overlap`
/// seconds, so that the consumer can be given the new one meanwhile. Returns the row and the token.
///
/// # Errors
/// Fails if there is no such consumer, if its newest token has expired and there is no other end,
/// or if the overlap is too long. A Java portal on the same database reads one token for each
/// consumer only, so that none is possible there.
pub async fn rotate(
    store: &Store,
    installation: Installation,
    app_id: &str,
    overlap: u32,
    expires: Option<NaiveDateTime>,
    operator: &str,
) -> Result<(ConsumerToken, String)> {
    if overlap > LONGEST {
        return Err(refusal(format!("overlap is at most {LONGEST} seconds")));
    }
    if overlap > 0 && installation == Installation::Adopted {
        let message = "overlap must be 0 on a database that Apollo created: its portal fails if a consumer has two tokens";
        return Err(refusal(message.to_owned()));
    }
    check_end(expires)?;
    let (now, text) = (local_time(), random()?);
    let rotation = Rotation {
        app_id: app_id.to_owned(),
        stored: stored_form(installation, &text),
        now,
        end: (overlap > 0).then(|| now + TimeDelta::seconds(overlap.into())),
        expires,
        operator: operator.to_owned(),
    };
    let made = store.write(rotation, |tx, rotation| Box::pin(rotate_in(tx, rotation))).await?;
    Ok((made, text))
}

async fn rotate_in(tx: &Transaction, rotation: &Rotation) -> Result<ConsumerToken> {
    let Rotation { app_id, stored, now, end, expires, operator } = rotation;
    let found = consumer::lock(tx, app_id).await?.ok_or_else(unknown)?;
    let newest = consumer::tokens(tx, found.id).await?.pop();
    let expires = match (expires, newest.as_ref().map(|token| *token.expires)) {
        (Some(stated), _) => *stated,
        (None, None) => never(),
        (None, Some(kept)) if kept > *now => kept,
        // Without an end of its own, the new one would outlive what was granted.
        (None, Some(past)) => {
            let message =
                format!("The token expired at {past}; state in expires when the new one ends");
            return Err(refusal(message));
        }
    };
    consumer::end_tokens(tx, found.id, *end, operator).await?;
    let row = ConsumerTokenRow {
        consumer_id: Some(found.id),
        token: stored.clone(),
        rate_limit: newest.map_or(0, |token| token.rate_limit),
        expires: expires.into(),
    };
    Ok(consumer::insert_token(tx, row, Authorship::of(operator)).await?)
}

fn refusal(message: String) -> Error {
    Error::bad_request(message).with_code(Code::InvalidParameter)
}
