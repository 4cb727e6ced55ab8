//! What happens, for a person: a live picture on a terminal, lines anywhere else.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::cluster::{Side, View};
use super::tally::Tally;

/// Without a terminal, how often the clients are reported.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Everything goes to standard error; standard output is for the verdict.
pub(super) struct Display {
    begin: Instant,
    length: Duration,
    clients: u32,
    states: [String; 2],
    picture: Option<Picture>,
    next_report: Duration,
}

struct Picture {
    whole: MultiProgress,
    servers: [ProgressBar; 2],
    clients: ProgressBar,
    time: ProgressBar,
}

impl Picture {
    fn new(length: Duration) -> Option<Self> {
        let plain = ProgressStyle::with_template("  {prefix:<10} {msg}").ok()?;
        let bar = ProgressStyle::with_template("  {prefix:<10} {bar:50.cyan/blue} {msg}").ok()?;
        let whole = MultiProgress::new();
        let line = |prefix: &'static str| {
            let line = whole.add(ProgressBar::no_length().with_style(plain.clone()));
            line.set_prefix(prefix);
            line
        };
        let servers = [line(Side::Primary.name()), line(Side::Secondary.name())];
        let clients = line("clients");
        let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let time = whole.add(ProgressBar::new(millis).with_style(bar));
        time.set_prefix("time");
        Some(Self { whole, servers, clients, time })
    }
}

impl Display {
    pub(super) fn new(length: Duration, clients: u32) -> Self {
        let picture = std::io::stderr().is_terminal().then(|| Picture::new(length)).flatten();
        Self {
            begin: Instant::now(),
            length,
            clients,
            states: [String::new(), String::new()],
            picture,
            next_report: REPORT_EVERY,
        }
    }

    /// Something worth a line of its own.
    pub(super) fn event(&mut self, text: &str) {
        let line = format!("{:>6.2} s  {text}", self.begin.elapsed().as_secs_f64());
        match &self.picture {
            // A terminal that is gone is no reason to stop.
            Some(picture) => drop(picture.whole.println(line)),
            None => eprintln!("{line}"),
        }
    }

    /// How a server stands; `None` while it does not run.
    pub(super) fn server(&mut self, side: Side, view: Option<&View>) {
        let state = match view {
            Some(view) => view.state.clone(),
            None => "not running".to_owned(),
        };
        let [primary, secondary] = &mut self.states;
        let known = match side {
            Side::Primary => primary,
            Side::Secondary => secondary,
        };
        if *known != state {
            known.clone_from(&state);
            self.event(&format!("{}: {state}", side.name()));
        }
        if let Some(picture) = &self.picture {
            let [primary, secondary] = &picture.servers;
            let line = match side {
                Side::Primary => primary,
                Side::Secondary => secondary,
            };
            line.set_message(match view {
                Some(view) => format!(
                    "{:<27} {:<10} free {:<5} backup {:<5} active {:<5}",
                    view.state, view.sync, view.free, view.backup, view.active
                ),
                None => state,
            });
        }
    }

    /// How the clients stand.
    pub(super) fn clients(&mut self, tally: &Tally) {
        let text = format!(
            "{} of {} hold a lease; {} granted, {} renewed, {} released, {:.0}/s; longest wait {} ms",
            tally.held(),
            self.clients,
            tally.granted,
            tally.renewed,
            tally.released,
            tally.rate(),
            tally.longest_wait().as_millis()
        );
        let elapsed = self.begin.elapsed();
        match &self.picture {
            Some(picture) => {
                picture.clients.set_message(text);
                let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
                picture.time.set_position(millis);
                picture.time.set_message(format!(
                    "{} of {} s",
                    elapsed.as_secs(),
                    self.length.as_secs()
                ));
            }
            None if elapsed >= self.next_report => {
                self.next_report = elapsed + REPORT_EVERY;
                self.event(&format!("clients: {text}"));
            }
            None => {}
        }
    }

    /// Leaves the last picture on the terminal.
    pub(super) fn finish(&mut self) {
        if let Some(picture) = self.picture.take() {
            for line in picture.servers.iter().chain([&picture.clients, &picture.time]) {
                line.abandon();
            }
        }
    }
}
