//! Which attempts are refused or delayed, and which leave no trace.

use super::*;

fn from(account: &str, last: u8) -> SignInAttempt {
    SignInAttempt::new(account, IpAddr::from([10, 0, 0, last]), None)
}

/// Counts an attempt; returns whether it has to wait.
fn counted(throttle: &Throttle, mut attempt: SignInAttempt) -> Result<bool, Duration> {
    let keys = attempt.keys();
    throttle.charge(&mut attempt, keys)
}

/// An attempt that is counted.
fn begun(throttle: &Throttle, mut attempt: SignInAttempt) -> SignInAttempt {
    let keys = attempt.keys();
    throttle.charge(&mut attempt, keys).unwrap();
    attempt
}

#[tokio::test(start_paused = true)]
async fn after_five_failures_ten_a_minute_are_admitted() {
    let throttle = Throttle::default();
    let admitted = (0..1000).filter(|_| throttle.count(from("u", 1).keys()).is_ok()).count();
    assert_eq!(admitted, 5);
    let mut later = 0;
    for _ in 0..60 {
        tokio::time::advance(Duration::from_secs(1)).await;
        later += usize::from(throttle.count(from("u", 1).keys()).is_ok());
    }
    assert!((9..=10).contains(&later), "{later}");
}

#[tokio::test(start_paused = true)]
async fn an_address_is_stopped_though_it_changes_the_account() {
    let throttle = Throttle::default();
    let admitted =
        (0..1000).filter(|n| throttle.count(from(&n.to_string(), 1).keys()).is_ok()).count();
    assert_eq!(admitted, 50);
    assert!(throttle.count(from("0", 2).keys()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn failures_from_many_addresses_slow_an_account_down_and_never_lock_it() {
    let throttle = Throttle::default();
    for last in 0..=250 {
        assert!(throttle.count(from("u", last).keys()).is_ok());
    }
    let started = Instant::now();
    assert!(throttle.admit(&mut from("u", 251)).await.is_ok());
    assert_eq!(started.elapsed(), DELAY);
    assert_eq!(counted(&throttle, from("other", 251)), Ok(false));
}

#[tokio::test(start_paused = true)]
async fn failures_of_others_do_not_reach_a_browser_that_signed_in_before() {
    let throttle = Throttle::default();
    for n in 0..100_u8 {
        let _ = throttle.count(from("u", 1).keys());
        let _ = throttle.count(from(&n.to_string(), 1).keys());
        let _ = throttle.count(from("u", n).keys());
    }
    let browser = || Some("browser".to_owned());
    let known = || SignInAttempt::new("u", IpAddr::from([10, 0, 0, 1]), browser());
    assert_eq!(counted(&throttle, known()), Ok(false));
    let admitted = (0..100).filter(|_| counted(&throttle, known()).is_ok()).count();
    assert_eq!(admitted, 4, "it is throttled by its own failures");
}

#[tokio::test(start_paused = true)]
async fn a_success_is_never_counted() {
    let throttle = Throttle::default();
    for _ in 0..100 {
        let attempt = begun(&throttle, from("u", 1));
        assert!(attempt.taken.iter().all(|(_, taken)| *taken >= 1.0));
        throttle.forgive(&attempt);
    }
}

/// X118.
#[tokio::test(start_paused = true)]
async fn an_attempt_without_a_verdict_is_not_counted_and_hides_no_failure() {
    let throttle = Throttle::default();
    for _ in 0..4 {
        assert_eq!(counted(&throttle, from("u", 1)), Ok(false));
    }
    for _ in 0..100 {
        throttle.give_back(&begun(&throttle, from("u", 1)));
    }
    assert_eq!(counted(&throttle, from("u", 1)), Ok(false));
    assert!(counted(&throttle, from("u", 1)).is_err());
}

/// X118.
#[tokio::test(start_paused = true)]
async fn attempts_without_a_verdict_do_not_end_the_delay_of_an_account_under_attack() {
    let throttle = Throttle::default();
    for last in 0..=100 {
        begun(&throttle, from("u", last));
    }
    let attempts: Vec<_> = (101..=150).map(|last| begun(&throttle, from("u", last))).collect();
    attempts.iter().for_each(|attempt| throttle.give_back(attempt));
    assert_eq!(counted(&throttle, from("u", 151)), Ok(true));
}

/// X61.
#[tokio::test(start_paused = true)]
async fn names_that_a_directory_does_not_distinguish_count_together() {
    let throttle = Throttle::default();
    let typed = ["a b", " a b", "a b ", "a\t b", "A  B", "a b"];
    let admitted = typed.map(|name| throttle.count(from(name, 1).keys()).is_ok());
    assert_eq!(admitted, [true, true, true, true, true, false]);
    let long = " ".repeat(ACCOUNT) + "a b";
    assert!(throttle.count(from(&long, 1).keys()).is_err());
}

/// X61.
#[tokio::test(start_paused = true)]
async fn attempts_by_many_names_of_an_entry_count_together() {
    let throttle = Throttle::default();
    let attempt = |name: &str| {
        let mut attempt = begun(&throttle, from(name, 1));
        throttle.count_entry(&mut attempt, "Anna").map(|_| attempt)
    };
    for n in 0..4 {
        attempt(&format!("anna+{n}@example.org")).unwrap();
    }
    let last = attempt("anna").unwrap();
    assert_eq!(last.taken.len(), 3, "not counted twice");
    assert!(attempt("a@example.org").is_err());
    throttle.forgive(&last);
    let other = attempt("a@example.org").unwrap();
    throttle.forgive(&other);
    let free = left(&throttle.buckets.lock(), &other.keys_of("anna")[0], Instant::now());
    assert!((free - 5.0).abs() < 0.001, "{free}");
    let browser = Some("browser".to_owned());
    let mut known = SignInAttempt::new("a@b", IpAddr::from([10, 0, 0, 1]), browser);
    assert_eq!(throttle.count_entry(&mut known, "anna"), Ok(false));
    assert!(known.taken.is_empty(), "it has a counter of its own");
}

/// X59.
#[tokio::test(start_paused = true)]
async fn changes_of_the_own_account_are_limited_and_no_sign_ins() {
    let throttle = Throttle::default();
    let admitted = (0..100).filter(|_| throttle.count_own_change("u").is_ok()).count();
    assert_eq!(admitted, 5);
    assert!(throttle.count_own_change("other").is_ok());
    assert_eq!(counted(&throttle, from("u", 1)), Ok(false));
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded() {
    let throttle = Throttle::default();
    for n in 0..2 * LARGEST as u32 {
        let attempt = SignInAttempt::new(&n.to_string(), IpAddr::from(n.to_be_bytes()), None);
        let _ = throttle.count(attempt.keys());
    }
    assert!(throttle.buckets.lock().len() <= LARGEST + 3);
}

#[test]
fn the_addresses_of_one_site_count_together() {
    let of = |address: &str| SignInAttempt::new("u", address.parse().unwrap(), None).network;
    assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
    assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
}
