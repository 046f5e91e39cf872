//! The sample app of a new SQLite directory. It is created like every other app, so that a new user
//! sees a value at once.

use std::time::Duration;

use castalia_store::Store;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::domain::portal_app::{self, NewApp, PortalAppDetails};
use crate::domain::user::ADMINISTRATOR;
use crate::environment::Address;
use crate::error::Result;
use crate::state::PortalState;

/// App id; the banner at the start prints it.
const APP_ID: &str = "sample-app";
/// Maximum time for looking for the app, since nothing but the banner depends on it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the environment has the app, as far as it can be read. An adopted one does not, and an
/// operator may have deleted it.
pub(super) async fn is_present(environment: &Store) -> bool {
    let found = castalia_store::app::by_app_id(environment.read(), APP_ID);
    matches!(timeout(PATIENCE, found).await, Ok(Ok(Some(_))))
}

/// Creates the app and publishes its first release. A server starts without it if the environment
/// has one already, as beside a portal whose database was lost.
pub(super) async fn seed(state: &PortalState) {
    if let Err(error) = create(state).await {
        tracing::warn!(app_id = APP_ID, %error, "cannot create the sample app; the server starts without it");
    }
}

async fn create(state: &PortalState) -> Result<()> {
    let env = &state.settings.env;
    let details = PortalAppDetails {
        app_id: APP_ID.into(),
        name: "Sample app".into(),
        org_id: "TEST1".into(),
        org_name: "Sample department 1".into(),
        owner_name: ADMINISTRATOR.into(),
    };
    let new = NewApp {
        details,
        envs: state.environments.names(),
        active_envs: vec![env.clone()],
        ..NewApp::default()
    };
    let app = portal_app::create(&state.store, new, ADMINISTRATOR).await?;

    let environment = state.environments.find(env)?;
    let signed = |mut body: Value| {
        body["dataChangeCreatedBy"] = ADMINISTRATOR.into();
        body["dataChangeLastModifiedBy"] = ADMINISTRATOR.into();
        body
    };
    let body = signed(json!({
        "appId": app.app_id, "name": app.name, "orgId": app.org_id, "orgName": app.org_name,
        "ownerName": app.owner_name, "ownerEmail": app.owner_email,
    }));
    environment.post(Address::new(["apps"]), &body).await?;
    let namespace = |rest| {
        Address::new(["apps", APP_ID, "clusters", "default", "namespaces", "application", rest])
    };
    let item = signed(json!({ "key": "greeting", "value": "hello", "type": 0 }));
    environment.post(namespace("items"), &item).await?;
    let release = [("name", "first release"), ("operator", ADMINISTRATOR)];
    let _: Value = environment.submit(namespace("releases"), &release).await?;
    Ok(())
}
