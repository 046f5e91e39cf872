//! Random texts of an installation.

use crate::error::{Error, Result};

/// 256 random bits, for tokens and salts.
pub(super) fn random_hex() -> Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::internal("cannot generate random bytes", error))?;
    Ok(hex::encode(bytes))
}
