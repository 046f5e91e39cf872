//! Another environment: its meta servers list its admin services, which are tried in turn. Answers
//! of an admin service are passed to the caller unchanged, errors included.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use castalia_core::discovery::{Discovery, DiscoveryOptions, ServiceUrl};
use castalia_core::protocol::route::ADMIN_SERVICES_PATH;
use castalia_core::redact::without_credentials;
use castalia_core::transport::{HttpOptions, ReqwestClient, Transport};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};
use reqwest::Client;
use reqwest::redirect::Policy;

use super::call::{Answer, Call};
use super::comparing::{self, Comparing};
use super::probe::{Probes, REFRESH};
use crate::environment::audit;
use crate::error::{Code, Error, Reaction, Result};
use crate::http::revision::REVISION;
use crate::json;
use crate::outgoing;
use crate::server_config::{ServerConfig, keys};

/// Maximum answer to any other call, in bytes: more than any namespace or page needs.
const ANSWER: usize = 64 * 1024 * 1024;
/// Maximum duration of a call as a whole, even if data keeps arriving; longer if the read time-out
/// is longer.
const CALL: Duration = Duration::from_secs(60);
/// Maximum list of services, in bytes.
const LIST: usize = 1024 * 1024;
/// Maximum requests to a meta server per second.
const QUESTIONS: f64 = 2.0;

/// Time-outs of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timeouts {
    pub(super) connect: Duration,
    pub(super) read: Duration,
}

impl Timeouts {
    /// Those of the portal's settings at present.
    pub(super) fn of(config: &ServerConfig) -> Self {
        Self { connect: config.get(&keys::CONNECT_TIMEOUT), read: config.get(&keys::READ_TIMEOUT) }
    }
}

pub(super) struct Remote {
    /// Addresses of the meta servers, separated by commas. They may contain credentials, and so
    /// may those of the services.
    pub(super) meta: String,
    pub(super) discovery: Discovery,
    client: Client,
    pub(super) timeouts: Timeouts,
    pub(super) probes: Probes,
    comparing: Comparing,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({})", without_credentials(&self.meta))
    }
}

impl Remote {
    /// `meta` lists the meta servers; sends no request yet.
    pub(super) fn new(meta: &str, timeouts: Timeouts) -> Result<Self> {
        let servers = meta.split(',').map(str::trim).filter(|server| !server.is_empty());
        let options = DiscoveryOptions {
            path: ADMIN_SERVICES_PATH,
            app_id: String::new(),
            client_ip: None,
            meta_servers: servers.map(str::to_owned).collect(),
            read_timeout: timeouts.read,
            refresh_interval: REFRESH,
            per_second: QUESTIONS,
            rewrite: None,
            random: fastrand::Rng::new(),
        };
        Ok(Self {
            meta: meta.to_owned(),
            discovery: Discovery::new(transport(timeouts)?, options),
            client: client(timeouts)?,
            timeouts,
            probes: Probes::default(),
            comparing: Comparing::default(),
        })
    }

    /// Tries the services in turn. A read continues with the next one after any network failure; a
    /// write only if the service cannot have received it. None is tried if the last probes got no
    /// answer.
    pub(super) async fn call(&self, call: &Call, token: Option<&str>) -> Result<Answer> {
        self.probes.require_answers()?;
        self.call_within(call, token, ANSWER).await
    }

    /// The same whatever the last probes found, with a maximum answer in bytes.
    pub(super) async fn call_within(
        &self,
        call: &Call,
        token: Option<&str>,
        limit: usize,
    ) -> Result<Answer> {
        let services = self.discovery.services().await.map_err(|error| {
            self.away("No available admin server. Maybe because of meta server down or all admin server down.")
                .caused_by(error)
        })?;
        let mut unsuited = None;
        for service in services {
            match self.comparing.suits(call, &self.client, &service).await {
                Ok(true) => {}
                Ok(false) => {
                    unsuited = Some(service);
                    continue;
                }
                Err(error) => {
                    self.note_silence(&service, &error.without_url());
                    continue;
                }
            }
            match self.send(&service, call, token, limit).await {
                Ok((status, headers, Some(body))) => {
                    self.discovery.report(&service, true);
                    return Ok(Answer::new(&headers, answer(status, body)?));
                }
                Ok((status, _, None)) => {
                    self.discovery.report(&service, false);
                    let service = without_credentials(&service);
                    return Err(Error::service(format!(
                        "The admin service {service} answered {status} with more than {limit} bytes; \
                         check which server runs at this address."
                    ))
                    .with_code(Code::EnvAnswerTooLong));
                }
                Err(error) => {
                    let error = error.without_url();
                    self.note_silence(&service, &error);
                    if !(error.is_connect() || call.method == Method::GET) {
                        return Err(self.away("Admin servers are unresponsive.").caused_by(error));
                    }
                }
            }
        }
        Err(match unsuited {
            Some(service) => comparing::refusal(&service),
            None => self.away("Admin servers are unresponsive."),
        })
    }

