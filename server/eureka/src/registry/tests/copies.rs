//! The lists of peers, which are older than what arrives while they are on their way.

use super::*;

/// The client or a peer described it, with an equal or a newer time.
#[test]
fn a_list_replaces_no_description_that_arrived_before_it() {
    for (here, listed, expected) in [(5, 5, 1), (6, 5, 1), (5, 6, 2)] {
        for origin in [Client, Peer] {
            let (clock, mut registry) = (Clock::start(), registry(10));
            let described = |dirty, number: i64| {
                let instance = instance("DEMO", "k", dirty);
                Instance { metadata: [("n".to_owned(), number.to_string())].into(), ..instance }
            };
            registry.begin_copy();
            registry.register(described(here, 1), origin, clock.after(1)).unwrap();
            assert_eq!(registry.copy(described(listed, 2), clock.after(2)), Ok(true));
            let metadata = &registry.get("DEMO", "k").unwrap().instance.metadata;
            assert_eq!(metadata["n"], expected.to_string(), "{here} {listed} {origin:?}");
        }
    }
}
