//! What is published, merged or deleted of a gray branch is what the caller saw: each is refused on
//! an older revision.

use super::branch::{branch, items_of, latest, publish, set, title};
use super::stale::assert_stale;
use super::world::{Caller, NS, World, item};

/// The revision of the items that a read shows.
async fn revision(user: &Caller<'_>, path: &str) -> String {
    user.get(path).await.header("castalia-revision").to_owned()
}

/// A caller whose changes are based on the items that a read shows now.
async fn on<'w>(world: &'w World, path: &str) -> Caller<'w> {
    let user = world.user("u1").await;
    let seen = revision(&user, path).await;
    user.with("castalia-revision", &seen)
}

/// Values of the branch that the caller has not seen are not published, and changes of the main
/// line do not hinder it.
#[tokio::test]
async fn a_gray_publish_is_based_on_the_branch() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let branch = branch(&user).await;
    let (items, branches) = (items_of(&branch), format!("{NS}/branches"));
    set(&user, &items, "k", "seen").await;
    let late = on(&world, &branches).await;
    set(&user, &items, "k", "unseen").await;
    let path = format!("{branch}/releases");
    assert_stale("createGrayRelease", &late.post(&path, title()).await);
    user.get(&format!("{items}/releases/latest")).await.empty();
    let caller = on(&world, &branches).await;
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
    set(&user, NS, "a", "1").await;
    publish(&user, NS).await;
    let branch = branch(&user).await;
    let (items, branches) = (items_of(&branch), format!("{NS}/branches"));
    set(&user, &items, "a", "seen").await;
    let seen = revision(&user, &branches).await;
    set(&user, &items, "a", "unseen").await;
    let late_main = on(&world, NS).await;
    for path in [format!("{branch}/merge"), branch.clone()] {
        for caller in [&user, &late_main] {
            let refused = caller.post(&format!("{path}?branchRevision={seen}"), title()).await;
            assert_stale("merge", &refused);
            assert_eq!(refused.json()["revision"], seen);
        }
    }
    let seen = revision(&user, &branches).await;
    set(&user, NS, "b", "1").await;
    publish(&user, NS).await;
    let path = format!("{branch}/merge?branchRevision={seen}");
    assert_stale("merge", &late_main.post(&path, title()).await);
    assert_eq!(latest(&user).await["a"], "1");
    on(&world, NS).await.post(&path, title()).await.ok();
    assert_eq!(latest(&user).await["a"], "unseen");
}

/// Values of the branch that the caller has not seen stay, and changes of the main line do not
/// hinder it.
#[tokio::test]
async fn an_abandonment_is_based_on_the_branch() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let branch = branch(&user).await;
    let (items, branches) = (items_of(&branch), format!("{NS}/branches"));
    set(&user, &items, "k", "seen").await;
    let late = on(&world, &branches).await;
    set(&user, &items, "k", "unseen").await;
    late.delete(&branch).await.fails(409, "");
    let found = user.get(&format!("{items}/items")).await.ok();
    assert_eq!(found["content"][0]["value"], "unseen");
    let caller = on(&world, &branches).await;
    user.post(&format!("{NS}/items"), item("other", "v")).await.ok();
    caller.delete(&branch).await.empty();
}
