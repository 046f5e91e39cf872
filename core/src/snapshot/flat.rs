//! Flattens YAML documents into keys, as the Java client does; JSON, XML and text stay one value.

use crate::error::Result;
use crate::format::yaml;
use crate::protocol::namespace::{CONTENT_KEY, Format};
use crate::protocol::wire::Configurations;

/// The keys of a document; `None` if the configurations are used as they are.
///
/// # Errors
/// [`ErrorKind::Parse`](crate::ErrorKind::Parse) if the document cannot be parsed.
pub(super) fn flatten(
    namespace: &str,
    configurations: &Configurations,
) -> Result<Option<Configurations>> {
    match (Format::of(namespace), configurations.get(CONTENT_KEY)) {
        (Format::Yaml | Format::Yml, Some(text)) => yaml::flatten(text).map(Some),
        _ => Ok(None),
    }
}

/// Whether values can be read from the configurations.
pub(crate) fn is_readable(namespace: &str, configurations: &Configurations) -> bool {
    flatten(namespace, configurations).is_ok()
}
