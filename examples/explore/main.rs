//! Every state that a pair of real endpoints can reach within stated bounds, and what must hold in it.
//!
//! Two [`FailoverEndpoint`](twinlease::endpoint::FailoverEndpoint)s share two addresses (`setting`).
//! Around each stand a disk and what an observer knows (`side`); between them a connection, two
//! clients, an operator and the clock (`pair`). `search` goes through everything that can happen,
//! breadth first, so that what it finds is told by the shortest trace (`trace`). The properties are in
//! `properties`. A step of one server is computed by the real code, once (`steps`, `sides`, `messages`), however
//! many states of the pair it is part of.
//!
//! `cargo run --release --no-default-features --example explore -- --help` says what can be asked.
//! `docs/verification.md` says what was found, and why what is left out may be left out.
#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "part of the tests: whatever surprises it has to end it"
)]

mod arguments;
mod fingerprint;
mod messages;
mod pair;
mod properties;
mod search;
mod setting;
mod side;
mod sides;
mod steps;
mod trace;

use std::process::ExitCode;

use crate::arguments::{Arguments, HELP};
use crate::pair::Pair;
use crate::properties::Violation;
use crate::search::{Report, search};
use crate::steps::Steps;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("explore: {problem}\n{HELP}");
            return ExitCode::from(2);
        }
    };
    tell(&arguments, &explore(&arguments))
}

fn explore(arguments: &Arguments) -> Report {
    println!("exploring: {arguments}");
    let mut steps = Steps::new(arguments.dialect);
    let root = match arguments.root(&mut steps) {
        Ok(root) => root,
        Err(violation) => return Report::of_the_beginning(violation),
    };
    search(&mut steps, &root, arguments.limits, |depth, states, steps| {
        if arguments.progress {
            let (sides, computed) = steps.sizes();
            println!("depth {depth}: {states} states; {sides} of one server, {computed} steps");
        }
    })
}

fn tell(arguments: &Arguments, report: &Report) -> ExitCode {
    println!(
        "explored: states {} transitions {} depth {} whole {} seconds {:.1} memory {} MB; of one \
         server {} states {} steps",
        report.states,
        report.transitions,
        report.depth,
        if report.whole { "yes" } else { "no" },
        report.elapsed.as_secs_f64(),
        memory().map_or_else(|| "?".to_owned(), |megabytes| megabytes.to_string()),
        report.of_one_server.0,
        report.of_one_server.1,
    );
    let Some(found) = &report.found else { return ExitCode::SUCCESS };
    println!("violated: {} at depth {}", found.violation, found.trace.len());
    trace::tell(arguments, &found.trace);
    ExitCode::FAILURE
}

/// The most memory that this process ever had, in megabytes, where the system tells.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024)
}

impl Arguments {
    fn root(&self, steps: &mut Steps) -> Result<Pair, Violation> {
        if self.from_nothing {
            Ok(Pair::blank(self.bounds))
        } else {
            Pair::settled(steps, self.bounds)
        }
    }
}
