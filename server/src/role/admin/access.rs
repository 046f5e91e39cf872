//! Access control of the admin port: the request needs one of the tokens in the config database,
//! compared exactly.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq as _;

use crate::error::{Error, Result};
use crate::log_rate::LogRate;
use crate::server_config::{ServerConfig, keys};
use crate::settings::Compat;

/// Admits or rejects a request by its token. An empty list admits all requests if the installation
/// has to be compatible with that; a list that contains only commas rejects all. Returns whether
/// the request has a token.
pub(super) fn check(config: &ServerConfig, compat: Compat, headers: &HeaderMap) -> Result<bool> {
    if !config.is_on(&keys::ADMIN_TOKEN_REQUIRED, !compat.admin_is_open) {
        return Ok(false);
    }
    if !config.is_set(&keys::ADMIN_TOKENS) {
        if compat.empty_admin_tokens_pass {
            return Ok(false);
        }
        warn_of_no_token();
    }
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(given), None) = (given.next(), given.next()) else { return Err(refused()) };
    let tokens = config.get(&keys::ADMIN_TOKENS);
    let is_known = tokens.iter().any(|token| token.as_bytes().ct_eq(given.as_bytes()).into());
    if is_known { Ok(true) } else { Err(refused()) }
}

fn warn_of_no_token() {
    static REFUSED: LogRate = LogRate::once_a_minute();
    if let Some(suppressed) = REFUSED.admit() {
        tracing::warn!(
            suppressed,
            "{} is on and {} is empty: all calls are refused until a token is set",
            keys::ADMIN_TOKEN_REQUIRED.name,
            keys::ADMIN_TOKENS.name
        );
    }
}

fn refused() -> Error {
    Error::unauthorized("Unauthorized").early()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use http::HeaderValue;

    use super::*;
    use crate::settings::{CompatOverrides, Installation};

    const SWITCH: &str = keys::ADMIN_TOKEN_REQUIRED.name;
    const TOKENS: &str = keys::ADMIN_TOKENS.name;

    fn passes(tokens: Option<&str>, given: &[&str], installation: Installation) -> bool {
        let tokens = tokens.map(|tokens| (TOKENS, tokens));
        let rows: Vec<_> = [(SWITCH, "true")].into_iter().chain(tokens).collect();
        admits(&rows, given, installation)
    }

    fn admits(rows: &[(&str, &str)], given: &[&str], installation: Installation) -> bool {
        let config = ServerConfig::new(BTreeMap::new());
        let rows = rows.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
        config.replace(rows.collect());
        let mut headers = HeaderMap::new();
        for text in given {
            headers.append(AUTHORIZATION, HeaderValue::from_str(text).unwrap());
        }
        check(&config, CompatOverrides::default().resolve(installation), &headers).is_ok()
    }

    #[test]
    fn only_an_exact_token_passes() {
        for (given, expected) in [
            (&["t2"][..], true),
            (&["t1"], true),
            (&[], false),
            (&["Bearer t2"], false),
            (&["T2"], false),
            (&["t1", "t1"], false),
            (&["Basic YXBvbGxvOg=="], false),
        ] {
            assert_eq!(
                passes(Some(" t1 , t2 "), given, Installation::Fresh),
                expected,
                "{given:?}"
            );
        }
    }

    #[test]
    fn an_empty_list_passes_only_where_compatibility_asks_for_it() {
        for tokens in [None, Some("")] {
            assert!(passes(tokens, &[], Installation::Adopted));
            assert!(!passes(tokens, &[], Installation::Fresh));
        }
        assert!(!passes(Some(" , "), &[], Installation::Adopted));
    }

    /// S91: its row may be missing for a moment, as while a backup is restored.
    #[test]
    fn a_new_installation_requires_a_token_also_without_the_switch() {
        for (rows, given, is_admitted) in [
            (&[][..], &[][..], false),
            (&[(TOKENS, "t1")], &[], false),
            (&[(TOKENS, "t1")], &["t1"], true),
            (&[(SWITCH, "false")], &[], true),
            // Off for every text but `true`, as in Apollo.
            (&[(SWITCH, "")], &[], true),
        ] {
            assert_eq!(admits(rows, given, Installation::Fresh), is_admitted, "{rows:?} {given:?}");
        }
        assert!(admits(&[], &[], Installation::Adopted));
    }
}
