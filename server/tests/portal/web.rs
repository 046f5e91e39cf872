//! The web UI: its page only at its own paths, its files with an immutable cache.

use super::world::World;

#[tokio::test]
async fn pages_are_for_who_is_signed_in() {
    let world = World::adopted().await;
    world.nobody().get("/").await.leads_to("/signin");
    world
        .nobody()
        .get("/a/demo/history?env=PRO")
        .await
        .leads_to("/signin?next=%2Fa%2Fdemo%2Fhistory%3Fenv%3DPRO");
    let user = world.user("u1").await;
    for path in [
        "/",
        "/a/demo",
        "/a/demo/c/LOCAL/default/application",
        "/new",
        "/admin/users",
        "/config.html",
    ] {
        let page = user.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.contains("<base href=\"/\""), "{page:?}");
    }
}

#[tokio::test]
async fn the_page_runs_only_files_of_ours() {
    let world = World::adopted().await;
    let page = world.nobody().get("/signin").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!page.body.contains("<style") && !page.body.contains(" style="), "inline style");
    assert!(page.header("cache-control").contains("no-store"));
}

/// Feature 7: what keeps a single sign-on alive needs no session, so that its proxy decides.
#[tokio::test]
async fn the_heartbeat_page_loads_itself_again() {
    let world = World::adopted().await;
    world.nobody().get("/sso_heartbeat").await.leads_to("/default_sso_heartbeat.html");
    let page = world.nobody().get("/default_sso_heartbeat.html").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.body.contains("http-equiv=\"refresh\" content=\"60\""), "{page:?}");
    assert!(page.header("cache-control").contains("no-store"), "{page:?}");
}

#[tokio::test]
async fn addresses_that_are_not_of_the_ui_are_unknown() {
    let world = World::adopted().await;
    let user = world.user("u1").await;
    for path in [
        "/nothing",
        "/assets/nothing.js",
        "/assets/../Cargo.toml",
        "/assets/%2e%2e/%2e%2e/package.json",
        "/b/demo",
    ] {
        assert_eq!(user.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_page_knows_where_the_portal_is() {
    use castalia_server::settings::Installation;
    let world = World::with(Installation::Adopted, &[("base_path", "/apollo")]).await;
    let page = world.nobody().get("/signin").await;
    assert!(page.body.contains("<base href=\"/apollo/\""), "{page:?}");
    world.nobody().get("/").await.leads_to("/apollo/signin");
    assert_eq!(world.nobody().get("/prefix-path").await.body, "/apollo");
}
