//! Passwords: rejects those that are easy to guess, hashes and verifies them (pure, but slow by
//! intent: call it on a blocking thread).

mod argon;
mod older;

use subtle::ConstantTimeEq as _;

pub use self::argon::Memory;
use crate::error::{Error, Reaction, Result};

/// Fragments that no password may contain, in lower case, from Apollo's list.
const BLOCKED: [&str; 26] = [
    "111", "222", "333", "444", "555", "666", "777", "888", "999", "000", "012", "1234", "2345",
    "3456", "4567", "5678", "6789", "7890", "qwer", "wert", "asdf", "zxcv", "1q2w", "abcd",
    "admin", "password",
];

/// Largest cost of a bcrypt hash that is verified: about four seconds. Spring's default is 10.
const LONGEST: u32 = 16;
/// KiB that the verification of another hash may write, over all passes: four times what Spring's
/// heaviest default writes. The text of a hash must not decide how much memory is allocated.
const HEAVIEST: u64 = 256 * 1024;

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
pub fn hash(memory: &mut Memory, password: &str, scheme: Scheme) -> Result<String> {
    match scheme {
        Scheme::Argon2id => {
            let hash = argon::hash(memory, password.as_bytes())
                .map_err(|error| Error::new(Reaction::Internal, error.to_string()))?;
            Ok(format!("{{argon2}}{hash}"))
        }
        Scheme::Bcrypt => {
            let hash = bcrypt::hash_with_result(password, 10)
                .map_err(|error| Error::internal("cannot hash a password", error))?;
            Ok(format!("{{bcrypt}}{}", hash.format_for_version(bcrypt::Version::TwoA)))
        }
    }
}

/// Whether a password matches a stored text.
#[must_use]
pub fn verify(memory: &mut Memory, password: &str, stored: &str) -> bool {
    try_verify(memory, password, stored).unwrap_or(false)
}

/// Whether a password matches a stored text, which is read as Spring Security reads it. A text
/// without a marker is bcrypt; `{placeholder}` never matches, and neither does an empty password.
/// `None` if no password can match, because the marker is unknown, the hash invalid, or its
/// parameters would cost too much memory or time.
#[must_use]
pub fn try_verify(memory: &mut Memory, password: &str, stored: &str) -> Option<bool> {
    if password.is_empty() || stored.is_empty() {
        return Some(false);
    }
    let (marker, hash) = stored
        .strip_prefix('{')
        .and_then(|rest| rest.split_once('}'))
        .unwrap_or(("bcrypt", stored));
    let password = password.as_bytes();
    match marker {
        "bcrypt" => verify_bcrypt(password, hash),
        "argon2" | "argon2@SpringSecurity_v5_8" => argon::try_verify(memory, password, hash),
        "noop" => Some(is_same(password, hash.as_bytes())),
        "placeholder" => Some(false),
        _ => older::try_verify(marker, password, hash),
    }
}

/// Whether the verification with a stored text takes long by intent.
#[must_use]
pub fn is_slow(stored: &str) -> bool {
    let is_marked = |marker: &str| stored.starts_with(marker);
    ["$2", "{bcrypt}", "{argon2", "{pbkdf2", "{scrypt"].into_iter().any(is_marked)
}

fn verify_bcrypt(password: &[u8], hash: &str) -> Option<bool> {
    let parts: bcrypt::HashParts = hash.parse().ok()?;
    if parts.get_cost() > LONGEST {
        return None;
    }
    bcrypt::verify(password, hash).ok()
}

