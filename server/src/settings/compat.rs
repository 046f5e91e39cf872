//! The switches between security and compatibility: as configured, and as they apply to an
//! installation.

use super::Installation;

/// The `compat.*` settings as configured; unset ones follow the installation.
#[derive(Debug, Clone, Copy, Default)]
pub struct CompatOverrides {
    pub(super) strict_status: Option<bool>,
    pub(super) fold_names: Option<bool>,
    pub(super) open_metrics: Option<bool>,
    pub(super) empty_admin_tokens_pass: Option<bool>,
    pub(super) cookie_without_csrf: Option<bool>,
    pub(super) basic_authentication: Option<bool>,
    pub(super) json_duplicate_members: Option<bool>,
    pub(super) token_reads_all: Option<bool>,
    pub(super) disabled_operators: Option<bool>,
    pub(super) merge_gray_with_modify: Option<bool>,
    pub(super) open_user_directory: Option<bool>,
    pub(super) accept_broken_documents: Option<bool>,
}

/// The effective `compat.*` settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of its own")]
pub struct Compat {
    /// Apollo's status numbers for unknown paths, wrong methods and bad parameters.
    pub strict_status: bool,
    /// App id and cluster of clients, and keys in the OpenAPI whose items the database finds, match
    /// without regard to ASCII case.
    pub fold_names: bool,
    /// Metrics are served without the token.
    pub open_metrics: bool,
    /// Admin access control passes every call while no token is configured.
    pub empty_admin_tokens_pass: bool,
    /// Admin access control is off where nothing turns it on. Not a setting: the first rows of a new
    /// installation turn it on, and it must not be off while they are missing.
    pub admin_is_open: bool,
    /// Cookie requests of scripts need no `X-CSRF-Token`.
    pub cookie_without_csrf: bool,
    /// Requests to the portal may carry a name and a password instead of a session.
    pub basic_authentication: bool,
    /// JSON values may have duplicate members.
    pub json_duplicate_members: bool,
    /// Consumers may read the items of apps on which they have no role.
    pub token_reads_all: bool,
    /// Consumers may act for users who are disabled.
    pub disabled_operators: bool,
    /// Users who may edit a namespace may merge its gray branch without permission to publish.
    pub merge_gray_with_modify: bool,
    /// Every user sees the names and mail addresses of all users.
    pub open_user_directory: bool,
    /// JSON and YAML that do not parse may be saved.
    pub accept_broken_documents: bool,
}

impl CompatOverrides {
    /// Completes the switches with the defaults of an installation.
    #[must_use]
    pub fn resolve(&self, installation: Installation) -> Compat {
        let adopted = installation == Installation::Adopted;
        Compat {
            strict_status: self.strict_status.unwrap_or(false),
            fold_names: self.fold_names.unwrap_or(adopted),
            open_metrics: self.open_metrics.unwrap_or(adopted),
            empty_admin_tokens_pass: self.empty_admin_tokens_pass.unwrap_or(adopted),
            admin_is_open: adopted,
            cookie_without_csrf: self.cookie_without_csrf.unwrap_or(adopted),
            basic_authentication: self.basic_authentication.unwrap_or(adopted),
            json_duplicate_members: self.json_duplicate_members.unwrap_or(adopted),
            token_reads_all: self.token_reads_all.unwrap_or(adopted),
            disabled_operators: self.disabled_operators.unwrap_or(adopted),
            merge_gray_with_modify: self.merge_gray_with_modify.unwrap_or(adopted),
            open_user_directory: self.open_user_directory.unwrap_or(adopted),
            accept_broken_documents: self.accept_broken_documents.unwrap_or(false),
        }
    }
}
