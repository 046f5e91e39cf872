//! Sends one delivery to a webhook: the body with a delivery id and, if the webhook has a secret, a
//! signature over time and body. The body of the answer is not read.

use castalia_store::{Secret, now};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Request;
use http::header::{CONTENT_TYPE, USER_AGENT};
use reqwest::Url;
use sha2::Sha256;

use crate::domain::notice::{Attempt, Delivery, DeliveryKind, Notice};
use crate::domain::webhook::{self, DELETED};
use crate::error::Result;
use crate::outgoing::guarded::{CallError, GuardedClient};
use crate::state::PortalState;

const DELIVERY_HEADER: &str = "castalia-delivery";
const TIMESTAMP_HEADER: &str = "castalia-timestamp";
const SIGNATURE_HEADER: &str = "castalia-signature";
const AGENT: &str = concat!("castalia/", env!("CARGO_PKG_VERSION"));

/// Makes one attempt. Fails only if the database cannot be read.
pub(super) async fn send(
    state: &PortalState,
    client: &GuardedClient,
    delivery: &Delivery,
    notice: Notice,
) -> Result<Attempt> {
    let (url, secret) = match delivery.webhook_id.0 {
        0 => (delivery.target.clone(), None),
        _ => {
            let webhooks = webhook::all(&state.store).await?;
            let found = webhooks.into_iter().find(|found| found.id == delivery.webhook_id);
            let is_test = delivery.kind.0 == DeliveryKind::Test as i16;
            let Some(found) = found.filter(|found| found.is_enabled || is_test) else {
                return Ok(lasting(DELETED));
            };
            (found.url, Some(found.secret))
        }
    };
    let Some(mut url) = webhook::address(&url) else {
        return Ok(lasting("The address cannot be called"));
    };
    url.query_pairs_mut().append_pair("env", &notice.env);
    let Some(body) = notice.body else { return Ok(lasting("The body cannot be read")) };
    let request = request(&url, &delivery.delivery_key, secret.as_ref(), body);
    Ok(match request {
        Ok(request) => conclude(&url, client.status(request).await),
        Err(_) => lasting("The address cannot be called"),
    })
}

fn request(
    url: &Url,
    delivery_key: &str,
    secret: Option<&Secret>,
    body: String,
) -> std::result::Result<Request<Vec<u8>>, http::Error> {
    let timestamp = now().timestamp().to_string();
    let mut request = Request::post(url.as_str())
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, AGENT)
        .header(DELIVERY_HEADER, delivery_key)
        .header(TIMESTAMP_HEADER, &timestamp);
    if let Some(secret) = secret {
        request = request.header(SIGNATURE_HEADER, signature(secret, &timestamp, &body));
    }
    request.body(body.into_bytes())
}

/// `sha256=` and the HMAC over the timestamp, a dot and the body, in hexadecimal digits.
fn signature(secret: &Secret, timestamp: &str, body: &str) -> String {
    #[expect(clippy::expect_used, reason = "HMAC accepts keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes any key length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn conclude(url: &Url, answer: std::result::Result<http::StatusCode, CallError>) -> Attempt {
    let problem = match &answer {
        Ok(status) if status.is_success() => None,
        Ok(status) if status.is_redirection() => Some("The answer is a redirect"),
        Ok(_) => Some("The answer is an error"),
        // The text of the error stays in the log of the node: it may name internal addresses.
        Err(error) => {
            tracing::debug!(host = url.host_str(), %error, "a webhook cannot be called");
            Some(problem_of(error))
        }
    };
    let status = answer.map_or(0, |status| i16::try_from(status.as_u16()).unwrap_or_default());
    Attempt { status, problem: problem.map(str::to_owned), ..Attempt::default() }
}

fn problem_of(error: &CallError) -> &'static str {
    match error {
        CallError::TimedOut => "There was no answer in time",
        CallError::Refused(_) => REFUSED,
        CallError::Unreachable(_) => "The connection cannot be opened",
        CallError::Failed(_) => "The connection failed",
        CallError::TooLarge | CallError::Invalid(_) => "The request or the answer is not valid",
    }
}

const REFUSED: &str = "The address is internal and not in security.webhook_hosts";

fn lasting(problem: &str) -> Attempt {
    Attempt { problem: Some(problem.to_owned()), is_final: true, ..Attempt::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_is_the_one_that_the_examples_verify() {
        let secret = Secret::new("0123456789abcdef");
        // echo -n '1700000000.{"appId":"demo"}' | openssl dgst -sha256 -hmac 0123456789abcdef
        assert_eq!(
            signature(&secret, "1700000000", r#"{"appId":"demo"}"#),
            "sha256=c232b82b803d649ca01842c1241d8773d48f83d6eb10f71d2ef2a86b1c99e58f"
        );
    }
}
