//! `twinlease pcap decode`.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::pcap::{CaptureError, print_file};

use super::Failure;

/// Prints every failover message of the capture.
pub(super) fn decode(file: &Path, json: bool) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let outcome = print_file(file, json, &mut out);
    // What was read before an error is worth showing.
    out.flush()?;
    outcome.map_err(|error| match error {
        CaptureError::Output(error) => Failure::Output(error),
        other => Failure::Said(format!("{}: {other}", file.display())),
    })
}
