//! Signing in, and the identity of a request.

use castalia_server::password::{self, Memory, Scheme};
use castalia_store::entity::{castalia_session, consumer_token};
use castalia_store::{Secret, StoreError};
use chrono::{Duration, Local};
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;

use super::world::{Caller, PASSWORD, World};

#[tokio::test]
async fn nobody_and_nonsense_are_told_so_in_json() {
    // A1, A2
    let world = World::adopted().await;
    for caller in [
        world.nobody(),
        world.nobody().with("authorization", "nonsense"),
        world.nobody().with("authorization", ""),
    ] {
        let answer = caller.get("/openapi/v1/apps").await;
        answer.fails(401, "Unauthorized");
        assert_eq!(answer.json()["code"], "unauthorized");
    }
}

#[tokio::test]
async fn a_token_opens_until_it_expires() {
    // A3, A4
    let world = World::adopted().await;
    let token = world.token("ci", &[]).await;
    assert!(world.consumer(&token).get("/openapi/v1/apps").await.ok().is_array());
    let past = castalia_store::now().with_timezone(&Local).naive_local() - Duration::minutes(1);
    let changed: Result<_, StoreError> = world
        .store
        .write(past, |tx, past| {
            Box::pin(async move {
                let update = consumer_token::Entity::update_many();
                Ok(update
                    .col_expr(consumer_token::Column::Expires, Expr::value(*past))
                    .exec(tx)
                    .await?)
            })
        })
        .await;
    changed.unwrap();
    world.consumer(&token).get("/openapi/v1/apps").await.fails(401, "Unauthorized");
}

#[tokio::test]
async fn tokens_of_our_own_databases_are_stored_as_hashes() {
    let fresh = World::fresh().await;
    let token = fresh.token("ci", &[]).await;
    assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    let row = consumer_token::Entity::find().one(fresh.store.read()).await.unwrap().unwrap();
    assert!(row.token.expose().starts_with("sha256:"), "a token is stored in clear");
    fresh.consumer(&token).get("/openapi/v1/envs").await.ok();
    // A reader of the database must not be able to use what it contains.
    fresh.consumer(row.token.expose()).get("/openapi/v1/envs").await.fails(401, "Unauthorized");

    let adopted = World::adopted().await;
    let token = adopted.token("ci", &[]).await;
    let row = consumer_token::Entity::find().one(adopted.store.read()).await.unwrap().unwrap();
    assert_eq!(row.token, Secret::new(token));
}

#[tokio::test]
async fn a_stale_cookie_sends_browsers_to_the_sign_in_and_no_token_away() {
    // A5, A6
    let world = World::adopted().await;
    let stale = || world.nobody().with("cookie", "SESSION=gone");
    stale().with("accept", "text/html,*/*").get("/openapi/v1/apps").await.leads_to("/signin");
    stale()
        .with("accept", "application/json")
        .get("/openapi/v1/apps")
        .await
        .fails(401, "Unauthorized");
    let token = world.token("ci", &[]).await;
    let answer = stale().with("authorization", &token).get("/openapi/v1/apps").await;
    answer.ok();
    assert_eq!(answer.header("set-cookie"), "");
}

#[tokio::test]
async fn a_token_decides_before_a_living_cookie() {
    let world = World::adopted().await;
    let token = world.token("ci", &[]).await;
    let both = world.user("apollo").await.with("authorization", &token);
    both.get("/openapi/v1/user").await.fails(403, "Portal user session is required");
    both.with("authorization", "nonsense").get("/openapi/v1/user").await.fails(401, "Unauthorized");
}

