//! The table of settings: name, default with the reason for its value, and meaning. Does not know
//! where values come from or how they are used.

/// One setting. Its name has three spellings by rule: `security.require_access_key` in the file,
/// `CASTALIA_SECURITY_REQUIRE_ACCESS_KEY` in the environment, `--security-require-access-key` as a
/// flag.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// Name in the file.
    pub name: &'static str,
    /// Text used when no layer sets the setting; `None` means that it remains unset.
    pub default: Option<&'static str>,
    /// Placeholder for the value in the help text.
    pub value: &'static str,
    /// Description in the help text.
    pub doc: &'static str,
}

impl Definition {
    /// Spelling as a flag, without the leading dashes.
    #[must_use]
    pub fn flag(&self) -> String {
        self.name.replace(['.', '_'], "-")
    }

    /// Spelling as an environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("CASTALIA_{}", self.name.replace('.', "_").to_uppercase())
    }
}

const fn define(
    name: &'static str,
    default: Option<&'static str>,
    value: &'static str,
    doc: &'static str,
) -> Definition {
    Definition { name, default, value, doc }
}

/// Every setting, in the order of the help text.
pub const DEFINITIONS: &[Definition] = &[
    define("roles", Some("config,meta,admin,portal"), "LIST", "Roles of this process"),
    // No port is open to the network unless the operator asks for it.
    define("bind", Some("127.0.0.1"), "ADDRESS", "Address that all roles listen on"),
    // The ports of Apollo, where clients and scripts expect the services.
    define(
        "config_port",
        Some("8080"),
        "PORT",
        "Port of the config and meta roles; 0 picks a free one",
    ),
    define("admin_port", Some("8090"), "PORT", "Port of the admin role; 0 picks a free one"),
    define("portal_port", Some("8070"), "PORT", "Port of the portal role; 0 picks a free one"),
    define(
        "data_dir",
        Some("./data"),
        "DIR",
        "Directory of the SQLite files, the lock and generated tokens",
    ),
    define(
        "config_db",
        None,
        "URL",
        "Config database as sqlite://, mysql:// or postgres:// URL; by default config.db in the data directory",
    ),
    define(
        "portal_db",
        None,
        "URL",
        "Portal database, likewise as a URL; by default portal.db in the data directory",
    ),
    define("env", Some("DEV"), "NAME", "Environment whose config database this process serves"),
    define(
        "advertise",
        None,
        "URL",
        "Address under which others reach this node's config or admin role",
    ),
    define("base_path", Some(""), "PATH", "Path in front of every route, such as /apollo"),
    define(
        "schema",
        Some("apply"),
        "apply|check|off",
        "Create missing tables, refuse to start without them, or do not check",
    ),
    define(
        "sample_app",
        Some("on"),
        "on|off",
        "Seed a sample app into a fresh SQLite data directory",
    ),
    define(
        "idc",
        None,
        "NAME",
        "Data center of this node: its rows of ServerConfig take precedence over those of `default`",
    ),
    define(
        "cluster",
        None,
        "NAME",
        "Cluster of this node: its rows of ServerConfig take precedence over those of the data center",
    ),
    define("log_format", Some("text"), "text|json", "Log format"),
    define(
        "log_level",
        Some("info"),
        "FILTER",
        "Log level, or a filter such as info,castalia_server=debug",
    ),
    define(
        "admin_password",
        None,
        "PASSWORD",
        "Initial password of the administrator; generated if unset",
    ),
    define(
        "admin_password_file",
        None,
        "FILE",
        "File that contains the initial password of the administrator",
    ),
    define(
        "metrics_token",
        None,
        "TOKEN",
        "Token for /prometheus, /metrics and /info; generated in the data directory if unset",
    ),
    define(
        "compat.defaults",
        None,
        "fresh|adopted",
        "Defaults of the other compat settings; by default those that match the origin of the database",
    ),
    define(
        "compat.strict_status",
        None,
        "BOOL",
        "Use Apollo's status codes for unknown paths, wrong methods and invalid parameters",
    ),
    define(
        "compat.fold_names",
        None,
        "BOOL",
        "Ignore ASCII case in app ids and clusters of clients",
    ),
    define(
        "compat.open_metrics",
        None,
        "BOOL",
        "Serve /prometheus, /metrics and /info without the token",
    ),
    define(
        "compat.empty_admin_tokens_pass",
        None,
        "BOOL",
        "Admit admin calls while access control is on and no token is configured",
    ),
    define(
        "compat.cookie_without_csrf",
        None,
        "BOOL",
        "Accept writes of scripts with a session cookie but without X-CSRF-Token",
    ),
    define(
        "compat.json_duplicate_members",
        None,
        "BOOL",
        "Accept JSON values with duplicate members",
    ),
    define(
        "compat.token_reads_all",
        None,
        "BOOL",
        "Allow consumer tokens to read items of apps in which they have no role",
    ),
    define(
        "compat.merge_gray_with_modify",
        None,
        "BOOL",
        "Allow users who may edit a namespace but not publish it to merge its gray branch",
    ),
    define(
        "compat.open_user_directory",
        None,
        "BOOL",
        "Show every user the names and mail addresses of all users",
    ),
    define(
        "compat.accept_broken_documents",
        Some("false"),
        "BOOL",
        "Accept invalid JSON and YAML, as Apollo did before 3.0",
    ),
    define(
        "security.require_access_key",
        Some("false"),
        "BOOL",
        "Refuse clients of apps that have no enabled access key",
    ),
    define(
        "security.access_key_max_age",
        None,
        "SECONDS",
        "Refuse clients if the access keys were last read longer ago than this; by default those last read remain in effect",
    ),
    // Off by default: one gateway may carry all clients of a site.
    define(
        "security.max_polls_per_address",
        Some("0"),
        "NUMBER",
        "Maximum number of polls of one address; 0 means no limit",
    ),
    define(
        "security.max_polls_per_app",
        Some("0"),
        "NUMBER",
        "Maximum number of polls of one app; 0 means no limit",
    ),
    // Ordinary polls fit into their own KiB; this budget is for the few that name hundreds of
    // namespaces.
    define(
        "security.max_watch_mib",
        Some("16"),
        "NUMBER",
        "MiB for the names that polls wait for, in addition to 1 KiB for each poll, and half as many for large request heads; 0 means no limit",
    ),
    define("security.hosts", None, "LIST", "Host names that the portal serves; also `auto` or `*`"),
    define(
        "security.trusted_proxies",
        None,
        "LIST",
        "Addresses or networks of proxies whose X-Forwarded-For the portal trusts",
    ),
    define(
        "security.cookie_secure",
        Some("auto"),
        "auto|always",
        "When to mark the session cookie Secure: on https only, or always",
    ),
    define(
        "sign_in.local_users",
        None,
        "LIST",
        "Users who sign in with a password of the portal although another way is configured; nobody by default",
    ),
    define(
        "sign_in.link_local_users",
        Some("false"),
        "BOOL",
        "Let users whom another system identifies sign in to an existing account of their name that has a password of the portal",
    ),
    define("oidc.issuer_uri", None, "URL", "Issuer of OpenID Connect; users then sign in there"),
    define("oidc.client_id", None, "NAME", "Client id of the portal at the issuer"),
    define("oidc.client_secret", None, "SECRET", "Client secret of the portal at the issuer"),
    define(
        "oidc.client_secret_file",
        None,
        "FILE",
        "File that contains the client secret of the portal at the issuer",
    ),
    define(
        "oidc.client_authentication_method",
        Some("client_secret_basic"),
        "client_secret_basic|client_secret_post",
        "Send the client secret in a header or in the body",
    ),
    // The redirect address that operators of Apollo's portal have registered contains it.
    define(
        "oidc.registration",
        Some("apollo"),
        "NAME",
        "Last part of the redirect address: /login/oauth2/code/NAME",
    ),
    define("oidc.scope", Some("openid,profile,email"), "LIST", "Scopes to request from the issuer"),
    define("oidc.user_id_claim_name", Some("sub"), "CLAIM", "Claim that becomes the user name"),
    define(
        "oidc.user_display_name_claim_name",
        None,
        "CLAIM",
        "Claim that becomes the display name; by default preferred_username, or else name",
    ),
    define("oidc.email_claim_name", Some("email"), "CLAIM", "Claim that becomes the mail address"),
    define(
        "oidc.groups_claim_name",
        Some("groups"),
        "CLAIM",
        "Claim that lists the groups of the user; dots lead into nested claims",
    ),
    define(
        "oidc.required_groups",
        None,
        "LIST",
        "Groups of which users need one to sign in; by default none is needed",
    ),
    define(
        "oidc.super_admin_groups",
        None,
        "LIST",
        "Groups whose members are added to `superAdmin` at sign-in, while other users of the issuer are removed from it",
    ),
    // Plain LDAP is the default of most directories; the documentation recommends ldaps.
    define(
        "ldap.urls",
        None,
        "LIST",
        "Servers of an LDAP directory, such as ldaps://ldap.example; users then sign in with its passwords",
    ),
    define("ldap.base", None, "DN", "Entry of the directory below which users are searched for"),
    define("ldap.username", None, "DN", "Account that searches the directory; anonymous if unset"),
    define("ldap.password", None, "PASSWORD", "Password of that account"),
    define("ldap.password_file", None, "FILE", "File that contains the password of that account"),
    define(
        "ldap.search_filter",
        None,
        "FILTER",
        "Filter that finds the user who signs in, with {0} for the name, such as (uid={0})",
    ),
    define("ldap.object_class", Some("inetOrgPerson"), "CLASS", "Object class of users"),
    define("ldap.login_id", Some("uid"), "ATTRIBUTE", "Attribute that becomes the user name"),
    define(
        "ldap.user_display_name",
        Some("cn"),
        "ATTRIBUTE",
        "Attribute that becomes the display name",
    ),
    define("ldap.email", Some("mail"), "ATTRIBUTE", "Attribute that becomes the mail address"),
    define(
        "ldap.account_status",
        None,
        "ATTRIBUTE",
        "Attribute that marks disabled users, such as userAccountControl or nsAccountLock",
    ),
    define(
        "ldap.member_of",
        None,
        "LIST",
        "Groups of which users need one in their attribute memberOf, separated by |",
    ),
    define(
        "ldap.group_search",
        None,
        "FILTER",
        "Filter that finds the groups of which users need one, such as (cn=portal)",
    ),
    define(
        "ldap.group_base",
        None,
        "DN",
        "Entry below which groups are searched for, within ldap.base",
    ),
    define(
        "ldap.group_membership",
        Some("member"),
        "ATTRIBUTE",
        "Attribute of a group that lists the DNs or login ids of its members",
    ),
    define(
        "proxy_sign_in.user_header",
        None,
        "HEADER",
        "Header in which a proxy names the user whom it has identified, such as X-Forwarded-User",
    ),
    define(
        "proxy_sign_in.display_name_header",
        None,
        "HEADER",
        "Header in which the proxy sends the display name",
    ),
    define(
        "proxy_sign_in.email_header",
        None,
        "HEADER",
        "Header in which the proxy sends the mail address",
    ),
    define(
        "proxy_sign_in.secret",
        None,
        "SECRET",
        "Secret that the proxy sends; without it the other headers are ignored",
    ),
    define(
        "proxy_sign_in.secret_file",
        None,
        "FILE",
        "File that contains the secret that the proxy sends",
    ),
    define(
        "proxy_sign_in.secret_header",
        Some("X-Castalia-Proxy-Secret"),
        "HEADER",
        "Header in which the proxy sends the secret",
    ),
    define(
        "registry",
        Some("database"),
        "database|custom",
        "Discover services through the ServiceRegistry table or through two keys of ServerConfig",
    ),
    define(
        "store.time_zone",
        None,
        "OFFSET",
        "Time zone of Java nodes on the same database, such as +08:00, if it differs from that of the database",
    ),
    define(
        "store.max_connections",
        Some("16"),
        "NUMBER",
        "Connections to each MySQL or PostgreSQL database for requests; reads of clients and health checks use up to 6 more",
    ),
];

