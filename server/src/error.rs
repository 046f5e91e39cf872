//! The error of the server: how the caller should react, a stable code, and a message. The domain
//! does not know HTTP; `http/failure.rs` converts an error to a status and a body, and is the only
//! place that logs it.

mod code;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use castalia_core::error::causes;
use castalia_core::protocol::route::Refusal;
use chrono::{DateTime, Utc};
use serde::Serialize;

pub use self::code::Code;
use castalia_store::length::LIST;
use castalia_store::{JobError, StoreError};

/// How the caller should react.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Change the request.
    BadRequest,
    /// Present credentials.
    Unauthorized,
    /// Obtain the permission.
    Forbidden,
    /// It does not exist.
    NotFound,
    /// The path does not support the method.
    MethodNotAllowed,
    /// Read again, then repeat: another caller changed it first.
    Conflict,
    /// Send less.
    TooLarge,
    /// Wait, then repeat.
    TooMany,
    /// The server cannot answer at present; repeat later or elsewhere.
    Unavailable,
    /// A rule of the service that Apollo reports as a server error; the message is meant for the
    /// caller.
    Service,
    /// A fault of the server: the message goes to the log, not to the caller.
    Internal,
}

/// The body of a conflict: the revision that a change was based on, and the current one.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stale {
    /// Current revision.
    pub current: String,
    /// Revision that the change is based on.
    pub revision: String,
    /// The user who edited the namespace last.
    pub by: Option<String>,
    /// Time of that edit.
    pub at: Option<DateTime<Utc>>,
    /// Number of items with other values than the change; `None` if they are not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_count: Option<usize>,
    /// The first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<StaleItem>,
}

/// An item that a change would overwrite. A value that is `None` is that of an absent item.
#[derive(Debug, Clone, Serialize)]
pub struct StaleItem {
    /// Key.
    pub key: String,
    /// Value of the change.
    pub yours: Option<String>,
    /// Stored value.
    pub theirs: Option<String>,
    /// The user who stored or deleted it.
    pub by: Option<String>,
    /// When.
    pub at: Option<DateTime<Utc>>,
}

/// An error on its way to a caller.
#[derive(Debug, Clone)]
pub struct Error {
    reaction: Reaction,
    code: Code,
    message: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    early: bool,
    stale: Option<Arc<Stale>>,
}

/// Result with the server's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What was read, or `None` if it does not exist.
///
/// # Errors
/// Fails if the read failed for another reason.
pub fn if_found<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(error) if error.reaction() == Reaction::NotFound => Ok(None),
        read => read.map(Some),
    }
}

impl Error {
    /// Creates an error with the default code of the reaction.
    #[must_use]
    pub fn new(reaction: Reaction, message: impl Into<String>) -> Self {
        let code = match reaction {
            Reaction::BadRequest => Code::BadRequest,
            Reaction::Unauthorized => Code::Unauthorized,
            Reaction::Forbidden => Code::Forbidden,
            Reaction::NotFound => Code::NotFound,
            Reaction::MethodNotAllowed => Code::MethodNotAllowed,
            Reaction::Conflict => Code::Conflict,
            Reaction::TooLarge => Code::TooLarge,
            Reaction::TooMany => Code::TooMany,
            Reaction::Unavailable => Code::Unavailable,
            Reaction::Service => Code::Service,
            Reaction::Internal => Code::Internal,
        };
        Self { reaction, code, message: message.into(), source: None, early: false, stale: None }
    }

