//! What a new password must be like. Those that exist are not checked again.

use crate::error::{Code, Error, Result};
use crate::password;
use crate::server_config::{ServerConfig, keys};
use crate::settings::Installation;

/// The rule of an installation.
#[derive(Debug, Clone)]
pub struct PasswordRule {
    installation: Installation,
    /// Fragments that no password may contain, in lower case; the built-in ones if empty.
    blocked: Vec<String>,
}

impl PasswordRule {
    /// The rule as the portal's keys are now.
    #[must_use]
    pub fn new(installation: Installation, config: &ServerConfig) -> Self {
        let blocked = config.get(&keys::BLOCKED_PASSWORDS);
        Self { installation, blocked: blocked.iter().map(|part| part.to_lowercase()).collect() }
    }

    /// Who made the database; the scheme of hashes depends on it.
    pub(super) fn installation(&self) -> Installation {
        self.installation
    }

    /// Checks a new password.
    ///
    /// # Errors
    /// Fails if it has another length than required, or is too easy to guess.
    pub(super) fn check(&self, password: &str) -> Result<()> {
        let length = password.chars().count();
        let refusal =
            |message: String| Err(Error::bad_request(message).with_code(Code::WeakPassword));
        match self.installation {
            Installation::Fresh if !(12..=128).contains(&length) => {
                return refusal("Password needs 12 to 128 characters".to_owned());
            }
            Installation::Adopted if !fits_java(password, length) => {
                let message = "Password needs a number and letter and between 8~20 characters";
                return refusal(message.to_owned());
            }
            _ => {}
        }
        match self.blocked_fragment(password) {
            None => Ok(()),
            Some(fragment) => refusal(format!(
                "Passwords cannot be consecutive, regular letters or numbers: `{fragment}`"
            )),
        }
    }

    fn blocked_fragment(&self, password: &str) -> Option<&str> {
        if self.blocked.is_empty() {
            return password::blocked_fragment(password);
        }
        password::fragment_among(password, self.blocked.iter().map(String::as_str))
    }
}

/// The rule of Java portals.
fn fits_java(password: &str, length: usize) -> bool {
    let has = |is: fn(&u8) -> bool| password.as_bytes().iter().any(is);
    (8..=20).contains(&length) && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn rule(installation: Installation, blocked: &str) -> PasswordRule {
        let keys = [(keys::BLOCKED_PASSWORDS.name.to_owned(), blocked.to_owned())];
        PasswordRule::new(installation, &ServerConfig::new(BTreeMap::from(keys)))
    }

    #[test]
    fn the_rule_depends_on_who_made_the_database() {
        use Installation::{Adopted, Fresh};
        for (password, installation, fits) in [
            ("correct horse battery", Fresh, true),
            ("short1", Fresh, false),
            ("a password of length", Fresh, false),
            ("horse52stable", Adopted, true),
            ("horsestable", Adopted, false),
            ("horse1", Adopted, false),
            ("horse52stable-horse52stable", Adopted, false),
        ] {
            let outcome = rule(installation, "").check(password);
            assert_eq!(outcome.is_ok(), fits, "{password} {installation:?}");
        }
    }

    /// As in Apollo's portal.
    #[test]
    fn a_list_of_the_operator_replaces_the_built_in_one() {
        let rule = rule(Installation::Fresh, " Horse , ,acme");
        assert!(rule.check("a password of length").is_ok());
        for password in ["correct HORSE battery", "we are Acme and proud"] {
            let refused = rule.check(password).unwrap_err();
            assert!(refused.to_string().contains('`'), "{refused}");
        }
    }
}
