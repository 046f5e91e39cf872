//! Super administrators, who pass every check. A node reads their list once a minute: what they only
//! see follows it, and what they change also the stored list.

use super::identity::Identity;
use super::requirement::{Requirement, Rights};
use super::token_scope::TokenOperation;
use crate::domain::user::is_still_listed;
use crate::error::Result;
use crate::server_config::keys;

impl Requirement {
    /// Whether it is only a right to read, or one that every user has.
    fn changes_nothing(self) -> bool {
        matches!(
            self,
            Self::Nothing
                | Self::Person
                | Self::User
                | Self::SeeRoles
                | Self::SeeUsers
                | Self::See
                | Self::SeeAsPerson
                | Self::SeeRelease
                | Self::PreviewGrayRules
        )
    }
}

impl Rights<'_> {
    /// Whether a user is a super administrator, as this node knows.
    #[must_use]
    pub fn is_root(&self, user_id: &str) -> bool {
        self.config.get(&keys::SUPER_ADMINS).iter().any(|name| name == user_id)
    }

    /// The same for a name in another case, which databases may treat as that of a super
    /// administrator.
    #[must_use]
    pub fn is_like_root(&self, name: &str) -> bool {
        let name = name.trim().to_lowercase();
        self.config.get(&keys::SUPER_ADMINS).iter().any(|root| root.to_lowercase() == name)
    }

    /// Whether the caller acts with all permissions of a super administrator, as this node knows.
    #[must_use]
    pub fn acts_as_root(&self, caller: &Identity) -> bool {
        match caller {
            Identity::User(user_id) => self.is_root(user_id),
            Identity::Token(token) => {
                token.allows(TokenOperation::SystemAdmin) && self.is_root(&token.user_id)
            }
            Identity::Consumer(_) => false,
        }
    }

    /// The same for a change.
    pub async fn changes_as_root(&self, caller: &Identity) -> Result<bool> {
        match caller.user_id().filter(|_| self.acts_as_root(caller)) {
            Some(user_id) => is_still_listed(self.store, self.config, user_id).await,
            None => Ok(false),
        }
    }

    /// Whether a user has what a call requires because of being a super administrator.
    pub(super) async fn passes_as_root(
        &self,
        user_id: &str,
        requirement: Requirement,
    ) -> Result<bool> {
        Ok(self.is_root(user_id)
            && (requirement.changes_nothing()
                || is_still_listed(self.store, self.config, user_id).await?))
    }
}
