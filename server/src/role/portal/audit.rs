//! Records what callers of the portal do: every change, every read of secrets, and the refusals of
//! each known caller up to a limit, under Apollo's names where Apollo records the operation too. The
//! guard of the routes is the only caller, so that a new route is recorded without its handler.
//! Sign-ins, whose routes are open, are in `sign_in.rs`. Values, passwords and tokens are never
//! recorded.

pub(super) mod allowance;
mod names;
pub(super) mod sign_in;

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Extension, MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{Method, Uri};

use self::names::RecordedOperation;
use super::Portal;
use super::identity::Caller;
use crate::domain::audit_log::request::{Request as Audited, Trail, resource};
use crate::domain::audit_log::{self, OperationKind};
use crate::domain::constraint::{APP_ID, NAME};
use crate::domain::permission::requirement::{Identity, Resource};
use crate::error::{Code, Error, Reaction, Result};
use crate::http::client_address::client_address;
use crate::http::operation::About;

/// Name of the operation of a refused request.
const REFUSED: &str = "Auth.refused";
/// Segment of a path that is a secret.
const SECRET_SEGMENT: &str = "{token}";

/// A request of a known caller, as far as its record shows it.
#[derive(Debug, Clone)]
pub(super) struct Witnessed {
    caller: Caller,
    method: Method,
    uri: Uri,
    matched: Option<MatchedPath>,
    address: IpAddr,
    recorded: Option<RecordedOperation>,
    /// What its path names, if the guard got that far.
    resource: Resource,
}

impl Witnessed {
    /// `None` if the caller is not known: any client could fill the table with such requests.
    pub(super) fn of(portal: &Portal, parts: &Parts) -> Option<Self> {
        let caller = parts.extensions.get::<Caller>()?.clone();
        let about = parts.extensions.get::<About>();
        Some(Self {
            caller,
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            matched: parts.extensions.get::<MatchedPath>().cloned(),
            address: address(portal, parts),
            recorded: names::recorded(&parts.method, about.map(|about| about.id)),
            resource: parts.extensions.get().cloned().unwrap_or_default(),
        })
    }

    /// Whether the request changes something.
    pub(super) fn is_change(&self) -> bool {
        self.recorded.is_some_and(RecordedOperation::is_change)
    }

    /// Records the refusal of this request, unless its caller has too many of them. The caller is
    /// refused even if that fails.
    pub(super) async fn refuse(&self, portal: &Portal, error: &Error) {
        if !is_refusal(error) {
            return;
        }
        let caller = &self.caller.identity;
        let Some(suppressed) = portal.own.refused_calls.admit(caller) else { return };
        let omitted = omitted(suppressed);
        // First, because the end of a long path is cut.
        let description = format!("{omitted}{}: {}", error.message(), self.description());
        let recorded = RecordedOperation { kind: OperationKind::Rpc, name: REFUSED };
        let request = Self { resource: storable(&self.resource), ..self.clone() };
        let outcome = match request.trail(portal, recorded, &description) {
            Ok(Some(trail)) => trail.record().await.map_err(Error::from),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            let operator = self.operator();
            tracing::error!(
                %error,
                operator,
                suppressed,
                "a refused request is not in the audit log"
            );
        }
    }

    fn trail(
        &self,
        portal: &Portal,
        recorded: RecordedOperation,
        description: &str,
    ) -> Result<Option<Trail>> {
        let RecordedOperation { kind, name } = recorded;
        let (operator, resource) = (self.operator(), &self.resource);
        trail(portal, &Audited { kind, name, operator: &operator, description, resource })
    }

    /// The user, or the consumer until its request names the user that it acts for.
    fn operator(&self) -> String {
        match &self.caller.identity {
            Identity::User(user_id) => user_id.clone(),
            Identity::Token(token) => token.user_id.clone(),
            Identity::Consumer(consumer) => format!("consumer {}", consumer.app_id),
        }
    }

    /// The address, the id of the token and its consumer, and the request, without the query.
    fn description(&self) -> String {
        let token = match (&self.caller.identity, self.caller.token_id) {
            (Identity::Consumer(consumer), Some(token)) => {
                format!(" consumer {} token {}", consumer.id.0, token.0)
            }
            (Identity::Token(token), _) => format!(" user token {}", token.id.0),
            _ => String::new(),
        };
        let path = shown_path(&self.uri, self.matched.as_ref());
        format!("{}{token} {} {path}", self.address, self.method)
    }
}

/// Whether a caller may not do what it requested.
fn is_refusal(error: &Error) -> bool {
    matches!(error.reaction(), Reaction::Forbidden | Reaction::Unauthorized)
}

