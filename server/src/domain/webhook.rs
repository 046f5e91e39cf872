//! Webhooks that administrators register: what they may contain. Knows neither deliveries nor HTTP.

pub use castalia_store::notice::webhook::{Webhook, WebhookDefinition};

use castalia_store::notice::{delivery, webhook};
use castalia_store::{Id, Secret, Store, Transaction};
use reqwest::Url;

use super::constraint::{APP_ID, check_members};
use super::revision::{Base, Replaced, Revision};
use crate::error::{Code, Error, Result};
use crate::settings::environment::normalise;

/// Maximum number of webhooks: each has a queue of deliveries.
const MANY: usize = 100;
/// Problem in the delivery log of the deliveries that wait when their webhook is deleted.
pub const DELETED: &str = "The webhook was deleted or disabled";
/// Widths of the columns, in characters.
const TEXT: usize = 1024;
/// Lengths of a secret, in bytes.
const SECRET: std::ops::RangeInclusive<usize> = 16..=128;

/// Registers a webhook, and returns it with its secret, which is generated unless it is given.
///
/// # Errors
/// Fails if the definition is invalid, or if there are too many webhooks.
pub async fn create(store: &Store, new: WebhookDefinition, operator: &str) -> Result<Webhook> {
    let mut new = checked(new)?;
    if new.secret.is_none() {
        new.secret = Some(Secret::new(random_hex::<32>()?));
    }
    if webhook::all(store.read()).await?.len() >= MANY {
        let message = format!("There are {MANY} webhooks; delete one first");
        return Err(Error::bad_request(message).with_code(Code::TooManyWebhooks));
    }
    let input = (new, operator.to_owned());
    store
        .write(input, |tx, (new, operator)| {
            Box::pin(async move { Ok(webhook::insert(tx, new, operator).await?) })
        })
        .await
}

/// The revision of a webhook. The secret is no part of it: who guesses one could compare the
/// digest.
#[must_use]
pub fn revision(row: &Webhook) -> Revision {
    Revision::of_texts(texts(row).map(|(_, text)| Some(text)))
}

/// Members with their texts, as they are stored.
fn texts(row: &Webhook) -> [(&'static str, &str); 4] {
    [
        ("url", row.url.as_str()),
        ("envs", row.envs.as_str()),
        ("appId", row.app_id.as_str()),
        ("enabled", enabled_text(row.is_enabled)),
    ]
}

fn enabled_text(is_enabled: bool) -> &'static str {
    if is_enabled { "true" } else { "false" }
}

/// Rejects a change that is based on another revision; a deletion has no new definition. Locks the
/// webhook.
async fn check_base(
    tx: &Transaction,
    id: Id,
    base: &Base,
    new: Option<&WebhookDefinition>,
) -> Result<()> {
    // A row that cannot be decoded can be replaced by a change without a revision.
    if !base.is_stated() {
        return Ok(());
    }
    let old = webhook::lock(tx, id).await?.ok_or_else(unknown)?;
    let yours = new
        .map(|new| [new.url.as_str(), &new.envs, &new.app_id, enabled_text(new.is_enabled)])
        .map_or([None; 4], |texts| texts.map(Some));
    let compared: Vec<_> = texts(&old)
        .into_iter()
        .zip(yours)
        .map(|((name, theirs), yours)| (name, yours, Some(theirs)))
        .collect();
    base.check_row(&Replaced {
        what: "webhook",
        texts: &compared,
        by: Some(&old.last_modified_by),
        at: Some(*old.last_time),
    })
}

/// Changes a webhook; without a secret, it keeps its own.
///
/// # Errors
/// Fails if the definition is invalid, if there is no such webhook, and if it has changed since
/// `base`.
pub async fn change(
    store: &Store,
    id: Id,
    new: WebhookDefinition,
    operator: &str,
    base: Base,
) -> Result<Webhook> {
    let input = (checked(new)?, operator.to_owned(), base);
    store
        .write(input, move |tx, (new, operator, base)| {
            Box::pin(async move {
                check_base(tx, id, base, Some(new)).await?;
                webhook::update(tx, id, new, operator).await?;
                webhook::find(tx, id).await?.ok_or_else(unknown)
            })
        })
        .await
}

/// Deletes a webhook; its pending deliveries fail.
///
/// # Errors
/// Fails if there is no such webhook, and if it has changed since `base`.
pub async fn delete(store: &Store, id: Id, base: Base) -> Result<()> {
    store
        .write(base, move |tx, base| {
            Box::pin(async move {
                check_base(tx, id, base, None).await?;
                if !webhook::delete(tx, id).await? {
                    return Err(unknown());
                }
                Ok(delivery::fail_pending(tx, id, DELETED).await?)
            })
        })
        .await
}

/// All webhooks.
pub async fn all(store: &Store) -> Result<Vec<Webhook>> {
    Ok(webhook::all(store.read()).await?)
}

/// The webhook with this id.
///
/// # Errors
/// Fails if there is no such webhook.
pub async fn existing(store: &Store, id: Id) -> Result<Webhook> {
    webhook::find(store.read(), id).await?.ok_or_else(unknown)
}

/// Whether a webhook is called after publishes of this app in this environment.
#[must_use]
pub fn concerns(webhook: &Webhook, env: &str, app_id: &str) -> bool {
    let mut envs = webhook.envs.split(',').filter(|name| !name.is_empty()).peekable();
    let is_in_env = envs.peek().is_none() || envs.any(|name| name == env);
    webhook.is_enabled && is_in_env && (webhook.app_id.is_empty() || webhook.app_id == app_id)
}

/// An address that can be called.
#[must_use]
pub fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= TEXT)?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain).then_some(url)
}

fn checked(new: WebhookDefinition) -> Result<WebhookDefinition> {
    let invalid = |message: &str| Error::bad_request(message).with_code(Code::InvalidWebhook);
    if address(&new.url).is_none() {
        return Err(invalid(
            "url must be an http or https address of at most 1024 characters without a password",
        ));
    }
    if new.secret.as_ref().is_some_and(|secret| !SECRET.contains(&secret.expose().len())) {
        return Err(invalid("secret must have 16 to 128 bytes"));
    }
    let envs = new.envs.split(',').map(str::trim).filter(|name| !name.is_empty());
    let envs = envs.map(normalise).collect::<Vec<_>>().join(",");
    check_members([("envs", Some(&*envs), TEXT), ("appId", Some(&*new.app_id), APP_ID)])?;
    Ok(WebhookDefinition { envs, ..new })
}

fn unknown() -> Error {
    Error::not_found("There is no such webhook").with_code(Code::UnknownWebhook)
}

/// Random bytes as a text.
pub(super) fn random_hex<const N: usize>() -> Result<String> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::internal("cannot generate random bytes", error))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_can_be_called_are_accepted() {
        for text in [
            "",
            "hook",
            "/hook",
            "file:///etc/passwd",
            "gopher://a/",
            "http://",
            "http://u:p@a/",
            "http://u@a/",
        ] {
            assert!(address(text).is_none(), "{text}");
        }
        assert!(address(&format!("http://a/{}", "x".repeat(1024))).is_none());
        assert!(address("https://a.example/hook?x=1").is_some());
    }
}
