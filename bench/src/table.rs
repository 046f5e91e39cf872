//! Prints the result of every row in the same form.

use crate::figure::{Figure, Report, Unit};
use crate::goal::{self, Goal};
use crate::measure::Spread;
use crate::print;

/// Prints what a row found out.
pub(crate) fn print_report(row: &str, report: &Report, is_quick: bool) {
    print(&format!("\n{row}: {}", report.setting));
    for figure in &report.figures {
        let verdict = judge(goal::find(row, &figure.name, None), figure, is_quick);
        print_line(&figure.name, "product", figure.unit, &figure.product, "", &verdict);
        for (reference, spread) in &figure.references {
            let ratio =
                figure.ratio(reference).map(|ratio| format!("{ratio:.3}×")).unwrap_or_default();
            let verdict = judge(goal::find(row, &figure.name, Some(reference)), figure, is_quick);
            print_line("", reference, figure.unit, spread, &ratio, &verdict);
        }
    }
    for note in &report.notes {
        print(&format!("  {note}"));
    }
}

fn print_line(
    figure: &str,
    program: &str,
    unit: Unit,
    spread: &Spread,
    ratio: &str,
    verdict: &str,
) {
    let median = unit.show(spread.median);
    let spread = format!("({} to {})", unit.show(spread.low), unit.show(spread.high));
    let line =
        format!("  {figure:<24}{program:<22}{median:>12}  {spread:<28}{ratio:>9}  {verdict}");
    print(line.trim_end());
}

fn judge(goal: Option<&Goal>, figure: &Figure, is_quick: bool) -> String {
    let Some(goal) = goal else { return String::new() };
    let word = match (goal.is_missed(figure, is_quick), goal.is_reached(figure)) {
        (true, _) => "MISSED",
        (false, true) => "met",
        (false, false) => "met for now",
    };
    format!("{word} ({})", goal.show(figure.unit))
}
