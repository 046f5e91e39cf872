//! Every key of the ServerConfig tables that the server knows, with its default, its bounds and its
//! purpose. The page `docs/server-config.md` is generated from this file. The effect of a key is in
//! the code that reads it.

use super::kind::{
    ByEnvironment, Count, Key, Limit, List, MANY, Overrides, Shape, Switch, Table, Text, Time,
    Unit, ValueKind,
};

/// Defines the keys and the list of all of them.
macro_rules! keys {
    ($($table:ident $constant:ident: $kind:ty = $name:literal, $how:expr, $about:literal;)*) => {
        $(
            #[doc = $about]
            pub const $constant: Key<$kind> =
                Key { name: $name, table: Table::$table, kind: $how, about: $about };
        )*

        /// Every key.
        pub const ALL: &[&dyn AnyKey] = &[$(&$constant),*];
    };
}

/// Prefix of the keys that describe this node in the registry; the rest of a key is up to its user.
pub const REGISTRY_METADATA: &str = "apollo.service.registry.metadata.";

/// A key of any kind.
pub trait AnyKey: Sync {
    /// The name as in rows and files; variables spell it in capitals.
    fn name(&self) -> &'static str;

    /// Its row in the documentation.
    fn row(&self) -> String;

    /// The table that its row is in.
    fn table(&self) -> Table;

    /// The parts of a text that have no effect because they are malformed.
    fn malformed(&self, text: &str) -> Vec<String>;

    /// Whether a text as a whole has an effect.
    fn is_valid(&self, text: &str) -> bool;

    /// Whether a text has the effect of an absent one.
    fn is_absent(&self, text: &str) -> bool;

    /// Whether an operator who enters a text means what it does.
    fn is_plain(&self, text: &str) -> bool;

    /// Describes the valid texts.
    fn form(&self) -> String;

    /// The same for programs.
    fn shape(&self) -> Shape;

    /// The default as an operator would write it; empty if there is none.
    fn default_text(&self) -> String;

    /// Its purpose.
    fn about(&self) -> &'static str;
}

impl<K: ValueKind + Sync> AnyKey for Key<K> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn row(&self) -> String {
        let default = match self.kind.default() {
            none if none.is_empty() => none,
            default => format!("`{default}`"),
        };
        format!("| `{}` | {default} | {} | {} |", self.name, self.kind.form(), self.about)
    }

    fn table(&self) -> Table {
        self.table
    }

    fn malformed(&self, text: &str) -> Vec<String> {
        self.kind.malformed(text)
    }

    fn is_valid(&self, text: &str) -> bool {
        text.trim().is_empty() || self.kind.is_valid(text)
    }

    fn is_absent(&self, text: &str) -> bool {
        self.kind.is_absent(text)
    }

    fn is_plain(&self, text: &str) -> bool {
        self.kind.is_plain(text)
    }

    fn form(&self) -> String {
        self.kind.form()
    }

    fn shape(&self) -> Shape {
        self.kind.shape()
    }

    fn default_text(&self) -> String {
        self.kind.default()
    }

    fn about(&self) -> &'static str {
        self.about
    }
}

/// The key of this name in a table.
#[must_use]
pub fn named(table: Table, name: &str) -> Option<&'static dyn AnyKey> {
    ALL.iter().copied().find(|key| key.table() == table && key.name() == name)
}

const fn off() -> Switch {
    Switch { default: false, is_of_spring: false }
}

const fn on() -> Switch {
    Switch { default: true, is_of_spring: false }
}

const fn off_in_spring() -> Switch {
    Switch { default: false, is_of_spring: true }
}

const fn on_in_spring() -> Switch {
    Switch { default: true, is_of_spring: true }
}

const fn count(default: u64, least: u64, most: u64) -> Count {
    Count { default, range: least..=most }
}

const fn time(unit: Unit, default: u64, least: u64, most: u64) -> Time {
    Time { unit, default, range: least..=most }
}

/// Maximum time-out and pause where Apollo reads a Java `int`.
const INT: u64 = u32::MAX as u64;
/// Seconds of a day.
const DAY: u64 = 86_400;

