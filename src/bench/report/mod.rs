//! Figures for programs and for people.
//!
//! [`Latencies`] records times and sums them up, [`Plot`] draws lines as SVG, [`Page`] is a document
//! with tables and plots that needs nothing from elsewhere, and [`save`] writes what was made.

mod latency;
mod page;
mod plot;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

pub use latency::{Latencies, Summary};
pub use page::Page;
pub use plot::{Axis, Plot};

/// Writes a text to a file, or to standard output where the path is `-`.
pub fn save(path: &Path, text: &str) -> io::Result<()> {
    if path == Path::new("-") {
        return io::stdout().lock().write_all(text.as_bytes());
    }
    fs::write(path, text)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// A count as a number that can be divided.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub const fn number(count: u64) -> f64 {
    count as f64
}

/// A share between 0 and 1; 0 of nothing is 0.
pub fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { number(part) / number(whole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_nothing_is_nothing() {
        assert!(share(0, 0).abs() < f64::EPSILON);
        assert!((share(1, 4) - 0.25).abs() < f64::EPSILON);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let error = save(Path::new("/nowhere/report.json"), "{}").unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/report.json: "), "{error}");
    }
}
