//! Statuses of instances, kinds of changes, and the status that results from a report and an
//! operator's override.

use serde::{Serialize, Serializer};

/// Status of an instance. The order is that of the names, as in the hash of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Not able to serve.
    Down,
    /// Taken out of service.
    OutOfService,
    /// Not yet able to serve.
    Starting,
    /// Not known.
    Unknown,
    /// Serving.
    Up,
}

impl Status {
    /// All statuses, in the order of their names.
    pub const ALL: [Self; 5] =
        [Self::Down, Self::OutOfService, Self::Starting, Self::Unknown, Self::Up];

    /// Name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Down => "DOWN",
            Self::OutOfService => "OUT_OF_SERVICE",
            Self::Starting => "STARTING",
            Self::Unknown => "UNKNOWN",
            Self::Up => "UP",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// The status that an instance reports of itself, in any case, as servers in Java read it; any
    /// other name is that of no known status.
    #[must_use]
    pub fn reported(name: &str) -> Self {
        let is_named = |status: &Self| status.name().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(is_named).unwrap_or(Self::Unknown)
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What last happened to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Action {
    /// It was registered.
    Added,
    /// Its status was overridden, or an override was removed.
    Modified,
    /// It left, or its lease ended.
    Deleted,
}

/// The status that takes effect. `previous` is the status of an existing lease, and `None` if the
/// report comes from a peer.
pub(crate) fn effective(
    reported: Status,
    override_: Option<Status>,
    previous: Option<Status>,
) -> Status {
    let is_overridable = |status: &Status| matches!(status, Status::Up | Status::OutOfService);
    if !is_overridable(&reported) {
        return reported;
    }
    override_.or(previous.filter(is_overridable)).unwrap_or(reported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_applies_decides() {
        use Status::{Down, OutOfService, Starting, Up};
        let cases = [
            (Down, Some(OutOfService), Some(Up), Down),
            (Starting, Some(OutOfService), None, Starting),
            (Up, Some(OutOfService), Some(Up), OutOfService),
            (OutOfService, None, Some(Up), Up),
            (Up, None, Some(OutOfService), OutOfService),
            (Up, None, Some(Down), Up),
            (OutOfService, None, None, OutOfService),
        ];
        for (reported, override_, previous, expected) in cases {
            assert_eq!(effective(reported, override_, previous), expected);
        }
    }
}