    fn note_silence(&self, service: &ServiceUrl, error: &reqwest::Error) {
        self.discovery.report(service, false);
        let service_url = &*without_credentials(service);
        tracing::debug!(service_url, %error, "an admin service does not answer");
    }

    async fn send(
        &self,
        service: &ServiceUrl,
        call: &Call,
        token: Option<&str>,
        limit: usize,
    ) -> reqwest::Result<(StatusCode, HeaderMap, Option<Bytes>)> {
        let url = format!("{}{}", service.trim_end_matches('/'), call.path);
        let whole = self.timeouts.read.max(CALL);
        let mut request = self.client.request(call.method.clone(), url).timeout(whole);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, token);
        }
        if let Some(base) = &call.revision {
            request = request.header(REVISION, base);
        }
        for (name, value) in audit::headers(call.span.as_ref()) {
            request = request.header(name, value);
        }
        if let Some((kind, text)) = &call.body {
            request = request.header(CONTENT_TYPE, *kind).body(text.clone());
        }
        let mut response = request.send().await?;
        let headers = std::mem::take(response.headers_mut());
        Ok((response.status(), headers, body(response, limit).await?))
    }

    /// Scripts of Apollo's portal search for the beginnings of these messages.
    pub(super) fn away(&self, problem: &str) -> Error {
        let meta = without_credentials(&self.meta);
        Error::service(format!("{problem} Meta server address: {meta}"))
            .with_code(Code::EnvUnreachable)
    }
}

/// Reads the body; `None` if it is longer than the limit, in which case no more than that is read.
pub(super) async fn body(
    mut response: reqwest::Response,
    limit: usize,
) -> reqwest::Result<Option<Bytes>> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

/// An error answer of an admin service, to be passed to the caller unchanged.
#[derive(Debug, Clone)]
pub(crate) struct Relayed {
    status: StatusCode,
    body: Bytes,
}

impl Relayed {
    /// The answer in an error, if it came from an admin service.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        std::error::Error::source(error)?.downcast_ref::<Self>().cloned()
    }

    /// The faults in a health report of Castalia.
    pub(super) fn faults(&self) -> Option<String> {
        let report: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        report["status"]["description"].as_str().map(str::to_owned)
    }
}

impl fmt::Display for Relayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an admin service answered {}", self.status)
    }
}

impl std::error::Error for Relayed {}

impl IntoResponse for Relayed {
    fn into_response(self) -> Response {
        (self.status, [(CONTENT_TYPE, json::JSON_TYPE)], self.body).into_response()
    }
}

fn answer(status: StatusCode, body: Bytes) -> Result<Bytes> {
    if status.is_success() {
        return Ok(body);
    }
    let parsed: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let exception = parsed.as_ref().and_then(|body| body["exception"].as_str());
    let reaction = match status {
        // Apollo's answer for a path that its version does not have.
        _ if exception.is_some_and(|class| class.ends_with(".NoResourceFoundException")) => {
            Reaction::NotFound
        }
        // The portal's own credentials are wrong, not the caller's.
        StatusCode::UNAUTHORIZED => {
            let message = "The admin service refuses the portal; set its token in admin-service.access.tokens.";
            return Err(Error::service(message).with_code(Code::EnvRefusesPortal));
        }
        StatusCode::FORBIDDEN => Reaction::Forbidden,
        StatusCode::NOT_FOUND => Reaction::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Reaction::MethodNotAllowed,
        StatusCode::CONFLICT => Reaction::Conflict,
        StatusCode::PAYLOAD_TOO_LARGE => Reaction::TooLarge,
        StatusCode::TOO_MANY_REQUESTS => Reaction::TooMany,
        status if status.is_client_error() => Reaction::BadRequest,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Reaction::Unavailable
        }
        _ => Reaction::Service,
    };
    let message = parsed.as_ref().and_then(|body| body["message"].as_str());
    let message =
        message.map_or_else(|| format!("An admin service answered {status}."), str::to_owned);
    let mut error = Error::new(reaction, message);
    if let Some(code) = parsed.as_ref().and_then(code_of) {
        error = error.with_code(code);
    }
    Err(if parsed.is_some() { error.caused_by(Relayed { status, body }) } else { error })
}

