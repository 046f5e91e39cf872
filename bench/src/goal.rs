//! The goals, all in one table: what must hold now, and what the product is to reach.

use crate::figure::{Figure, Unit};

/// Whether a limit is an upper or a lower bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    AtMost,
    AtLeast,
}

/// The limits of one figure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    row: &'static str,
    figure: &'static str,
    /// Reference of a ratio; `None` for the product's own value.
    against: Option<&'static str>,
    side: Side,
    present: f64,
    target: f64,
}

/// Factor by which a quick run may miss a goal: its rounds are short and its machine may be shared.
const SLACK: f64 = if cfg!(debug_assertions) { UNOPTIMISED } else { OPTIMISED };

/// Small enough for the slow publishes that the product once had, as a test below states.
const OPTIMISED: f64 = 1.3;

/// CI measures programs without optimisation, because it has them. They are further from the goals,
/// which are those of optimised ones.
const UNOPTIMISED: f64 = 3.0;

/// Row, figure and reference, then the present limit and the target.
const GOALS: &[Goal] = &[
    ratio_at_most("park-mem", "memory per client", "stock axum::serve", 1.0 / 1.5, 1.0 / 12.0),
    ratio_at_most("park-mem", "memory per client", "tokio reader", 20.0, 2.5),
    at_most("park-mem", "memory per client", 14_000.0, 1_536.0),
    ratio_at_most("fan-out", "last", "bare epoll loop", 1.25, 1.25),
    ratio_at_most("fan-out", "p99", "bare epoll loop", 1.25, 1.25),
    ratio_at_most("fan-out-pacing", "last", "upstream's pacing", 0.02, 0.02),
    ratio_at_most("converge", "last", "stock axum::serve", 1.0, 1.0),
    ratio_at_most("converge", "last", "bare epoll loop", 1.3, 1.3),
    ratio_at_most("converge", "CPU per client", "stock axum::serve", 0.85, 0.85),
    ratio_at_most("configs-10k", "CPU per request", "hyper hello world", 2.2, 1.3),
    ratio_at_least("configs-10k", "requests", "hyper hello world", 0.45, 0.7),
    ratio_at_most("configs-304", "CPU per request", "hyper hello world", 1.7, 1.15),
    ratio_at_least("configs-304", "requests", "hyper hello world", 0.6, 0.9),
    ratio_at_least("configs-signed", "requests", "unsigned", 0.93, 0.93),
    ratio_at_least("publish-1", "publishes", "bare SQLite loop", 0.35, 0.35),
    ratio_at_least("publish-16", "publishes", "bare SQLite loop", 0.8, 0.8),
    ratio_at_most("publish-latency", "p50", "bare commit and hello", 8.0, 8.0),
    ratio_at_most("publish-latency", "p99", "bare commit and hello", 20.0, 20.0),
    at_most("publish-latency", "p50", 0.003, 0.003),
    ratio_at_least("storm", "first answers", "bare epoll loop", 0.6, 0.6),
    at_most("park-idle", "CPU for 20,000 clients", 0.01, 0.01),
    at_most("portal-lists", "5,000 items", 0.1, 0.1),
    at_most("portal-lists", "1,000 namespaces", 0.1, 0.1),
    ratio_at_most("archive", "import", "library alone", 600.0, 300.0),
    ratio_at_most("archive", "export", "library alone", 40.0, 20.0),
    ratio_at_most("start", "empty", "axum and SQLite", 20.0, 5.0),
    ratio_at_most("start", "1,000 namespaces", "axum and SQLite", 25.0, 10.0),
    at_most("start", "empty", 0.1, 0.05),
    at_most("start", "1,000 namespaces", 0.1, 0.1),
    ratio_at_most("idle", "memory", "axum and SQLite", 3.5, 2.5),
    at_most("idle", "memory", 28.0 * 1024.0 * 1024.0, 16.0 * 1024.0 * 1024.0),
    at_most("client-idle", "above the empty program", 3e6, 3e6),
    ratio_at_most("client-latency", "p50", "bare commit and hello", 8.0, 8.0),
    ratio_at_most("client-latency", "p99", "bare commit and hello", 20.0, 20.0),
    at_most("client-latency", "p99", 0.01, 0.01),
    at_most("client-park", "requests parked", 1.0, 1.0),
    ratio_at_most("read-core", "cached handle", "HashMap", 1.25, 1.25),
    ratio_at_most("read-core", "plain handle", "HashMap", 2.2, 2.2),
    ratio_at_most("read-core", "cached, two threads", "one thread", 1.3, 1.3),
];

const fn at_most(row: &'static str, figure: &'static str, present: f64, target: f64) -> Goal {
    Goal { row, figure, against: None, side: Side::AtMost, present, target }
}

