//! Where the values of a snapshot come from, with the names that metrics and bindings use.

use std::fmt;

/// The origin of the values of a namespace.
///
/// ```
/// use castalia_core::{InMemory, Source};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// memory.set("application", "timeout", "200").await?;
/// let config = memory.client().config("application").await?;
///
/// assert_eq!(config.source(), Source::Static);
/// assert_eq!(config.source().name(), "static");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// A config service.
    Remote,
    /// The cache file of an earlier run.
    Local,
    /// A seed file, a seed in code, or a source function of the application.
    Static,
    /// Nothing has been loaded: typed reads return their defaults.
    None,
}

impl Source {
    /// Stable name: `remote`, `local`, `static` or `none`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Source::Remote => "remote",
            Source::Local => "local",
            Source::Static => "static",
            Source::None => "none",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