/// The code in the answer of an admin service; Apollo's have none. Those that only a portal sets
/// are not accepted: they say what the portal found out about an environment.
fn code_of(body: &serde_json::Value) -> Option<Code> {
    use Code::{EnvAnswerTooLong, EnvRefusesPortal, EnvUnreachable, PartlyFailed};
    let code = Code::from_name(body["code"].as_str()?)?;
    let is_of_portals =
        matches!(code, EnvAnswerTooLong | EnvRefusesPortal | EnvUnreachable | PartlyFailed);
    (!is_of_portals).then_some(code)
}

fn transport(timeouts: Timeouts) -> Result<Transport> {
    let options = HttpOptions {
        connect_timeout: timeouts.connect,
        ca_file: None,
        system_proxy: false,
        user_agent: agent(),
    };
    let client = ReqwestClient::new(&options)
        .map_err(|error| Error::internal("cannot prepare the HTTP client", error))?;
    Ok(Transport::new(Arc::new(client), LIST))
}

/// A client for requests to one environment.
pub(super) fn client(timeouts: Timeouts) -> Result<Client> {
    let client = outgoing::client()
        // Environments are internal, as for Apollo, and no proxy may see their tokens.
        .no_proxy()
        .connect_timeout(timeouts.connect)
        .read_timeout(timeouts.read)
        .user_agent(agent())
        // An address that is not in the environment's list must not be contacted.
        .redirect(Policy::none())
        // `Remote::call` decides about repetitions: a write must not be sent twice.
        .retry(reqwest::retry::never())
        .http1_only()
        .build();
    client.map_err(|error| Error::internal("cannot prepare the HTTP client", error))
}

fn agent() -> String {
    format!("castalia/{}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_admin_service_refuses_is_relayed_as_it_is() {
        let body = r#"{"status":404,"message":"item not found","exception":"X","own":1}"#;
        let error = answer(StatusCode::NOT_FOUND, Bytes::from(body)).unwrap_err();
        assert_eq!((error.reaction(), error.message()), (Reaction::NotFound, "item not found"));
        let relayed = Relayed::of(&error).unwrap();
        assert_eq!((relayed.status, &relayed.body[..]), (StatusCode::NOT_FOUND, body.as_bytes()));
    }

    /// X166: the portal decides by them, such as whether a repeated restoration has been made.
    #[test]
    fn codes_of_an_admin_service_are_kept() {
        let code = |name: &str| {
            let body = format!(r#"{{"message":"refused","code":"{name}"}}"#);
            answer(StatusCode::BAD_REQUEST, Bytes::from(body)).unwrap_err().code()
        };
        assert_eq!(code("not_deleted"), Code::NotDeleted);
        for other in ["env_unreachable", "env_refuses_portal", "partly_failed", "none of ours"] {
            assert_eq!(code(other), Code::BadRequest, "{other}");
        }
    }

    #[test]
    fn a_path_that_apollo_does_not_have_is_not_found() {
        let body = r#"{"status":500,"message":"No static resource apps/a/clusters/b/contents.",
            "exception":"org.springframework.web.servlet.resource.NoResourceFoundException"}"#;
        let error = answer(StatusCode::INTERNAL_SERVER_ERROR, Bytes::from(body)).unwrap_err();
        assert_eq!(error.reaction(), Reaction::NotFound);
    }

    #[test]
    fn a_page_of_something_in_between_is_not_relayed() {
        for (status, reaction) in [
            (StatusCode::BAD_GATEWAY, Reaction::Unavailable),
            (StatusCode::SERVICE_UNAVAILABLE, Reaction::Unavailable),
            (StatusCode::GATEWAY_TIMEOUT, Reaction::Unavailable),
            (StatusCode::INTERNAL_SERVER_ERROR, Reaction::Service),
        ] {
            let error = answer(status, Bytes::from("<html>")).unwrap_err();
            assert_eq!(error.reaction(), reaction);
            assert!(Relayed::of(&error).is_none());
        }
    }

    #[test]
    fn a_wrong_token_of_the_portal_is_not_the_callers() {
        let error = answer(StatusCode::UNAUTHORIZED, Bytes::from("{}")).unwrap_err();
        assert_eq!(error.reaction(), Reaction::Service);
        assert!(error.message().contains("admin-service.access.tokens"));
    }
}
