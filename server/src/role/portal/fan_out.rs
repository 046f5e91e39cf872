//! Sends a change of an app or of a definition from the portal to its environments, to all at once.
//! A change that an environment does not receive, because it is away or the portal ends meanwhile,
//! is sent again until the environment has it (`retry.rs`).

pub(super) mod app;
pub(super) mod definition;
pub(super) mod deletion;
pub(super) mod restoration;
mod retry;

use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use futures_util::future::join_all;
use http::{HeaderName, HeaderValue};
use tokio_util::task::AbortOnDropHandle;

pub(super) use self::retry::run;
use super::Portal;
use crate::domain::pending_change::{self, Announced, NewPendingChange, PendingOperation};
use crate::environment::Environment;
use crate::environment::revision::without_base;
use crate::error::{Code, Error, Reaction, Result};
use crate::http::operation::{Output, Signature};

/// Names the environments that have not received the change of an answer, separated by commas.
const PENDING: HeaderName = HeaderName::from_static("castalia-pending-environments");

/// A change that is sent to some environments.
pub(super) struct FanOut {
    change: NewPendingChange,
    environments: Vec<Environment>,
    /// In the same order; nothing if the changes cannot be stored.
    announced: Vec<Announced>,
    /// Nobody else sends the change meanwhile.
    _hold: AbortOnDropHandle<()>,
}

impl FanOut {
    /// Stores a change that the portal is about to make; `namespace` is empty for the app itself.
    pub(super) async fn announce(
        portal: &Portal,
        environments: Vec<Environment>,
        operation: PendingOperation,
        (app_id, namespace): (&str, &str),
        operator: &str,
    ) -> Result<Self> {
        let change = NewPendingChange {
            app_id: app_id.to_owned(),
            namespace: namespace.to_owned(),
            operation,
            operator: operator.to_owned(),
        };
        let envs = environments.iter().map(|one| one.name().to_owned()).collect();
        let announced = pending_change::announce(&portal.state.store, change.clone(), envs).await?;
        let ids = announced.iter().map(|announced| announced.id).collect();
        let hold = tokio::spawn(pending_change::hold(portal.state.store.clone(), ids));
        let _hold = AbortOnDropHandle::new(hold);
        Ok(Self { change, environments, announced, _hold })
    }

    /// Removes what was announced if the portal refused the change. After another failure it is not
    /// known whether the portal has made it.
    pub(super) async fn unless_refused<T>(&self, portal: &Portal, made: Result<T>) -> Result<T> {
        if made.as_ref().is_err_and(is_refusal) {
            let ids = self.announced.iter().map(|announced| announced.id).collect();
            pending_change::remove(&portal.state.store, ids).await;
        }
        made
    }

    /// Removes what was announced after its caller has learnt the outcome. It is left by a portal
    /// that ends before, and its environments then receive what the portal has. It is also left
    /// behind an earlier change, which may be sent at this moment.
    async fn withdraw(self, portal: &Portal) {
        let first = self.announced.iter().filter(|announced| !announced.is_behind);
        pending_change::remove(&portal.state.store, first.map(|one| one.id).collect()).await;
    }

    /// Sends the change, after the portal has made it, to the environments that are up and have
    /// received all earlier ones of the object.
    pub(super) async fn send<F>(self, portal: &Portal, send: impl Fn(Environment) -> F) -> Pending
    where
        F: Future<Output = Result<()>>,
    {
        let Self { change, environments, announced, _hold } = self;
        let announced = announced.into_iter().map(Some).chain(std::iter::repeat(None));
        let sent = environments.into_iter().zip(announced).map(|(environment, announced)| {
            let (env, send) = (environment.name().to_owned(), &send);
            async move {
                let outcome = match announced {
                    _ if !environment.is_up() => Err(unreachable(&env)),
                    Some(Announced { is_behind: true, .. }) => Err(behind(&env)),
                    _ => without_base(send(environment)).await,
                };
                (env, announced, outcome)
            }
        });
        let (mut pending, mut received) = (Vec::new(), Vec::new());
        for (env, announced, outcome) in join_all(sent).await {
            match outcome {
                Ok(()) => received.extend(announced.map(|announced| announced.id)),
                Err(error) => {
                    let (app_id, namespace) = (&change.app_id, &change.namespace);
                    tracing::warn!(app_id, namespace, env, %error, "an environment did not receive a change of the portal; it is sent again");
                    pending.push(env);
                }
            }
        }
        pending_change::remove(&portal.state.store, received).await;
        Pending(pending)
    }
}

fn unreachable(env: &str) -> Error {
    Error::unavailable(format!("{env} is not reachable")).with_code(Code::EnvUnreachable)
}

fn behind(env: &str) -> Error {
    Error::unavailable(format!("{env} has to receive an earlier change first"))
        .with_code(Code::EnvUnreachable)
}

/// The outcome of a deletion that was sent. An environment does not delete what the portal has
/// again, maybe in another case (`stored`), but it still has the earlier object. Changes that are
/// sent again replace that, because they come in their order.
pub(super) fn unless_in_use(stored: Option<String>) -> Result<()> {
    let Some(name) = stored else { return Ok(()) };
    let message = format!("{name} was created before the earlier one was deleted");
    Err(Error::unavailable(message).with_code(Code::PartlyFailed))
}

/// The error of a deletion that environments have made and the portal has not: whoever reads that
/// it failed would take it for not begun.
pub(super) fn half_deleted(error: Error) -> Error {
    if is_refusal(&error) {
        return error;
    }
    let message = format!(
        "deleted in the environments, but not in the portal ({}); repeat the deletion",
        error.message()
    );
    Error::unavailable(message).with_code(Code::PartlyFailed).caused_by(error)
}

/// Whether the same request would fail again.
pub(super) fn is_refusal(error: &Error) -> bool {
    use Reaction::{BadRequest, Conflict, Forbidden, NotFound, TooLarge};
    matches!(error.reaction(), BadRequest | Conflict | Forbidden | NotFound | TooLarge)
}

/// The environments that have not received a change yet, in the header
/// `Castalia-Pending-Environments` of an answer.
#[derive(Default)]
#[must_use]
pub(super) struct Pending(pub(super) Vec<String>);

impl IntoResponseParts for Pending {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if !self.0.is_empty()
            && let Ok(names) = HeaderValue::from_str(&self.0.join(","))
        {
            parts.headers_mut().insert(PENDING, names);
        }
        Ok(parts)
    }
}

impl IntoResponse for Pending {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

impl Output for Pending {
    fn describe(_: &mut Signature) {}
}
