//! The steps of the schema, and the files of their statements. Knows no database.

use super::Part;

/// Castalia's tables that a node can do without: the record of steps, the values that nodes share,
/// the seals of the audit logs, the recently opened apps, the requests for access, the clients of
/// observed access keys, the changes that environments have not received, the last uses of
/// consumers, the preferences of users, and the schemas of namespaces.
pub(crate) const OPTIONAL: [&str; 10] = [
    "CastaliaSchema",
    "CastaliaInstallation",
    "CastaliaAuditSeal",
    "CastaliaRecent",
    "CastaliaAccessRequest",
    "CastaliaUnsignedClient",
    "CastaliaPendingChange",
    "CastaliaConsumerUse",
    "CastaliaPreference",
    "CastaliaNamespaceSchema",
];

/// The row of version 0 names the program that created the tables.
pub(super) const ORIGIN_VERSION: i32 = 0;

pub(super) const RECORD: [&str; 3] = [
    include_str!("sqlite/0000_record.sql"),
    include_str!("mysql/0000_record.sql"),
    include_str!("postgres/0000_record.sql"),
];

/// One file of statements for each dialect. A version is never reused, and a released file never
/// changes.
pub(super) struct Step {
    pub(super) version: i32,
    pub(super) name: &'static str,
    pub(super) part: Part,
    /// Whether first rows are inserted after it on a new database.
    pub(super) has_first_rows: bool,
    pub(super) sql: [&'static str; 3],
}

macro_rules! step {
    ($version:literal, $name:literal, $part:expr, $has_first_rows:literal, $file:literal) => {
        Step {
            version: $version,
            name: $name,
            part: $part,
            has_first_rows: $has_first_rows,
            sql: [
                include_str!(concat!("sqlite/", $file)),
                include_str!(concat!("mysql/", $file)),
                include_str!(concat!("postgres/", $file)),
            ],
        }
    };
}

pub(super) const STEPS: [Step; 16] = [
    step!(1, "config", Part::Config, true, "0001_config.sql"),
    step!(2, "portal", Part::Portal, true, "0002_portal.sql"),
    step!(3, "castalia_config", Part::Config, false, "0003_castalia_config.sql"),
    step!(4, "castalia_portal", Part::Portal, false, "0004_castalia_portal.sql"),
    step!(5, "castalia_installation", Part::Portal, false, "0005_castalia_installation.sql"),
    step!(6, "castalia_notice", Part::Portal, false, "0006_castalia_notice.sql"),
    step!(7, "castalia_event", Part::Portal, false, "0007_castalia_event.sql"),
    step!(8, "castalia_audit_seal", Part::Portal, false, "0008_castalia_audit_seal.sql"),
    step!(9, "castalia_recent", Part::Portal, false, "0009_castalia_recent.sql"),
    step!(10, "castalia_access_request", Part::Portal, false, "0010_castalia_access_request.sql"),
    step!(11, "castalia_unsigned_client", Part::Config, false, "0011_castalia_unsigned_client.sql"),
    step!(12, "castalia_pending_change", Part::Portal, false, "0012_castalia_pending_change.sql"),
    step!(
        13,
        "castalia_environment_seal",
        Part::Config,
        false,
        "0013_castalia_environment_seal.sql"
    ),
    step!(14, "castalia_consumer_use", Part::Portal, false, "0014_castalia_consumer_use.sql"),
    step!(15, "castalia_preference", Part::Portal, false, "0015_castalia_preference.sql"),
    step!(
        16,
        "castalia_namespace_schema",
        Part::Portal,
        false,
        "0016_castalia_namespace_schema.sql"
    ),
];
