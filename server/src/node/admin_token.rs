//! The tokens of the admin role: their values and their origin for operators, and the one that the
//! portal of the same process sends.

use castalia_store::{Secret, Store};

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
