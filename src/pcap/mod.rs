//! Failover messages in captures.
//!
//! A capture passes four stages, each in its file: [`capture`] reads packets out of pcap and
//! pcapng, `link` finds the TCP segment in a packet, `stream` puts one direction of a connection
//! together and cuts it into messages, `flows` keeps all directions and puts the messages in the
//! order in which they end on the wire. [`entry`] says what is wrong with a message and
//! [`render`] prints it.
//!
//! A connection counts as failover if one of its ports is 647 or if what it carries first is a
//! well-formed message. Octets that were not captured cost the messages they belong to and are
//! reported as a [`Content::Gap`]; the stream is taken up again at the next segment that begins
//! with a message. Memory is bounded whatever the capture holds.

pub mod capture;
pub mod entry;
mod flows;
mod link;
pub mod render;
mod stream;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

pub use capture::{CaptureError, Timestamp};
pub use entry::{Content, Entry};

/// The port assigned to the failover protocol (§8.2).
pub const FAILOVER_PORT: u16 = 647;

/// Reads a capture and gives every message to `visit`, in the order in which they end on the wire.
///
/// Messages before a damaged or cut place are given out before the error is returned. An error of
/// `visit` ends the reading.
pub fn decode(
    reader: impl Read + Send,
    mut visit: impl FnMut(&Entry) -> io::Result<()>,
) -> Result<(), CaptureError> {
    let mut flows = flows::Flows::new();
    let outcome = capture::read_packets(reader, |packet| {
        if let Some(segment) = link::find_segment(packet.link_layer, packet.octets) {
            flows.add(&segment, packet.stamp);
        }
        flows.take_settled(&mut visit).map_err(CaptureError::Output)
    });
    match outcome {
        Err(CaptureError::Output(error)) => Err(CaptureError::Output(error)),
        outcome => {
            flows.end();
            flows.take_settled(&mut visit).map_err(CaptureError::Output)?;
            outcome
        }
    }
}

/// Prints the messages of the capture at `path`, one on a line: for people, or as JSON (see
/// [`render`] for its form).
pub fn print_file(path: &Path, json: bool, out: &mut dyn Write) -> Result<(), CaptureError> {
    let file = File::open(path).map_err(CaptureError::Open)?;
    decode(
        file,
        |entry| {
            if json { render::write_json(entry, out) } else { render::write_line(entry, out) }
        },
    )
}
