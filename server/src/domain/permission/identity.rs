//! The callers of the portal: users, tokens of users, and consumers (pure). `requirement.rs` decides
//! what they may do.

use castalia_store::Id;

use super::requirement::{Requirement, Resource};
use super::token_scope::{TokenOperation, TokenScope};

/// The caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A signed-in user, by name.
    User(String),
    /// A program that acts for a user, by a token of the user.
    Token(UserToken),
    /// A consumer, by its token.
    Consumer(Consumer),
}

/// A token of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserToken {
    /// Row id.
    pub id: Id,
    /// User name of the owner.
    pub user_id: String,
    /// What it may be used for; `None` if the row has a scope that cannot be read.
    pub scope: Option<TokenScope>,
}

impl UserToken {
    pub(super) fn admits(&self, requirement: Requirement, place: &Resource) -> bool {
        requirement == Requirement::User
            || self.scope.as_ref().is_some_and(|scope| scope.admits(requirement, place))
    }

    pub(super) fn allows(&self, operation: TokenOperation) -> bool {
        self.scope.as_ref().is_some_and(|scope| scope.allows(operation))
    }
}

impl Identity {
    /// The user who is the author of what the caller does; `None` for consumers, which name one.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        match self {
            Identity::User(user_id) | Identity::Token(UserToken { user_id, .. }) => Some(user_id),
            Identity::Consumer(_) => None,
        }
    }

    /// The name of the user, or the app of the consumer.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Identity::User(user_id) => user_id,
            Identity::Token(token) => &token.user_id,
            Identity::Consumer(consumer) => &consumer.app_id,
        }
    }

    /// The name of a caller that no other one has: a user and a consumer may have the same name.
    /// All tokens of a user are one caller, so that more of them do not allow more.
    #[must_use]
    pub fn unique_name(&self) -> String {
        let kind = if matches!(self, Identity::Consumer(_)) { "consumer" } else { "user" };
        format!("{kind} {}", self.name().to_lowercase())
    }

    /// Whether it is a program. Programs are refused what they may not see, where a user in a
    /// browser receives an empty answer.
    #[must_use]
    pub fn is_program(&self) -> bool {
        !matches!(self, Identity::User(_))
    }

    /// Whether the scope of a token admits a call, on some object or on this one. Of others there
    /// is none.
    #[must_use]
    pub fn is_within_scope(&self, requirement: Requirement, place: Option<&Resource>) -> bool {
        let Identity::Token(token) = self else { return true };
        match (place, &token.scope) {
            (Some(place), _) => token.admits(requirement, place),
            (None, scope) => {
                scope.as_ref().is_some_and(|scope| scope.has_operation_for(requirement))
            }
        }
    }

    /// Whether the scope of a token contains a part of an app.
    #[must_use]
    pub fn reaches_app(&self, app_id: &str) -> bool {
        let app = Resource { app_id: app_id.to_owned(), ..Resource::default() };
        self.is_within_scope(Requirement::Nothing, Some(&app))
    }
}

/// A consumer of OpenAPI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Row id.
    pub id: Id,
    /// Id under which it is registered.
    pub app_id: String,
    /// Whether it is treated as an administrator of every app.
    pub all_apps: bool,
}