/// The definition with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|definition| definition.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_follow_the_rule() {
        let definition = find("security.require_access_key").unwrap();
        assert_eq!(definition.flag(), "security-require-access-key");
        assert_eq!(definition.variable(), "CASTALIA_SECURITY_REQUIRE_ACCESS_KEY");
    }

    #[test]
    fn the_readme_lists_every_setting_as_it_is() {
        let readme = include_str!("../../README.md");
        for Definition { name, default, doc, .. } in DEFINITIONS {
            let default = default
                .filter(|text| !text.is_empty())
                .map(|text| format!("`{text}`"))
                .unwrap_or_default();
            let row = format!("| `{name}` | {default} | {doc} |");
            assert!(readme.contains(&row), "server/README.md lacks this row:\n{row}");
        }
        let rows = readme.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, DEFINITIONS.len());
    }

    #[test]
    fn no_two_settings_share_a_spelling() {
        let mut flags: Vec<_> = DEFINITIONS.iter().map(Definition::flag).collect();
        let mut variables: Vec<_> = DEFINITIONS.iter().map(Definition::variable).collect();
        flags.sort();
        flags.dedup();
        variables.sort();
        variables.dedup();
        assert_eq!((flags.len(), variables.len()), (DEFINITIONS.len(), DEFINITIONS.len()));
    }
}
