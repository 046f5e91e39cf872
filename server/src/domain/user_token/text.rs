//! The text of an access token, in the form that Apollo defines: a fixed start, a part that finds
//! the row, and a secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use castalia_store::Secret;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

/// Start of each token, by which scanners for leaked secrets recognise it.
pub const PREFIX: &str = "apollo_pat_";
/// Between the parts of a token.
const SEPARATOR: char = '_';
/// Random bytes of the part that finds the row, and of the secret part.
const KEY_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

/// The part of a token that finds its row.
pub(super) fn key_of(text: &str) -> Option<&str> {
    let (key, secret) = text.strip_prefix(PREFIX)?.split_once(SEPARATOR)?;
    (!key.is_empty() && !secret.is_empty()).then_some(key)
}

/// A new token, and the part of it that finds its row.
pub(super) fn generate() -> Result<(Secret, String)> {
    let key = loop {
        let key = random::<KEY_BYTES>()?;
        if !key.contains(SEPARATOR) {
            break key;
        }
    };
    let secret = random::<SECRET_BYTES>()?;
    Ok((Secret::new(format!("{PREFIX}{key}{SEPARATOR}{secret}")), key))
}

fn random<const LENGTH: usize>() -> Result<String> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::internal("cannot generate random bytes", error))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

pub(super) fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_form_of_apollos() {
        let (text, key) = generate().unwrap();
        assert_eq!(key.len(), 8);
        assert_eq!(key_of(text.expose()), Some(key.as_str()));
        assert_eq!(text.expose().len(), PREFIX.len() + 8 + 1 + 43);
        for text in ["", "apollo_pat_", "apollo_pat_key", "apollo_pat__secret", "apollo_pat_key_"] {
            assert_eq!(key_of(text), None, "{text}");
        }
    }
}
