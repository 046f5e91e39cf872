//! Apps: who may create them, the rows that are created with them, and their environments.

use castalia_server::domain::permission::{NamedRole, grant};
use castalia_server::settings::Installation;
use castalia_store::entity::{
    Standard as _, app as app_row, app_namespace, cluster, permission, role, user_role,
};
use castalia_store::user::UserRow;
use castalia_store::{Dialect, StoreError, user};
use futures_util::future::join_all;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};

use super::world::{NS, World, app, item};

/// X151: an environment whose database ignores case has one app for both.
#[tokio::test]
async fn of_two_callers_one_creates_an_app_whose_names_differ_in_case() {
    let world = World::adopted().await;
    // A process creates the system roles at its start.
    grant::seed_system_roles(&world.store).await.unwrap();
    let root = world.user("apollo").await;
    for round in 0..4 {
        let names = ["Pay", "pay", "PAY"].map(|name| format!("{name}{round}"));
        let calls = names.iter().map(|name| root.post("/openapi/v1/apps", app(name, "u1")));
        let answers = join_all(calls).await;
        let created = answers.iter().filter(|answer| answer.status == 200).count();
        let refused = answers.iter().filter(|answer| answer.status == 400).count();
        assert_eq!((created, refused), (1, 2), "{answers:?}");
    }
}

#[tokio::test]
async fn an_app_comes_with_its_rows_and_roles() {
    // A14
    let world = World::with_demo().await;
    let row = app_row::Entity::live().one(world.store.read()).await.unwrap().unwrap();
    assert_eq!((row.app_id.as_str(), row.owner_email.as_str()), ("demo", "u1@example.com"));
    let definition = app_namespace::Entity::live().one(world.store.read()).await.unwrap().unwrap();
    assert_eq!(
        (definition.name.as_str(), definition.format.as_str()),
        ("application", "properties")
    );
    let mut roles: Vec<_> = role::Entity::live()
        .all(world.store.read())
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.role_name)
        .collect();
    roles.sort();
    assert_eq!(
        roles,
        [
            "ManageAppMaster+demo",
            "Master+demo",
            "ModifyNamespace+demo+application",
            "ModifyNamespace+demo+application+LOCAL",
            "ModifyNamespacesInCluster+demo+LOCAL+default",
            "ReleaseNamespace+demo+application",
            "ReleaseNamespace+demo+application+LOCAL",
            "ReleaseNamespacesInCluster+demo+LOCAL+default",
        ]
    );
    let held = user::role::permissions_of_user(world.store.read(), "u1").await.unwrap();
    let mut held: Vec<_> =
        held.into_iter().map(|row| format!("{} {}", row.permission_type, row.target_id)).collect();
    held.sort();
    assert_eq!(
        held,
        [
            "AssignRole demo",
            "CreateCluster demo",
            "CreateNamespace demo",
            "ModifyNamespace demo+application",
            "ReleaseNamespace demo+application",
        ]
    );
    // The permissions of the administrators are listed first, as in Apollo.
    let permissions = permission::Entity::live().all(world.store.read()).await.unwrap();
    let first: Vec<_> =
        permissions.iter().take(4).map(|row| row.permission_type.as_str()).collect();
    assert_eq!(first, ["CreateCluster", "CreateNamespace", "AssignRole", "ManageAppMaster"]);
    let in_environment = cluster::Entity::live().all(world.environment_store.read()).await.unwrap();
    assert_eq!(in_environment.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["default"]);
}

#[tokio::test]
async fn an_app_is_made_once() {
    // A15
    let world = World::with_demo().await;
    let answer = world.user("u1").await.post("/openapi/v1/apps", app("demo", "u1")).await;
    answer.fails(400, "app already exists for appId:demo");
    let grants = user_role::Entity::live().all(world.store.read()).await.unwrap();
    assert_eq!(grants.len(), 3);
}

