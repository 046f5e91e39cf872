//! The tokens of the admin role: their values and their origin for operators, and the one that the
//! portal of the same process sends.

use std::collections::BTreeMap;

use castalia_store::server_config::{portal_to_replace, upsert_of_portal};
use castalia_store::{Secret, Store, StoreError};

use super::seed::AUTHOR;
use crate::server_config::{ServerConfig, keys};
use crate::settings::role::Role;
use crate::settings::token::weakness;
use crate::settings::{Compat, Settings};

const SWITCH: &str = keys::ADMIN_TOKEN_REQUIRED.name;
const TOKENS: &str = keys::ADMIN_TOKENS.name;

/// Warns of tokens that can be guessed. They stay valid, because Apollo accepts any text.
pub(super) fn warn_of_weak(config: &ServerConfig) {
    if config.get(&keys::ADMIN_TOKENS).iter().any(|token| weakness(token).is_some()) {
        tracing::warn!(
            "{TOKENS} contains a token that can be guessed: who has it changes every configuration; \
             replace it by a random one with at least 32 characters, here and in the portal"
        );
    }
}

/// A token that the admin role with these settings accepts, if it has one.
pub(super) fn accepted(config: &ServerConfig) -> Option<String> {
    config.get(&keys::ADMIN_TOKENS).into_iter().next()
}

/// Replaces the environment's token in the settings of the portal by one that its new database
/// accepts: what the first start stored is that of a database that was lost.
pub(super) async fn replace_in_portal(
    portal: &Store,
    settings: &Settings,
    config: &ServerConfig,
) -> Result<(), StoreError> {
    let input = (settings.env.clone(), config.get(&keys::ADMIN_TOKENS));
    let replace = portal.write(input, |tx, (env, accepted)| {
        Box::pin(async move {
            let key = keys::ENVIRONMENT_TOKENS.name;
            let row = portal_to_replace(tx, key).await?;
            // Any other value is that of an operator.
            let row = row.filter(|row| row.data_change_last_modified_by.as_deref() == Some(AUTHOR));
            let Some(row) = row else { return Ok(false) };
            let tokens: Option<BTreeMap<String, String>> = serde_json::from_str(&row.value).ok();
            let mut tokens = tokens.unwrap_or_default();
            let (Some(token), Some(new)) = (tokens.get_mut(env), accepted.first()) else {
                return Ok(false);
            };
            if accepted.contains(token) {
                return Ok(false);
            }
            token.clone_from(new);
            let value = serde_json::Value::from_iter(tokens).to_string();
            upsert_of_portal(tx, key, &value, row.comment.as_deref(), AUTHOR).await?;
            Ok(true)
        })
    });
    let is_replaced: Result<bool, StoreError> = replace.await;
    if is_replaced? {
        tracing::warn!(
            env = settings.env,
            "the portal's token of the environment was not one of its new database, and was replaced"
        );
    }
    Ok(())
}

/// The tokens that the admin role requires from its callers.
#[derive(Debug, Clone)]
pub struct AdminTokens {
    /// Accepted tokens; callers send one as the whole value of the header `Authorization`.
    pub tokens: Vec<Secret>,
    is_required: bool,
    origin: String,
}

impl AdminTokens {
    pub(super) fn read(
        store: &Store,
        config: &ServerConfig,
        settings: &Settings,
        compat: Compat,
    ) -> Self {
        let is_fixed = settings.fixed_for(Role::Admin).contains_key(TOKENS);
        let origin = match is_fixed {
            true => "the settings of this command".to_owned(),
            false => format!("table ServerConfig of {}", store.url()),
        };
        Self {
            tokens: config.get(&keys::ADMIN_TOKENS).into_iter().map(Secret::new).collect(),
            is_required: config.is_on(&keys::ADMIN_TOKEN_REQUIRED, !compat.admin_is_open),
            origin,
        }
    }

    /// Explanations to print with the tokens, one per line.
    #[must_use]
    pub fn explanation(&self) -> Vec<String> {
        let mut lines = vec![match self.tokens.is_empty() {
            true => format!("no tokens: {TOKENS} is empty or absent in {}", self.origin),
            false => format!("tokens from {TOKENS} in {}", self.origin),
        }];
        if !self.is_required {
            lines.push(format!(
                "access control is off: the admin role accepts callers without a token until {SWITCH} is true"
            ));
        }
        lines
    }
}
