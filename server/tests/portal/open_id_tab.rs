//! Several sign-ins with OpenID Connect in one browser.

use super::open_id::{BEGIN, agree_in, cookies, refused, world};
use super::provider::Provider;

#[tokio::test]
async fn two_tabs_of_a_browser_sign_in() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    let first = agree_in(world.nobody(), BEGIN).await;
    let second = agree_in(world.nobody().with("cookie", &first.cookie), BEGIN).await;
    let both = format!("{}; {}", first.cookie, second.cookie);
    for (tab, left) in [(&second, &first), (&first, &second)] {
        let answer = world.nobody().with("cookie", &both).get(&tab.path).await;
        answer.leads_to("/");
        let (name, _) = left.cookie.split_once('=').unwrap();
        let is_kept = cookies(&answer).iter().all(|cookie| !cookie.starts_with(name));
        assert!(is_kept, "the sign-in of the other tab ended: {answer:?}");
    }
}

#[tokio::test]
async fn a_visit_without_the_state_ends_no_sign_in() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    let tab = agree_in(world.nobody(), BEGIN).await;
    let (path, _) = tab.path.split_once('?').unwrap();
    for query in ["", "?code=x", "?code=x&state=y", "?error=access_denied&state=y"] {
        let caller = world.nobody().with("cookie", &tab.cookie);
        let answer = caller.get(&format!("{path}{query}")).await;
        refused(&answer);
        assert_eq!(cookies(&answer), Vec::<String>::new(), "{query}");
    }
    tab.finish(&world).await.leads_to("/");
}

#[tokio::test]
async fn a_browser_keeps_the_latest_sign_ins_only() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    let mut kept: Vec<String> = Vec::new();
    for _ in 0..20 {
        let begun = world.nobody().with("cookie", &kept.join("; ")).get(BEGIN).await;
        for set in cookies(&begun) {
            let (name, value) = set.split_once('=').unwrap();
            match value {
                "" => kept.retain(|cookie| !cookie.starts_with(name)),
                _ => kept.push(set),
            }
        }
    }
    assert_eq!(kept.len(), 4);
    // A browser that sends more than that, such as one of an earlier version, recovers.
    let many: Vec<String> = (0..10).map(|n| format!("CASTALIA_OIDC_{n}=x")).collect();
    let begun = world.nobody().with("cookie", &many.join("; ")).get(BEGIN).await;
    let ended = cookies(&begun).iter().filter(|cookie| cookie.ends_with('=')).count();
    assert_eq!(ended, 7);
}
