//! Sign-ins while the database fails: nobody has to wait after it because of them.

use super::basic::basic;
use super::recent::rename;
use super::world::{PASSWORD, World};

/// X118.
#[tokio::test]
async fn attempts_while_the_database_fails_are_not_failures_of_the_user() {
    let world = World::adopted().await;
    for table in ["Users", "CastaliaSession"] {
        rename(&world, table, "Hidden").await;
        let mut statuses = Vec::new();
        // More than the limits of a user and of an address.
        for _ in 0..55 {
            statuses.push(world.nobody().sign_in("u1", PASSWORD).await.status);
        }
        rename(&world, "Hidden", table).await;
        assert!(statuses.iter().all(|status| *status >= 500), "{table}: {statuses:?}");
        world.nobody().sign_in("u1", PASSWORD).await.leads_to("/");
    }
    // Wrong passwords are counted nevertheless.
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(world.nobody().sign_in("u1", "wrong").await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
}

/// X118.
#[tokio::test]
async fn requests_with_a_password_while_the_database_fails_are_not_failures_of_the_user() {
    let world = World::adopted().await;
    let script = basic(&world, "u1", PASSWORD);
    rename(&world, "Users", "Hidden").await;
    let mut statuses = Vec::new();
    for _ in 0..55 {
        statuses.push(script.get("/openapi/v1/user").await.status);
    }
    rename(&world, "Hidden", "Users").await;
    assert!(statuses.iter().all(|status| *status >= 500), "{statuses:?}");
    script.get("/openapi/v1/user").await.ok();
}
