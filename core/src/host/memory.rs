//! What the tests of a host's programs change in a client without servers.

use crate::error::{Error, ErrorKind, Result};
use crate::in_memory::InMemory;

/// Keys with their new values; `None` removes a key.
pub type Edits = Vec<(String, Option<String>)>;

/// Changes the values of a namespace with one event, or `replaces` all of them. Without edits, its
/// loads fail until it is changed again.
///
/// ```
/// use castalia_core::InMemory;
/// use castalia_core::host::memory::change;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// let config = memory.client().config("application").await?;
/// let edit = |key: &str| Some(vec![(key.to_owned(), Some("1".to_owned()))]);
/// change(memory.clone(), "application".to_owned(), edit("a"), false).await?;
/// change(memory.clone(), "application".to_owned(), edit("b"), true).await?;
/// assert_eq!((config.get("a").is_some(), config.get("b").is_some()), (false, true));
/// change(memory, "application".to_owned(), None, false).await?;
/// assert!(config.last_error().is_some());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`InMemory::publish`]; [`ErrorKind::InvalidArgument`] if a key among all values has none.
pub async fn change(
    memory: InMemory,
    namespace: String,
    edits: Option<Edits>,
    replaces: bool,
) -> Result<()> {
    let Some(edits) = edits else { return memory.fail(&namespace).await };
    if !replaces {
        return memory.update(&namespace, edits).await;
    }
    let entries = edits.into_iter().map(|(key, value)| {
        let text = "a key of the new values has no value";
        let missing = || Error::new(ErrorKind::InvalidArgument, "publish", text);
        Ok((key, value.ok_or_else(missing)?))
    });
    memory.publish(&namespace, entries.collect::<Result<Vec<_>>>()?).await
}
