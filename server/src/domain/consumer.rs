//! Consumers of OpenAPI: finds the owner of a token, creates tokens, and records calls.

pub mod registration;
pub mod revision;
pub mod rotation;

pub use castalia_store::consumer::ConsumerCall;
pub use castalia_store::consumer::last_use::ConsumerUse;

use castalia_store::consumer::{ConsumerRow, ConsumerTokenRow, last_use};
use castalia_store::{Authorship, Id, Secret, Store, Transaction, app, consumer, now};
use chrono::{Local, NaiveDate, NaiveDateTime};
use sha2::{Digest as _, Sha256};

use crate::domain::constraint::check_name;
use crate::domain::permission::NamedRole;
use crate::domain::permission::grant::{self, Grantee};
use crate::domain::permission::requirement::Consumer;
use crate::domain::unique;
use crate::domain::user::{self, ADMINISTRATOR};
use crate::error::{Code, Error, Result};
use crate::settings::Installation;

/// Prefix of stored tokens of which only the hash is kept.
const HASHED: &str = "sha256:";
/// Widths of the columns of recorded calls, in characters.
const URI: usize = 1024;
const METHOD: usize = 16;
/// Width of a consumer's id, in characters.
const APP_ID: usize = 64;

/// A call at the present time, to be recorded; long texts are cut.
#[must_use]
pub fn call(consumer: &Consumer, method: &str, uri: &str) -> ConsumerCall {
    let cut = |text: &str, width| text.chars().take(width).collect();
    ConsumerCall {
        consumer_id: consumer.id,
        method: cut(method, METHOD),
        uri: cut(uri, URI),
        time: now(),
    }
}

/// A use of its token at the present time, to be recorded.
#[must_use]
pub fn usage(consumer: &Consumer) -> ConsumerUse {
    ConsumerUse { consumer_id: consumer.id, time: now() }
}

/// A consumer, as its token identifies it.
#[derive(Debug, Clone)]
pub struct Presented {
    /// The consumer.
    pub consumer: Consumer,
    /// Row id of the token.
    pub token_id: Id,
    /// Maximum number of requests with the token per second; 0 for no limit.
    pub rate_limit: i32,
}

/// The consumer that owns a token.
pub async fn of_token(store: &Store, token: &str) -> Result<Option<Presented>> {
    let clock = local_time();
    let found = match consumer::token(store.read(), &hashed(token), clock).await? {
        Some(row) => Some(row),
        // A hash that was read from the database must not be accepted as a token.
        None if token.starts_with(HASHED) || token.is_empty() => None,
        None => consumer::token(store.read(), token, clock).await?,
    };
    let Some(token) = found else { return Ok(None) };
    let Some(id) = token.consumer_id else { return Ok(None) };
    let row = match consumer::by_id(store.read(), id).await {
        Err(error) if error.is_unreadable() => None,
        found => found?,
    };
    let Some(row) = row else { return Ok(None) };
    let all_apps = consumer::has_all_apps(store.read(), id).await?;
    let consumer = Consumer { id, app_id: row.app_id, all_apps };
    Ok(Some(Presented { consumer, token_id: token.id, rate_limit: token.rate_limit }))
}

/// A token that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// The token itself, which the consumer presents.
    pub text: String,
    /// Number of earlier tokens of the consumer. Permissions belong to the consumer, so these gain
    /// the new ones as well.
    pub older: usize,
}

/// Creates a token for the consumer of this name, and the consumer if it does not exist, with
/// administrator permissions for the given apps, or for all.
///
/// # Errors
/// Fails if the name is invalid, if an app does not exist, or if the consumer has a token on a
/// database that Apollo created.
pub async fn create_token(
    store: &Store,
    installation: Installation,
    name: &str,
    apps: &[String],
    all_apps: bool,
) -> Result<NewToken> {
    check_app_id(name)?;
    for app_id in apps {
        if app::by_app_id(store.read(), app_id).await?.is_none() {
            return Err(Error::bad_request(format!(
                "App `{app_id}` does not exist; create it first"
            )));
        }
    }
    let token = random()?;
    let stored = stored_form(installation, &token);
    let email = user::find(store, ADMINISTRATOR).await?.map(|user| user.email).unwrap_or_default();
    let wanted = NewConsumer {
        installation,
        name: name.to_owned(),
        email,
        stored,
        apps: apps.to_vec(),
        all_apps,
    };
    let older = unique::write(store, wanted, |tx, wanted| Box::pin(create_in(tx, wanted))).await?;
    Ok(NewToken { text: token, older })
}

