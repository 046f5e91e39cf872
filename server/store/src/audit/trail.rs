//! The audit trail of a request. While a request runs in the scope of its trail, each transaction
//! that it commits on the trail's database also stores the operation, once, and the rows that the
//! transaction wrote: there is no change without its record, and no record of a change that was
//! rolled back. Which requests are recorded, and under which name, is not known here.

use std::future::Future;
use std::sync::Arc;

use parking_lot::Mutex;
use sea_orm::ConnectionTrait;

use super::{Influence, Operation};
use crate::error::StoreError;
use crate::number::Id;
use crate::{Shared, Store};

tokio::task_local! {
    /// The trail of the request that this task serves.
    static TRAIL: Trail;
    /// What the running transaction wrote. The transaction may run in another task.
    static WRITTEN: Mutex<Vec<Influence>>;
}

/// Id of an influence on rows that were selected by a value and not by their id, as in Apollo.
const SELECTED: &str = "AnyMatched";
/// What the influences on objects that an operation concerns name in place of a table.
pub(super) const RESOURCE: &str = "Resource";
/// Field of the influences with the revisions of a namespace.
const REVISION: &str = "Revision";
/// Maximum number of influences on what an operation concerns: an import may change thousands of
/// namespaces.
const MOST_CONCERNED: usize = 100;
/// Maximum lengths of an id and of a value, in characters.
const ID: usize = 50;
const VALUE: usize = 500;

/// The trail of one request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trail {
    store: Store,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    operation: Operation,
    /// What the request concerns, stored with the operation.
    concerned: Vec<Influence>,
    progress: Progress,
    /// Whether the request may have changed something in another database.
    has_changes_elsewhere: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Open,
    /// A running transaction stores the operation.
    Claimed,
    Recorded,
}

/// The part of a trail that one transaction stores.
#[derive(Clone, Debug)]
pub(crate) struct TrailStep {
    trail: Trail,
    stores_operation: bool,
}

impl Trail {
    /// A trail of requests to this database.
    pub fn new(store: &Store, operation: Operation, concerned: Vec<Influence>) -> Self {
        let progress = Progress::Open;
        let state = State { operation, concerned, progress, has_changes_elsewhere: false };
        Self { store: store.clone(), state: Arc::new(Mutex::new(state)) }
    }

    /// The trail of the request that this task serves.
    pub fn current() -> Option<Self> {
        TRAIL.try_with(Self::clone).ok()
    }

    /// Runs a request, or a part of it, under this trail.
    pub fn scope<F: Future>(&self, request: F) -> impl Future<Output = F::Output> + use<F> {
        TRAIL.scope(self.clone(), request)
    }

    /// Sets the user who performs the operation.
    pub fn set_operator(&self, operator: &str) {
        operator.clone_into(&mut self.state.lock().operation.operator);
    }

    /// Trace, span and operator.
    pub fn span(&self) -> (String, String, String) {
        let state = self.state.lock();
        let Operation { trace_id, span_id, operator, .. } = &state.operation;
        (trace_id.clone(), span_id.clone(), operator.clone())
    }

    /// Sets what the request concerns, if only its body or a row names that.
    pub fn concern(&self, named: Vec<Influence>) {
        let concerned = &mut self.state.lock().concerned;
        concerned.retain(|influence| named.iter().all(|other| other.field != influence.field));
        concerned.splice(0..0, named);
    }

    /// The name of an object of this kind that the request concerns.
    pub fn concerned(&self, field: &str) -> Option<String> {
        named(&self.state.lock().concerned, field).map(str::to_owned)
    }

    /// Notes the revisions of a namespace before and after a change; `target` is its app and its
    /// name, if that is known. A change that starts where an earlier one of the request ended
    /// continues it.
    pub fn note_revisions(
        &self,
        target: Option<(&str, &str)>,
        before: Option<&str>,
        after: Option<&str>,
    ) {
        let concerned = &mut self.state.lock().concerned;
        let own = |field| named(concerned, field).unwrap_or_default();
        let name = ["App", "Env", "Cluster", "Namespace"].map(own).join("+");
        let app_id = target.map_or_else(|| own("App"), |(app_id, _)| app_id);
        let id = id_of_app(app_id);
        let other = target.map(|(_, name)| name).filter(|other| !other.eq_ignore_ascii_case(&name));
        let value = |revision: &str| match other {
            Some(name) => cut(&format!("{revision} {name}")),
            None => cut(revision),
        };
        let (old_value, new_value) = (before.map(value), after.map(value));
        let is_continued = |last: &&mut Influence| {
            last.field == REVISION && last.new_value.is_some() && last.new_value == old_value
        };
        if let Some(last) = concerned.iter_mut().find(is_continued) {
            last.new_value = new_value;
        } else if concerned.len() < MOST_CONCERNED {
            let (entity, field) = (RESOURCE, REVISION);
            concerned.push(Influence { entity, id, field, old_value, new_value });
        }
    }

