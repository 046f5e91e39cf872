//! The guard of every route: identifies the caller, rejects requests that a page of another site
//! made the browser send, reads the names in the path, and checks the permission. Handlers receive
//! its results, so that exactly the checked values are used.

use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::header::{ACCEPT, LOCATION, USER_AGENT};
use http::request::Parts;
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use subtle::ConstantTimeEq as _;

use super::abandoned::PartOfChange;
use super::audit::{self, Witnessed};
use super::calls::TokenCall;
use super::extract::Paging;
use super::identity::{Caller, Claim, unknown};
use super::origin::{check_same_origin, is_script};
use super::sign_in::{challenge, proxy};
use super::{EmptyAnswer, Portal, PortalAccess, based};
use crate::domain::consumer;
use crate::domain::event::{self, NewEvent};
use crate::domain::permission::requirement::{Identity, Requirement, Resource};
use crate::domain::user_token::record;
use crate::domain::{pending_change, portal_app};
use crate::environment::Relayed;
use crate::error::{Code, Error, Result};
use crate::http::operation::About;
use crate::http::request_memory::RequestMemory;
use crate::json::Json;
use crate::wire::admin::Page;

/// Operations that record their events themselves: publishes, edits of other namespaces than the one
/// in the path, and those that may leave it as it is.
const RECORDING: [&str; 8] = [
    "createRelease",
    "createGrayRelease",
    "createGrayDelRelease",
    "merge",
    "mergeBranch",
    "syncItems",
    "changeItems",
    "importNamespaceItems",
];

/// Header that unsafe requests of a browser must carry; its value is sent to the browser in the
/// header of the same name.
pub(super) const CSRF_HEADER: &str = "x-csrf-token";

/// Runs the request, or answers itself.
pub(super) fn guard(
    portal: Portal,
    access: PortalAccess,
    request: Request,
    next: Next,
) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let (mut parts, body) = request.into_parts();
        let admitted = admit(&portal, access, &mut parts).await;
        let call = TokenCall::of(&portal, &parts);
        match admitted {
            Ok(None) => {
                let witnessed = Witnessed::of(&portal, &parts);
                let changer = changer(witnessed.as_ref(), &parts);
                let own = Arc::clone(&portal.own);
                let performed =
                    perform(portal, witnessed, call, Request::from_parts(parts, body), next);
                // Only a change runs to the end, so that a caller that disconnects neither cuts it
                // in the middle nor prevents its record: a read without a caller shows nothing,
                // and would wait and work for nobody.
                match changer {
                    Some(caller) => {
                        let performed = own.abandoned.run(&caller, performed).await;
                        performed.unwrap_or_else(IntoResponse::into_response)
                    }
                    None => performed.await,
                }
            }
            Ok(Some(answer)) => answer,
            Err(error) => {
                if let Some(call) = call {
                    call.refused();
                }
                if let Some(witnessed) = Witnessed::of(&portal, &parts) {
                    witnessed.refuse(&portal, &error).await;
                }
                challenge(&portal, &parts, error.into_response())
            }
        }
    })
}

/// Who makes a change that has to run to the end, unless it is a part of one that does.
fn changer(witnessed: Option<&Witnessed>, parts: &Parts) -> Option<Identity> {
    witnessed.filter(|witnessed| witnessed.is_change())?;
    let caller = parts.extensions.get::<Caller>()?;
    let is_part = parts.extensions.get::<PartOfChange>().is_some();
    (!is_part).then(|| caller.identity.clone())
}

/// Runs a request that was admitted, records it, and reports what it edited to pages.
async fn perform(
    portal: Portal,
    witnessed: Option<Witnessed>,
    call: Option<TokenCall>,
    request: Request,
    next: Next,
) -> Response {
    // The body is in memory until the request is carried out.
    let _memory = request.extensions().get::<RequestMemory>().cloned();
    let edit = edit(&request);
    let hub = portal.own.events.clone();
    let response = match witnessed {
        Some(witnessed) => audit::run(portal, witnessed, request, next).await,
        None => next.run(request).await,
    };
    if let Some(call) = call.filter(|_| audit::is_refused(&response)) {
        call.refused();
    }
    if let Some(edit) = edit.filter(|_| response.status().is_success()) {
        hub.record(edit);
    }
    relay(response)
}

/// The event of a request that edits the namespace of its path.
fn edit(request: &Request) -> Option<NewEvent> {
    let extensions = request.extensions();
    let place = extensions.get::<Resource>()?;
    let about = extensions.get::<About>()?;
    let is_edit = audit::is_change(request.method(), about.id)
        && !RECORDING.contains(&about.id)
        && !place.env.is_empty()
        && !place.cluster.is_empty()
        && !place.namespace.is_empty();
    let operator = extensions.get::<Caller>()?.identity.name();
    is_edit.then(|| event::about(place, event::EventKind::Edit, operator, 0))
}

