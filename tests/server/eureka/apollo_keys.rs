//! Apollo's keys for the hosted Eureka, as values that the node fixes.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Hash of `pw`.
const BCRYPT: &str = "{bcrypt}$2a$04$5eVsL58M16C3/wNrCpzif.vFCgRexdjJce1lInDewNOqpYgF3WZNK";

async fn status(server: &Server, credentials: &str) -> u16 {
    let authorization = format!("Basic {}", BASE64_STANDARD.encode(credentials));
    let caller = Http::new(&server.config).with("authorization", &authorization);
    caller.get("/eureka/apps").await.status
}

/// Who sends the text of the settings instead of the password is refused, before and after somebody
/// sent the password.
#[tokio::test]
async fn the_password_may_have_the_prefix_of_springs_encoders() {
    for (text, clear) in [("{noop}pw", "pw"), (BCRYPT, "pw"), ("pw", "pw")] {
        let options = Options::new()
            .flag("--roles", "config,meta")
            .variable("CASTALIA_APOLLO_EUREKA_SERVER_ENABLED", "True")
            .variable("CASTALIA_APOLLO_EUREKA_SERVER_SECURITY_ENABLED", "true")
            .variable("CASTALIA_APOLLO_EUREKA_SERVER_SECURITY_USERNAME", "eu")
            .variable("CASTALIA_APOLLO_EUREKA_SERVER_SECURITY_PASSWORD", text);
        let server = Server::start_with(options);
        let wrong = ["eu:other", "other:pw", "eu:", "eu", ":pw"].map(str::to_owned);
        let wrong = wrong.into_iter().chain((text != clear).then(|| format!("eu:{text}")));
        let wrong: Vec<_> = wrong.collect();
        let (before, after) = wrong.split_at(3);
        for credentials in before {
            assert_eq!(status(&server, credentials).await, 401, "{text}: {credentials}");
        }
        let right = format!("eu:{clear}");
        assert_eq!(status(&server, &right).await, 200, "{text}");
        for credentials in after {
            assert_eq!(status(&server, credentials).await, 401, "{text}: {credentials}");
        }
        assert_eq!(status(&server, &right).await, 200, "{text}");
    }
}

/// Guesses that are verified slowly are counted one by one, and the right password costs no guess.
#[tokio::test]
async fn guesses_at_a_hash_that_are_sent_together_are_limited() {
    let options = Options::new()
        .flag("--roles", "config,meta")
        .flag("--eureka-host", "on")
        .flag("--eureka-username", "eu")
        .variable("CASTALIA_EUREKA_PASSWORD", BCRYPT);
    let together = async |credentials: &str| {
        let server = Server::start_with(options.clone());
        let calls = (0..30).map(|_| status(&server, credentials));
        futures_util::future::join_all(calls).await
    };
    assert_eq!(together("eu:pw").await, [200; 30]);
    let count = |statuses: &[u16], status| statuses.iter().filter(|one| **one == status).count();
    let guessed = together("eu:other").await;
    assert_eq!((count(&guessed, 401), count(&guessed, 429)), (10, 20), "{guessed:?}");
}
