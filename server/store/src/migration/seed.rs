//! The settings of every new installation. The further rows that a start writes (passwords, tokens,
//! the environment's name) are not known here.

use sea_orm::ConnectionTrait;

use super::Part;
use crate::error::StoreError;
use crate::row::Authorship;
use crate::server_config::{PortalSettingRow, SettingRow, insert, insert_of_portal};

/// The author of the rows, as in Apollo's own scripts.
const OPERATOR: &str = "default";

const CONFIG: [(&str, &str, &str); 6] = [
    (
        "eureka.service.url",
        "http://localhost:8080/eureka/",
        "Eureka addresses, separated by commas",
    ),
    ("namespace.lock.switch", "false", "whether another person must publish than who edited"),
    ("item.key.length.limit", "128", "longest key of an item"),
    ("item.value.length.limit", "20000", "longest value of an item"),
    ("config-service.cache.enabled", "false", "read by Apollo's config service only"),
    ("config-service.incremental.change.enabled", "false", "whether clients get differences"),
];

const PORTAL: [(&str, &str, &str); 6] = [
    (
        "organizations",
        r#"[{"orgId":"TEST1","orgName":"Sample department 1"},{"orgId":"TEST2","orgName":"Sample department 2"}]"#,
        "departments",
    ),
    ("superAdmin", "apollo", "administrators of the portal, separated by commas"),
    ("api.readTimeout", "10000", "time-out of calls to the admin service, in milliseconds"),
    (
        "admin.createPrivateNamespace.switch",
        "true",
        "whether app administrators may create private namespaces",
    ),
    ("configView.memberOnly.envs", "pro", "environments whose private namespaces only members see"),
    ("apollo.portal.meta.servers", "{}", "meta server addresses by environment"),
];

pub(super) async fn settings(db: &impl ConnectionTrait, part: Part) -> Result<(), StoreError> {
    match part {
        Part::Config => {
            for (key, value, comment) in CONFIG {
                let row = SettingRow {
                    key: key.into(),
                    cluster: "default".into(),
                    value: value.into(),
                    comment: Some(comment.into()),
                };
                insert(db, row, Authorship::of(OPERATOR)).await?;
            }
        }
        Part::Portal => {
            for (key, value, comment) in PORTAL {
                let row = PortalSettingRow {
                    key: key.into(),
                    value: value.into(),
                    comment: Some(comment.into()),
                };
                insert_of_portal(db, row, Authorship::of(OPERATOR)).await?;
            }
        }
    }
    Ok(())
}