#[tokio::test]
async fn the_right_password_begins_a_session() {
    // A7
    let world = World::adopted().await;
    let answer = world.nobody().sign_in("u1", PASSWORD).await;
    answer.leads_to("/");
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.starts_with("SESSION=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let answer = world.nobody().with("x-forwarded-proto", "https").sign_in("u1", PASSWORD).await;
    assert!(
        answer.header("set-cookie").ends_with("; HttpOnly; SameSite=Lax; Secure"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn the_database_does_not_hold_what_the_cookie_does() {
    let world = World::adopted().await;
    let cookie = world.nobody().sign_in("u1", PASSWORD).await.cookie().unwrap();
    let id = cookie.strip_prefix("SESSION=").unwrap();
    let row = castalia_session::Entity::find().one(world.store.read()).await.unwrap().unwrap();
    assert!(row.id_hash != id && row.csrf_token.expose() != id);
    assert!(id.len() >= 43, "fewer than 256 bits: {id}");
}

#[tokio::test]
async fn a_wrong_password_begins_none() {
    // A8
    let world = World::adopted().await;
    for (name, password) in [("u1", "wrong"), ("nobody", PASSWORD), ("", "")] {
        let answer = world.nobody().sign_in(name, password).await;
        answer.leads_to("/signin?#/error");
        assert_eq!(answer.cookie(), None);
    }
}

#[tokio::test]
async fn the_caller_is_told_who_it_is() {
    // A10, A11
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    for path in ["/user", "/openapi/v1/user"] {
        let user = root.get(path).await.ok();
        assert_eq!(
            user,
            serde_json::json!({
                "userId": "apollo", "name": "Name of apollo", "email": "apollo@example.com", "enabled": 1
            })
        );
    }
    let token = world.token("ci", &[]).await;
    world
        .consumer(&token)
        .get("/openapi/v1/user")
        .await
        .fails(403, "Portal user session is required");
}

#[tokio::test]
async fn the_prefix_is_known_to_everybody() {
    // A12
    let world = World::adopted().await;
    let answer = world.nobody().get("/prefix-path").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert!(answer.header("content-type").starts_with("text/plain"), "{answer:?}");
}

#[tokio::test]
async fn hashes_of_apollo_are_accepted() {
    // A13
    let world = World::adopted().await;
    let hash = password::hash(&mut Memory::default(), "right", Scheme::Bcrypt).unwrap();
    world.add_user("marked", &hash).await;
    world.add_user("bare", hash.trim_start_matches("{bcrypt}")).await;
    world.add_user("clear", "{noop}right").await;
    world.add_user("elsewhere", "{placeholder}right").await;
    for name in ["marked", "bare", "clear"] {
        assert!(world.accepts(name, "right").await, "{name}");
        assert!(!world.accepts(name, "wrong").await, "{name}");
    }
    assert!(!world.accepts("elsewhere", "right").await);
}

#[tokio::test]
async fn the_published_password_opens_nothing() {
    let hash = "$2a$10$7r20uS.BQ9uBpf3Baj3uQOZvMVvB1RN3PYoKE94gtz2.WAOuiiwXS";
    for world in [World::adopted().await, World::fresh().await] {
        world.add_user("admin", hash).await;
        assert!(!world.accepts("admin", "admin").await);
        let answer = world.nobody().sign_in("admin", "admin").await;
        answer.leads_to("/signin?reason=initialPassword#/error");
        assert_eq!(answer.cookie(), None);
        world.nobody().sign_in("admin", "wrong").await.leads_to("/signin?#/error");
    }
}

#[tokio::test]
async fn an_older_hash_is_renewed_on_our_own_databases_only() {
    use castalia_store::user;
    for (world, marker) in [(World::fresh().await, "{argon2}"), (World::adopted().await, "{noop}")]
    {
        assert!(world.accepts("u1", PASSWORD).await);
        let row = user::find(world.store.read(), "u1").await.unwrap().unwrap();
        assert!(row.password.expose().starts_with(marker), "not {marker}");
        assert!(world.accepts("u1", PASSWORD).await);
    }
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let world = World::adopted().await;
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.push(world.nobody().sign_in("u1", "wrong").await);
    }
    assert!(answers[..5].iter().all(|answer| answer.status == 302), "{answers:?}");
    let last = answers.last().unwrap();
    last.fails(429, "Too many failed sign-ins");
    let wait: u64 = last.header("retry-after").parse().unwrap();
    assert!((1..=7).contains(&wait), "{wait}");
}

#[tokio::test]
async fn nobody_keeps_a_user_out_with_wrong_passwords() {
    let world = World::adopted().await;
    let known = world.nobody().sign_in("u1", PASSWORD).await;
    let mark = known.headers.get_all("set-cookie").iter().nth(1).unwrap().to_str().unwrap();
    let mark = mark.split(';').next().unwrap().to_owned();
    assert!(mark.starts_with("CASTALIA_BROWSER="), "{mark}");
    while world.nobody().sign_in("u1", "wrong").await.status != 429 {}
    // From the same address: a proxy that is not configured as trusted.
    world.nobody().with("cookie", &mark).sign_in("u1", PASSWORD).await.leads_to("/");
    is_kept_out(&world.nobody()).await;
    // The cookie is valid for one account, and its own failures are counted.
    let other = world.nobody().with("cookie", &mark);
    while other.sign_in("u2", "wrong").await.status != 429 {}
    let browser = world.nobody().with("cookie", &mark);
    while browser.sign_in("u1", "wrong").await.status != 429 {}
    let forged = world.nobody().with("cookie", "CASTALIA_BROWSER=AAAA.AAAA");
    is_kept_out(&forged).await;
}

/// Another attempt is restored every six seconds, and a slow machine may need as long for the
/// checks.
async fn is_kept_out(client: &Caller<'_>) {
    for _ in 0..10 {
        while client.sign_in("u1", "wrong").await.status != 429 {}
        let answer = client.sign_in("u1", PASSWORD).await;
        if answer.status == 429 {
            return answer.fails(429, "Too many failed sign-ins");
        }
    }
    panic!("the right password is accepted after each failure");
}

#[tokio::test]
async fn clients_of_a_trusted_proxy_are_throttled_by_their_own_addresses() {
    use castalia_server::settings::Installation;
    let flags = [("security.trusted_proxies", "10.0.0.0/8, 127.0.0.1")];
    let world = World::with(Installation::Adopted, &flags).await;
    let from = |address| world.nobody().with("x-forwarded-for", address);
    while from("192.0.2.1").sign_in("u1", "wrong").await.status != 429 {}
    from("192.0.2.2").sign_in("u1", PASSWORD).await.leads_to("/");
    is_kept_out(&from("192.0.2.1")).await;
}
