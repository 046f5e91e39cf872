//! Users of an LDAP directory who have no account yet: they become owners of apps, and lists show
//! them as long as the directory can be searched.

use castalia_server::settings::Installation;
use castalia_store::user;

use super::archive::archive;
use super::directory::open_ldap;
use super::slapd::Slapd;
use super::world::{World, app};

const APPS: &str = "/openapi/v1/apps";
const DEMO: &str = "/openapi/v1/apps/demo";

async fn world(slapd: &Slapd) -> World {
    let local = [("sign_in.local_users", "apollo,u1")];
    World::with(Installation::Fresh, &[&open_ldap(&slapd.url)[..], &local].concat()).await
}

/// X117.
#[tokio::test]
async fn an_app_is_given_to_a_user_who_never_signed_in() {
    let slapd = Slapd::start().await;
    let world = world(&slapd).await;
    let owner = world.user("u1").await;
    owner.post(APPS, app("demo", "u1")).await.empty();
    let of = |name: &str| app("demo", name)["app"].clone();
    owner.put(DEMO, of("nobody")).await.fails(400, "Application's owner not exist");
    owner.put(DEMO, of("bert")).await.empty();
    assert_eq!(owner.get(DEMO).await.ok()["ownerName"], "bert");
    assert!(user::find(world.store.read(), "bert").await.unwrap().is_some());
}

/// X117.
#[tokio::test]
async fn an_archive_is_imported_whose_owner_never_signed_in() {
    let slapd = Slapd::start().await;
    let world = world(&slapd).await;
    let root = world.user("apollo").await;
    let import = async |owner: &str| {
        let path = format!("{owner}/demo/app.metadata");
        let bytes = archive(&[(path, app("demo", owner)["app"].to_string())]);
        root.upload("/openapi/v1/configs/import?envs=LOCAL", "all.zip", &bytes).await
    };
    let message = "Nothing was imported. nobody/demo/app.metadata: the owner nobody is not a user";
    import("nobody").await.fails(400, message);
    import("bert").await.ok();
    assert_eq!(root.get(DEMO).await.ok()["ownerName"], "bert");
}

/// X117: more owners than one call looks up elsewhere.
#[tokio::test]
async fn all_owners_in_an_archive_are_looked_up() {
    let slapd = Slapd::start().await;
    let world = world(&slapd).await;
    let names: Vec<_> = (0..51).map(|number| format!("owner{number}")).collect();
    for name in &names {
        let dn = format!("uid={name},ou=people,dc=example,dc=org");
        slapd.add(&dn, &[("uid", name.as_str()), ("cn", name)]).await;
    }
    let mut entries: Vec<_> = names
        .iter()
        .map(|name| {
            let app = app(&format!("of-{name}"), name)["app"].to_string();
            (format!("{name}/of-{name}/app.metadata"), app)
        })
        .collect();
    let root = world.user("apollo").await;
    let import = async |entries: &[(String, String)]| {
        let bytes = archive(entries);
        root.upload("/openapi/v1/configs/import?envs=LOCAL", "all.zip", &bytes).await
    };
    let has_account =
        async |name: &str| user::find(world.store.read(), name).await.unwrap().is_some();

    entries.push(("owner0/other/app.metadata".to_owned(), "{}".to_owned()));
    import(&entries).await.fails(400, "Nothing was imported. owner0/other/app.metadata: ");
    assert!(!has_account(&names[0]).await, "an archive that is refused creates no accounts");
    entries.pop();
    import(&entries).await.ok();
    for name in &names {
        assert!(has_account(name).await, "{name}");
    }
}

/// X119.
#[tokio::test]
async fn a_list_does_without_the_directory_while_other_searches_of_the_user_last() {
    let slapd = Slapd::start().await;
    let world = world(&slapd).await;
    let user = world.user("u1").await;
    slapd.freeze(true).await;
    let search = || user.get("/openapi/v1/users?keyword=u1");
    let (one, two, three) = tokio::join!(search(), search(), search());
    for answer in [one, two, three] {
        assert_eq!(answer.ok()[0]["userId"], "u1");
    }
}
