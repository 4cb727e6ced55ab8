//! Packets out of pcap and pcapng files, both byte orders, microseconds and finer.

use std::io::{self, Read};
use std::{error, fmt};

use pcap_parser::pcapng::{Block, InterfaceDescriptionBlock};
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{IDB_MAGIC, PcapBlockOwned, PcapError, PcapHeader, create_reader};

use super::link::LinkLayer;

/// Octets of a file held at a time; grows up to [`MAX_BLOCK`] for longer blocks.
const INITIAL_BUFFER: usize = 256 * 1024;
/// The longest block of a file that is read.
const MAX_BLOCK: usize = 16 * 1024 * 1024;
/// The most interfaces of one section that are told apart.
const MAX_INTERFACES: usize = 4096;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// When a packet was captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Seconds since 1970-01-01 00:00 UTC.
    pub seconds: u64,
    /// Nanoseconds of the second.
    pub nanos: u32,
}

impl Timestamp {
    fn new(seconds: u64, nanos: u64) -> Self {
        let seconds = seconds.saturating_add(nanos / NANOS_PER_SECOND);
        Self { seconds, nanos: u32::try_from(nanos % NANOS_PER_SECOND).unwrap_or(0) }
    }

    /// Seconds with their fraction. Precise to a fourth of a microsecond in this century.
    #[expect(clippy::cast_precision_loss, reason = "seconds of any real capture fit")]
    pub fn as_secs_f64(self) -> f64 {
        self.seconds as f64 + f64::from(self.nanos) / 1e9
    }
}

/// Number and time of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The first packet of a capture is 1.
    pub(super) frame: u64,
    pub(super) time: Timestamp,
}

/// One packet as captured.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    pub(super) stamp: Stamp,
    pub(super) link_layer: LinkLayer,
    pub(super) octets: &'a [u8],
}

/// Why a capture cannot be read to its end.
#[derive(Debug)]
pub enum CaptureError {
    /// The file cannot be opened.
    Open(io::Error),
    /// Reading fails.
    Read {
        /// The last packet read.
        frame: u64,
    },
    /// The file is neither pcap nor pcapng.
    NotACapture,
    /// The file ends within a packet.
    CutShort {
        /// The last whole packet.
        frame: u64,
    },
    /// What follows a packet is no packet.
    Damaged {
        /// The last packet read.
        frame: u64,
    },
    /// No packet of the file has a link layer that is understood.
    LinkLayer {
        /// Its number in the registry of link layers.
        link_type: i32,
    },
    /// A message cannot be written.
    Output(io::Error),
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => write!(f, "the capture cannot be opened: {error}"),
            Self::Read { frame } => write!(f, "the capture cannot be read after packet {frame}"),
            Self::NotACapture => {
                f.write_str("the file is no capture; a pcap or pcapng file is needed")
            }
            Self::CutShort { frame } => {
                write!(f, "the capture ends in the middle of the packet after packet {frame}")
            }
            Self::Damaged { frame } => {
                write!(f, "the capture is damaged: what follows packet {frame} is no packet")
            }
            Self::LinkLayer { link_type } => write!(
                f,
                "link layer {link_type} is not understood; Ethernet, Linux cooked, raw IP or \
                 loopback is needed"
            ),
            Self::Output(error) => write!(f, "a message cannot be written: {error}"),
        }
    }
}

impl error::Error for CaptureError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Open(error) | Self::Output(error) => Some(error),
            _ => None,
        }
    }
}

/// Reads until the buffer is full or the end is reached, as the parser takes a first short read
/// for all there is of the header.
struct WholeReads<R>(R);

