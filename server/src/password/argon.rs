//! Hashes of Argon2. They are computed in memory that callers keep for the next one: what an
//! allocator gets back may remain resident for a while, so that many hashes one after the other
//! would occupy several times the memory of one.

use std::fmt;

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{self, Output, ParamsString, PasswordHash, Salt, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use super::HEAVIEST;

/// Memory for one hash at a time; empty until the first one.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    /// Blocks of 1 KiB. Their content is irrelevant: Argon2 writes each one before it reads it.
    fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            // Not resized, which could need both at the same time.
            drop(std::mem::take(&mut self.0));
            self.0 = vec![Block::new(); count];
        }
        &mut self.0[..count]
    }

    /// How much there is.
    #[cfg(test)]
    pub(crate) fn kib(&self) -> usize {
        self.0.len()
    }
}

/// Without the content, from which passwords could be guessed.
impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

/// Hashes a password with 19 MiB and two passes: the recommended minimum for interactive sign-in.
pub(super) fn hash(memory: &mut Memory, password: &[u8]) -> password_hash::Result<String> {
    let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
    let argon2 = Argon2::new(algorithm, version, Params::new(19 * 1024, 2, 1, None)?);
    let salt = SaltString::generate(&mut OsRng);
    let hash = PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: ParamsString::try_from(argon2.params())?,
        salt: Some(salt.as_salt()),
        hash: Some(compute(&argon2, memory, password, salt.as_salt())?),
    };
    Ok(hash.to_string())
}

/// As [`super::try_verify`], for the text after the marker.
pub(super) fn try_verify(memory: &mut Memory, password: &[u8], stored: &str) -> Option<bool> {
    let hash = PasswordHash::new(stored).ok()?;
    let params = Params::try_from(&hash).ok()?;
    if u64::from(params.m_cost()) * u64::from(params.t_cost()) > HEAVIEST {
        return None;
    }
    Some(matches(memory, password, &hash, params).unwrap_or(false))
}

fn matches(
    memory: &mut Memory,
    password: &[u8],
    hash: &PasswordHash<'_>,
    params: Params,
) -> password_hash::Result<bool> {
    let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else { return Ok(false) };
    let algorithm = Algorithm::try_from(hash.algorithm)?;
    let version = hash.version.map(Version::try_from).transpose()?.unwrap_or_default();
    let computed = compute(&Argon2::new(algorithm, version, params), memory, password, salt)?;
    // `Output` compares in constant time.
    Ok(computed == expected)
}

fn compute(
    argon2: &Argon2<'_>,
    memory: &mut Memory,
    password: &[u8],
    salt: Salt<'_>,
) -> password_hash::Result<Output> {
    let mut bytes = [0; Salt::MAX_LENGTH];
    let salt = salt.decode_b64(&mut bytes)?;
    let params = argon2.params();
    let blocks = memory.blocks(params.block_count());
    Output::init_with(params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN), |output| {
        let outcome = argon2.hash_password_into_with_memory(password, salt, output, blocks);
        outcome.map_err(password_hash::Error::from)
    })
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

    use super::*;

    /// What was computed before is left in the memory, also by hashes that need more of it.
    #[test]
    fn texts_are_those_of_the_library_whatever_the_memory_holds() {
        let mut memory = Memory::default();
        for (kib, passes, lanes) in [(64, 1, 1), (256, 3, 2), (32, 2, 1), (64, 1, 4)] {
            let params = Params::new(kib, passes, lanes, None).unwrap();
            let library = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let salt = SaltString::generate(&mut OsRng);
            let stored = library.hash_password(b"x", &salt).unwrap().to_string();
            assert_eq!(try_verify(&mut memory, b"x", &stored), Some(true), "{stored}");
            assert_eq!(try_verify(&mut memory, b"y", &stored), Some(false), "{stored}");
        }
        assert_eq!(memory.kib(), 256);
        let stored = hash(&mut memory, b"x").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let parsed = PasswordHash::new(&stored).unwrap();
        assert!(Argon2::default().verify_password(b"x", &parsed).is_ok());
    }
}