/// Compares in a time that depends on the lengths only.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(password: &str, stored: &str) -> bool {
        super::verify(&mut Memory::default(), password, stored)
    }

    fn try_verify(password: &str, stored: &str) -> Option<bool> {
        super::try_verify(&mut Memory::default(), password, stored)
    }

    #[test]
    fn each_scheme_verifies_what_it_made() {
        for scheme in [Scheme::Argon2id, Scheme::Bcrypt] {
            let stored = hash(&mut Memory::default(), "correct horse", scheme).unwrap();
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
    fn texts_of_spring_security_verify() {
        for stored in SPRING {
            assert_eq!(try_verify("pässwörd 1", stored), Some(true), "{stored}");
            assert_eq!(try_verify("pässwörd 2", stored), Some(false), "{stored}");
        }
    }

    /// Hashes of "pässwörd 1". They were made by the encoders of spring-security-crypto 7.0.4,
    /// those without a salt by `MessageDigest`, and confirmed by `matches` of
    /// `PasswordEncoderFactories.createDelegatingPasswordEncoder()`; those without `@` by that of
    /// 5.7.8 as well, which Apollo 2.5 uses. The two copies without `@` are what Apollo 3 writes;
    /// the one without a marker is what old versions of Apollo wrote.
    const SPRING: [&str; 27] = [
        "{ldap}{SSHA}1L1mTKmiTJx7wNzGAn6wmkhMe/DS9eezsxJrkQ==",
        "{ldap}{ssha}K7o1OJ7IB/Ge3xnOugTz9LtSBt6NMsK9L8NeNA==",
        "{ldap}{SHA}/Hrn08gEogcgvDjo5YNQSGibZVE=",
        "{ldap}{sha}/Hrn08gEogcgvDjo5YNQSGibZVE=",
        "{ldap}pässwörd 1",
        "{MD4}{2bTy0dLP+TIzf2+Xdywl9kMt91cgJdqiaE/8nuqLgkU=}acf58017dcd28aa2e22751d7f9c8d3ba",
        "{MD5}{LBab7fU4zY87yoxq8zopuron/mGP7OBirkf37pPDpLE=}8071e55206b1a5e8efe5703b3592b2b9",
        "{MD5}ce74b892da441b00f4b61523872bc6b4",
        "{SHA-1}{TrPfVDSrNDJEhYbY0UcTFe+e6YZt0yo+jE1vG3nk2lQ=}4b1ffccd42150edd3eaaf167dbe0a4090\
         09e6f5c",
        "{SHA-1}fc7ae7d3c804a20720bc38e8e5835048689b6551",
        "{SHA-256}{j434jbZC5DDrjq1G2Kw+XykPfbCwMtmWrKm2239Y1TE=}af4d0f3e4221769a8b1488666deb95d\
         68981de1e34a4f512197c838d321ff839",
        "{SHA-256}50e0d7e496477b5f09570bfdcaf31b028792ef5f58edfc27dbcbccb8cfce1d15",
        "{sha256}42eef45f10dffea4d6a10ee7d570b52adecedee69d251612cbb5868130185c0bc49eb2c4b608e0\
         14",
        "{pbkdf2}81caf163b43612d608c2a68b14037828deae632be63efe6a1ac5eca7829c34f2625b57a7003c0a\
         50",
        "{pbkdf2@SpringSecurity_v5_8}e4c59c63a06f9f430123230e6e22a0d0f810a4a305ddd5b19034d53a06\
         81f75f5a07cc48d345037b033f54be0a9a0719",
        "{pbkdf2}e4c59c63a06f9f430123230e6e22a0d0f810a4a305ddd5b19034d53a0681f75f5a07cc48d34503\
         7b033f54be0a9a0719",
        "{scrypt}$e0801$FzVnk1zapx+howIkGT5yCuFzSQErwBtdo5fkKKzbM+8pbOK7iT9/HHfq+pIq8/0NwS+YIjA\
         6efbuUZ+33YCHYA==$OF077bRdQi66/jhYm1oiDEu89GPdiUGmTr2XEEN8Jhw=",
        "{scrypt@SpringSecurity_v5_8}$100801$5sM2nAK6TS2bWX9DGIBDzQ==$ZQsuwmq5sryO9N8zYK2oTHrvB\
         AzVJShYVSmdKnrK4dg=",
        "{scrypt}$100801$5sM2nAK6TS2bWX9DGIBDzQ==$ZQsuwmq5sryO9N8zYK2oTHrvBAzVJShYVSmdKnrK4dg=",
        "{argon2}$argon2id$v=19$m=4096,t=3,p=1$u4Aoct0hHU2t51a2x9z/yA$Tx/atO4muewUYnx4qbcADkegf\
         k6xD5J636GMY6mc+dM",
        "{argon2@SpringSecurity_v5_8}$argon2id$v=19$m=16384,t=2,p=1$j71eYwtJYEb7g4HWOxCisA$5Ixq\
         F0TwoOxmhHJVgQCWxjMKSRHbzKV3Y/QCFxvlKQI",
        "{bcrypt}$2a$10$eaipNIH6rJcJ0TTBvkMPGetP07MNipQH9Eq6ee5Ksn1soPr/2FGpy",
        "{bcrypt}$2a$04$jQ5kr3.lonj1N26YF17mguFI24bInHHIJHVevVq/N9fNZkqv4c/2O",
        "{bcrypt}$2y$04$iFrLCFJ4qjc0D466Krr.NuFESZr9pzmVR/e2aJ36WtbypNGy79lBC",
        "{bcrypt}$2b$04$QtTuRgfALKB89HvUSCzruuAr5vE5ljGa7hX.Ir1s2DckqG0TOttk2",
        "$2b$04$QtTuRgfALKB89HvUSCzruuAr5vE5ljGa7hX.Ir1s2DckqG0TOttk2",
        "{noop}pässwörd 1",
    ];

    #[test]
    fn texts_that_no_password_matches_are_told_from_a_mismatch() {
        let unreadable = [
            "{unknown}x",
            "{md5}ce74b892da441b00f4b61523872bc6b4",
            "{SHA}/Hrn08gEogcgvDjo5YNQSGibZVE=",
            "$2a$10$short",
            "{argon2}x",
            "{ldap}{x}y",
            "{ldap}{Ssha}/Hrn08gEogcgvDjo5YNQSGibZVE=",
            "{ldap}{SSHA}/Hrn08gEogcgvDjo5YNQSGibZVE=",
            "{ldap}{SHA}AA==",
            "{sha256}00",
            "{pbkdf2}00",
            "{scrypt}$e0801$AA==",
        ];
        for stored in unreadable {
            assert_eq!(try_verify("pässwörd 1", stored), None, "{stored}");
        }
        for stored in ["", "{placeholder}x", "{noop}", "{ldap}", "{MD5}", "{MD5}{", "{}x", "{"] {
            assert!(!verify("", stored) && !verify("x", stored), "{stored}");
        }
        // The empty password and its hash.
        assert!(!verify("", "{MD5}d41d8cd98f00b204e9800998ecf8427e"));
    }

    #[test]
    fn parameters_that_cost_too_much_are_refused() {
        let salt_and_hash = "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for parameters in ["m=4194304,t=1,p=1", "m=65536,t=5,p=1", "m=8,t=4294967295,p=1"] {
            let stored = format!("{{argon2}}$argon2id$v=19${parameters}${salt_and_hash}");
            assert_eq!(try_verify("x", &stored), None, "{stored}");
        }
        for parameters in
            ["1408ff", "140801", "130804", "ff0801", "1000801", "e0800", "e0001", "801"]
        {
            let stored = format!("{{scrypt}}${parameters}$AAAA$AAAA");
            assert_eq!(try_verify("x", &stored), None, "{stored}");
        }
        let stored = "$2a$17$7r20uS.BQ9uBpf3Baj3uQOZvMVvB1RN3PYoKE94gtz2.WAOuiiwXS";
        assert_eq!(try_verify("admin", stored), None);
    }

    #[test]
    fn easy_passwords_are_told_by_a_fragment() {
        assert_eq!(blocked_fragment("xxQWERxx"), Some("qwer"));
        assert_eq!(blocked_fragment("correct horse battery"), None);
    }
}