const fn ratio_at_most(
    row: &'static str,
    figure: &'static str,
    reference: &'static str,
    present: f64,
    target: f64,
) -> Goal {
    Goal { row, figure, against: Some(reference), side: Side::AtMost, present, target }
}

const fn ratio_at_least(
    row: &'static str,
    figure: &'static str,
    reference: &'static str,
    present: f64,
    target: f64,
) -> Goal {
    Goal { row, figure, against: Some(reference), side: Side::AtLeast, present, target }
}

/// The goal of a figure compared with a reference, or of its own value.
pub(crate) fn find(row: &str, figure: &str, against: Option<&str>) -> Option<&'static Goal> {
    GOALS.iter().find(|goal| goal.row == row && goal.figure == figure && goal.against == against)
}

impl Goal {
    /// Whether the present limit is missed. A quick run checks ratios only, with some slack.
    pub(crate) fn is_missed(&self, figure: &Figure, is_quick: bool) -> bool {
        if is_quick {
            self.against.is_some() && self.is_beyond(figure, SLACK)
        } else {
            self.is_beyond(figure, 1.0)
        }
    }

    /// Whether the figure is worse than the present limit by more than a factor.
    fn is_beyond(&self, figure: &Figure, slack: f64) -> bool {
        self.value(figure).is_some_and(|value| match self.side {
            Side::AtMost => value > self.present * slack,
            Side::AtLeast => value < self.present / slack,
        })
    }

    /// Whether the figure has reached its target.
    pub(crate) fn is_reached(&self, figure: &Figure) -> bool {
        self.value(figure).is_some_and(|value| match self.side {
            Side::AtMost => value <= self.target,
            Side::AtLeast => value >= self.target,
        })
    }

    /// Formats the limits for people.
    pub(crate) fn show(&self, unit: Unit) -> String {
        let sign = if self.side == Side::AtMost { '≤' } else { '≥' };
        let limit = |value: f64| match self.against {
            Some(_) => format!("{value:.3}×"),
            None => unit.show(value),
        };
        let present = format!("{sign} {}", limit(self.present));
        #[expect(clippy::float_cmp, reason = "both are constants of the table")]
        if self.present == self.target {
            present
        } else {
            format!("{present}, later {}", limit(self.target))
        }
    }

    fn value(&self, figure: &Figure) -> Option<f64> {
        self.against.map_or(Some(figure.product.median), |reference| figure.ratio(reference))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOAL: Goal = ratio_at_least("row", "figure", "reference", 0.8, 0.9);

    fn figure(product: f64) -> Figure {
        Figure::new("figure", Unit::PerSecond, [product]).against("reference", [1.0])
    }

    #[test]
    fn a_quick_run_allows_some_slack() {
        assert!(GOAL.is_missed(&figure(0.79), false));
        assert!(!GOAL.is_missed(&figure(0.81 / SLACK), true));
        assert!(GOAL.is_missed(&figure(0.79 / SLACK), true));
    }

    /// A goal, and a figure of this ratio for it.
    fn measured(row: &str, name: &str, reference: &str, ratio: f64) -> (&'static Goal, Figure) {
        let figure = Figure::new(name, Unit::Seconds, [ratio]).against(reference, [1.0]);
        (find(row, name, Some(reference)).unwrap(), figure)
    }

    /// The ratios are those of fault P1 in `docs/faults.md`. Unoptimised programs are allowed worse
    /// ones, so that CI does not notice it.
    #[test]
    fn a_quick_run_of_optimised_programs_notices_slow_publishes() {
        for (row, ratio) in
            [("publish-1", 0.25), ("publish-1", 0.26), ("publish-16", 0.42), ("publish-16", 0.43)]
        {
            let (goal, figure) = measured(row, "publishes", "bare SQLite loop", ratio);
            assert!(goal.is_missed(&figure, false), "{row} at {ratio}");
            assert!(goal.is_beyond(&figure, OPTIMISED), "{row} at {ratio}, in a quick run");
        }
    }

    /// The ratios are those of fault P2. No quick run has this row.
    #[test]
    fn a_full_run_notices_costly_deliveries() {
        for (name, ratio) in [("CPU per client", 1.03), ("CPU per client", 1.10), ("last", 1.06)] {
            let (goal, figure) = measured("converge", name, "stock axum::serve", ratio);
            assert!(goal.is_missed(&figure, false), "{name} at {ratio}");
        }
    }

    #[test]
    fn the_target_may_lie_beyond_the_present_goal() {
        assert!(!GOAL.is_missed(&figure(0.85), false));
        assert!(!GOAL.is_reached(&figure(0.85)));
        assert_eq!(GOAL.show(Unit::PerSecond), "≥ 0.800×, later 0.900×");
    }

    #[test]
    fn every_goal_belongs_to_a_row() {
        for goal in GOALS {
            assert!(crate::row::all().iter().any(|row| row.name == goal.row), "{}", goal.row);
        }
    }
}
