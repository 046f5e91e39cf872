//! Which admin services compare `Castalia-Revision`. Apollo's ignore it: a change that their caller
//! wants refused if somebody else changed the object would overwrite it.

use std::collections::HashMap;
use std::time::Duration;

use castalia_core::redact::without_credentials;
use parking_lot::Mutex;
use reqwest::Client;
use tokio::time::Instant;

use super::Call;
use super::remote::body;
use super::revision::base;
use crate::error::{Code, Error};
use crate::http::health::{PRODUCT, VERSION_PATH};

/// How long an answer is valid: another program may be started at an address.
const VALID: Duration = Duration::from_secs(5);
/// Maximum duration of the question.
const LONGEST: Duration = Duration::from_secs(5);
/// Maximum length of the answer, in bytes.
const VERSION: usize = 256;

/// The admin services that said that they are Castalia's, and when.
#[derive(Debug, Default)]
pub(super) struct Comparing(Mutex<HashMap<String, Instant>>);

impl Comparing {
    /// Whether the service does with the call what its caller wants. The portal's own revisions are
    /// those of a service's answer, so that they need no question.
    pub(super) async fn suits(
        &self,
        call: &Call,
        client: &Client,
        service: &str,
    ) -> reqwest::Result<bool> {
        if call.revision.is_none() || call.revision != base() {
            return Ok(true);
        }
        if self.0.lock().get(service).is_some_and(|told| told.elapsed() < VALID) {
            return Ok(true);
        }
        let url = format!("{}{VERSION_PATH}", service.trim_end_matches('/'));
        let answer = client.get(url).timeout(LONGEST).send().await?;
        let is_found = answer.status().is_success();
        let version = body(answer, VERSION).await?.filter(|_| is_found);
        let is_own = version.is_some_and(|version| version.starts_with(PRODUCT.as_bytes()));
        if is_own {
            self.0.lock().insert(service.to_owned(), Instant::now());
        }
        Ok(is_own)
    }
}

/// The error for a change whose revision every service would ignore, such as this one.
pub(super) fn refusal(service: &str) -> Error {
    let service = without_credentials(service);
    let message = format!(
        "The admin service {service} cannot compare Castalia-Revision: it is Apollo's. Send the change without the header."
    );
    Error::bad_request(message).with_code(Code::UnsupportedByEnv)
}
