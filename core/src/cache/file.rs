//! One cache file: its name, its text, and how it is read. Knows no directory.

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

const FIRST_LINE: &str = "#Persisted by DefaultConfig";
const LINE_END: &str = if cfg!(windows) { "\r\n" } else { "\n" };

/// `{appId}+{cluster}+{namespace}.properties`
pub(super) fn file_name(identity: &NamespaceKey) -> String {
    let NamespaceKey { app_id, cluster, namespace } = identity;
    format!("{app_id}+{cluster}+{namespace}.properties")
}

/// The file, then the one that a Java process writes which opened the namespace with its `.properties` suffix.
pub(super) fn names_to_read(identity: &NamespaceKey) -> Vec<String> {
    let mut names = vec![file_name(identity)];
    if Format::of(&identity.namespace) == Format::Properties {
        names.push(format!("{}.properties", names[0]));
    }
    names
}

pub(super) fn text(content: &Configurations) -> String {
    let date = chrono::Utc::now().format("%a %b %d %H:%M:%S UTC %Y");
    let entries = content.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let lines = properties::write(entries, Escaping::Ascii);
    let text = format!("{FIRST_LINE}\n#{date}\n{lines}");
    match LINE_END {
        "\n" => text,
        end => text.replace('\n', end),
    }
}

/// The content of a file; `None` when it is not there, or empty, which only a crash leaves behind.
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
        Ok(read) => Ok(Some(read).filter(|(bytes, _)| !bytes.is_empty())),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(failed("cannot read the cache file", path, error)),
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), IoKind::NotFound | IoKind::NotADirectory)
}

pub(super) fn failed(message: &'static str, path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, OPERATION, message)
        .with("path", path.display().to_string())
        .caused_by(error)
}
