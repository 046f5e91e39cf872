//! `compat.accept_broken_documents`: JSON and YAML that do not parse are refused on each way into
//! the server, or accepted on each, and clients receive them as they are.

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, Server};
use crate::support::session;

const BROKEN: &str = "{ a: [ ";
const FORMATS: [&str; 2] = ["json", "yaml"];
const CONFIGS: &str = "/openapi/v1/configs";

/// A server with the app `demo` and the namespaces `documents.json` and `documents.yaml`.
struct Documents {
    server: Server,
    admin: Http,
    portal: Http,
    root: Http,
    app: App,
}

impl Documents {
    async fn with(setting: &str) -> Self {
        let options = Options::new()
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
            .variable("CASTALIA_COMPAT_ACCEPT_BROKEN_DOCUMENTS", setting);
        let server = Server::start_with(options);
        let (admin, portal) = (Http::new(&server.admin), server.open_api());
        let root = session::root(&server).await;
        let app = json!({ "app": {
            "appId": "demo", "name": "demo", "orgId": "o", "orgName": "O", "ownerName": "apollo",
            "ownerEmail": "", "dataChangeCreatedBy": "apollo",
        } });
        portal.post("/openapi/v1/apps", app).await.ok();
        let app = App::existing(&admin, "demo");
        for format in FORMATS {
            app.add_namespace(&format!("documents.{format}"), false).await;
        }
        Self { server, admin, portal, root, app }
    }

    /// A document through the admin port.
    async fn create(&self, format: &str, text: &str) -> Answer {
        let item = json!({
            "key": "content", "value": text, "comment": "", "lineNum": 1,
            "dataChangeCreatedBy": "apollo", "dataChangeLastModifiedBy": "apollo",
        });
        let namespace = self.app.path("default", &format!("documents.{format}"));
        self.admin.post(&format!("{namespace}/items"), item).await
    }

    /// The same through the portal.
    async fn edit(&self, format: &str, text: &str) -> Answer {
        let body = json!({ "format": format, "configText": text, "operator": "apollo" });
        self.portal.put(&format!("{}/items", path(format)), body).await
    }

    async fn validate(&self, format: &str, text: &str) -> Answer {
        let body = json!({ "format": format, "configText": text, "operator": "apollo" });
        self.portal.post(&format!("{}/items/validation", path(format)), body).await
    }

    async fn import(&self, archive: &[u8]) -> Answer {
        let path = format!("{CONFIGS}/import?envs=DEV&conflictAction=cover");
        self.root.upload(&path, "all.zip", archive).await
    }

    async fn served(&self, format: &str) -> Value {
        let path = format!("/configs/demo/default/documents.{format}");
        Http::new(&self.server.config).get(&path).await.json()["configurations"]["content"].clone()
    }
}

fn path(format: &str) -> String {
    format!("/openapi/v1/envs/DEV/apps/demo/clusters/default/namespaces/documents.{format}")
}

fn is_refused(answer: &Answer) {
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.text.contains("invalid"), "{answer:?}");
}

#[tokio::test]
async fn broken_documents_are_accepted_everywhere_or_nowhere() {
    let lenient = Documents::with("true").await;
    let strict = Documents::with("false").await;
    for format in FORMATS {
        lenient.create(format, BROKEN).await.ok();
        is_refused(&strict.create(format, BROKEN).await);
        let edited = format!("{BROKEN} ");
        lenient.edit(format, &edited).await.ok();
        is_refused(&strict.edit(format, &edited).await);
        lenient.validate(format, BROKEN).await.ok();
        is_refused(&strict.validate(format, BROKEN).await);
        lenient.app.try_publish("default", &format!("documents.{format}")).await.ok();
        eventually("the document as it is", async || {
            (lenient.served(format).await == edited).then_some(())
        })
        .await;
    }
    let archive = lenient.root.download(&format!("{CONFIGS}/export?envs=DEV")).await;
    is_refused(&strict.import(&archive).await);
    let imported = lenient.import(&archive).await;
    assert_eq!(imported.status, 200, "{imported:?}");
    assert!(!imported.text.contains("failed"), "{imported:?}");
}