impl<R: Read> Read for WholeReads<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(space @ [_, ..]) = buffer.get_mut(filled..) {
            match self.0.read(space) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// Gives every packet of a capture to `visit`.
pub(super) fn read_packets(
    reader: impl Read + Send,
    mut visit: impl FnMut(&Packet<'_>) -> Result<(), CaptureError>,
) -> Result<(), CaptureError> {
    let mut reader = match create_reader(INITIAL_BUFFER, WholeReads(reader)) {
        Ok(reader) => reader,
        Err(PcapError::ReadError) => return Err(CaptureError::Read { frame: 0 }),
        Err(_) => return Err(CaptureError::NotACapture),
    };
    let mut section = Section::default();
    loop {
        let frame = section.frame;
        let problem = match reader.next() {
            Ok((length, block)) => {
                if let Some(packet) = section.read(&block) {
                    visit(&packet)?;
                }
                reader.consume(length);
                continue;
            }
            Err(PcapError::Eof) => return section.end(),
            Err(PcapError::Incomplete(_)) => refill(reader.as_mut(), frame),
            Err(PcapError::BufferTooSmall) => grow(reader.as_mut(), frame),
            Err(PcapError::UnexpectedEof) => Err(CaptureError::CutShort { frame }),
            Err(PcapError::ReadError) => Err(CaptureError::Read { frame }),
            Err(_) => Err(CaptureError::Damaged { frame }),
        };
        problem?;
    }
}

fn refill(reader: &mut dyn PcapReaderIterator, frame: u64) -> Result<(), CaptureError> {
    let before = reader.data().len();
    reader.refill().map_err(|_| CaptureError::Read { frame })?;
    if reader.data().len() > before || reader.reader_exhausted() {
        return Ok(());
    }
    grow(reader, frame)
}

fn grow(reader: &mut dyn PcapReaderIterator, frame: u64) -> Result<(), CaptureError> {
    let size = reader.data().len().saturating_mul(2).max(2 * INITIAL_BUFFER);
    if size > MAX_BLOCK || !reader.grow(size) {
        return Err(CaptureError::Damaged { frame });
    }
    reader.refill().map_err(|_| CaptureError::Read { frame })
}

/// What is known of the interfaces that the packets come from.
#[derive(Debug, Default)]
struct Section {
    /// The number of the last packet.
    frame: u64,
    interfaces: Vec<Interface>,
    /// A link layer not understood, and whether one was understood.
    foreign_link_type: Option<i32>,
    understood: bool,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: i32,
    /// Units of time in a second.
    units: u64,
    /// Seconds added to every time.
    offset: i64,
}

impl Section {
    fn read<'a>(&mut self, block: &'a PcapBlockOwned<'_>) -> Option<Packet<'a>> {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                self.interfaces = vec![Interface::of_header(header)];
                None
            }
            PcapBlockOwned::Legacy(packet) => {
                let interface = *self.interfaces.first()?;
                let time = interface.time(u64::from(packet.ts_sec), u64::from(packet.ts_usec));
                self.packet(interface.link_type, time, packet.data)
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => {
                self.interfaces.clear();
                None
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(description)) => {
                if self.interfaces.len() < MAX_INTERFACES {
                    self.interfaces.push(Interface::of_description(description));
                }
                None
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                let index = usize::try_from(packet.if_id).ok();
                match index.and_then(|index| self.interfaces.get(index)).copied() {
                    Some(interface) => {
                        let time = interface.time_of_ticks(ticks);
                        self.packet(interface.link_type, time, packet.packet_data())
                    }
                    None => self.skip(),
                }
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                match self.interfaces.first().copied() {
                    Some(interface) => {
                        let time = Timestamp::default();
                        self.packet(interface.link_type, time, packet.packet_data())
                    }
                    None => self.skip(),
                }
            }
            PcapBlockOwned::NG(_) => None,
        }
    }

    fn skip<'a>(&mut self) -> Option<Packet<'a>> {
        self.frame += 1;
        None
    }

    fn packet<'a>(
        &mut self,
        link_type: i32,
        time: Timestamp,
        octets: &'a [u8],
    ) -> Option<Packet<'a>> {
        self.frame += 1;
        let Some(link_layer) = LinkLayer::from_link_type(link_type) else {
            self.foreign_link_type = Some(link_type);
            return None;
        };
        self.understood = true;
        Some(Packet { stamp: Stamp { frame: self.frame, time }, link_layer, octets })
    }

    fn end(&self) -> Result<(), CaptureError> {
        match self.foreign_link_type {
            Some(link_type) if !self.understood => Err(CaptureError::LinkLayer { link_type }),
            _ => Ok(()),
        }
    }
}

impl Interface {
    fn of_header(header: &PcapHeader) -> Self {
        let units = if header.is_nanosecond_precision() { NANOS_PER_SECOND } else { 1_000_000 };
        Self { link_type: header.network.0 & 0xffff, units, offset: 0 }
    }

    fn of_description(description: &InterfaceDescriptionBlock<'_>) -> Self {
        // The parser reads the offset as little-endian whatever the section is.
        let offset = if description.block_type == IDB_MAGIC {
            description.if_tsoffset
        } else {
            description.if_tsoffset.swap_bytes()
        };
        let exponent = u32::from(description.if_tsresol & 0x7f);
        let base: u64 = if description.if_tsresol & 0x80 == 0 { 10 } else { 2 };
        let units = base.checked_pow(exponent).unwrap_or(NANOS_PER_SECOND);
        Self { link_type: description.linktype.0, units, offset }
    }

    fn time_of_ticks(&self, ticks: u64) -> Timestamp {
        self.time(ticks / self.units, ticks % self.units)
    }

    fn time(&self, seconds: u64, fraction: u64) -> Timestamp {
        let nanos = u128::from(fraction) * u128::from(NANOS_PER_SECOND) / u128::from(self.units);
        let seconds = seconds.saturating_add_signed(self.offset);
        Timestamp::new(seconds, u64::try_from(nanos).unwrap_or(0))
    }
}
