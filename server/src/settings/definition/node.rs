//! The settings of the node, its databases and its security: name, default with the reason for its
//! value, placeholder and description.

use super::{Definition, define};

pub(super) const SETTINGS: &[Definition] = &[
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
        "Address under which others reach this node's config role, and its host for the admin role",
    ),
    define(
        "advertise_admin",
        None,
        "URL",
        "Address under which others reach this node's admin role; by default the host of `advertise` with the admin port",
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
        "Ignore ASCII case in app ids and clusters of clients, and in keys of items in the OpenAPI",
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
        "compat.basic_authentication",
        None,
        "BOOL",
        "Accept names and passwords of users in HTTP Basic authentication at the portal",
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
        "compat.disabled_operators",
        None,
        "BOOL",
        "Let consumers name disabled users as the authors of their changes",
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
        "Addresses or networks of proxies whose X-Forwarded-For the portal and the hosted Eureka trust",
    ),
    define(
        "security.webhook_hosts",
        None,
        "LIST",
        "Hosts that webhooks may call although their addresses are internal",
    ),
    define(
        "security.cookie_secure",
        Some("auto"),
        "auto|always",
        "When to mark the session cookie Secure: on https only, or always",
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
        "Connections to each MySQL or PostgreSQL database for requests; reads of clients and work of the node itself use up to 9 more",
    ),
];
