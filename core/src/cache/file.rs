//! One cache file: its name, its text, and reading it.

use std::fs;
use std::io::ErrorKind as IoKind;
use std::path::Path;
use std::time::SystemTime;

use super::{CachedContent, OPERATION};
use crate::error::{Error, ErrorKind, Result};
use crate::format::properties::{self, Escaping};
use crate::protocol::namespace::Format;
use crate::protocol::namespace::NamespaceKey;
use crate::protocol::wire::Configurations;

// Both lines of the head are what `java.util.Properties.store` writes for the Java client.
const FIRST_LINE: &str = "#Persisted by DefaultConfig";
// `Properties.store` uses the line separator of the platform.
const LINE_END: &str = if cfg!(windows) { "\r\n" } else { "\n" };

/// `{appId}+{cluster}+{namespace}.properties`. The cluster is the configured one, not the one that
/// answered, so that the file is found before any server is.
pub(super) fn file_name(identity: &NamespaceKey) -> String {
    let NamespaceKey { app_id, cluster, namespace } = identity;
    format!("{app_id}+{cluster}+{namespace}.properties")
}

/// The file, then the one of a Java process that opened the namespace with its `.properties`
/// suffix: to Java, `a` and `a.properties` are two namespaces.
pub(super) fn names_to_read(identity: &NamespaceKey) -> Vec<String> {
    let mut names = vec![file_name(identity)];
    if Format::of(&identity.namespace) == Format::Properties {
        names.push(format!("{}.properties", names[0]));
    }
    names
}

pub(super) fn text(content: &Configurations) -> String {
    // The form of Java's `Date.toString` in an English locale.
    let date = chrono::Utc::now().format("%a %b %d %H:%M:%S UTC %Y");
    let entries = content.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    // Java reads the file as ISO 8859-1, so other characters are escaped.
    let lines = properties::write(entries, Escaping::Ascii);
    let text = format!("{FIRST_LINE}\n#{date}\n{lines}");
    match LINE_END {
        "\n" => text,
        end => text.replace('\n', end),
    }
}

/// The content of a file; `None` if it does not exist or is empty.
pub(super) fn read(path: &Path) -> Result<Option<CachedContent>> {
    let Some((bytes, written_at)) = read_bytes(path)? else {
        return Ok(None);
    };
    let content = properties::parse(&properties::decode(&bytes));
    let content = content.map_err(|error| error.with("path", path.display().to_string()))?;
    Ok(Some(CachedContent { content, written_at }))
}

pub(super) fn read_bytes(path: &Path) -> Result<Option<(Vec<u8>, SystemTime)>> {
    let read = || Ok((fs::read(path)?, fs::metadata(path)?.modified()?));
    match read() {
        // A zero-length file is the remains of a crash of a client that writes in place; a
        // namespace without keys still has the two lines of the head.
        Ok(read) => Ok(Some(read).filter(|(bytes, _)| !bytes.is_empty())),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(failed("cannot read the cache file", path, error)),
    }
}

/// A path below something that is not a directory counts as missing too: the program starts without
/// a cache.
fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), IoKind::NotFound | IoKind::NotADirectory)
}

pub(super) fn failed(message: &'static str, path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, OPERATION, message)
        .with("path", path.display().to_string())
        .caused_by(error)
}