#[tokio::test]
async fn what_is_said_about_an_app_is_checked_for_every_caller() {
    // A16, A17
    let world = World::adopted().await;
    let token = world.token_for_all("ci").await;
    let by_token = |mut body: Value| {
        body["app"]["dataChangeCreatedBy"] = "apollo".into();
        body
    };
    let mut blank = app("demo", "u1");
    blank["app"]["orgId"] = " ".into();
    let mut admins = app("demo", "u1");
    admins["admins"] = json!(["ghost"]);
    for (body, message) in [
        (app("demo", "ghost"), "Application's owner not exist"),
        (app("a b", "u1"), "Invalid AppId format"),
        (app("", "u1"), "appId cannot be blank"),
        (blank, "orgId cannot be blank"),
        (admins, "user not exists for userName:ghost"),
        (json!({}), "Params(app) can not be empty"),
    ] {
        world.user("u1").await.post("/openapi/v1/apps", body.clone()).await.fails(400, message);
        if body.get("app").is_some() {
            world
                .consumer(&token)
                .post("/openapi/v1/apps", by_token(body))
                .await
                .fails(400, message);
        }
    }
    assert!(app_row::Entity::find().all(world.store.read()).await.unwrap().is_empty());
}

#[tokio::test]
async fn making_apps_can_be_a_right() {
    // A18
    let mut world = World::adopted().await;
    world.set("role.create-application.enabled", "true");
    let body = |app_id: &str| app(app_id, "u2");
    world.user("u2").await.post("/openapi/v1/apps", body("a")).await.fails(403, "Access is denied");
    world.user("apollo").await.post("/openapi/v1/apps", body("b")).await.empty();
    world.grant("u2", vec![NamedRole::create_application()]).await;
    world.user("u2").await.post("/openapi/v1/apps", body("c")).await.empty();
}

#[tokio::test]
async fn a_further_administrator_gives_roles_and_does_not_edit() {
    // A22
    let world = World::adopted().await;
    let mut body = app("demo", "u1");
    body["admins"] = json!(["u2", ""]);
    world.user("u1").await.post("/openapi/v1/apps", body).await.empty();
    let admin = world.user("u2").await;
    admin.post(&format!("{NS}/items"), item("k", "v")).await.fails(403, "Access is denied");
    let changed = json!({
        "appId": "demo", "name": "Renamed", "orgId": "TEST1", "orgName": "One", "ownerName": "u1"
    });
    admin.put("/openapi/v1/apps/demo", changed).await.empty();
    world.grant("u2", NamedRole::all_of_namespace("demo", "application", &[])).await;
    admin.post(&format!("{NS}/items"), item("k", "v")).await.ok();
}

#[tokio::test]
async fn an_app_is_changed_here_and_in_its_environment() {
    // A23
    let world = World::with_demo().await;
    let body = |app_id: &str| json!({ "appId": app_id, "name": "Renamed", "orgId": "TEST2", "orgName": "Two", "ownerName": "u2" });
    let owner = world.user("u1").await;
    owner
        .put("/openapi/v1/apps/demo", body("other"))
        .await
        .fails(400, "The App Id of path variable");
    owner.put("/openapi/v1/apps/demo", body("demo")).await.empty();
    let shown = owner.get("/openapi/v1/apps/demo").await.ok();
    assert_eq!(
        (
            &shown["name"],
            &shown["orgId"],
            &shown["ownerEmail"],
            &shown["ownerDisplayName"],
            &shown["dataChangeLastModifiedBy"]
        ),
        (
            &json!("Renamed"),
            &json!("TEST2"),
            &json!("u2@example.com"),
            &json!("Name of u2"),
            &json!("u1")
        )
    );
    let row = app_row::Entity::live().one(world.environment_store.read()).await.unwrap().unwrap();
    assert_eq!((row.name.as_str(), row.owner_name.as_str()), ("Renamed", "u2"));
    world
        .user("u2")
        .await
        .put("/openapi/v1/apps/demo", body("demo"))
        .await
        .fails(403, "Access is denied");
}

