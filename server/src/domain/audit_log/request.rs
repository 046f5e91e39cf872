//! Audited requests to the portal. A request runs in the scope of a [`Trail`]: its transactions on
//! the portal's database store it, and its calls of an environment carry its span, so that the
//! operations of both databases have one trace. Which requests are audited is not known here.

pub use castalia_store::audit::Trail;

use castalia_store::Store;
use castalia_store::audit::{Influence, Operation};

use super::{CallerSpan, OperationKind, new_id};
use crate::domain::permission::requirement::Resource;
use crate::error::Result;

/// Widths of the columns, in characters.
const OPERATOR: usize = 64;
const NAME: usize = 150;
const DESCRIPTION: usize = 200;

/// A request to be recorded.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What it does.
    pub kind: OperationKind,
    /// Name of the operation.
    pub name: &'a str,
    /// User or consumer that sent it.
    pub operator: &'a str,
    /// Where it came from, and its path.
    pub description: &'a str,
    /// What it concerns.
    pub resource: &'a Resource,
}

impl Request<'_> {
    /// The trail of the request, with a new trace.
    ///
    /// # Errors
    /// Fails if the operating system provides no random bytes.
    pub fn trail(&self, store: &Store) -> Result<Trail> {
        let operation = Operation {
            trace_id: new_id()?,
            span_id: new_id()?,
            parent_span_id: None,
            operator: cut(self.operator, OPERATOR),
            kind: self.kind.name(),
            name: cut(self.name, NAME),
            description: cut(self.description, DESCRIPTION),
        };
        Ok(Trail::new(store, operation, concerned(self.resource)))
    }
}

/// Sets the user who performs the request that this task serves.
pub fn set_operator(user_id: &str) {
    if let Some(trail) = Trail::current() {
        trail.set_operator(&cut(user_id, OPERATOR));
    }
}

/// Sets what the request that this task serves concerns, if only its body or a row names that.
pub fn concern(resource: &Resource) {
    if let Some(trail) = Trail::current() {
        trail.concern(concerned(resource));
    }
}

/// The same for an app.
pub fn concern_app(app_id: &str) {
    concern(&Resource { app_id: app_id.to_owned(), ..Resource::default() });
}

/// Maximum number of apps in the record of one request: an import may have thousands.
const APPS: usize = 100;

/// The same for several apps, the first hundred.
pub fn concern_apps<'a>(app_ids: impl IntoIterator<Item = &'a str>) {
    if let Some(trail) = Trail::current() {
        let apps =
            app_ids.into_iter().take(APPS).map(|app_id| Influence::concerns(app_id, "App", app_id));
        trail.concern(apps.collect());
    }
}

/// The same for an object that is no app, environment, cluster or namespace, or for its kind.
pub fn concern_other(app_id: &str, field: &'static str, name: &str) {
    if let Some(trail) = Trail::current() {
        trail.concern(vec![Influence::concerns(app_id, field, name)]);
    }
}

/// What a request concerns, as far as it is known now.
#[must_use]
pub fn resource(trail: &Trail) -> Resource {
    let named = |field| trail.concerned(field).unwrap_or_default();
    Resource {
        app_id: named("App"),
        env: named("Env"),
        cluster: named("Cluster"),
        namespace: named("Namespace"),
    }
}

/// Leaves the request that this task serves out of the log: it only tried an operation.
pub fn leave_out() {
    if let Some(trail) = Trail::current() {
        trail.leave_out();
    }
}

/// The span of a request, for calls of other services.
#[must_use]
pub fn span(trail: &Trail) -> CallerSpan {
    let (trace_id, span_id, operator) = trail.span();
    CallerSpan { trace_id, span_id: Some(span_id), operator: Some(operator) }
}

/// The parts that are named, under the id of the app, so that the operations on an app can be found
/// by an index.
fn concerned(resource: &Resource) -> Vec<Influence> {
    let Resource { app_id, env, cluster, namespace } = resource;
    let parts = [("App", app_id), ("Env", env), ("Cluster", cluster), ("Namespace", namespace)];
    let named = parts.into_iter().filter(|(_, name)| !name.is_empty());
    named.map(|(field, name)| Influence::concerns(app_id, field, name)).collect()
}

fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}
