//! The operator: the user who is recorded as the author of a change.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::audit_log::request;
use crate::domain::user;
use crate::error::{Code, Error, Result};
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;

/// The operator that a request names: consumers must, users and their tokens need not.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct By {
    /// User that a consumer acts for. A signed-in user and a user token act as that user.
    #[param(nullable = false)]
    pub(super) operator: Option<String>,
}

impl Portal {
    /// The user who is recorded as the author of a change: users act as themselves, consumers name
    /// a user in the query or in the body.
    pub(super) async fn operator(
        &self,
        caller: &Caller,
        query: Option<String>,
        body: Option<String>,
    ) -> Result<String> {
        if let Some(user_id) = caller.identity.user_id() {
            return Ok(user_id.to_owned());
        }
        let named = [query, body].into_iter().flatten().find(|name| !name.trim().is_empty());
        let Some(name) = named else {
            return Err(Error::bad_request("operator should not be null or empty")
                .with_code(Code::MissingOperator));
        };
        // A directory has users who have never signed in.
        self.know(caller, &[&name]).await?;
        let operator = user::existing(&self.state.store, &name).await?;
        if !user::is_enabled(&operator) && !self.state.compat.disabled_operators {
            let message = format!("user is disabled for userName:{}", operator.username);
            return Err(Error::bad_request(message).with_code(Code::DisabledUser));
        }
        request::set_operator(&operator.username);
        Ok(operator.username)
    }
}
