//! Recognises an address behind which several Castalia nodes answer, such as that of a load
//! balancer. Changes sent there reach only one of them each time.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// Maximum number of nodes that are remembered.
const NODES: usize = 8;

/// Ids of the nodes that answered last at one address, the newest first.
#[derive(Debug, Default)]
pub(super) struct NodeIds(Mutex<VecDeque<Vec<u8>>>);

impl NodeIds {
    /// Whether another node answered since this one did. A node that was restarted has a new id,
    /// and its earlier one does not come back.
    pub(super) fn is_alternating(&self, id: &[u8]) -> bool {
        let mut ids = self.0.lock();
        let known = ids.iter().position(|known| known == id);
        if known == Some(0) {
            return false;
        }
        let back = known.and_then(|at| ids.remove(at));
        let is_back = back.is_some();
        ids.push_front(back.unwrap_or_else(|| id.to_vec()));
        ids.truncate(NODES);
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
            ("d", false),
            ("e", false),
            ("c", true),
        ] {
            assert_eq!(ids.is_alternating(id.as_bytes()), expected, "{id}");
        }
    }
}
