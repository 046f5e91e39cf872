//! Passwords are guessed slowly, and the time of a refusal does not tell which users exist
//! (SEC-13).

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::http::Http;
use crate::support::server::{Options, PASSWORD, Server};
use crate::support::session;

/// Attempts of one address.
const GUESSES: u32 = 1000;
/// Failures that nothing follows.
const FREE: usize = 5;
/// Measured refusals of known users, and of unknown ones.
const TRIES: usize = 1000;
/// Known users: of one, passwords are guessed from few addresses before that takes longer.
const USERS: usize = 100;

/// Guesses at equal intervals; returns when a guess was compared with the password.
async fn guess(interval: Duration) -> (Vec<Duration>, Duration) {
    let server = Server::start();
    let portal = Http::new(&server.portal);
    let begun = Instant::now();
    let mut compared = Vec::new();
    for number in 0..GUESSES {
        tokio::time::sleep((interval * number).saturating_sub(begun.elapsed())).await;
        let password = format!("guess {number}");
        let answer =
            portal.form("/signin", &[("username", "apollo"), ("password", &password)]).await;
        match answer.status {
            302 => compared.push(begun.elapsed()),
            429 => assert!(answer.text.contains("Too many failed sign-ins"), "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
    }
    (compared, begun.elapsed())
}

#[tokio::test]
async fn of_a_thousand_guesses_five_are_compared_and_then_ten_a_minute() {
    let (compared, elapsed) = guess(Duration::ZERO).await;
    let restored = usize::try_from(elapsed.as_secs() / 6).unwrap();
    let expected = FREE..=FREE + restored + 1;
    assert!(expected.contains(&compared.len()), "{compared:?} of {elapsed:?}");
}

/// The same for three minutes.
#[tokio::test]
#[ignore = "takes three minutes"]
async fn in_each_minute_ten_guesses_are_compared() {
    let (compared, elapsed) = guess(Duration::from_millis(180)).await;
    println!("{} of {GUESSES} guesses in {elapsed:?} were compared", compared.len());
    let minutes = compared[FREE..].chunk_by(|a, b| a.as_secs() / 60 == b.as_secs() / 60);
    let counts: Vec<_> = minutes.map(<[Duration]>::len).collect();
    assert!(counts.len() >= 3 && counts.iter().all(|count| *count <= 10), "{counts:?}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The refusals of known and unknown users take turns, each from an address of its own, since the
/// throttle would delay or refuse them otherwise.
#[tokio::test]
#[ignore = "takes minutes, on a machine that does little else"]
async fn a_thousand_refusals_of_known_and_unknown_users_take_the_same_time() {
    let options = Options::new().flag("--compat-defaults", "fresh");
    let server =
        Server::start_with(options.variable("CASTALIA_SECURITY_TRUSTED_PROXIES", "127.0.0.1"));
    let root = session::root(&server).await;
    for number in 0..USERS {
        let user =
            json!({ "username": format!("known-{number}"), "password": PASSWORD, "enabled": 1 });
        root.post("/openapi/v1/users?isCreate=true", user).await.ok();
    }
    let refused = async |name: String, address: usize| {
        let address = format!("10.{}.{}.1", address / 250, address % 250);
        let portal = Http::new(&server.portal).with("X-Forwarded-For", &address);
        let begun = Instant::now();
        let answer = portal.form("/signin", &[("username", &name), ("password", "wrong")]).await;
        assert_eq!(answer.header("location"), "/signin?#/error", "{answer:?}");
        begun.elapsed()
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..TRIES {
        let names = [format!("known-{}", number % USERS), format!("other-{number}")];
        // Which one is first changes, so that nothing favours one of them.
        for turn in [number % 2, (number + 1) % 2] {
            let time = refused(names[turn].clone(), 2 * number + turn).await;
            if turn == 0 { known.push(time) } else { unknown.push(time) }
        }
    }
    let (known, unknown) = (median(known), median(unknown));
    let difference = known.abs_diff(unknown).as_secs_f64() / known.max(unknown).as_secs_f64();
    println!("known {known:?}, unknown {unknown:?}, difference {:.2} %", difference * 100.0);
    assert!(difference < 0.05, "{known:?} and {unknown:?}");
}