    /// Notes that the request may have changed something in another database.
    pub fn note_change_elsewhere(&self) {
        self.state.lock().has_changes_elsewhere = true;
    }

    /// Whether the request may have changed something in another database.
    pub fn has_changes_elsewhere(&self) -> bool {
        self.state.lock().has_changes_elsewhere
    }

    /// Leaves the operation out, because it changes nothing.
    pub fn leave_out(&self) {
        self.state.lock().progress = Progress::Recorded;
    }

    /// Whether a committed transaction stored the operation.
    pub fn is_recorded(&self) -> bool {
        self.state.lock().progress == Progress::Recorded
    }

    /// Stores the operation in a transaction of its own, unless it is stored.
    pub async fn record(&self) -> Result<(), StoreError> {
        if self.is_recorded() {
            return Ok(());
        }
        let store = self.store.clone();
        let nothing = async move {
            store.write((), |_, ()| Box::pin(async { Ok::<_, StoreError>(()) })).await
        };
        self.scope(nothing).await
    }

    /// The step of a transaction that this task starts on a database.
    pub(crate) fn step(shared: &Arc<Shared>) -> Option<TrailStep> {
        let trail = Self::current().filter(|trail| Arc::ptr_eq(&trail.store.shared, shared))?;
        let mut state = trail.state.lock();
        let stores_operation = state.progress == Progress::Open;
        if stores_operation {
            state.progress = Progress::Claimed;
        }
        drop(state);
        Some(TrailStep { trail, stores_operation })
    }
}

impl TrailStep {
    /// Stores the step in the transaction that wrote this.
    pub(crate) async fn store(
        &self,
        db: &impl ConnectionTrait,
        mut written: Vec<Influence>,
    ) -> Result<(), StoreError> {
        let (operation, concerned) = {
            let state = self.trail.state.lock();
            (state.operation.clone(), state.concerned.clone())
        };
        let span_id = operation.span_id.clone();
        if self.stores_operation {
            super::log(db, operation, Vec::new()).await?;
            written.splice(0..0, concerned);
        }
        super::log_influences(db, &span_id, written).await
    }

    /// Notes the outcome of the transaction: after a failure, the next one stores the operation.
    pub(crate) fn end(&self, is_committed: bool) {
        if self.stores_operation {
            self.trail.state.lock().progress =
                if is_committed { Progress::Recorded } else { Progress::Open };
        }
    }
}

/// The outcome of the statements of a transaction, and what they wrote.
pub(crate) async fn written<T>(statements: impl Future<Output = T>) -> (T, Vec<Influence>) {
    WRITTEN
        .scope(Mutex::default(), async {
            let outcome = statements.await;
            (outcome, WRITTEN.with(|written| std::mem::take(&mut *written.lock())))
        })
        .await
}

/// Notes that the running transaction created a row, or set these fields of it. `None` instead of a
/// value that must not be stored.
pub(crate) fn wrote(table: &'static str, id: Id, fields: &[(&'static str, Option<&str>)]) {
    for (field, value) in fields {
        note(Influence {
            entity: table,
            id: id.0.to_string(),
            field,
            old_value: None,
            new_value: value.map(cut),
        });
    }
}

/// Notes that the running transaction replaced the text of a row that had and has these revisions;
/// neither contains the text.
pub fn replaced(table: &'static str, id: Id, before: &str, after: &str) {
    note(Influence {
        entity: table,
        id: id.0.to_string(),
        field: REVISION,
        old_value: Some(before.to_owned()),
        new_value: Some(after.to_owned()),
    });
}

/// Notes that the running transaction deleted the rows with this value.
pub(crate) fn deleted(table: &'static str, field: &'static str, value: &str) {
    note(Influence {
        entity: table,
        id: SELECTED.to_owned(),
        field,
        old_value: Some(cut(value)),
        new_value: None,
    });
}

fn named<'i>(concerned: &'i [Influence], field: &str) -> Option<&'i str> {
    concerned.iter().find(|influence| influence.field == field)?.new_value.as_deref()
}

fn note(influence: Influence) {
    let _ = WRITTEN.try_with(|written| written.lock().push(influence));
}

fn cut(value: &str) -> String {
    value.chars().take(VALUE).collect()
}

/// The id of an app as far as the column holds it.
pub(super) fn id_of_app(app_id: &str) -> String {
    app_id.chars().take(ID).collect()
}

impl Influence {
    /// An object that an operation concerns, by the id of its app.
    pub fn concerns(app_id: &str, field: &'static str, name: &str) -> Self {
        Self {
            entity: RESOURCE,
            id: id_of_app(app_id),
            field,
            old_value: None,
            new_value: Some(cut(name)),
        }
    }
}