    /// The request is not acceptable; the message says what to change.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Reaction::BadRequest, message)
    }

    /// Credentials are missing or wrong.
    #[must_use]
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(Reaction::Unauthorized, message)
    }

    /// The caller lacks the permission.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Reaction::Forbidden, message)
    }

    /// The requested object does not exist.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Reaction::NotFound, message)
    }

    /// A rule that Apollo reports with status 500 and a message for the caller.
    #[must_use]
    pub fn service(message: impl Into<String>) -> Self {
        Self::new(Reaction::Service, message)
    }

    /// The object of a change was changed since the caller read it; `what` says what it is.
    #[must_use]
    pub fn stale(what: &str, stale: Stale) -> Self {
        let message = format!(
            "The {what} is now at revision {}, not {}: it was changed meanwhile. Read it again, then retry.",
            stale.current, stale.revision
        );
        let error = Self::new(Reaction::Conflict, message).with_code(Code::StaleRevision);
        Self { stale: Some(Arc::new(stale)), ..error }
    }

    /// The database or another component is unavailable.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Reaction::Unavailable, message)
    }

    /// A row that the request depends on cannot be decoded; `what` names it and says what to do.
    #[must_use]
    pub fn unreadable(what: impl Into<String>) -> Self {
        Self::new(Reaction::Conflict, what).with_code(Code::UnreadableRow)
    }

    /// Whether a row that the request depends on cannot be decoded.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.code == Code::UnreadableRow
    }

    /// A fault of the server.
    #[must_use]
    pub fn internal(
        message: impl Into<String>,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self::new(Reaction::Internal, message).caused_by(source)
    }

    /// Sets a more specific code: snake case, stable for scripts.
    #[must_use]
    pub fn with_code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// Adds the cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Says what to do about a table that the account of the database may not create or use, if
    /// that is the cause; other errors stay as they are.
    #[must_use]
    pub fn for_unusable_table(self, remedy: &'static str) -> Self {
        match self.store_error() {
            Some(cause) if cause.is_unusable_table() => {
                let cause = cause.clone();
                Self::unavailable(remedy).caused_by(cause)
            }
            _ => self,
        }
    }

    /// Marks an error that is raised before any handler runs: its body has Apollo's other format,
    /// which contains the path.
    #[must_use]
    pub fn early(mut self) -> Self {
        self.early = true;
        self
    }

    /// How the caller should react.
    #[must_use]
    pub fn reaction(&self) -> Reaction {
        self.reaction
    }

    /// Stable short code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The message for the caller, except for [`Reaction::Internal`].
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The revisions, if the change was based on an older one.
    #[must_use]
    pub fn revisions(&self) -> Option<&Stale> {
        self.stale.as_deref()
    }

    /// Whether it was raised before any handler ran.
    #[must_use]
    pub fn is_early(&self) -> bool {
        self.early
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        f.write_str(&causes(self, &self.message))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::UnknownPath => Self::not_found(message).with_code(Code::UnknownPath),
            Refusal::Encoding => Self::bad_request(message).with_code(Code::BadEncoding).early(),
            Refusal::InvalidAppId => {
                Self::bad_request(message).with_code(Code::InvalidAppId).early()
            }
            Refusal::MissingParameter(_) => {
                Self::bad_request(message).with_code(Code::MissingParameter)
            }
            Refusal::InvalidParameter(_) => {
                Self::bad_request(message).with_code(Code::InvalidParameter)
            }
            Refusal::InvalidNotifications(_) => {
                Self::bad_request(message).with_code(Code::InvalidNotifications)
            }
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let reaction = match &error {
            StoreError::UnknownProperty(_) => {
                return Self::bad_request(error.to_string()).with_code(Code::UnknownProperty);
            }
            StoreError::TooLong => {
                let message = format!(
                    "The texts of this list have more than {} MiB together, which is too much for one answer: \
                     ask for fewer at a time.",
                    LIST >> 20
                );
                return Self::new(Reaction::TooLarge, message).with_code(Code::AnswerTooLong);
            }
            StoreError::Unreadable { .. } => {
                let message = format!("R{}.", error.to_string().trim_start_matches('r'));
                return Self::unreadable(message).caused_by(error);
            }
            StoreError::Conflict(_)
            | StoreError::Locked(_)
            | StoreError::Busy(_)
            | StoreError::Unavailable(_)
            | StoreError::CommitUnknown(_)
            | StoreError::ReadOnly(_)
            | StoreError::Denied(_)
            | StoreError::SequenceBehind { .. }
            | StoreError::Storage(_) => Reaction::Unavailable,
            StoreError::Value(_) => Reaction::BadRequest,
            StoreError::Duplicate(_) | StoreError::Setting { .. } | StoreError::Other(_) => {
                Reaction::Internal
            }
        };
        if let StoreError::CommitUnknown(_) = &error {
            let message = "The database failed during the commit: the change may or may not be \
                           stored. Check before you retry.";
            return Self::unavailable(message).with_code(Code::OutcomeUnknown).caused_by(error);
        }
        let message = match reaction {
            _ if error.is_retryable() => {
                "Other changes hold the same rows for too long. Nothing was changed; retry."
            }
            _ if error.is_busy() => {
                "Other requests use all connections to the database that this one may use. Nothing was changed; retry."
            }
            Reaction::Unavailable => "The database is currently unavailable.",
            Reaction::BadRequest => {
                "The database cannot store a value: a number out of range, a character such as NUL, or \
                 a text that is longer than it accepts."
            }
            _ => "The database rejected a statement.",
        };
        Self::new(reaction, message).caused_by(error)
    }
}

impl JobError for Error {
    fn store_error(&self) -> Option<&StoreError> {
        self.source.as_deref().and_then(|source| source.downcast_ref())
    }
}