/// Passes an error answer of an admin service to the caller unchanged.
fn relay(response: Response) -> Response {
    let relayed = response.extensions().get::<Error>().and_then(Relayed::of);
    relayed.map_or(response, IntoResponse::into_response)
}

/// Returns `None` if the request may proceed, or the answer in its place.
async fn admit(
    portal: &Portal,
    access: PortalAccess,
    parts: &mut Parts,
) -> Result<Option<Response>> {
    if access == PortalAccess::Open {
        return Ok(None);
    }
    let caller = match (Claim::of(portal, parts).await?, access) {
        (Claim::Known(caller), _) => caller,
        (_, PortalAccess::Page) => return Ok(Some(without_session(portal, parts).await?)),
        // A browser that requests a page of the API with an expired cookie, not a script.
        (Claim::Ended, _) if wants_page(parts) => {
            return Ok(Some(redirect(&portal.path("/signin"))));
        }
        _ => return Err(unknown()),
    };
    if access == PortalAccess::Page {
        return Ok(None);
    }
    caller.count(portal, parts)?;
    parts.extensions.insert(caller.clone());
    check_intent(portal, &caller, parts)?;
    record_use(portal, &caller, parts);
    let place = place(portal, parts).await?;
    // Before the check, because the record of a refusal names it.
    parts.extensions.insert(place.clone());
    let answer = check_right(portal, &caller, access, &place, parts).await?;
    based::check(parts)?;
    portal.check_missed_deletion_of(&place).await?;
    if parts.method != Method::GET && !place.app_id.is_empty() {
        portal_app::check_spelling(&portal.state.store, &place.app_id).await?;
    }
    Ok(answer)
}

impl Portal {
    /// Checks a place that the body of a request names, as the guard checks that of the path: the
    /// caller has the permission, and the environment has no earlier app or definition of the name.
    pub(super) async fn check_place(
        &self,
        caller: &Caller,
        requirement: Requirement,
        place: &Resource,
    ) -> Result<()> {
        if !self.allows(&caller.identity, requirement, place).await? {
            return Err(refusal(requirement));
        }
        self.check_missed_deletion_of(place).await
    }

    /// Requires that the environment does not have an earlier app of this name, which it still has
    /// to delete.
    pub(super) async fn check_missed_deletion(&self, env: &str, app_id: &str) -> Result<()> {
        self.check_missed_deletions(env, &[(app_id, "")]).await
    }

    /// The same for the app and the definition that a place names. Requests about all environments
    /// or no app have no such names.
    pub(super) async fn check_missed_deletion_of(&self, place: &Resource) -> Result<()> {
        if place.env.is_empty() || place.app_id.is_empty() {
            return Ok(());
        }
        self.check_missed_deletions(&place.env, &[(&place.app_id, &place.namespace)]).await
    }

    /// The same for several definitions, each behind its app, or an empty name for the app alone.
    pub(super) async fn check_missed_deletions(
        &self,
        env: &str,
        objects: &[(&str, &str)],
    ) -> Result<()> {
        pending_change::require_no_missed_deletion(&self.state.store, env, objects).await
    }

    /// Of places that an environment found, whether the environment does not still have to delete
    /// the app or the definition of each.
    pub(super) async fn present_in(&self, env: &str, places: &[Resource]) -> Result<Vec<bool>> {
        let objects: Vec<_> =
            places.iter().map(|place| (place.app_id.as_str(), place.namespace.as_str())).collect();
        let store = &self.state.store;
        let missed = pending_change::are_deletions_missed(store, env, &objects).await?;
        Ok(missed.into_iter().map(|is_missed| !is_missed).collect())
    }

    /// The same for one place.
    pub(super) async fn is_present_in(&self, env: &str, place: &Resource) -> Result<bool> {
        Ok(self.present_in(env, std::slice::from_ref(place)).await? == [true])
    }
}

async fn check_right(
    portal: &Portal,
    caller: &Caller,
    access: PortalAccess,
    place: &Resource,
    parts: &Parts,
) -> Result<Option<Response>> {
    let (requirement, hidden) = match access {
        PortalAccess::Session(_) if !matches!(caller.identity, Identity::User(_)) => {
            return Err(refusal(Requirement::Person));
        }
        PortalAccess::UserToken => {
            return match caller.identity {
                Identity::Token(_) => Ok(None),
                _ => Err(Error::forbidden("User token is required")),
            };
        }
        PortalAccess::ByContent(requirement)
            if !caller.identity.is_within_scope(requirement, None) =>
        {
            return Err(refusal(requirement));
        }
        PortalAccess::Call(requirement) | PortalAccess::Session(requirement) => (requirement, None),
        PortalAccess::Read(requirement, hidden) => (requirement, Some(hidden)),
        PortalAccess::Open | PortalAccess::Page | PortalAccess::ByContent(_) => return Ok(None),
    };
    if portal.allows(&caller.identity, requirement, place).await? {
        return Ok(None);
    }
    match (hidden, &caller.identity) {
        (Some(hidden), Identity::User(_)) => hidden_answer(hidden, parts).map(Some),
        // What only super administrators may do needs a session, whatever the token's permissions.
        (_, Identity::Consumer(_)) if requirement == Requirement::Root => {
            Err(refusal(Requirement::Person))
        }
        _ => Err(refusal(requirement)),
    }
}

