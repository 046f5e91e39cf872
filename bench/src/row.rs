//! The rows of the suite and their parameters: one file for each idea, one entry in the list for
//! each row.

mod archive;
mod client_idle;
mod client_latency;
mod client_park;
mod configs;
mod converge;
mod fan_out;
mod idle;
mod park_idle;
mod park_mem;
mod portal_lists;
mod publish;
mod publish_latency;
mod read_core;
mod start;
mod storm;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use crate::figure::{Figure, Report};
use crate::process::Cores;
use crate::product::Product;
use crate::seed::Seed;
use crate::{goal, machine, print, table};

type Measure = Box<dyn Fn(&Plan) -> Result<Report>>;

/// One row of the suite.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Whether the quick run includes it.
    pub(crate) is_quick: bool,
    measure: Measure,
}

/// All rows, in the order in which they run.
pub(crate) fn all() -> Vec<Row> {
    vec![
        quick("park-mem", "memory of a parked client", park_mem::run),
        quick("fan-out", "publish until the last parked client is answered", fan_out::run),
        full(
            "fan-out-pacing",
            "the same against upstream's pacing by arithmetic",
            fan_out::run_against_pacing,
        ),
        full("converge", "publish until all clients have read the new content", converge::run),
        quick("configs-10k", "reading 10 kB, with one core for the server", configs::run_full),
        quick("configs-304", "asking whether anything changed", configs::run_not_modified),
        quick("configs-signed", "reading 10 kB with an access key", configs::run_signed),
        quick("publish-1", "publishes per second by one writer", |plan| publish::run(plan, 1)),
        quick("publish-16", "publishes per second by 16 writers", |plan| publish::run(plan, 16)),
        quick(
            "publish-latency",
            "publish until one parked client is answered",
            publish_latency::run,
        ),
        quick("storm", "all clients connect and poll at once", storm::run),
        full("park-idle", "CPU time that parked clients cost", park_idle::run),
        full("portal-lists", "lists of the portal where there is a lot", portal_lists::run),
        full("archive", "importing and exporting an app with 200 namespaces", archive::run),
        quick("start", "process start until the first 200", start::run),
        quick("idle", "memory of a server that nobody asks", idle::run),
        quick("client-idle", "memory that a client with one namespace costs", client_idle::run),
        quick("client-latency", "publish until the listener of a client runs", client_latency::run),
        full("client-park", "requests that a thousand namespaces park", client_park::run),
        quick("read-core", "what one read costs in Rust", read_core::run),
    ]
}

fn quick(
    name: &'static str,
    about: &'static str,
    measure: impl Fn(&Plan) -> Result<Report> + 'static,
) -> Row {
    Row { name, about, is_quick: true, measure: Box::new(measure) }
}

fn full(
    name: &'static str,
    about: &'static str,
    measure: impl Fn(&Plan) -> Result<Report> + 'static,
) -> Row {
    Row { is_quick: false, ..quick(name, about, measure) }
}

impl Row {
    /// Measures, prints, and measures again if a goal is missed. `false`: the same goal was missed
    /// twice, or nothing could be measured.
    pub(crate) fn run(&self, plan: &Plan) -> bool {
        let Some(missed) = self.missed(plan) else { return false };
        if missed.is_empty() {
            return true;
        }
        print("  a goal is missed: once more");
        self.missed(plan).is_some_and(|again| !again.iter().any(|goal| missed.contains(goal)))
    }

    /// The figures that miss a goal, each with its reference.
    fn missed(&self, plan: &Plan) -> Option<Vec<(String, Option<String>)>> {
        let report = match (self.measure)(plan) {
            Ok(report) => report,
            Err(error) => {
                print(&format!("\n{}: cannot be measured: {error:#}", self.name));
                return None;
            }
        };
        table::print_report(self.name, &report, plan.is_quick);
        let pairs = report.figures.iter().flat_map(comparisons);
        let missed = pairs.filter(|(figure, against)| {
            goal::find(self.name, &figure.name, against.as_deref())
                .is_some_and(|goal| goal.is_missed(figure, plan.is_quick))
        });
        Some(missed.map(|(figure, against)| (figure.name.clone(), against)).collect())
    }
}

fn comparisons(figure: &Figure) -> impl Iterator<Item = (&Figure, Option<String>)> {
    let references = figure.references.iter().map(|(name, _)| Some(name.clone()));
    std::iter::once(None).chain(references).map(move |against| (figure, against))
}

/// Parameters of a run.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Path of the product.
    pub(crate) program: PathBuf,
    /// Directory for databases.
    pub(crate) directory: PathBuf,
    /// Clients, if specified.
    pub(crate) clients: Option<usize>,
    /// Measured rounds; one more before them is the warm-up.
    pub(crate) rounds: usize,
    /// Length of a round in seconds, if specified.
    pub(crate) seconds: Option<f64>,
    pub(crate) is_quick: bool,
}

impl Plan {
    /// Clients of a row that uses as many as possible.
    fn clients(&self) -> usize {
        self.clients.unwrap_or_else(machine::auto_clients)
    }

    /// Length of a round in the full and in the quick run.
    fn time(&self, full: f64, quick: f64) -> Duration {
        Duration::from_secs_f64(self.seconds.unwrap_or(if self.is_quick { quick } else { full }))
    }

    /// A temporary directory, removed at the end.
    fn directory(&self) -> Result<TempDir> {
        Ok(tempfile::Builder::new().prefix("castalia-bench-").tempdir_in(&self.directory)?)
    }

    /// A data directory with the data of the row, not in use by a server.
    fn data(&self, fill: impl FnOnce(&mut Seed) -> Result<()>) -> Result<TempDir> {
        let data = self.directory()?;
        let product = Product::start(&self.program, data.path(), Cores::All)?;
        fill(&mut Seed::new(product.admin)?)?;
        product.stop()?;
        Ok(data)
    }

    /// Measures product and reference in turn; the first round is dropped.
    fn alternate<P, R>(
        &self,
        mut product: impl FnMut() -> Result<P>,
        mut reference: impl FnMut() -> Result<R>,
    ) -> Result<(Vec<P>, Vec<R>)> {
        let mut rounds = (Vec::new(), Vec::new());
        for round in 0..=self.rounds {
            let (product, reference) = (product()?, reference()?);
            if round > 0 {
                rounds.0.push(product);
                rounds.1.push(reference);
            }
        }
        Ok(rounds)
    }
}
