//! The error type of this crate: a kind that suggests a reaction, the operation, its context and
//! the cause.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::redact::without_credentials;

/// What a caller can do about an error. Codes and names are stable: every binding derives its own
/// spelling from them.
///
/// ```
/// use castalia_core::ErrorKind;
///
/// assert_eq!(ErrorKind::NotFound.code(), 3);
/// assert_eq!(ErrorKind::NotFound.name(), "NotFound");
/// assert!(ErrorKind::Transport.is_retryable());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument or setting is invalid: fix the call or the settings.
    InvalidArgument,
    /// The start policy is not met because nothing is loaded yet: wait, or accept defaults.
    NotReady,
    /// The namespace has no release: publish it.
    NotFound,
    /// The server rejected the access key: fix the secret or the clock.
    Unauthorized,
    /// The server rejected the request as malformed: report it.
    BadRequest,
    /// The caller's timeout expired.
    Timeout,
    /// No service could be reached, or all failed. The client keeps trying.
    Transport,
    /// The response violates the protocol: check what answers at that address.
    Protocol,
    /// A value or file does not have the expected format.
    Parse,
    /// A local file cannot be read or written.
    Io,
    /// The client or the handle is closed.
    Closed,
    /// A bug in this library, including a caught panic.
    Internal,
}

impl ErrorKind {
    /// Every kind, in the order of the codes.
    pub const ALL: [ErrorKind; 12] = [
        ErrorKind::InvalidArgument,
        ErrorKind::NotReady,
        ErrorKind::NotFound,
        ErrorKind::Unauthorized,
        ErrorKind::BadRequest,
        ErrorKind::Timeout,
        ErrorKind::Transport,
        ErrorKind::Protocol,
        ErrorKind::Parse,
        ErrorKind::Io,
        ErrorKind::Closed,
        ErrorKind::Internal,
    ];

    /// Stable number, starting at 1. 0 is never used, so that C callers can use it for "no error".
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            ErrorKind::InvalidArgument => 1,
            ErrorKind::NotReady => 2,
            ErrorKind::NotFound => 3,
            ErrorKind::Unauthorized => 4,
            ErrorKind::BadRequest => 5,
            ErrorKind::Timeout => 6,
            ErrorKind::Transport => 7,
            ErrorKind::Protocol => 8,
            ErrorKind::Parse => 9,
            ErrorKind::Io => 10,
            ErrorKind::Closed => 11,
            ErrorKind::Internal => 12,
        }
    }

    /// Stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ErrorKind::InvalidArgument => "InvalidArgument",
            ErrorKind::NotReady => "NotReady",
            ErrorKind::NotFound => "NotFound",
            ErrorKind::Unauthorized => "Unauthorized",
            ErrorKind::BadRequest => "BadRequest",
            ErrorKind::Timeout => "Timeout",
            ErrorKind::Transport => "Transport",
            ErrorKind::Protocol => "Protocol",
            ErrorKind::Parse => "Parse",
            ErrorKind::Io => "Io",
            ErrorKind::Closed => "Closed",
            ErrorKind::Internal => "Internal",
        }
    }

    /// Whether a later attempt can succeed without anybody acting.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            ErrorKind::NotReady
                | ErrorKind::NotFound
                | ErrorKind::Timeout
                | ErrorKind::Transport
                | ErrorKind::Protocol
        )
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `Result` with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error. `Display` prints one line for logs and callers, `Debug` several lines with the causes.
///
/// ```
/// use castalia_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::NotFound, "load namespace", "not found")
///     .with("namespace", "application");
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert_eq!(
///     error.to_string(),
///     "NotFound in load namespace: not found (namespace=application)"
/// );
/// ```
// Boxed, so that every `Result` stays small.
#[derive(Clone)]
pub struct Error(Box<ErrorInner>);

#[derive(Clone)]
struct ErrorInner {
    kind: ErrorKind,
    operation: &'static str,
    message: String,
    context: Vec<(&'static str, String)>,
    source: Option<std::sync::Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error in an operation (a static name such as `load namespace`), with a message that says
    /// what to do.
    #[must_use]
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorInner {
            kind,
            operation,
            message: message.into(),
            context: Vec::new(),
            source: None,
        }))
    }

    /// Adds context, named like the log fields: `app_id`, `namespace`, `url` and so on. Must not be
    /// a secret or a value of a configuration; credentials of addresses are hidden.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        let shown = match without_credentials(&value) {
            Cow::Owned(shown) => shown,
            Cow::Borrowed(_) => value,
        };
        self.0.context.push((name, shown));
        self
    }

    /// Sets the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(std::sync::Arc::new(source));
        self
    }

    /// Adds the position of an error in a JSON text. Not the error itself: it quotes values, which
    /// may be secrets.
    #[cfg(feature = "discovery")]
    pub(crate) fn with_position_of(self, error: &serde_json::Error) -> Self {
        self.with("line", error.line().to_string()).with("column", error.column().to_string())
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The operation that failed.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// The message without operation, context and causes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Names and values of the context, in the order in which they were added.
    pub fn context(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.context.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}: {}", self.0.kind, self.0.operation, self.0.message)?;
        for (index, (name, value)) in self.0.context.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { " (" } else { ", " })?;
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        f.write_str(&causes(self, &self.0.message))
    }
}

/// The causes of an error whose own text is `message`, each behind ": ". Many libraries write an error
/// with its causes: what the text before includes is not repeated.
#[must_use]
pub fn causes(error: &dyn StdError, message: &str) -> String {
    let (mut text, mut cause, mut before) = (String::new(), error.source(), message.to_owned());
    while let Some(error) = cause {
        let own = error.to_string();
        if !before.contains(&own) {
            text.push_str(": ");
            text.push_str(&own);
            before = own;
        }
        cause = error.source();
    }
    text
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} in {}: {}", self.0.kind, self.0.operation, self.0.message)?;
        for (name, value) in &self.0.context {
            writeln!(f, "  {name}: {value}")?;
        }
        let mut cause = self.source();
        while let Some(error) = cause {
            writeln!(f, "  caused by: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_frozen() {
        for (index, kind) in ErrorKind::ALL.into_iter().enumerate() {
            assert_eq!(kind.code(), i32::try_from(index).unwrap() + 1);
            assert_eq!(format!("{kind:?}"), kind.name());
        }
    }

    #[test]
    fn display_is_one_line_with_context_and_causes() {
        let io = std::io::Error::other("disk\tfull");
        let error =
            Error::new(ErrorKind::Io, "write cache file", "cannot write; check the directory")
                .with("app_id", "demo")
                .with("path", "/opt/data")
                .caused_by(io);
        assert_eq!(
            error.to_string(),
            "Io in write cache file: cannot write; check the directory (app_id=demo, path=/opt/data): disk\tfull"
        );
        assert!(format!("{error:?}").contains("\n  caused by: disk"));
    }

    /// B127
    #[test]
    fn causes_that_a_text_includes_are_not_repeated() {
        let disk = || std::io::Error::other("disk full");
        let inner = Error::new(ErrorKind::Io, "write", "cannot write").caused_by(disk());
        let outer = Error::new(ErrorKind::Internal, "load", "failed").caused_by(inner);
        let outer = std::io::Error::other(outer);
        assert_eq!(causes(&outer, "other"), ": Io in write: cannot write: disk full");
        let error = Error::new(ErrorKind::Internal, "start", "no file").caused_by(outer);
        let expected = "Internal in start: no file: Internal in load: failed: Io in write: cannot write: disk full";
        assert_eq!(error.to_string(), expected);
    }
}
