//! Changes of single instances: registrations, heartbeats, departures, overrides and metadata.

use axum::body::Body;
use axum::response::Response;
use castalia_eureka::{Instance, Origin, Refused, Renewal, Status, json, xml};
use http::header::RETRY_AFTER;
use http::{HeaderValue, Method, StatusCode};

use super::body::Format;
use super::path::RegistryPath;
use super::{EurekaPort, EurekaRequest, RefusedRequest, document, empty, failure};

impl EurekaPort {
    pub(super) async fn register(&self, call: &EurekaRequest, app: &str, body: Body) -> Response {
        if let Err(refusal) = self.access.admit_registration(call.peer) {
            return refusal.into_response();
        }
        let received = match self.receive(call, body, &self.registrations).await {
            Ok(received) => received,
            Err(refusal) => return refusal.into_response(),
        };
        let text = match received.text() {
            Ok(text) => text,
            Err(refusal) => return refusal.into_response(),
        };
        let instance = match received.format {
            Format::Json => Instance::from_json(&text),
            Format::Xml => Instance::from_xml(&text),
        };
        let instance = match instance {
            Ok(instance) => instance,
            Err(error) => return failure(StatusCode::BAD_REQUEST, &error.0),
        };
        if instance.app != app {
            let text = format!("Mismatched appName, expecting {app} but was {}", instance.app);
            return failure(StatusCode::BAD_REQUEST, &text);
        }
        match self.eureka.register(instance, call.origin()) {
            Ok(_) => empty(StatusCode::NO_CONTENT),
            Err(refused) => {
                let status = match refused {
                    Refused::App => StatusCode::FORBIDDEN,
                    Refused::OwnId => StatusCode::CONFLICT,
                    Refused::Full => StatusCode::TOO_MANY_REQUESTS,
                };
                let mut response = failure(status, &refused.to_string());
                if refused == Refused::Full {
                    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
                }
                response
            }
        }
    }

    /// A change without a body.
    pub(super) fn change(&self, call: &EurekaRequest, resource: RegistryPath) -> Response {
        let dirty = match call.parameter("lastDirtyTimestamp").map(|text| text.parse()) {
            None => None,
            Some(Ok(dirty)) => Some(dirty),
            Some(Err(_)) => {
                return failure(StatusCode::BAD_REQUEST, "lastDirtyTimestamp is not a number");
            }
        };
        let (origin, is_put) = (call.origin(), call.method == Method::PUT);
        let is_found = match resource {
            RegistryPath::Instance(app, id) if is_put => {
                return self.renew(call, &app, &id, dirty, origin);
            }
            RegistryPath::Instance(app, id) => self.eureka.cancel(&app, &id, origin),
            RegistryPath::Status(app, id) => {
                let status = match call.parameter("value") {
                    None => None,
                    Some(text) => match Status::find(&text) {
                        None => return failure(StatusCode::BAD_REQUEST, "value is not a status"),
                        status => status,
                    },
                };
                match status {
                    Some(status) if is_put => {
                        self.eureka.set_status(&app, &id, status, dirty, origin, false)
                    }
                    None if is_put => return failure(StatusCode::BAD_REQUEST, "Missing value"),
                    status => self.eureka.remove_override(&app, &id, status, dirty, origin, false),
                }
            }
            RegistryPath::Metadata(app, id) => match self.set_metadata(call, &app, &id, origin) {
                Ok(is_found) => is_found,
                Err(refusal) => return refusal.into_response(),
            },
            _ => false,
        };
        empty(if is_found { StatusCode::OK } else { StatusCode::NOT_FOUND })
    }

    fn renew(
        &self,
        call: &EurekaRequest,
        app: &str,
        id: &str,
        dirty: Option<i64>,
        origin: Origin,
    ) -> Response {
        let overridden = call.parameter("overriddenstatus").and_then(|name| Status::find(&name));
        match self.eureka.renew(app, id, dirty, overridden, origin) {
            Renewal::Renewed(_) => empty(StatusCode::OK),
            Renewal::Outdated(_) | Renewal::Unknown => empty(StatusCode::NOT_FOUND),
            Renewal::Newer(lease) => {
                let write = if call.is_json() { json::instance } else { xml::instance };
                let mut response = document(call, write(&lease));
                *response.status_mut() = StatusCode::CONFLICT;
                response
            }
        }
    }

    fn set_metadata(
        &self,
        call: &EurekaRequest,
        app: &str,
        id: &str,
        origin: Origin,
    ) -> Result<bool, RefusedRequest> {
        let mut entries: Vec<(String, String)> = Vec::new();
        for (key, value) in form_urlencoded::parse(call.query.as_bytes()) {
            if !entries.iter().any(|(known, _)| *known == key) {
                entries.push((key.into_owned(), value.into_owned()));
            }
        }
        let changed = self.eureka.set_metadata(app, id, entries, origin);
        changed.map_err(|error| RefusedRequest::new(StatusCode::BAD_REQUEST, error.0))
    }
}
