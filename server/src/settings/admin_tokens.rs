//! `admin-service.access.tokens` is one key with two forms, as in Apollo: in an environment's
//! database it lists the tokens that the admin role accepts; in the portal's it is an object with
//! the token of each environment. If this node fixes the key, the form decides which role it is
//! for.

use std::collections::BTreeMap;

use crate::server_config::keys;
use crate::settings::role::Role;

/// Name of the key.
pub const KEY: &str = keys::ADMIN_TOKENS.name;

/// The role that can read a text.
///
/// # Errors
/// Describes what is wrong without repeating the text, which may be a secret.
fn reader(text: &str) -> Result<Role, String> {
    if !text.trim_start().starts_with(['{', '[']) {
        return Ok(Role::Admin);
    }
    match serde_json::from_str::<BTreeMap<String, String>>(text) {
        Ok(_) => Ok(Role::Portal),
        Err(_) => Err(
            "is neither a comma-separated list of tokens, for the admin role, nor a JSON object \
                       such as {\"DEV\":\"token\"}, for the portal"
                .to_owned(),
        ),
    }
}

/// Whether a text is intended for the given role.
pub fn is_for(role: Role, text: &str) -> bool {
    reader(text).is_ok_and(|reader| reader == role)
}

/// Rejects a text that no role of this process can read.
///
/// # Errors
/// Returns one sentence without its subject.
pub fn check(text: &str, roles: &[Role]) -> Result<(), String> {
    let reader = reader(text)?;
    let plays = |role| roles.contains(&role);
    match reader {
        Role::Portal if !plays(Role::Portal) => {
            Err("is a JSON object by environment, which only the portal reads, and this process has no \
                 portal role; the admin role reads a comma-separated list of tokens"
                .to_owned())
        }
        Role::Admin if !plays(Role::Admin) && !text.trim().is_empty() => {
            Err("is a list of tokens, which only the admin role reads, and this process has no admin \
                 role; the portal reads a JSON object by environment such as {\"DEV\":\"token\"}"
                .to_owned())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "t1, t2";
    const BY_ENV: &str = r#" {"DEV":"t1"}"#;

    #[test]
    fn each_role_reads_its_own_form() {
        for (role, text, expected) in [
            (Role::Admin, LIST, true),
            (Role::Portal, LIST, false),
            (Role::Admin, BY_ENV, false),
            (Role::Portal, BY_ENV, true),
            (Role::Admin, "", true),
        ] {
            assert_eq!(is_for(role, text), expected, "{role:?} {text}");
        }
    }

    #[test]
    fn a_form_that_no_role_of_the_process_reads_is_refused_and_not_repeated() {
        let both = [Role::Admin, Role::Portal];
        for (text, roles, problem) in [
            (LIST, &both[..], None),
            (BY_ENV, &both, None),
            (LIST, &[Role::Config, Role::Admin], None),
            (BY_ENV, &[Role::Portal], None),
            ("", &[Role::Portal], None),
            (LIST, &[Role::Portal], Some("list of tokens")),
            (BY_ENV, &[Role::Config, Role::Admin], Some("JSON object")),
            (BY_ENV, &[Role::Config, Role::Meta], Some("JSON object")),
            (LIST, &[Role::Config, Role::Meta], Some("list of tokens")),
            (r#"{"DEV":["t1"]}"#, &both, Some("neither")),
            (r#"["t1"]"#, &both, Some("neither")),
            ("{t1", &[Role::Admin], Some("neither")),
        ] {
            let found = check(text, roles);
            assert_eq!(found.is_err(), problem.is_some(), "{text} {roles:?}: {found:?}");
            if let (Err(found), Some(problem)) = (found, problem) {
                assert!(found.contains(problem) && !found.contains("t1"), "{found}");
            }
        }
    }
}
