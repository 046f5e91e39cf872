//! Mail servers that refuse many recipients.

use std::sync::atomic::Ordering;

use castalia_server::domain::permission::{Action, NamedRole};
use serde_json::json;

use super::mail::{MailServer, with_mail};
use super::receiver::{publish, states};
use super::world::World;

/// Gives a new user the permission to edit, whose mail address does not exist any more.
async fn add_stranger(world: &World, server: &MailServer, name: &str) {
    world.add_user(name, "{noop}a password").await;
    world.grant(name, vec![NamedRole::namespace(Action::Modify, "demo", "application")]).await;
    server.strangers.lock().push(format!("{name}@example.com"));
}

/// X102: each attempt began with the same recipients, and the mail reached nobody.
#[tokio::test]
async fn a_server_that_disconnects_after_refusals_keeps_a_mail_from_nobody() {
    let (server, address) = MailServer::start().await;
    server.patience.store(3, Ordering::SeqCst);
    let world = with_mail(&address).await;
    // Before the one who receives it, in the order of their addresses.
    for name in ["a1", "a2", "a3", "a4", "a5"] {
        add_stranger(&world, &server, name).await;
    }
    let _background = world.run();
    publish(&world.user("u1").await, "1").await;
    assert_eq!(server.wait(1).await[0].recipients, ["u1@example.com"]);
    let rows = states(&world, &["failed", "delivered"]).await;
    let attempts = [&rows[0]["attempts"], &rows[1]["attempts"]];
    assert_eq!(attempts, [&json!(1), &json!(1)], "{rows:?}");
    assert_eq!(rows[0]["status"], 550);
    let problem = "The mail server refused some recipients; the mail to the others is another";
    assert!(rows[0]["problem"].as_str().unwrap().starts_with(problem), "{rows:?}");
}