/// X58: otherwise everybody could learn the address of a user by creating an app in the user's name.
#[tokio::test]
async fn the_address_of_an_owner_is_shown_as_in_the_list_of_users() {
    let open = [("compat.open_user_directory", "true")];
    for (flags, seen) in [(&[][..], 0), (&open[..], 1)] {
        let world = World::with(Installation::Fresh, flags).await;
        let other = world.user("u2").await;
        other.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
        let made = other.post("/apps", app("second", "u1")["app"].clone()).await.ok();
        let token = world.token("ci", &["demo"]).await;
        other.put("/openapi/v1/recents/demo", Value::Null).await.empty();
        let (program, root) = (world.consumer(&token), world.user("apollo").await);
        let owner = world.user("u1").await;
        let addresses = |found: &Value| found.to_string().matches("u1@example.com").count();
        assert_eq!(addresses(&made), seen, "{made}");
        for path in [
            "/openapi/v1/apps/demo",
            "/openapi/v1/apps?appIds=demo",
            "/openapi/v1/apps/search/by-appid-or-name?query=demo",
            "/openapi/v1/search?q=demo&in=apps",
        ] {
            for (caller, expected) in [(&other, seen), (&owner, 1), (&root, 1)] {
                let found = caller.get(path).await.ok();
                assert_eq!(addresses(&found), expected, "{path}: {found}");
            }
        }
        for (caller, path) in
            [(&other, "/openapi/v1/recents"), (&program, "/openapi/v1/apps/authorized")]
        {
            let found = caller.get(path).await.ok();
            assert_eq!(found[0]["appId"], "demo", "{found}");
            assert_eq!(addresses(&found), seen, "{found}");
        }
        let shown = other.get("/openapi/v1/apps/demo").await.ok();
        assert_eq!(shown["ownerEmail"] == "", seen == 0, "{shown}");
    }
}

#[tokio::test]
async fn an_unknown_app_is_a_bad_request() {
    // A24
    let world = World::adopted().await;
    world.user("u1").await.get("/openapi/v1/apps/ghost").await.fails(400, "App not found: ghost");
}

#[tokio::test]
async fn an_app_is_where_its_clusters_are() {
    // A25
    let world = World::with_demo().await;
    let user = world.user("u2").await;
    let clusters = user.get("/openapi/v1/apps/demo/envclusters").await.ok();
    assert_eq!(clusters, json!([{ "env": "LOCAL", "clusters": ["default"] }]));
    let info = user.get("/openapi/v1/apps/demo/env-cluster-info").await.ok();
    assert_eq!(
        (&info[0]["code"], &info[0]["clusters"][0]["name"]),
        (&json!(200), &json!("default"))
    );
    assert_eq!(user.get("/openapi/v1/envs").await.ok(), json!(["LOCAL"]));
    assert_eq!(
        user.get("/openapi/v1/organizations").await.ok(),
        json!([{ "orgId": "TEST1", "orgName": "One" }])
    );
}

#[tokio::test]
async fn an_environment_that_cannot_be_asked_does_not_hide_the_others() {
    let mut world = World::with_demo().await;
    world.set("apollo.portal.envs", "local,pro");
    let user = world.user("u2").await;
    let clusters = user.get("/openapi/v1/apps/demo/envclusters").await.ok();
    assert_eq!(clusters[0], json!({ "env": "LOCAL", "clusters": ["default"] }));
    assert!(
        clusters[1]["error"].as_str().unwrap().starts_with("No available admin server."),
        "{clusters}"
    );
    assert_eq!(user.get("/openapi/v1/envs").await.ok(), json!(["LOCAL"]));
    let there = NS.replace("LOCAL", "PRO");
    world.user("apollo").await.get(&there).await.fails(500, "No available admin server.");
    world
        .user("u1")
        .await
        .get(&NS.replace("LOCAL", "ghost"))
        .await
        .fails(400, "invalid env format:ghost");
}

#[tokio::test]
async fn lists_hold_all_apps_the_named_ones_or_the_own_ones() {
    let world = World::with_demo().await;
    world.user("u2").await.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let ids = |answer: Value| -> Vec<String> {
        answer
            .as_array()
            .unwrap()
            .iter()
            .map(|app| app["appId"].as_str().unwrap().to_owned())
            .collect()
    };
    let user = world.user("u1").await;
    assert_eq!(ids(user.get("/openapi/v1/apps").await.ok()), ["demo", "second"]);
    assert_eq!(ids(user.get("/openapi/v1/apps?appIds=second,ghost").await.ok()), ["second"]);
    assert_eq!(ids(user.get("/openapi/v1/apps/by-self").await.ok()), ["demo"]);
    assert_eq!(ids(user.get("/openapi/v1/apps/by-self?page=1&size=1").await.ok()), [""; 0]);
    assert_eq!(ids(user.get("/openapi/v1/apps/authorized").await.ok()), ["demo"]);
    let token = world.token("ci", &["second"]).await;
    assert_eq!(
        ids(world.consumer(&token).get("/openapi/v1/apps/authorized").await.ok()),
        ["second"]
    );
    let all = world.token_for_all("all").await;
    assert_eq!(
        ids(world.consumer(&all).get("/openapi/v1/apps/authorized").await.ok()),
        ["demo", "second"]
    );
}

