//! Recognises an address behind which several Castalia nodes answer, such as that of a load balancer.
//! Changes sent there reach only one of them each time.

use parking_lot::Mutex;

/// Ids of the nodes that answered last at one address, the newest first.
#[derive(Debug, Default)]
pub(super) struct NodeIds(Mutex<[Vec<u8>; 2]>);

impl NodeIds {
    /// Whether another node answered since this one did. A node that was restarted has a new id, and
    /// its earlier one does not come back.
    pub(super) fn is_alternating(&self, id: &[u8]) -> bool {
        let mut ids = self.0.lock();
        let [last, earlier] = &mut *ids;
        if last == id {
            return false;
        }
        let is_back = earlier == id;
        *earlier = std::mem::replace(last, id.to_vec());
        is_back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_no_second_node() {
        let ids = NodeIds::default();
        for (id, expected) in [
            ("a", false),
            ("a", false),
            ("b", false),
            ("b", false),
            ("c", false),
            ("b", true),
            ("c", true),
            ("c", false),
        ] {
            assert_eq!(ids.is_alternating(id.as_bytes()), expected, "{id}");
        }
    }
}
