//! The error of the server: what the caller can do about it, a stable code, and a text. Says nothing of HTTP to the domain; how
//! it becomes a status and a body is in `http/failure.rs`, which is also the only place that logs it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use castalia_core::protocol::route::Refusal;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::store::{JobError, StoreError};

/// How the caller should react.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Change the request.
    BadRequest,
    /// Present credentials.
    Unauthorized,
    /// Ask for the right.
    Forbidden,
    /// It does not exist.
    NotFound,
    /// The method is not offered on this path.
    MethodNotAllowed,
    /// Read again, then repeat: somebody was faster.
    Conflict,
    /// Send less.
    TooLarge,
    /// Wait, then repeat.
    TooMany,
    /// The server cannot answer at present; repeat later or elsewhere.
    Unavailable,
    /// A rule of the service that the reference reports as a server error; the text is meant for the caller.
    Service,
    /// A fault of ours: the text goes to the log, not to the caller.
    Internal,
}

/// What the caller of a change is told who made it on an older revision.
#[derive(Debug, Clone, Serialize)]
pub struct Stale {
    /// Revision at present.
    pub current: String,
    /// Revision that the change was made on.
    pub revision: String,
    /// Who edited the namespace last.
    pub by: Option<String>,
    /// When.
    pub at: Option<DateTime<Utc>>,
}

/// An error on its way to a caller.
#[derive(Debug, Clone)]
pub struct Error {
    reaction: Reaction,
    code: &'static str,
    message: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    early: bool,
    stale: Option<Arc<Stale>>,
}

/// Shorthand used throughout.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with the reaction's own code.
    #[must_use]
    pub fn new(reaction: Reaction, message: impl Into<String>) -> Self {
        let code = match reaction {
            Reaction::BadRequest => "bad_request",
            Reaction::Unauthorized => "unauthorized",
            Reaction::Forbidden => "forbidden",
            Reaction::NotFound => "not_found",
            Reaction::MethodNotAllowed => "method_not_allowed",
            Reaction::Conflict => "conflict",
            Reaction::TooLarge => "too_large",
            Reaction::TooMany => "too_many",
            Reaction::Unavailable => "unavailable",
            Reaction::Service => "service",
            Reaction::Internal => "internal",
        };
        Self { reaction, code, message: message.into(), source: None, early: false, stale: None }
    }

    /// The request is not acceptable; the text says what to change.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Reaction::BadRequest, message)
    }

    /// Credentials are missing or wrong.
    #[must_use]
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(Reaction::Unauthorized, message)
    }

    /// The right is missing.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Reaction::Forbidden, message)
    }

    /// The thing asked for does not exist.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Reaction::NotFound, message)
    }

    /// A rule that the reference reports with status 500 and a text for the caller.
    #[must_use]
    pub fn service(message: impl Into<String>) -> Self {
        Self::new(Reaction::Service, message)
    }

    /// Somebody else changed the namespace since the caller read it.
    #[must_use]
    pub fn stale(stale: Stale) -> Self {
        let message = format!(
            "The namespace is at revision {} now, not at {}: somebody else changed it. Read it again, then repeat.",
            stale.current, stale.revision
        );
        let error = Self::new(Reaction::Conflict, message).with_code("stale_revision");
        Self { stale: Some(Arc::new(stale)), ..error }
    }

    /// The database or another part is away.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Reaction::Unavailable, message)
    }

    /// A fault of ours.
    #[must_use]
    pub fn internal(
        message: impl Into<String>,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self::new(Reaction::Internal, message).caused_by(source)
    }

    /// Gives it a code of its own: snake case, stable for scripts.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    /// Adds the cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Marks an error that is raised before any handler runs: its body has the reference's other shape, which names the path.
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
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The text for the caller, except for [`Reaction::Internal`].
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The revisions, where the caller knew an older one.
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
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
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
            Refusal::UnknownPath => Self::not_found(message).with_code("unknown_path"),
            Refusal::Encoding => Self::bad_request(message).with_code("bad_encoding").early(),
            Refusal::InvalidAppId => Self::bad_request(message).with_code("invalid_app_id").early(),
            Refusal::MissingParameter(_) => {
                Self::bad_request(message).with_code("missing_parameter")
            }
            Refusal::InvalidParameter(_) => {
                Self::bad_request(message).with_code("invalid_parameter")
            }
            Refusal::InvalidNotifications(_) => {
                Self::bad_request(message).with_code("invalid_notifications")
            }
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let reaction = match &error {
            StoreError::UnknownProperty(_) => {
                return Self::bad_request(error.to_string()).with_code("unknown_property");
            }
            StoreError::Conflict(_)
            | StoreError::Unavailable(_)
            | StoreError::CommitUnknown(_)
            | StoreError::ReadOnly(_)
            | StoreError::SequenceBehind { .. }
            | StoreError::Storage(_) => Reaction::Unavailable,
            StoreError::Value(_) => Reaction::BadRequest,
            StoreError::Duplicate(_) | StoreError::Setting { .. } | StoreError::Other(_) => {
                Reaction::Internal
            }
        };
        if let StoreError::CommitUnknown(_) = &error {
            let message = "The database failed while it kept the change: it may have been kept or \
                           not. Look before you repeat it.";
            return Self::unavailable(message).with_code("outcome_unknown").caused_by(error);
        }
        let message = match reaction {
            Reaction::Unavailable => "The database cannot be used at present.",
            Reaction::BadRequest => {
                "The database cannot store a value: a number out of range, or a character such as NUL."
            }
            _ => "The database refused a statement.",
        };
        Self::new(reaction, message).caused_by(error)
    }
}

impl JobError for Error {
    fn store_error(&self) -> Option<&StoreError> {
        self.source.as_deref().and_then(|source| source.downcast_ref())
    }
}