#[tokio::test]
async fn the_roles_of_an_app_are_its_own() {
    let world = World::adopted().await;
    let user = world.user("u1").await;
    user.post("/openapi/v1/apps", app("a_b", "u1")).await.empty();
    world.user("u2").await.post("/openapi/v1/apps", app("axb", "u2")).await.empty();
    let mine = user_role::Entity::live()
        .filter(user_role::Column::UserId.eq("u1"))
        .all(world.store.read())
        .await
        .unwrap();
    assert_eq!(mine.len(), 3);
    let other = NS.replace("/demo/", "/axb/");
    user.post(&format!("{other}/items"), item("k", "v")).await.fails(403, "Access is denied");
}

/// Scripts create apps through the admin port, and a portal can lose its database.
#[tokio::test]
async fn an_app_that_an_environment_has_is_added_to_the_portal_by_a_super_administrator_only() {
    use castalia_server::environment::Address;
    let world = World::adopted().await;
    let victim = json!({
        "appId": "victim", "name": "v", "orgId": "o", "orgName": "o", "ownerName": "script",
        "ownerEmail": "a@example.com", "dataChangeCreatedBy": "script",
    });
    let local = world.environments.find("LOCAL").unwrap();
    local.create::<Value>(Address::new(["apps"]), &victim).await.unwrap();
    let user = world.user("u2").await;
    user.post("/openapi/v1/apps", app("victim", "u2"))
        .await
        .fails(400, "app already exists for appId:victim in LOCAL");
    let place = NS.replace("demo", "victim");
    user.post(&format!("{place}/items"), item("k", "v")).await.fails(403, "Access is denied");
    world.user("apollo").await.post("/openapi/v1/apps", app("victim", "u1")).await.empty();
    let owner = world.user("u1").await;
    owner.post(&format!("{place}/items"), item("k", "v")).await.ok();
}

/// An environment whose database ignores case has one app for both spellings.
#[tokio::test]
async fn an_app_id_in_another_case_is_taken() {
    let world = World::with_demo().await;
    for name in ["u2", "apollo"] {
        world
            .user(name)
            .await
            .post("/openapi/v1/apps", app("DEMO", name))
            .await
            .fails(400, "app already exists for appId:demo");
    }
}

/// MariaDB finds a user by any spelling of the name.
#[tokio::test]
async fn an_app_has_the_name_of_its_owner_as_the_user_has_it() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    let created = root.post("/openapi/v1/apps", app("spelt", "U1")).await;
    if world.store.dialect() == Dialect::MySql {
        created.empty();
        assert_eq!(root.get("/openapi/v1/apps/spelt").await.ok()["ownerName"], "u1");
    } else {
        created.fails(400, "Application's owner not exist. owner = U1");
    }
}

/// Environments require the mail address of an owner, which directories of users may not know.
#[tokio::test]
async fn an_app_of_an_owner_without_a_mail_address_reaches_its_environments() {
    let world = World::with_demo().await;
    let row = UserRow {
        username: "mute".to_owned(),
        display_name: None,
        email: Some(" ".to_owned()),
        password: None,
        is_enabled: Some(true),
    };
    let made: Result<_, StoreError> =
        world.store.write(row, |tx, row| Box::pin(user::create(tx, row))).await;
    made.unwrap();
    let u1 = world.user("u1").await;
    u1.post("/openapi/v1/apps", app("other", "mute")).await.empty();
    let items = NS.replace("/demo/", "/other/");
    world.user("apollo").await.get(&format!("{items}/items")).await.ok();
    let stored = app_row::Entity::live()
        .filter(app_row::Column::AppId.eq("other"))
        .one(world.environment_store.read())
        .await
        .unwrap();
    assert_eq!(stored.unwrap().owner_email, "mute");
}