/// The error for a caller without permission.
pub(super) fn refusal(requirement: Requirement) -> Error {
    Error::forbidden(match requirement {
        Requirement::Person | Requirement::User | Requirement::SeeAsPerson => {
            "Portal user session is required"
        }
        _ => "Access is denied",
    })
}

fn hidden_answer(hidden: EmptyAnswer, parts: &Parts) -> Result<Response> {
    Ok(match hidden {
        EmptyAnswer::Nothing => StatusCode::OK.into_response(),
        EmptyAnswer::List => Json([(); 0]).into_response(),
        EmptyAnswer::Zero => Json(0).into_response(),
        EmptyAnswer::Page => {
            let Paging { page, size } =
                Paging::of(&parts.uri)?.or_size(super::open_api::ITEM_PAGE_SIZE);
            Json(Page::<()> { total: 0, content: Vec::new(), page, size }).into_response()
        }
    })
}

/// Requires proof that a page of the portal sent an unsafe request, because the browser adds the
/// cookie to requests of other sites as well.
fn check_intent(portal: &Portal, caller: &Caller, parts: &Parts) -> Result<()> {
    let Some(sign_in) = &caller.sign_in else { return Ok(()) };
    if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    check_same_origin(&parts.headers, portal.public_address().as_deref())?;
    if portal.state.compat.cookie_without_csrf && is_script(&parts.headers) {
        return Ok(());
    }
    let given = parts.headers.get(CSRF_HEADER).map(http::HeaderValue::as_bytes).unwrap_or_default();
    if given.ct_eq(sign_in.csrf_token.expose().as_bytes()).into() {
        return Ok(());
    }
    Err(Error::forbidden("Header X-CSRF-Token is missing or does not belong to this sign-in.")
        .with_code(Code::Csrf))
}

/// Records the use of a token.
fn record_use(portal: &Portal, caller: &Caller, parts: &Parts) {
    match &caller.identity {
        Identity::User(_) => {}
        Identity::Token(token) => {
            let address = audit::address(portal, parts).to_string();
            let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
            portal.own.calls.used(record::usage(token, &address, agent));
        }
        Identity::Consumer(consumer) => {
            portal.own.calls.used_by_consumer(consumer::usage(consumer));
        }
    }
}

/// The object that the matched path names.
async fn place(portal: &Portal, parts: &mut Parts) -> Result<Resource> {
    let parameters = match RawPathParams::from_request_parts(parts, &()).await {
        Ok(parameters) => parameters,
        Err(RawPathParamsRejection::InvalidUtf8InPathParam(problem)) => {
            return Err(Error::bad_request(problem.to_string()).with_code(Code::BadEncoding));
        }
        Err(_) => return Ok(Resource::default()),
    };
    let mut place = Resource::default();
    for (name, value) in &parameters {
        match name {
            "appId" => value.clone_into(&mut place.app_id),
            "env" => portal.state.environments.find(value)?.name().clone_into(&mut place.env),
            "clusterName" => value.clone_into(&mut place.cluster),
            "namespaceName" => value.clone_into(&mut place.namespace),
            _ => {}
        }
    }
    Ok(place)
}

fn wants_page(parts: &Parts) -> bool {
    let accepted = parts.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.into_iter().any(|kinds| kinds.contains("text/html"))
}

/// The answer to a browser that opens a page without a session: the page itself, if the proxy in
/// front of the portal has identified the user.
async fn without_session(portal: &Portal, parts: &Parts) -> Result<Response> {
    match proxy::identified(portal, &parts.headers) {
        Some(user) => proxy::begin(portal, parts, user).await,
        None => Ok(to_sign_in(portal, parts)),
    }
}

/// The address of the sign-in, which returns to the requested page afterwards.
fn to_sign_in(portal: &Portal, parts: &Parts) -> Response {
    let wanted = parts.uri.path_and_query().map_or("/", |wanted| wanted.as_str());
    let next = match wanted {
        "/" | "/index.html" => String::new(),
        wanted => format!("?next={}", utf8_percent_encode(wanted, NON_ALPHANUMERIC)),
    };
    redirect(&portal.path(&format!("/signin{next}")))
}

/// Redirects the browser, with the status that Apollo's portal uses.
pub(super) fn redirect(to: &str) -> Response {
    (StatusCode::FOUND, [(LOCATION, to)]).into_response()
}
