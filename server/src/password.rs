//! Passwords: rejects those that are easy to guess, hashes and verifies them (pure, but slow by
//! intent: call it on a blocking thread).

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq as _;

use crate::error::{Error, Result};

/// Fragments that no password may contain, in lower case, from Apollo's list.
const BLOCKED: [&str; 26] = [
    "111", "222", "333", "444", "555", "666", "777", "888", "999", "000", "012", "1234", "2345",
    "3456", "4567", "5678", "6789", "7890", "qwer", "wert", "asdf", "zxcv", "1q2w", "abcd",
    "admin", "password",
];

/// The first blocked fragment of a password, if any.
#[must_use]
pub fn blocked_fragment(password: &str) -> Option<&'static str> {
    fragment_among(password, BLOCKED.into_iter())
}

/// The first of these fragments, which are in lower case, that a password contains.
pub fn fragment_among<'a>(
    password: &str,
    mut fragments: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = password.to_lowercase();
    fragments.find(|fragment| lower.contains(fragment))
}

/// Scheme of new hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Memory-hard; the default unless a Java portal shares the database.
    Argon2id,
    /// Can be verified by a Java portal.
    Bcrypt,
}

/// Hashes a password; the result starts with the marker of the scheme.
///
/// # Errors
/// Fails only if the operating system provides no random bytes.
pub fn hash(password: &str, scheme: Scheme) -> Result<String> {
    match scheme {
        Scheme::Argon2id => {
            let salt = SaltString::generate(&mut OsRng);
            let hash = argon2id()?.hash_password(password.as_bytes(), &salt);
            let hash = hash
                .map_err(|error| Error::new(crate::error::Reaction::Internal, error.to_string()))?;
            Ok(format!("{{argon2}}{hash}"))
        }
        Scheme::Bcrypt => {
            let hash = bcrypt::hash_with_result(password, 10)
                .map_err(|error| Error::internal("cannot hash a password", error))?;
            Ok(format!("{{bcrypt}}{}", hash.format_for_version(bcrypt::Version::TwoA)))
        }
    }
}

/// Whether a password matches a stored text. A text without a marker is bcrypt; `{placeholder}`
/// never matches.
#[must_use]
pub fn verify(password: &str, stored: &str) -> bool {
    let (marker, hash) = stored
        .strip_prefix('{')
        .and_then(|rest| rest.split_once('}'))
        .unwrap_or(("bcrypt", stored));
    match marker {
        "bcrypt" => bcrypt::verify(password, hash).unwrap_or(false),
        "argon2" => PasswordHash::new(hash).is_ok_and(|hash| {
            Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
        }),
        "noop" => password.as_bytes().ct_eq(hash.as_bytes()).into(),
        _ => false,
    }
}

/// 19 MiB and two passes: the recommended minimum for interactive sign-in.
fn argon2id() -> Result<Argon2<'static>> {
    let params = Params::new(19 * 1024, 2, 1, None)
        .map_err(|error| Error::new(crate::error::Reaction::Internal, error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_verifies_what_it_made() {
        for scheme in [Scheme::Argon2id, Scheme::Bcrypt] {
            let stored = hash("correct horse", scheme).unwrap();
            assert!(verify("correct horse", &stored), "{stored}");
            assert!(!verify("wrong horse", &stored));
        }
    }

    #[test]
    fn texts_of_apollo_verify() {
        // bcrypt without and with its marker, and a plain text.
        let apollo = "$2a$10$7r20uS.BQ9uBpf3Baj3uQOZvMVvB1RN3PYoKE94gtz2.WAOuiiwXS";
        assert!(verify("admin", apollo));
        assert!(verify("admin", &format!("{{bcrypt}}{apollo}")));
        assert!(verify("x", "{noop}x"));
        assert!(!verify("x", "{placeholder}x"));
        assert!(!verify("x", "{unknown}x"));
    }

    #[test]
    fn easy_passwords_are_told_by_a_fragment() {
        assert_eq!(blocked_fragment("xxQWERxx"), Some("qwer"));
        assert_eq!(blocked_fragment("correct horse battery"), None);
    }
}
