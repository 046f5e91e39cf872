//! `/openapi/v1`: one API for signed-in users, consumers and the web UI. `routes`
//! lists the operations with the access that each requires; every resource has a file of its own.

mod access_grant;
mod access_key;
mod access_request;
mod account;
mod app;
mod app_namespace;
mod audit;
mod branch;
mod call;
mod change_sets;
mod cluster;
mod conflict;
mod consumer;
pub(super) mod content_read;
pub(super) mod document;
mod download;
mod draft;
mod env;
mod eureka;
mod events;
mod export;
mod favorite;
pub(super) mod history;
mod import;
mod instance;
mod item;
mod namespace;
mod old_path;
mod operator;
mod organization;
mod page_settings;
mod people;
mod permission;
mod preference;
mod presence;
pub(super) mod reads;
mod release;
mod restoration;
pub(super) mod routes;
mod schema;
mod search;
mod server_setting;
mod setting_catalogue;
mod sign_in_modes;
pub(super) mod subrequest;
mod system_info;
mod system_role;
pub(super) mod upload;
pub(super) mod user;
mod user_token;
mod webhook;

use self::operator::By;
use crate::environment::Environment;
use crate::error::{Code, Error, Reaction, Result};

/// Default number of items of a page, as in Apollo.
pub(super) const ITEM_PAGE_SIZE: u64 = 50;

/// Requires a member of a body.
fn required(text: Option<String>, member: &str) -> Result<String> {
    let text = text.filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| {
        Error::bad_request(format!("Params({member}) can not be empty"))
            .with_code(Code::MissingMember)
    })
}

/// Requires that body and path name the same app.
fn check_same_app(path: &str, body: &str) -> Result<()> {
    if path == body {
        return Ok(());
    }
    let message =
        format!("The App Id of path variable and request body is different: {path} and {body}");
    Err(Error::bad_request(message).with_code(Code::DifferentAppId))
}

/// Whether an error may mean that an admin service, Apollo's or an older one, lacks an operation.
fn may_be_unsupported(error: &Error) -> bool {
    matches!(error.reaction(), Reaction::NotFound | Reaction::MethodNotAllowed)
}

/// The error for such an operation; `instead` says what to do.
fn unsupported(environment: &Environment, what: &str, instead: &str, error: Error) -> Error {
    let env = environment.name();
    let message = format!(
        "The admin service of {env} cannot {what}: it is Apollo's, or an older one. {instead}"
    );
    Error::bad_request(message).with_code(Code::UnsupportedByEnv).caused_by(error)
}
