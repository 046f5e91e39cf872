//! Audited operations: what was done, by which operator, in which order, and which fields it set.
//! The trace starts with the caller, who names it in headers.

mod digest;
pub mod request;
pub mod retention;
pub mod seal;
pub mod verify;

pub use castalia_store::audit::{AuditLog, AuditLogDataInfluence, Search};

use castalia_store::audit::{Influence, Operation};
use castalia_store::{Part, Store, Transaction};

use super::app::App;
use super::app_namespace::AppNamespace;
use super::page::Page;
use crate::error::{Error, Reaction, Result};
use crate::server_config::{ServerConfig, keys};

/// Operator of an operation if the caller names no trace.
const NOBODY: &str = "anonymous";
/// Maximum length of a stored value, in characters.
const VALUE: usize = 500;

/// The log of one database, which is sealed. That of an environment includes the rows of `Audit`,
/// which the services of Apollo write as well.
#[derive(Debug, Clone)]
pub struct Log {
    /// The database.
    pub store: Store,
    /// Which one it is.
    pub part: Part,
}

impl Log {
    /// The log of the portal.
    #[must_use]
    pub fn of_portal(store: &Store) -> Self {
        Self { store: store.clone(), part: Part::Portal }
    }

    /// The log of an environment.
    #[must_use]
    pub fn of_environment(store: &Store) -> Self {
        Self { store: store.clone(), part: Part::Config }
    }
}

/// Whether operations are recorded; the default is yes.
#[must_use]
pub fn is_enabled(config: &ServerConfig) -> bool {
    config.get(&keys::AUDIT_LOG)
}

/// The operation of the caller that this server's operations are part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerSpan {
    /// Trace that it belongs to.
    pub trace_id: String,
    /// Id of the operation.
    pub span_id: Option<String>,
    /// User who performs it.
    pub operator: Option<String>,
}

/// Records the operations of one request, or nothing if recording is switched off.
#[derive(Debug, Clone)]
pub struct Recorder {
    is_enabled: bool,
    caller: Option<CallerSpan>,
}

/// Kind of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// Creates an object.
    Create,
    /// Changes an object.
    Update,
    /// Deletes an object.
    Delete,
    /// Any other call, for example one that reads a secret or is refused.
    Rpc,
}

impl OperationKind {
    fn name(self) -> &'static str {
        match self {
            OperationKind::Create => "CREATE",
            OperationKind::Update => "UPDATE",
            OperationKind::Delete => "DELETE",
            OperationKind::Rpc => "RPC",
        }
    }
}

/// A row that an operation wrote, with its recorded fields.
#[derive(Debug)]
pub struct Entity {
    table: &'static str,
    id: String,
    fields: Vec<(&'static str, String)>,
}

impl Entity {
    /// An app.
    #[must_use]
    pub fn app(app: &App) -> Self {
        let fields = vec![("Name", app.name.clone()), ("AppId", app.app_id.clone())];
        Self { table: "App", id: app.id.to_string(), fields }
    }

    /// A definition of a namespace (app namespace).
    #[must_use]
    pub fn app_namespace(definition: &AppNamespace) -> Self {
        let fields = vec![
            ("Name", definition.name.clone()),
            ("AppId", definition.app_id.clone()),
            ("Format", definition.format.clone()),
            ("IsPublic", definition.is_public.to_string()),
        ];
        Self { table: "AppNamespace", id: definition.id.to_string(), fields }
    }

    fn influences(&self, kind: OperationKind) -> impl Iterator<Item = Influence> {
        self.fields.iter().map(move |(field, value)| {
            let value = Some(value.chars().take(VALUE).collect());
            let (old_value, new_value) =
                if kind == OperationKind::Delete { (value, None) } else { (None, value) };
            Influence { entity: self.table, id: self.id.clone(), field, old_value, new_value }
        })
    }
}

impl Recorder {
    /// A recorder for a caller; records nothing if the switch is off.
    #[must_use]
    pub fn new(config: &ServerConfig, caller: Option<CallerSpan>) -> Self {
        Self { is_enabled: is_enabled(config), caller }
    }

    /// Records an operation in its own transaction.
    pub async fn record(
        &self,
        tx: &Transaction,
        kind: OperationKind,
        name: &str,
        entities: &[Entity],
    ) -> Result<()> {
        if !self.is_enabled {
            return Ok(());
        }
        let span_id = new_id()?;
        let (trace_id, parent, operator) = match &self.caller {
            Some(caller) => {
                (caller.trace_id.clone(), caller.span_id.clone(), caller.operator.clone())
            }
            None => (new_id()?, None, None),
        };
        let operation = Operation {
            trace_id,
            span_id,
            parent_span_id: parent,
            operator: operator.unwrap_or_else(|| NOBODY.to_owned()),
            kind: kind.name(),
            name: name.to_owned(),
            description: "no description".to_owned(),
        };
        let influences = entities.iter().flat_map(|entity| entity.influences(kind)).collect();
        Ok(castalia_store::audit::log(tx, operation, influences).await?)
    }
}

/// A random id of 32 hexadecimal digits.
///
/// # Errors
/// Fails if the operating system provides no random bytes.
pub(super) fn new_id() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(Reaction::Internal, format!("cannot generate random bytes: {error}"))
    })?;
    Ok(hex::encode(bytes))
}

/// An operation with the fields that it set.
#[derive(Debug, Clone)]
pub struct LoggedOperation {
    /// The operation.
    pub log: AuditLog,
    /// Its fields.
    pub influences: Vec<AuditLogDataInfluence>,
}

/// A page of all operations, newest first.
pub async fn list(store: &Store, page: &Page) -> Result<Vec<AuditLog>> {
    Ok(castalia_store::audit::logs(store.read(), page).await?)
}

/// The operations of one trace, with the fields that they set.
pub async fn of_trace(store: &Store, trace_id: &str) -> Result<Vec<LoggedOperation>> {
    let logs = castalia_store::audit::logs_of_trace(store.read(), trace_id).await?;
    let spans: Vec<_> = logs.iter().map(|log| log.span_id.as_str()).collect();
    let influences = castalia_store::audit::influences_of_spans(store.read(), &spans).await?;
    let of_span = |span: &str| {
        influences.iter().filter(|row| row.span_id.trim_end() == span).cloned().collect()
    };
    Ok(logs
        .into_iter()
        .map(|log| LoggedOperation { influences: of_span(&log.span_id), log })
        .collect())
}

/// A page of the operations that a search finds, newest first.
pub async fn search(store: &Store, search: &Search, page: &Page) -> Result<Vec<AuditLog>> {
    Ok(castalia_store::audit::search_logs(store.read(), search, page).await?)
}

/// A page of the changes of one field of a row, newest first.
pub async fn of_field(
    store: &Store,
    entity: &str,
    id: &str,
    field: &str,
    page: &Page,
) -> Result<Vec<AuditLogDataInfluence>> {
    Ok(castalia_store::audit::influences_on_field(store.read(), entity, id, field, page).await?)
}
