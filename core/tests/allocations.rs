//! Reads allocate nothing. A program of its own, because its allocator counts.
#![allow(clippy::unwrap_used, reason = "a test program")]

use std::hint::black_box;

use allocation_counter::{AllocationInfo, measure};
use castalia_core::testing::{Data, Network, Server};
use castalia_core::{Client, Config, Settings};

const READS: usize = 1000;

/// Every kind of read of an existing value: cached, plain, through a snapshot, typed (parsed once
/// for each release), iterating.
#[tokio::test]
async fn reads_allocate_nothing() {
    let (_client, config) = open().await;
    let mut reader = config.reader();
    let snapshot = config.snapshot();
    let parsed = config.get_or("number", 0i64);
    assert_eq!(parsed, 42);

    let ways: [(&str, &mut dyn FnMut() -> usize); 7] = [
        ("cached", &mut || reader.get("text").map_or(0, str::len)),
        ("plain", &mut || config.get("text").map_or(0, |value| value.len())),
        ("typed", &mut || usize::try_from(config.get_or("number", 0i64)).unwrap()),
        ("absent", &mut || config.get_or("absent", 7usize)),
        ("snapshot", &mut || config.snapshot().get("text").map_or(0, str::len)),
        ("held snapshot", &mut || snapshot.get("text").map_or(0, str::len)),
        ("iteration", &mut || snapshot.iter().map(|(key, value)| key.len() + value.len()).sum()),
    ];
    for (way, read) in ways {
        let counted = count(read);
        assert_eq!((counted.count_total, counted.bytes_total), (0, 0), "{way}");
    }
}

fn count(read: &mut dyn FnMut() -> usize) -> AllocationInfo {
    measure(|| {
        for _ in 0..READS {
            assert_ne!(black_box(read()), 0);
        }
    })
}

async fn open() -> (Client, Config) {
    let network = Network::new();
    let server = Server::in_memory("http://s1", Data::new());
    network.connect(&server);
    server.publish("order", "application", &[("text", "some text"), ("number", "42")]);
    let settings = Settings::new()
        .set("app.id", "order")
        .set("apollo.meta", "http://s1")
        .set("apollo.cache.file.enable", "false");
    let client = Client::with_http_client(settings, network).unwrap();
    let config = client.config("application").await.unwrap();
    (client, config)
}
