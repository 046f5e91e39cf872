//! One cache file: its name, its text, and reading it.

use std::fs::{self, File};
use std::io::{ErrorKind as IoKind, Read as _};
use std::path::Path;
use std::time::SystemTime;

use sha1::{Digest as _, Sha1};

use super::{CachedContent, OPERATION};
use crate::error::{Error, ErrorKind, Result};
use crate::format::properties::{self, Escaping};
use crate::protocol::namespace::Format;
use crate::protocol::namespace::NamespaceKey;
use crate::protocol::wire::Configurations;

/// Maximum size of a cache file, in bytes.
const LARGEST: u64 = 128 * 1024 * 1024;
/// The first line that `java.util.Properties.store` writes for the Java client. The date is in its
/// second line, and here in the third.
const FIRST_LINE: &str = "#Persisted by DefaultConfig";
/// Begins the second line, which ends with the SHA-1 of all other bytes of the file. Files of the
/// Java client have no checksum, and to it this is a comment. Carriage returns are left out: in
/// values they are escaped, and version control may change line ends.
const CHECKSUM: &str = "#Checksum: ";
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
    let date =
        chrono::DateTime::<chrono::Utc>::from(SystemTime::now()).format("%a %b %d %H:%M:%S UTC %Y");
    let entries = content.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    // Java reads the file as ISO 8859-1, so other characters are escaped.
    let lines = properties::write(entries, Escaping::Ascii);
    let first = format!("{FIRST_LINE}{LINE_END}");
    let rest = format!("#{date}\n{lines}").replace('\n', LINE_END);
    let checksum = checksum(first.as_bytes(), rest.as_bytes());
    format!("{first}{CHECKSUM}{checksum}{LINE_END}{rest}")
}

/// The hexadecimal SHA-1 of what is before and behind the line of the checksum.
fn checksum(first: &[u8], rest: &[u8]) -> String {
    let mut digest = Sha1::new();
    for piece in [first, rest].iter().flat_map(|bytes| bytes.split(|byte| *byte == b'\r')) {
        digest.update(piece);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a file may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// What a client wrote.
    Written,
    /// The same, or what somebody made of it: nothing but the file has the values.
    Edited,
}

/// The content of a file; `None` if it does not exist or is empty.
///
/// # Errors
/// [`ErrorKind::Io`] if it cannot be read, [`ErrorKind::Parse`] if it is damaged.
pub(super) fn read(path: &Path, expected: Expected) -> Result<Option<CachedContent>> {
    let Some((bytes, written_at)) = read_bytes(path)? else {
        return Ok(None);
    };
    if is_cut(&bytes) || expected == Expected::Written && is_changed(&bytes) {
        let text = "the cache file is damaged; delete it, or, if it was changed on purpose, its line that begins with #Checksum";
        let error = Error::new(ErrorKind::Parse, OPERATION, text);
        return Err(error.with("path", path.display().to_string()));
    }
    let content = properties::parse(&properties::decode(&bytes));
    let content = content.map_err(|error| error.with("path", path.display().to_string()))?;
    Ok(Some(CachedContent { content, written_at }))
}

/// Whether a crash or a full disk left something else than what was written: control characters,
/// which are always escaped, or a file that ends within a line. Files that somebody wrote by hand
/// may end without a line feed.
fn is_cut(bytes: &[u8]) -> bool {
    let is_control = |byte: &u8| byte.is_ascii_control() && !b"\t\n\r\x0c".contains(byte);
    is_of_client(bytes) && !bytes.ends_with(b"\n") || bytes.iter().any(is_control)
}

/// Whether the first line is that of a client, as far as it exists.
fn is_of_client(bytes: &[u8]) -> bool {
    FIRST_LINE.as_bytes().starts_with(&bytes[..bytes.len().min(FIRST_LINE.len())])
}

/// Whether a file that a client wrote has another checksum, or has lost its line.
fn is_changed(bytes: &[u8]) -> bool {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let [first, second] = [lines.next(), lines.next()].map(Option::unwrap_or_default);
    let rest = &bytes[first.len() + second.len()..];
    match second.strip_prefix(CHECKSUM.as_bytes()) {
        Some(stated) => checksum(first, rest).as_bytes() != stated.trim_ascii_end(),
        // In a file of the Java client, this line has the date.
        None => is_of_client(bytes) && !second.starts_with(b"#"),
    }
}

pub(super) fn read_bytes(path: &Path) -> Result<Option<(Vec<u8>, SystemTime)>> {
    let read = || {
        let metadata = fs::metadata(path)?;
        // A device or a pipe would never end, and a larger file is not a cache.
        if !metadata.is_file() || metadata.len() > LARGEST {
            return Err(std::io::Error::other("it is not a regular file, or too large"));
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
        Ok((bytes, metadata.modified()?))
    };
    match read() {
        // A zero-length file is the remains of a crash of a client that writes in place; a
        // namespace without keys still has the two lines of the head.
        Ok(read) => Ok(Some(read).filter(|(bytes, _)| !bytes.is_empty())),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(failed("cannot read the cache file", path, error)),
    }
}

/// A path below something that is not a directory is missing, too: the program starts without
/// a cache.
fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), IoKind::NotFound | IoKind::NotADirectory)
}

pub(super) fn failed(message: &'static str, path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, OPERATION, message)
        .with("path", path.display().to_string())
        .caused_by(error)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// What never ends, or is too large for a cache, is neither read nor waited for.
    #[test]
    fn only_regular_files_of_limited_size_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("order+default+a.properties");
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert_eq!(read(&path, Expected::Written).unwrap_err().kind(), ErrorKind::Io);
        fs::remove_file(&path).unwrap();
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = read(&path, Expected::Written).unwrap_err();
        assert!(error.to_string().contains("order+default+a.properties"), "{error}");
    }
}
