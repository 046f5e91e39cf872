//! The files of settings and of secrets. A size is the limit of what is read: a device has no end.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// Maximum size of a file, in bytes. Bundles of certificates are the largest.
const LARGEST: u64 = 4 << 20;

/// The bytes of a file.
pub(super) fn bytes(path: impl AsRef<Path>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if read as u64 > LARGEST {
        return Err(Error::other(format!("it is larger than {LARGEST} bytes")));
    }
    Ok(bytes)
}

/// The text of a file.
pub(super) fn text(path: impl AsRef<Path>) -> Result<String> {
    let text = String::from_utf8(bytes(path)?);
    let text = text.map_err(|_| Error::new(ErrorKind::InvalidData, "it is not UTF-8"))?;
    // Editors on Windows write a byte order mark, which is no part of a secret.
    Ok(match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::{Fault, Settings, Texts};

    fn joined(faults: &[Fault]) -> String {
        faults.iter().map(|fault| format!("{fault}; ")).collect()
    }

    /// What is wrong with a file of settings.
    fn faults(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(&file, text).unwrap();
        let texts = Texts::gather(Vec::new(), Some(file), std::iter::empty());
        let settings = texts.and_then(|texts| Settings::from_texts(&texts));
        settings.err().map(|faults| joined(&faults)).unwrap_or_default()
    }

    #[test]
    fn a_fault_has_its_place_and_no_text_of_the_file() {
        let found = faults("env = \"uat\"\n\nmetrics_token = secret\n");
        assert!(found.contains("c.toml: line 3 is not") && !found.contains("secret"), "{found}");
    }

    #[test]
    fn keys_of_server_config_may_be_written_as_tables() {
        assert_eq!(faults("[server-config]\nlong.polling.timeout = 9\n"), "");
        let found = faults("[server-config]\nlong.pol = 9\n");
        let place = found.starts_with("long.pol in /") && found.contains("c.toml: is not a key");
        assert!(place, "{found}");
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_text() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        std::fs::write(&file, "\u{feff}secret\r\n").unwrap();
        assert_eq!(super::text(&file).unwrap(), "secret\r\n");
    }

    #[test]
    fn a_file_without_end_is_refused() {
        let zero = "/dev/zero";
        let ldap = ("ldap.urls", "ldaps://a");
        for flags in [
            &[("admin_password_file", zero)][..],
            &[("eureka.password_file", zero)],
            &[ldap, ("ldap.ca_file", zero)],
            &[ldap, ("ldap.password_file", zero)],
        ] {
            let flags = flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
            let texts = Texts::gather(flags, None, std::iter::empty()).unwrap();
            let found = joined(&Settings::from_texts(&texts).unwrap_err());
            assert!(found.contains("larger than"), "{found}");
        }
        let file = Some(PathBuf::from(zero));
        let found = joined(&Texts::gather(Vec::new(), file, std::iter::empty()).unwrap_err());
        assert!(found.contains("larger than"), "{found}");
    }
}
