//! What is published, merged or deleted of a gray branch is what the caller saw: each is refused on
//! an older revision.

use super::branch::{branch, items_of, latest, publish, set, title};
use super::stale::assert_stale;
use super::world::{Caller, NS, World};

/// The revision of the items that a read shows.
async fn revision(user: &Caller<'_>, path: &str) -> String {
    user.get(path).await.header("castalia-revision").to_owned()
}

/// The revision of the branch.
async fn of_branch(user: &Caller<'_>) -> String {
    revision(user, &format!("{NS}/branches")).await
}

/// A caller whose changes are based on this revision.
async fn on<'w>(world: &'w World, seen: &str) -> Caller<'w> {
    world.user("u1").await.with("castalia-revision", seen)
}

/// A branch whose value was changed after its revision was read; its path, and that revision.
async fn changed_branch(user: &Caller<'_>) -> (String, String) {
    let branch = branch(user).await;
    let items = items_of(&branch);
    set(user, &items, "k", "seen").await;
    let seen = of_branch(user).await;
    set(user, &items, "k", "unseen").await;
    (branch, seen)
}

/// Values of the branch that the caller has not seen are not published, and changes of the main
/// line do not hinder it.
#[tokio::test]
async fn a_gray_publish_is_based_on_the_branch() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let (branch, seen) = changed_branch(&user).await;
    let path = format!("{branch}/releases");
    let refused = on(&world, &seen).await.post(&path, title()).await;
    assert_stale("createGrayRelease", &refused);
    user.get(&format!("{}/releases/latest", items_of(&branch))).await.empty();
    let caller = on(&world, &of_branch(&user).await).await;
    set(&user, NS, "other", "v").await;
    let made = caller.post(&path, title()).await.ok();
    assert_eq!(made["configurations"]["k"], "unseen");
}

/// X50: a merge was based on the main line only, and published what the caller had not seen of the
/// branch.
#[tokio::test]
async fn a_merge_is_based_on_the_main_line_and_the_branch() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, NS, "k", "1").await;
    publish(&user, NS).await;
    let (branch, seen) = changed_branch(&user).await;
    let late_main = on(&world, &revision(&user, NS).await).await;
    for path in [format!("{branch}/merge"), branch.clone()] {
        for caller in [&user, &late_main] {
            let refused = caller.post(&format!("{path}?branchRevision={seen}"), title()).await;
            assert_stale("merge", &refused);
            assert_eq!(refused.json()["revision"], seen);
        }
    }
    let path = format!("{branch}/merge?branchRevision={}", of_branch(&user).await);
    set(&user, NS, "b", "1").await;
    publish(&user, NS).await;
    assert_stale("merge", &late_main.post(&path, title()).await);
    assert_eq!(latest(&user).await["k"], "1");
    let caller = on(&world, &revision(&user, NS).await).await;
    caller.post(&path, title()).await.ok();
    assert_eq!(latest(&user).await["k"], "unseen");
}

/// Values of the branch that the caller has not seen stay, and changes of the main line do not
/// hinder it.
#[tokio::test]
async fn an_abandonment_is_based_on_the_branch() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let (branch, seen) = changed_branch(&user).await;
    on(&world, &seen).await.delete(&branch).await.fails(409, "");
    let found = user.get(&format!("{}/items", items_of(&branch))).await.ok();
    assert_eq!(found["content"][0]["value"], "unseen");
    let caller = on(&world, &of_branch(&user).await).await;
    set(&user, NS, "other", "v").await;
    caller.delete(&branch).await.empty();
}