/// Whether a handler refused its caller.
pub(super) fn is_refused(response: &Response) -> bool {
    error_of(response).is_some_and(|error| is_refusal(&error))
}

/// The beginning of the description of a refusal, if earlier ones were not recorded.
fn omitted(suppressed: u64) -> String {
    match suppressed {
        0 => String::new(),
        suppressed => format!("{suppressed} earlier ones were not recorded; "),
    }
}

/// A resource without names that are longer than their columns: no object has them, so nobody
/// searches the log for them.
fn storable(resource: &Resource) -> Resource {
    let fitting = |name: &str, width: usize| match name.chars().nth(width) {
        None => name.to_owned(),
        Some(_) => String::new(),
    };
    let app_id = fitting(&resource.app_id, APP_ID);
    if app_id.is_empty() {
        return Resource { env: resource.env.clone(), ..Resource::default() };
    }
    Resource {
        app_id,
        env: resource.env.clone(),
        cluster: fitting(&resource.cluster, NAME),
        namespace: fitting(&resource.namespace, NAME),
    }
}

/// Whether an operation changes something.
pub(super) fn is_change(method: &Method, id: &'static str) -> bool {
    names::recorded(method, Some(id)).is_some_and(RecordedOperation::is_change)
}

/// The address that a request came from.
pub(super) fn address(portal: &Portal, parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().copied().map(Extension);
    client_address(peer.as_deref(), &parts.headers, &portal.state.settings.trusted_proxies)
}

/// The path without segments that are secrets.
pub(super) fn shown_path(uri: &Uri, matched: Option<&MatchedPath>) -> String {
    let Some(template) = matched.map(MatchedPath::as_str) else { return uri.path().to_owned() };
    if !template.contains(SECRET_SEGMENT) {
        return uri.path().to_owned();
    }
    let segments = uri.path().split('/').zip(template.split('/'));
    let shown = segments.map(|(segment, name)| if name == SECRET_SEGMENT { name } else { segment });
    shown.collect::<Vec<_>>().join("/")
}

/// The trail of a request; `None` if recording is switched off.
fn trail(portal: &Portal, request: &Audited<'_>) -> Result<Option<Trail>> {
    match audit_log::is_enabled(&portal.state.config) {
        true => request.trail(&portal.state.store).map(Some),
        false => Ok(None),
    }
}

/// Runs a request that the guard admitted, and records it before it is answered.
pub(super) async fn run(
    portal: Portal,
    witnessed: Witnessed,
    request: Request,
    next: Next,
) -> Response {
    let trail = match witnessed.recorded {
        Some(recorded) => witnessed.trail(&portal, recorded, &witnessed.description()),
        None => Ok(None),
    };
    match trail {
        // A change of an environment would succeed and leave no record.
        Ok(Some(_)) if witnessed.is_change() && !portal.state.store.status().is_writable() => {
            Error::unavailable(
                "The database of the portal does not accept writes, so that the operation could not \
                 be recorded in the audit log. Nothing was changed.",
            )
            .into_response()
        }
        Ok(Some(trail)) => {
            let response = trail.scope(next.run(request)).await;
            settle(&portal, &witnessed, &trail, response).await
        }
        Ok(None) => {
            let response = next.run(request).await;
            if let Some(error) = error_of(&response) {
                witnessed.refuse(&portal, &error).await;
            }
            response
        }
        Err(error) => error.into_response(),
    }
}

/// Records a request that changed something outside of the portal's database, read a secret, or was
/// refused; its transactions on the portal's database have stored their own records.
async fn settle(
    portal: &Portal,
    witnessed: &Witnessed,
    trail: &Trail,
    response: Response,
) -> Response {
    if !response.status().is_success() && !trail.has_changes_elsewhere() {
        if let Some(error) = error_of(&response).filter(|_| !trail.is_recorded()) {
            let resource = resource(trail);
            Witnessed { resource, ..witnessed.clone() }.refuse(portal, &error).await;
        }
        return response;
    }
    match trail.record().await {
        Ok(()) => response,
        Err(error) => {
            let operator = witnessed.operator();
            let request = witnessed.description();
            tracing::error!(%error, operator, request, "an operation is not in the audit log");
            let message = "The operation was performed, but it could not be recorded in the audit \
                           log. Check its result before you retry.";
            Error::unavailable(message)
                .with_code(Code::OutcomeUnknown)
                .caused_by(error)
                .into_response()
        }
    }
}

/// The error that a handler answered with.
fn error_of(response: &Response) -> Option<Error> {
    response.extensions().get().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_as_it_is_without_a_template() {
        let uri: Uri = "/openapi/v1/apps/demo?token=secret".parse().unwrap();
        assert_eq!(shown_path(&uri, None), "/openapi/v1/apps/demo");
    }
}
