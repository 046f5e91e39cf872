//! Replaces the token of a consumer. Its roles belong to the consumer, and stay.

use chrono::{Local, NaiveDateTime, TimeDelta};

use castalia_store::consumer::{self, ConsumerToken, ConsumerTokenRow};
use castalia_store::{Authorship, Secret, Store, Transaction, now};

use super::registration::unknown;
use super::{never, random, stored_form};
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
    operator: String,
}

/// Creates a token that replaces those of a consumer, with the rate limit and the end of the newest
/// one. The earlier ones are valid for another `overlap` seconds, so that the consumer can be given
/// the new one meanwhile. Returns the row and the token.
///
/// # Errors
/// Fails if there is no such consumer, or if the overlap is too long. A Java portal on the same
/// database reads one token for each consumer only, so that none is possible there.
pub async fn rotate(
    store: &Store,
    installation: Installation,
    app_id: &str,
    overlap: u32,
    operator: &str,
) -> Result<(ConsumerToken, String)> {
    let refusal =
        |message: String| Err(Error::bad_request(message).with_code(Code::InvalidParameter));
    if overlap > LONGEST {
        return refusal(format!("overlap is at most {LONGEST} seconds"));
    }
    if overlap > 0 && installation == Installation::Adopted {
        let message = "overlap must be 0 on a database that Apollo created: its portal fails if a consumer has two tokens";
        return refusal(message.to_owned());
    }
    let text = random()?;
    let now = now().with_timezone(&Local).naive_local();
    let rotation = Rotation {
        app_id: app_id.to_owned(),
        stored: stored_form(installation, &text),
        now,
        end: (overlap > 0).then(|| now + TimeDelta::seconds(overlap.into())),
        operator: operator.to_owned(),
    };
    let made = store.write(rotation, |tx, rotation| Box::pin(rotate_in(tx, rotation))).await?;
    Ok((made, text))
}

async fn rotate_in(tx: &Transaction, rotation: &Rotation) -> Result<ConsumerToken> {
    let Rotation { app_id, stored, now, end, operator } = rotation;
    let found = consumer::lock(tx, app_id).await?.ok_or_else(unknown)?;
    let newest = consumer::tokens(tx, found.id).await?.pop();
    let expires = newest.as_ref().map(|token| *token.expires).filter(|expires| expires > now);
    consumer::end_tokens(tx, found.id, *end, operator).await?;
    let row = ConsumerTokenRow {
        consumer_id: Some(found.id),
        token: stored.clone(),
        rate_limit: newest.map_or(0, |token| token.rate_limit),
        expires: expires.unwrap_or_else(never).into(),
    };
    Ok(consumer::insert_token(tx, row, Authorship::of(operator)).await?)
}
