//! The ends of leases: after a pause of the process, and what readers are shown of those that
//! ended.

use super::*;

/// The process receives heartbeats that arrived during the pause before it notices it.
#[test]
fn a_heartbeat_after_a_pause_is_granted_no_pause() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    for id in ["silent", "renewed"] {
        registry.register(short(id), Client, clock.after(0)).unwrap();
    }
    registry.evict(clock.after(1));
    registry.renew("DEMO", "renewed", None, None, Client, clock.after(61));
    registry.register(short("new"), Client, clock.after(61)).unwrap();
    assert_eq!(registry.evict(clock.after(61)), 0);
    let ends = ["silent", "renewed", "new"].map(|id| registry.get("DEMO", id).unwrap().end());
    assert_eq!(ends, [66, 67, 67].map(|end| Some(clock.after(end).at)));
    assert!(!registry.get("DEMO", "new").unwrap().is_newer(clock.after(61).at));
    assert_eq!(registry.evict(clock.after(68)), 3);
}

/// A caller that registers and cancels all the time makes the registry store no descriptions.
#[test]
fn those_that_left_have_no_metadata() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    let mut value = sample("DEMO", "k", 1);
    value["metadata"] = json!({"a": "b"});
    let amazon = json!({"instance-id": "i-1", "ami-id": "a"});
    value["dataCenterInfo"] = json!({"name": "Amazon", "metadata": amazon});
    registry.register(Instance::from_value(&value).unwrap(), Client, clock.after(0)).unwrap();
    let cancelled = registry.cancel("DEMO", "k", clock.after(1)).unwrap();
    assert_eq!(cancelled.instance.metadata.len(), 1);
    let left = registry.delta(clock.after(2)).apps[0].1[0].instance.clone();
    let amazon = left.data_center.amazon.clone().unwrap();
    assert_eq!((left.metadata.len(), left.id()), (0, "k"));
    assert_eq!(amazon.into_iter().collect::<Vec<_>>(), [("instance-id".into(), "i-1".into())]);
}
