//! Verifies the older hashes that Spring Security reads, because the portal database of an Apollo
//! installation may contain them. No new hash is made with these schemes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::EagerHash;
use md4::Md4;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{HEAVIEST, is_same};

/// Bytes of SHA-1.
const SHA_1: usize = 20;
/// Bytes of the salt of `sha256`.
const SALT: usize = 8;
/// Rounds of `sha256`.
const ROUNDS: u32 = 1024;
/// Bytes of the hash of `pbkdf2` and `scrypt`.
const KEY: usize = 32;

/// As [`super::try_verify`], for the text after the marker.
pub(super) fn try_verify(marker: &str, password: &[u8], stored: &str) -> Option<bool> {
    match marker {
        "ldap" => ldap(password, stored),
        "MD4" => Some(digest::<Md4>(password, stored)),
        "MD5" => Some(digest::<Md5>(password, stored)),
        "SHA-1" => Some(digest::<Sha1>(password, stored)),
        "SHA-256" => Some(digest::<Sha256>(password, stored)),
        "sha256" => sha256(password, stored),
        "pbkdf2" | "pbkdf2@SpringSecurity_v5_8" => pbkdf2(password, stored),
        "scrypt" | "scrypt@SpringSecurity_v5_8" => scrypt(password, stored),
        _ => None,
    }
}

/// `{SHA}` or `{SSHA}` and Base64 of hash and salt, or the password itself.
fn ldap(password: &[u8], stored: &str) -> Option<bool> {
    let (is_salted, text) = match stored.split_once('}') {
        Some(("{SHA" | "{sha", text)) => (false, text),
        Some(("{SSHA" | "{ssha", text)) => (true, text),
        _ if stored.starts_with('{') => return None,
        _ => return Some(is_same(password, stored.as_bytes())),
    };
    let bytes = STANDARD.decode(text).ok()?;
    let (hash, salt) = bytes.split_at_checked(SHA_1)?;
    let computed = Sha1::new().chain_update(password).chain_update(salt).finalize();
    (is_salted != salt.is_empty()).then(|| is_same(&computed, hash))
}

/// Hexadecimal hash of password and salt, after the salt if there is one. The braces of the salt
/// are hashed as well.
fn digest<D: Digest>(password: &[u8], stored: &str) -> bool {
    let inner = stored.strip_prefix('{').and_then(|rest| rest.find('}'));
    let (salt, hash) = stored.split_at(inner.map_or(0, |length| length + "{}".len()));
    let computed = D::new().chain_update(password).chain_update(salt).finalize();
    is_same(hex::encode(computed).as_bytes(), hash.as_bytes())
}

/// Hexadecimal salt and hash, of many rounds.
fn sha256(password: &[u8], stored: &str) -> Option<bool> {
    let bytes = hex::decode(stored).ok()?;
    let (salt, hash) = bytes.split_at_checked(SALT)?;
    let mut computed = Sha256::new().chain_update(salt).chain_update(password).finalize();
    for _ in 1..ROUNDS {
        computed = Sha256::digest(computed);
    }
    Some(is_same(&computed, hash))
}

/// Hexadecimal salt and hash. The length of the salt determines the parameters, not the marker:
/// Apollo 3 writes `pbkdf2` before hashes that Spring's own list has under the longer marker.
fn pbkdf2(password: &[u8], stored: &str) -> Option<bool> {
    let bytes = hex::decode(stored).ok()?;
    let (salt, hash) = bytes.split_at_checked(bytes.len().checked_sub(KEY)?)?;
    match salt.len() {
        8 => Some(is_same(&derived::<Sha1>(password, salt, 185_000), hash)),
        16 => Some(is_same(&derived::<Sha256>(password, salt, 310_000), hash)),
        _ => None,
    }
}

fn derived<D: EagerHash>(password: &[u8], salt: &[u8], iterations: u32) -> [u8; KEY] {
    pbkdf2::pbkdf2_hmac_array::<D, KEY>(password, salt, iterations)
}

/// `$`, hexadecimal parameters, `$`, Base64 of the salt, `$`, Base64 of the hash.
fn scrypt(password: &[u8], stored: &str) -> Option<bool> {
    let (parameters, rest) = stored.strip_prefix('$')?.split_once('$')?;
    let (salt, hash) = rest.split_once('$')?;
    let (salt, hash) = (STANDARD.decode(salt).ok()?, STANDARD.decode(hash).ok()?);
    let parameters = u32::from_str_radix(parameters, 16).ok()?;
    let [0, log_n @ 1..=20, r, p] = parameters.to_be_bytes() else { return None };
    // Blocks of 128 bytes are written.
    let kibibytes = ((u64::from(r) * u64::from(p)) << log_n) / 8;
    if kibibytes > HEAVIEST {
        return None;
    }
    let parameters = scrypt::Params::new(log_n, r.into(), p.into()).ok()?;
    let mut computed = [0; KEY];
    scrypt::scrypt(password, &salt, &parameters, &mut computed).ok()?;
    Some(is_same(&computed, &hash))
}
