//! The services of an environment as its meta servers list them, and the health of one of them, for
//! the page about the system. Reads the lists each time: the page is there to find what calls,
//! which remember the services that answered, do not show.

use std::borrow::Cow;

use castalia_core::protocol::route::{ADMIN_SERVICES_PATH, CONFIG_SERVICES_PATH};
use castalia_core::protocol::wire::ServiceInstance;
use castalia_core::redact::without_credentials;
use futures_util::future::try_join;
use reqwest::Client;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::call::{Environment, Transport};
use super::remote::{Timeouts, body, client};
use crate::error::{Code, Error, Result};

/// Maximum length of a list of services and of a health report, in bytes.
const ANSWER: usize = 1024 * 1024;

/// The live services of one environment.
#[derive(Debug, Default)]
pub struct Services {
    /// Config services.
    pub config: Vec<ServiceInstance>,
    /// Admin services.
    pub admin: Vec<ServiceInstance>,
}

impl Environment {
    /// Whether this process serves its admin API.
    #[must_use]
    pub fn is_in_process(&self) -> bool {
        matches!(self.transport, Transport::InProcess(_))
    }

    /// Addresses of its meta servers, separated by commas and without credentials; `None` if none
    /// is configured, or if this process is one.
    #[must_use]
    pub fn meta_servers(&self) -> Option<Cow<'_, str>> {
        self.addresses().map(without_credentials)
    }

    /// The same with credentials.
    fn addresses(&self) -> Option<&str> {
        match &self.transport {
            Transport::Remote(remote) => Some(&remote.meta),
            Transport::InProcess(_) | Transport::Unreachable => None,
        }
    }

    /// The services that its meta servers list, of which the first that answers is used.
    ///
    /// # Errors
    /// Fails if no meta server is configured, or if none answers with a list.
    pub async fn services(&self) -> Result<Services> {
        let unknown = || {
            let message = format!("No meta server of {} is configured.", self.name);
            Error::service(message).with_code(Code::EnvUnreachable)
        };
        let meta = self.addresses().ok_or_else(unknown)?;
        let client = self.client()?;
        let mut failure = None;
        for server in meta.split(',').map(str::trim).filter(|server| !server.is_empty()) {
            let server = server.trim_end_matches('/');
            let list = |path: &str| self.read(&client, format!("{server}{path}"));
            match try_join(list(CONFIG_SERVICES_PATH), list(ADMIN_SERVICES_PATH)).await {
                Ok((config, admin)) => return Ok(Services { config, admin }),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(unknown))
    }

    /// The health report of a service, whether it is good or bad.
    ///
    /// # Errors
    /// Fails if the service does not answer with a report.
    pub async fn health<T: DeserializeOwned>(&self, service: &ServiceInstance) -> Result<T> {
        let url = format!("{}/health", service.homepage_url.trim_end_matches('/'));
        self.read(&self.client()?, url).await
    }

    fn client(&self) -> Result<Client> {
        client(Timeouts::of(&self.config))
    }

    /// Reads a JSON document whatever its status: an unhealthy service reports with 503.
    async fn read<T: DeserializeOwned>(&self, client: &Client, url: String) -> Result<T> {
        let shown = without_credentials(&url);
        let failed = |problem: String| {
            Error::service(format!("{shown} {problem}")).with_code(Code::EnvUnreachable)
        };
        let answer = async {
            let response = client.get(&url).send().await?;
            Ok((response.status(), body(response, ANSWER).await?))
        };
        let Timeouts { connect, read } = Timeouts::of(&self.config);
        let (status, body) = timeout(connect + read, answer)
            .await
            .map_err(|_| failed("does not answer in time.".to_owned()))?
            .map_err(|error: reqwest::Error| {
                failed("does not answer.".to_owned()).caused_by(error.without_url())
            })?;
        let parsed = body.and_then(|body| serde_json::from_slice(&body).ok());
        parsed.ok_or_else(|| failed(format!("answers {status} with something else.")))
    }
}
