//! `read-*`: what one read costs in each language. The programs are of their languages; this starts them and prints their ratios.
//!
//! A program measures the product and its references in turn, and prints a line of JSON for each comparison, such as
//! `{"figure":"cached","seconds":8.0e-9,"against":"HashMap","reference_seconds":7.8e-9}`.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Plan;
use crate::figure::{Figure, Report, Unit};

/// A program that measures reads.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) row: &'static str,
    pub(super) about: &'static str,
    /// Program and arguments, from the root of the repository.
    command: &'static [&'static str],
}

/// One entry for each language; its goals are in `goal.rs`.
pub(super) const PROGRAMS: &[Program] = &[];

pub(super) fn run(plan: &Plan, program: &Program) -> Result<Report> {
    let mut rounds = Vec::new();
    for round in 0..=plan.rounds {
        let lines = comparisons(program)?;
        if round > 0 {
            rounds.push(lines);
        }
    }
    let figures = (0..rounds[0].len()).map(|line| {
        let first = &rounds[0][line];
        let of = |pick: fn(&Comparison) -> f64| {
            rounds.iter().filter_map(move |round| round.get(line)).map(pick)
        };
        Figure::new(&first.figure, Unit::Seconds, of(|comparison| comparison.product))
            .against(&first.against, of(|comparison| comparison.reference))
    });
    Ok(Report {
        setting: format!("{}, {} rounds", program.command.join(" "), plan.rounds),
        figures: figures.collect(),
        notes: Vec::new(),
    })
}

struct Comparison {
    figure: String,
    against: String,
    product: f64,
    reference: f64,
}

fn comparisons(program: &Program) -> Result<Vec<Comparison>> {
    let name = program.command.join(" ");
    let (first, arguments) = program.command.split_first().context("the row names no program")?;
    let output = Command::new(first)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} failed: {}", errors.trim());
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Result<Vec<_>> =
        text.lines().filter(|line| line.starts_with('{')).map(comparison).collect();
    let lines = lines.with_context(|| format!("{name} printed something else than comparisons"))?;
    ensure!(!lines.is_empty(), "{name} printed no comparison");
    Ok(lines)
}

fn comparison(line: &str) -> Result<Comparison> {
    let line: Value = serde_json::from_str(line)?;
    let text = |member: &str| {
        line[member].as_str().map(str::to_owned).with_context(|| format!("no member {member}"))
    };
    let seconds =
        |member: &str| line[member].as_f64().with_context(|| format!("no member {member}"));
    Ok(Comparison {
        figure: text("figure")?,
        against: text("against")?,
        product: seconds("seconds")?,
        reference: seconds("reference_seconds")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_prints_one_comparison_on_each_line() {
        const LINE: &str = r#"{"figure":"cached","seconds":8.0e-9,"against":"HashMap","reference_seconds":7.8e-9}"#;
        let program = Program { row: "read-x", about: "", command: &["printf", r"%s\n", LINE] };
        let plan = Plan {
            program: "unused".into(),
            directory: std::env::temp_dir(),
            clients: None,
            rounds: 1,
            seconds: None,
            is_quick: false,
        };
        let report = run(&plan, &program).unwrap();
        assert!((report.figures[0].ratio("HashMap").unwrap() - 1.026).abs() < 0.001);
        let silent = Program { command: &["true"], ..program };
        assert!(run(&plan, &silent).is_err());
    }
}
