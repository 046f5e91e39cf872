//! Response bodies that a client reads: an accepted body survives being written and read again.
#![no_main]

use castalia_core::protocol::wire::{ApolloConfig, Notification, ServiceInstance};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = serde_json::from_slice::<Vec<ServiceInstance>>(bytes);
    let _ = serde_json::from_slice::<Vec<Notification>>(bytes);
    if let Ok(config) = serde_json::from_slice::<ApolloConfig>(bytes) {
        let text = serde_json::to_vec(&config).expect("texts serialise");
        assert_eq!(
            serde_json::from_slice::<ApolloConfig>(&text).expect("our own text is valid"),
            config
        );
    }
});