/// Texts that protect, for keys whose value cannot be decoded and was not read before: without them
/// a damaged row would open what it closes.
const PROTECTIVE: [(&str, &str); 3] = [
    (ADMIN_TOKEN_REQUIRED.name, "true"),
    // A list that is set and has no token.
    (ADMIN_TOKENS.name, ","),
    (CREATE_APP_LIMITED.name, "true"),
];

/// The text that protects, of a key that has one.
pub(super) fn protective(name: &str) -> Option<&'static str> {
    PROTECTIVE.iter().find(|(key, _)| *key == name).map(|(_, text)| *text)
}

keys! {
    Config ADMIN_TOKEN_REQUIRED: Switch = "admin-service.access.control.enabled", off(),
        "Whether the admin service requires a token; `true` if unset on a database that Castalia created";
    Config ADMIN_TOKENS: List = "admin-service.access.tokens", List,
        "Tokens that the admin service accepts";
    Config ACCESS_KEY_TOLERANCE: Time = "apollo.access-key.auth-time-diff-tolerance", time(Unit::Seconds, 60, 1, MANY),
        "Maximum difference between the clocks of a signing client and of this node";
    Config ACCESS_KEY_PROVISION: Switch = "apollo.access-key.auto-provision.enabled", off(),
        "Whether each new app is created with an access key";
    Config ADMIN_SERVICE_URL: List = "apollo.admin-service.url", List,
        "Addresses of admin services, if `registry` is `custom`";
    Config AUDIT_LOG: Switch = "apollo.audit.log.enabled", on_in_spring(),
        "Whether operations are recorded in the audit log";
    Config ENVIRONMENT_AUDIT_RETENTION: Count = "audit.log.retention.days", count(0, 0, 36_500),
        "Days after which records of the audit log of the environment are removed; 0 keeps all";
    Config CONFIG_SERVICE_URL: List = "apollo.config-service.url", List,
        "Addresses of config services, if `registry` is `custom`";
    Config EUREKA_SERVER: Switch = "apollo.eureka.server.enabled", off_in_spring(),
        "Whether this node hosts Eureka, like `eureka.host`; only as a value that the node fixes, `on` and `off` as well, a row is ignored";
    Config EUREKA_SECURITY: Text = "apollo.eureka.server.security.enabled", Text,
        "`true` requires the user name and the password, `false` admits everyone, in any case; if unset, those that are set are required. Only as a value that the node fixes";
    Config EUREKA_PASSWORD: Text = "apollo.eureka.server.security.password", Text,
        "The same as `eureka.password`; only as a value that the node fixes";
    Config EUREKA_USER: Text = "apollo.eureka.server.security.username", Text,
        "The same as `eureka.username`; only as a value that the node fixes";
    Config SCAN_INTERVAL: Time = "apollo.message-scan.interval", time(Unit::Milliseconds, 1000, 100, 3_600_000),
        "Interval between scans of release messages";
    Config HISTORY_SIZE: Limit = "apollo.release-history.retention.size", Limit,
        "Release history rows that are kept for each namespace and branch";
    Config HISTORY_SIZE_OVERRIDE: Overrides = "apollo.release-history.retention.size.override", Overrides,
        "The same for individual branches, by `app+cluster+namespace+branch`";
    Config FAN_OUT_BATCH: Count = "apollo.release-message.notification.batch", count(100, 1, MANY),
        "Clients that are notified in one batch; all at once unless this key or the next one is set";
    Config FAN_OUT_PAUSE: Time = "apollo.release-message.notification.batch.interval", time(Unit::Milliseconds, 100, 10, 60_000),
        "Pause between two batches";
    Config DISCOVERY: Switch = "apollo.service.discovery.enabled", on_in_spring(),
        "Whether services are looked up in the table ServiceRegistry";
    Config DISCOVERY_PATIENCE: Time = "apollo.service.discovery.health-check-interval-in-second", time(Unit::Seconds, 61, 1, INT),
        "Age of its last heartbeat at which a service is no longer listed";
    Config REGISTRY_CLUSTER: Text = "apollo.service.registry.cluster", Text,
        "Cluster under which services of this node are registered; `default` if unset";
    Config REGISTRATION: Switch = "apollo.service.registry.enabled", on_in_spring(),
        "Whether services of this node are registered in the table ServiceRegistry";
    Config HEARTBEAT: Time = "apollo.service.registry.heartbeat-interval-in-second", time(Unit::Seconds, 10, 1, INT),
        "Interval between heartbeats of a registered service";
    Config REGISTRY_URI: Text = "apollo.service.registry.uri", Text,
        "Address under which services of this node are registered, if the setting `advertise` is unset";
    Config VALUE_LENGTH_OF_APP: Overrides = "appid.value.length.limit.override", Overrides,
        "Maximum length of item values by app, in characters";
    Config INCREMENTS: Switch = "config-service.incremental.change.enabled", off(),
        "Whether clients that support it receive changes instead of all values";
    Config EUREKA_URL: List = "eureka.service.url", List,
        "Eureka servers: the peers of a node that hosts Eureka, and otherwise the servers that `registry=eureka` uses";
    Config GAP_PATIENCE: Time = "feed.gap.patience", time(Unit::Seconds, 600, 1, DAY),
        "How long scans look for a release message whose id they have passed";
    Config RECONCILIATION_CONTENTS: Count = "feed.reconciliation.contents", count(500, 0, 1_000_000),
        "Namespaces, and former releases, whose values each comparison reads, in turn; 0 compares ids only";
    Config RECONCILIATION_INTERVAL: Time = "feed.reconciliation.interval", time(Unit::Seconds, 60, 1, DAY),
        "Interval between comparisons of memory with the database";
    Config REWIND_ALARM: Time = "feed.rewind.alarm", time(Unit::Seconds, 30, 0, DAY),
        "Minimum time for which `/health` reports that ids of release messages decreased";
    Config INSTANCE_QUEUE: Count = "instance.config.audit.max.size", count(10_000, 10, 1_000_000),
        "Maximum number of reads of clients that wait to be recorded; read at the start";
    Config INSTANCE_THRESHOLD: Time = "instance.config.audit.time.threshold.minutes", time(Unit::Minutes, 10, 5, MANY),
        "Age of a recorded read after which the same read renews it";
    Config INSTANCE_CACHE: Count = "instance.config.cache.max.size", count(50_000, 10, 10_000_000),
        "Maximum number of recorded reads that are cached; read at the start";
    Config INSTANCE_READS: Count = "instance.config.max.total", count(1_000_000, 0, MANY),
        "Maximum number of recorded reads of namespaces";
    Config INSTANCES_PER_APP: Count = "instance.max.per.app", count(10_000, 0, MANY),
        "Maximum number of recorded instances of one app";
    Config INSTANCES: Count = "instance.max.total", count(200_000, 0, MANY),
        "Maximum number of recorded instances";
    Config INSTANCE_RETENTION: Time = "instance.retention.hours", time(Unit::Hours, 48, 26, MANY),
        "Age at which an instance record that was not renewed is deleted; less than a day would hide clients without changes";
    Config ITEM_KEY_LENGTH: Count = "item.key.length.limit", count(128, 5, MANY),
        "Maximum length of item keys, in characters";
    Config ITEMS: Count = "item.num.limit", count(1000, 5, MANY),
        "Maximum number of items of a namespace, if `item.num.limit.enabled` is `true`";
    Config ITEMS_LIMITED: Switch = "item.num.limit.enabled", off(),
        "Whether the number of items of a namespace is limited";
    Config ITEM_VALUE_LENGTH: Count = "item.value.length.limit", count(20_000, 5, MANY),
        "Maximum length of item values, in characters";
    Config POLL_HOLD: Time = "long.polling.timeout", time(Unit::Seconds, 60, 1, 90),
        "How long a poll is held; must be less than the read timeout of proxies in front";
    Config EDIT_LOCK: Switch = "namespace.lock.switch", off(),
        "Whether someone other than the editor must publish";
    Config NAMESPACES: Count = "namespace.num.limit", count(200, 0, MANY),
        "Maximum number of namespaces of a cluster, if `namespace.num.limit.enabled` is `true`";
    Config NAMESPACES_LIMITED: Switch = "namespace.num.limit.enabled", off(),
        "Whether the number of namespaces of a cluster is limited";
    Config NAMESPACES_UNLIMITED: List = "namespace.num.limit.white", List,
        "Apps to which that limit does not apply";
    Config VALUE_LENGTH_OF_NAMESPACE: Overrides = "namespace.value.length.limit.override", Overrides,
        "Maximum length of item values by the id of the namespace, in characters";
    Config HISTORY_RETENTION: Count = "release-history.retention.days", count(0, 0, 36_500),
        "Days after which entries of the release history are removed, with releases that nothing else refers to; the newest ones of each namespace and branch are kept; 0 keeps all";

    Portal CREATE_PRIVATE_NAMESPACE: Switch = "admin.createPrivateNamespace.switch", on(),
        "Whether administrators of an app may create private namespaces";
    Portal ENVIRONMENT_TOKENS: ByEnvironment = "admin-service.access.tokens", ByEnvironment,
        "Token for the admin services of each environment";
    Portal CONNECT_TIMEOUT: Time = "api.connectTimeout", time(Unit::Milliseconds, 3000, 1, INT),
        "Timeout of connections to an admin service";
    Portal READ_TIMEOUT: Time = "api.readTimeout", time(Unit::Milliseconds, 10_000, 1, INT),
        "Timeout of answers of an admin service";
    Portal PORTAL_AUDIT_LOG: Switch = "apollo.audit.log.enabled", on_in_spring(),
        "Whether operations of the portal are recorded in its audit log";
    Portal PORTAL_ADDRESS: Text = "apollo.portal.address", Text,
        "Public address of the portal";
    Portal BLOCKED_PASSWORDS: List = "apollo.portal.auth.user-password-not-allow-list", List,
        "Fragments that no new password may contain, in any case; the built-in ones if unset";
    Portal ENVIRONMENTS: List = "apollo.portal.envs", List,
        "Environments in the order in which they are shown; `FAT`, `UAT` and `PRO` if unset";
    Portal META_SERVERS: ByEnvironment = "apollo.portal.meta.servers", ByEnvironment,
        "Meta servers of each environment";
    Portal SEARCH_RESULTS: Count = "apollo.portal.search.perEnvMaxResults", count(200, 1, 2000),
        "Maximum number of items that a global search returns from one environment";
    Portal AUDIT_RETENTION: Count = "audit.log.retention.days", count(0, 0, 36_500),
        "Days after which records of the audit log are removed; 0 keeps all";
    Portal MEMBERS_ONLY: List = "configView.memberOnly.envs", List,
        "Environments whose private namespaces are visible to members of the app only";
    Portal CONSUMER_SALT: Text = "consumer.token.salt", Text,
        "Salt of consumer tokens of Apollo's portal; not used by this one";
    Portal WEBHOOK_URLS: List = "config.release.webhook.service.url", List,
        "Addresses that are called after a publish in the environments of `webhook.supported.envs`";
    Portal MAIL_PLAIN: Switch = "email.config.allowPlainPassword", off(),
        "Whether the password is sent to a mail server without TLS, or with a certificate that cannot be verified";
    Portal MAIL_HOST: Text = "email.config.host", Text,
        "Mail server, with an optional port: `host:port`; 25 if there is none, TLS at once on 465";
    Portal MAIL_PASSWORD: Text = "email.config.password", Text,
        "Password at the mail server";
    Portal MAIL_USER: Text = "email.config.user", Text,
        "User name at the mail server";
    Portal MAIL: Switch = "email.enabled", off(),
        "Whether mail is sent after publishes";
    Portal MAIL_SENDER: Text = "email.sender", Text,
        "Sender of mail; `email.config.user` if unset";
    Portal MAIL_ENVS: List = "email.supported.envs", List,
        "Environments in which mail is sent after a publish";
    Portal MAIL_FRAMEWORK: Text = "email.template.framework", Text,
        "HTML of a mail with placeholders such as `#{appId}`; a text of our own if unset";
    Portal MAIL_RELEASE: Text = "email.template.release.module.diff", Text,
        "HTML of the changes of a release, with `#{diffContent}`";
    Portal MAIL_RULES: Text = "email.template.release.module.rules", Text,
        "HTML of the rules of a gray release, with `#{rulesContent}`";
    Portal MAIL_ROLLBACK: Text = "email.template.rollback.module.diff", Text,
        "HTML of the changes of a rollback, with `#{diffContent}`";
    Portal EMERGENCY_PUBLISH: List = "emergencyPublish.supported.envs", List,
        "Environments in which an editor may publish alone in an emergency";
    Portal IMPORT_ENTRIES: Count = "import.archive.entries", count(20_000, 1, 200_000),
        "Maximum number of entries of an archive that is imported";
    Portal IMPORT_ENTRY: Count = "import.archive.entry.mib", count(16, 1, 32),
        "Maximum size of one decompressed entry, in MiB";
    Portal IMPORT_FILE: Count = "import.archive.file.mib", count(200, 1, 1024),
        "Maximum size of a file that is imported, in MiB";
    Portal IMPORT_TOTAL: Count = "import.archive.total.mib", count(1024, 1, 65_536),
        "Maximum size of all decompressed entries of an archive together, in MiB";
    Portal PUBLISH_TIPS: List = "namespace.publish.tips.supported.envs", List,
        "Environments in which the portal reports unpublished changes of an app";
    Portal ORGANIZATIONS: Text = "organizations", Text,
        "Departments: a JSON list of objects with `orgId` and `orgName`";
    Portal CREATE_APP_LIMITED: Switch = "role.create-application.enabled", off(),
        "Whether creating apps requires a permission";
    Portal MANAGE_APP_MASTER: Switch = "role.manage-app-master.enabled", off(),
        "Whether app administrators need a permission to appoint others";
    Portal SEARCH_BY_ITEM: Switch = "searchByItem.switch", on(),
        "Whether a search for apps that finds none looks for items with this key";
    Portal SUPER_ADMINS: List = "superAdmin", List,
        "Administrators of the portal";
    Portal TOKEN_DAYS: Count = "user.token.defaultExpireDays", count(90, 1, 3650),
        "Lifetime of an access token whose creator does not choose one, in days";
    Portal TOKEN_LONGEST_DAYS: Count = "user.token.maxExpireDays", count(365, 1, 3650),
        "Maximum lifetime of an access token, in days";
    Portal WEBHOOK_LOG: Count = "webhook.delivery.log.size", count(10_000, 100, 1_000_000),
        "Maximum number of finished deliveries in the delivery log";
    Portal WEBHOOK_QUEUE: Count = "webhook.delivery.queue.size", count(1000, 1, 100_000),
        "Maximum number of deliveries that wait for one receiver; further ones fail";
    Portal WEBHOOK_RETENTION: Time = "webhook.delivery.retention.hours", time(Unit::Hours, 168, 1, 8760),
        "Age at which a finished delivery is removed from the delivery log";
    Portal WEBHOOK_ENVS: List = "webhook.supported.envs", List,
        "Environments in which `config.release.webhook.service.url` is called after a publish";
    Portal WIKI_ADDRESS: Text = "wiki.address", Text,
        "Page that a portal links to as help";
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/server-config.md");

    fn rows(table: Table) -> String {
        let mut entries: Vec<_> = ALL.iter().filter(|entry| entry.table() == table).collect();
        entries.sort_by_key(|entry| entry.name());
        entries.iter().fold(String::new(), |mut rows, entry| {
            let _ = writeln!(rows, "{}", entry.row());
            rows
        })
    }

    /// `CASTALIA_WRITE_SERVER_CONFIG=1` rewrites the two tables of the page.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "asked for by a person, not a setting")]
    fn the_page_lists_every_key_as_it_is() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let parts: Vec<&str> = page.split("|---|---|---|---|\n").collect();
        let [head, config, portal] = parts[..] else { panic!("{PAGE} has two tables") };
        let behind = |part: &str| {
            let rest = part.lines().skip_while(|line| line.starts_with('|'));
            rest.fold(String::new(), |text, line| text + line + "\n")
        };
        let fresh =
            [head, &rows(Table::Config), &behind(config), &rows(Table::Portal), &behind(portal)];
        let [head, config, between, portal, end] = fresh;
        let separator = "|---|---|---|---|\n";
        let fresh = format!("{head}{separator}{config}{between}{separator}{portal}{end}");
        if std::env::var_os("CASTALIA_WRITE_SERVER_CONFIG").is_some() {
            std::fs::write(PAGE, &fresh).unwrap();
        } else {
            assert_eq!(page, fresh, "set CASTALIA_WRITE_SERVER_CONFIG=1 to write {PAGE} anew");
        }
    }

    #[test]
    fn a_key_has_one_meaning_in_each_table() {
        let mut names: Vec<_> =
            ALL.iter().map(|entry| (entry.name(), entry.table() == Table::Portal)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
