//! Data of the product before a row starts: apps, namespaces with twenty items, releases. Created
//! through the admin role.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::load::call::Call;

/// The app that all rows use.
pub(crate) const APP: &str = "bench";
/// An app whose clients must sign, and their secret.
pub(crate) const SIGNED_APP: &str = "bench-signed";
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The namespace that every app has.
pub(crate) const NAMESPACE: &str = "application";

/// The operator of all changes.
const OPERATOR: &str = "bench";
/// Items per namespace, and the length of a value, for a body of 10 kB.
const ITEMS: usize = 20;
const VALUE: usize = 480;
/// Length of a value in a namespace with many items.
const SMALL_VALUE: usize = 40;

/// Creates data through the admin role.
#[derive(Debug)]
pub(crate) struct Seed {
    admin: Call,
}

impl Seed {
    pub(crate) fn new(admin: SocketAddr) -> Result<Self> {
        Ok(Self { admin: Call::connect(admin)? })
    }

    /// Creates an app with its first namespace, with items and a release.
    pub(crate) fn app(&mut self, app: &str) -> Result<()> {
        let body = json!({
            "appId": app, "name": app, "orgId": "bench", "orgName": "Bench", "ownerName": OPERATOR,
            "ownerEmail": "bench@example.com",
            "dataChangeCreatedBy": OPERATOR, "dataChangeLastModifiedBy": OPERATOR,
        });
        self.admin.json("POST", "/apps", Some(&body))?;
        let namespace = self.admin.json("GET", &path(app, NAMESPACE), None)?;
        self.fill(app, &namespace)
    }

    /// Creates another namespace with items and a release.
    pub(crate) fn namespace(&mut self, app: &str, name: &str) -> Result<()> {
        let namespace = self.create(app, name)?;
        self.fill(app, &namespace)
    }

    /// Defines a namespace, which creates it in each cluster, as the portal does: for one without a
    /// definition, each publish would read the definitions again.
    fn create(&mut self, app: &str, name: &str) -> Result<Value> {
        let body = json!({
            "appId": app, "name": name, "format": "properties", "isPublic": false, "comment": "",
            "dataChangeCreatedBy": OPERATOR, "dataChangeLastModifiedBy": OPERATOR,
        });
        self.admin.json("POST", &format!("/apps/{app}/appnamespaces"), Some(&body))?;
        self.admin.json("GET", &path(app, name), None)
    }

    /// Creates a namespace with many small items and a release.
    pub(crate) fn large_namespace(&mut self, app: &str, name: &str, items: usize) -> Result<()> {
        let namespace = self.create(app, name)?;
        self.fill_with(app, &namespace, items, &"v".repeat(SMALL_VALUE))
    }

    /// Returns an item of the namespace that every app has.
    pub(crate) fn item(&mut self, app: &str, key: &str) -> Result<Value> {
        self.admin.json("GET", &format!("{}/items/{key}", path(app, NAMESPACE)), None)
    }

    /// Changes an item; clients receive it with the next publish.
    pub(crate) fn set(&mut self, app: &str, item: &Value, value: &str) -> Result<()> {
        let mut item = item.clone();
        item["value"] = value.into();
        item["dataChangeLastModifiedBy"] = OPERATOR.into();
        let path = format!("{}/items/{}", path(app, NAMESPACE), item["id"]);
        self.admin.json("PUT", &path, Some(&item)).map(drop)
    }

    /// Creates an access key, so that unsigned requests of the app are refused.
    pub(crate) fn access_key(&mut self, app: &str) -> Result<()> {
        let path = format!("/apps/{app}/accesskeys");
        let body = json!({
            "appId": app, "secret": SECRET, "mode": 0, "enabled": false,
            "dataChangeCreatedBy": OPERATOR, "dataChangeLastModifiedBy": OPERATOR,
        });
        let id = self.admin.json("POST", &path, Some(&body))?["id"]
            .as_i64()
            .context("the key has no id")?;
        let enable = format!("{path}/{id}/enable?mode=0&operator={OPERATOR}");
        self.admin.json("PUT", &enable, None).map(drop)
    }

    fn fill(&mut self, app: &str, namespace: &Value) -> Result<()> {
        self.fill_with(app, namespace, ITEMS, &"v".repeat(VALUE))
    }

    fn fill_with(&mut self, app: &str, namespace: &Value, items: usize, value: &str) -> Result<()> {
        let name = namespace["namespaceName"].as_str().context("the namespace has no name")?;
        let items: Vec<_> = (0..items)
            .map(|line| {
                json!({
                    "namespaceId": namespace["id"], "key": format!("setting.{line:02}"),
                    "value": value, "type": 0, "lineNum": line + 1,
                    "dataChangeCreatedBy": OPERATOR, "dataChangeLastModifiedBy": OPERATOR,
                })
            })
            .collect();
        let changes = json!({
            "createItems": items, "updateItems": [], "deleteItems": [],
            "dataChangeCreatedBy": OPERATOR, "dataChangeLastModifiedBy": OPERATOR,
        });
        self.admin.json("POST", &format!("{}/itemset", path(app, name)), Some(&changes))?;
        self.admin.json("POST", &publish_path(app, name), None).map(drop)
    }
}

fn path(app: &str, namespace: &str) -> String {
    format!("/apps/{app}/clusters/default/namespaces/{namespace}")
}

/// Path and query of a publish.
pub(crate) fn publish_path(app: &str, namespace: &str) -> String {
    format!("{}/releases?name=bench&operator={OPERATOR}", path(app, namespace))
}
