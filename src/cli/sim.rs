//! `twinlease sim`.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use crate::sim::{Campaign, Counts, FaultKind, Outcome, Wishes};
use crate::wire::dialect::Dialect;

use super::{FAILED, fail};

/// Microseconds in an hour.
const HOUR: f64 = 3_600_000_000.0;

/// What is to be simulated.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The seed; the same seed always leads to the same world
    #[arg(long, value_name = "N")]
    seed: u64,
    /// How many seeds, this one and those behind it
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    seeds: u64,
    /// Simulated hours of each seed
    #[arg(long, value_name = "H", default_value_t = 10)]
    hours: u32,
    /// Leasable addresses; by default as the seed has it
    #[arg(long, value_name = "N")]
    addresses: Option<u32>,
    /// Clients; by default as the seed has it
    #[arg(long, value_name = "N")]
    clients: Option<u32>,
    /// What the partners speak: isc or draft; by default as the seed has it
    #[arg(long, value_name = "DIALECT", value_parser = dialect)]
    dialect: Option<Dialect>,
    /// Leave these kinds of fault out, with commas between; "all" is every kind
    #[arg(long, value_name = "KINDS", value_parser = kinds)]
    without: Option<Kinds>,
    /// Let the story tell everything that happens to this address
    #[arg(long, value_name = "ADDRESS")]
    follow: Option<Ipv4Addr>,
    /// Print the whole story, not only the end of one that went wrong
    #[arg(long)]
    trace: bool,
    /// Report a violation as it was found, without looking for a smaller world that has it too
    #[arg(long)]
    no_minimise: bool,
    /// Print one JSON object a violation, and one for the sum
    #[arg(long)]
    json: bool,
}

/// Kinds of fault.
#[derive(Clone, Debug)]
struct Kinds(Vec<FaultKind>);

fn dialect(text: &str) -> Result<Dialect, String> {
    match text {
        "isc" => Ok(Dialect::Isc),
        "draft" => Ok(Dialect::Draft12),
        _ => Err("isc or draft".to_owned()),
    }
}

fn kinds(text: &str) -> Result<Kinds, String> {
    if text == "all" {
        return Ok(Kinds(FaultKind::all().collect()));
    }
    let known = || FaultKind::all().map(|kind| kind.0).collect::<Vec<_>>().join(", ");
    let one = |name: &str| {
        FaultKind::named(name).ok_or_else(|| format!("{name} is none of: {}", known()))
    };
    text.split(',').map(one).collect::<Result<_, _>>().map(Kinds)
}

/// Simulates, and tells what came of it.
pub(super) fn run(options: &Options) -> ExitCode {
    match simulate(options, &mut io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(&format!("cannot write the output: {error}")),
    }
}

fn simulate(options: &Options, out: &mut dyn Write) -> io::Result<bool> {
    let mut campaign = Campaign::new(Wishes {
        hours: options.hours,
        addresses: options.addresses,
        clients: options.clients,
        dialect: options.dialect,
        follow: options.follow,
        without: options.without.as_ref().map(|kinds| kinds.0.clone()).unwrap_or_default(),
    });
    let began = Instant::now();
    for seed in options.seed..options.seed.saturating_add(options.seeds) {
        let outcome = campaign.live(seed, options.trace);
        if options.trace && !options.json {
            for line in &outcome.trace {
                writeln!(out, "{line}")?;
            }
        }
        if outcome.violation.is_some() {
            let smaller = if options.no_minimise { None } else { Campaign::minimised(&outcome) };
            report(options, seed, &outcome, smaller.as_ref(), out)?;
        }
    }
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    sum(options, &campaign, minutes, out)?;
    Ok(campaign.failures.is_empty())
}

/// The command that shows this world again.
fn replay(options: &Options, seed: u64) -> String {
    let mut command = format!("twinlease sim --seed {seed} --hours {}", options.hours);
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _infallible = write!(command, " --{name} {value}");
        }
    };
    add("addresses", options.addresses.map(|count| count.to_string()));
    add("clients", options.clients.map(|count| count.to_string()));
    add("dialect", options.dialect.map(|dialect| dialect.name().to_owned()));
    let without = options
        .without
        .as_ref()
        .map(|kinds| kinds.0.iter().map(|kind| kind.0).collect::<Vec<_>>().join(","));
    add("without", without);
    command
}

fn report(
    options: &Options,
    seed: u64,
    outcome: &Outcome,
    smaller: Option<&Outcome>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(violation) = &outcome.violation else { return Ok(()) };
    let best = smaller.unwrap_or(outcome);
    let command = replay(options, seed);
    if options.json {
        let what = json!({
            "seed": seed,
            "version": VERSION,
            "kind": violation.kind.name(),
            "what": violation.what,
            "at-seconds": violation.at / 1_000_000,
            "replay": command,
            "faults": best.scenario.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "clients": best.scenario.clients,
            "trace": best.trace,
        });
        return writeln!(out, "{what}");
    }
    writeln!(out, "seed {seed}: {violation}")?;
    writeln!(out, "  version {VERSION}; again by: {command}")?;
    let scenario = &best.scenario;
    writeln!(
        out,
        "  {} clients, {} addresses, {} dialect, MCLT {}, leases of {}; faults that are needed:",
        scenario.clients.len(),
        scenario.addresses,
        scenario.dialect.name(),
        scenario.mclt,
        scenario.lease
    )?;
    for fault in &scenario.faults {
        writeln!(out, "    {fault}")?;
    }
    for line in &best.trace {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

/// The version, with the commit where that is known.
const VERSION: &str = match option_env!("TWINLEASE_COMMIT") {
    Some(commit) => commit,
    None => env!("CARGO_PKG_VERSION"),
};

fn sum(
    options: &Options,
    campaign: &Campaign,
    minutes: f64,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Campaign { counts, failures, seeds, .. } = campaign;
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let hours = counts.simulated as f64 / HOUR;
    let speed = hours / minutes.max(1e-9);
    if options.json {
        let what = json!({
            "seeds": seeds,
            "hours": hours,
            "hours-per-minute": speed,
            "violations": failures.len(),
            "happenings": counts.happenings,
            "messages": counts.messages,
            "client-datagrams": counts.asked,
            "leases": counts.leases,
            "commits": counts.commits,
            "starts": counts.starts,
            "faults": counts.faults.iter().map(|(kind, count)| (kind.0, *count)).collect::<std::collections::BTreeMap<_, _>>(),
            "rows": counts.rows,
            "rows-not-reached": unreached(counts),
        });
        return writeln!(out, "{what}");
    }
    writeln!(
        out,
        "{seeds} seeds, {hours:.0} hours, {} violations; {speed:.0} hours a minute",
        failures.len()
    )?;
    writeln!(out, "{}", tally(counts))?;
    let rows = counts.rows.len();
    writeln!(
        out,
        "{rows} rows of the transition table decided, {} did not",
        unreached(counts).len()
    )
}

fn tally(counts: &Counts) -> String {
    let Counts { happenings, messages, asked, leases, commits, starts, .. } = counts;
    let mut text = format!(
        "{happenings} happenings, {messages} messages, {asked} client datagrams, {leases} leases, \
         {commits} syncs, {starts} starts; faults:"
    );
    for (kind, count) in &counts.faults {
        let _infallible = write!(text, " {kind} {count}");
    }
    text
}

fn unreached(counts: &Counts) -> Vec<&'static str> {
    let rows = crate::endpoint::transitions::rows().map(|row| row.id);
    rows.filter(|row| !counts.rows.contains_key(row)).collect()
}