/// Stores recorded calls.
pub async fn record_calls(store: &Store, calls: Vec<ConsumerCall>) -> Result<()> {
    Ok(store.write(calls, |tx, calls| Box::pin(consumer::record_calls(tx, calls))).await?)
}

/// Stores recorded uses.
pub async fn record_uses(store: &Store, uses: Vec<ConsumerUse>) -> Result<()> {
    Ok(last_use::record(store, uses).await?)
}

#[derive(Debug, Clone)]
struct NewConsumer {
    installation: Installation,
    name: String,
    email: String,
    stored: Secret,
    apps: Vec<String>,
    all_apps: bool,
}

/// Returns the number of earlier tokens of the consumer.
async fn create_in(tx: &Transaction, wanted: &NewConsumer) -> Result<usize> {
    let author = Authorship::of(ADMINISTRATOR);
    // Locked, because it may be deleted at the same time.
    let id = match consumer::lock(tx, &wanted.name).await? {
        Some(found) => found.id,
        None => consumer::insert(tx, new_consumer(wanted), author.clone()).await?.id,
    };
    let older = consumer::tokens(tx, id).await?.len();
    // A Java portal on the same database reads one token for each consumer only.
    if older > 0 && wanted.installation == Installation::Adopted {
        let message = format!(
            "The consumer {} already has a token, and Apollo's portal, which created the database, fails if a consumer has two; rotate the token, or use another name",
            wanted.name
        );
        return Err(Error::bad_request(message).with_code(Code::ConsumerExists));
    }
    let row = ConsumerTokenRow {
        consumer_id: Some(id),
        token: wanted.stored.clone(),
        rate_limit: 0,
        expires: never().into(),
    };
    consumer::insert_token(tx, row, author).await?;
    for app_id in &wanted.apps {
        grant::give(tx, &NamedRole::master(app_id), Grantee::Consumer(id), ADMINISTRATOR).await?;
    }
    if wanted.all_apps {
        consumer::set_all_apps(tx, id, true, ADMINISTRATOR).await?;
        grant::give(tx, &NamedRole::create_application(), Grantee::Consumer(id), ADMINISTRATOR)
            .await?;
    }
    Ok(older)
}

fn new_consumer(wanted: &NewConsumer) -> ConsumerRow {
    ConsumerRow {
        app_id: wanted.name.clone(),
        name: wanted.name.clone(),
        org_id: String::new(),
        org_name: String::new(),
        owner_name: ADMINISTRATOR.to_owned(),
        owner_email: wanted.email.clone(),
    }
}

fn check_app_id(app_id: &str) -> Result<()> {
    check_name(Some(app_id), "consumer")?;
    if app_id.len() > APP_ID {
        return Err(Error::bad_request(format!(
            "The name of a consumer has at most {APP_ID} characters"
        )));
    }
    Ok(())
}

/// The form in which a new token is stored.
fn stored_form(installation: Installation, token: &str) -> Secret {
    Secret::new(match installation {
        Installation::Fresh => hashed(token),
        // A Java portal on the same database looks up tokens without hashing them.
        Installation::Adopted => token.to_owned(),
    })
}

fn hashed(token: &str) -> String {
    format!("{HASHED}{}", hex::encode(Sha256::digest(token.as_bytes())))
}

/// The present time as tokens store theirs.
fn local_time() -> NaiveDateTime {
    now().with_timezone(&Local).naive_local()
}

/// Rejects an end of a new token that has passed.
fn check_end(expires: Option<NaiveDateTime>) -> Result<()> {
    if expires.is_some_and(|expires| expires <= local_time()) {
        let message = "expires is in the past";
        return Err(Error::bad_request(message).with_code(Code::InvalidParameter));
    }
    Ok(())
}

/// Apollo's value for a token that does not expire: 2099.
fn never() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2099, 1, 1).unwrap_or_default().and_time(chrono::NaiveTime::MIN)
}

/// 256 random bits in the format of Apollo's tokens.
fn random() -> Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::internal("cannot generate random bytes", error))?;
    Ok(hex::encode(bytes))
}
