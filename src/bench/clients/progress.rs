//! What a person sees meanwhile: one line, renewed every second, where standard error is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::tally::Second;

/// The line of one run.
#[derive(Debug)]
pub(super) struct Progress {
    line: ProgressBar,
    name: String,
    second: u64,
    seconds: u64,
}

impl Progress {
    /// For a run of a known length; of an unknown one with `None`.
    pub(super) fn new(name: &str, length: Option<Duration>) -> Self {
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            line.set_style(style);
        }
        line.set_message(name.to_owned());
        let seconds = length.map_or(0, |length| length.as_secs());
        Self { line, name: name.to_owned(), second: 0, seconds }
    }

    /// A second has passed.
    pub(super) fn second(&mut self, second: &Second) {
        self.second += 1;
        let of = if self.seconds > 0 { format!("/{}", self.seconds) } else { String::new() };
        self.line.set_message(format!(
            "{} {}{of} s: {} begun, {} completed, {} unanswered, p50 {:.2} ms, p99 {:.2} ms",
            self.name,
            self.second,
            second.begun,
            second.completed,
            second.unanswered,
            second.p50 / 1e3,
            second.p99 / 1e3,
        ));
    }

    /// The run is over.
    pub(super) fn end(&mut self) {
        self.line.finish_and_clear();
    }
}
