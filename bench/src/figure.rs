//! The result of a row: figures of the product with those of its references from the same rounds.

use crate::measure::Spread;

/// The unit of a figure, which decides how it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Count,
    Bytes,
    Seconds,
    PerSecond,
    /// A fraction of one core.
    Core,
}

impl Unit {
    /// Formats a value for people.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Unit::Count => format!("{value:.0}"),
            Unit::Bytes if value >= 1e6 => format!("{:.1} MB", value / 1e6),
            Unit::Bytes => format!("{:.2} kB", value / 1e3),
            Unit::Seconds if value >= 1.0 => format!("{value:.2} s"),
            Unit::Seconds if value >= 1e-3 => format!("{:.2} ms", value * 1e3),
            Unit::Seconds if value >= 1e-6 => format!("{:.2} µs", value * 1e6),
            Unit::Seconds => format!("{:.1} ns", value * 1e9),
            Unit::PerSecond => format!("{value:.0}/s"),
            Unit::Core => format!("{:.2} %", value * 100.0),
        }
    }
}

/// One figure of the product, with those of its references.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) product: Spread,
    pub(crate) references: Vec<(String, Spread)>,
}

impl Figure {
    pub(crate) fn new(
        name: impl Into<String>,
        unit: Unit,
        product: impl IntoIterator<Item = f64>,
    ) -> Self {
        Self { name: name.into(), unit, product: Spread::of(product), references: Vec::new() }
    }

    /// Adds the figure of a reference program.
    pub(crate) fn against(
        mut self,
        reference: impl Into<String>,
        rounds: impl IntoIterator<Item = f64>,
    ) -> Self {
        self.references.push((reference.into(), Spread::of(rounds)));
        self
    }

    /// The product's median divided by that of a reference.
    pub(crate) fn ratio(&self, reference: &str) -> Option<f64> {
        let (_, spread) = self.references.iter().find(|(name, _)| *name == reference)?;
        Some(self.product.median / spread.median)
    }
}

/// The complete result of a row.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The conditions of the measurement, for the headline.
    pub(crate) setting: String,
    pub(crate) figures: Vec<Figure>,
    /// Lines below the table: how busy each side was, and hints for reading the figures.
    pub(crate) notes: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_that_of_the_medians() {
        let figure = Figure::new("x", Unit::Seconds, [1.0, 2.0, 9.0]).against("r", [4.0, 4.0, 1.0]);
        assert_eq!(figure.ratio("r"), Some(0.5));
        assert_eq!(figure.ratio("other"), None);
    }

    #[test]
    fn values_are_shown_in_the_unit_that_fits_their_size() {
        assert_eq!(Unit::Bytes.show(14_000.0), "14.00 kB");
        assert_eq!(Unit::Seconds.show(0.000_002_5), "2.50 µs");
        assert_eq!(Unit::Core.show(0.01), "1.00 %");
    }
}
