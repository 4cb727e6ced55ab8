//! The DDNS option: how far the DNS update of a binding has come, and under which name (§12.9).

use core::fmt::{self, Write};

use super::codes::DdnsFlags;

/// Longest domain name in its wire form (RFC 1035 §2.3.4).
pub const MAX_NAME_OCTETS: usize = 255;

/// Longest label.
const MAX_LABEL_OCTETS: u8 = 63;

/// The value of a DDNS option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ddns<'a> {
    flags: DdnsFlags,
    name: &'a [u8],
}

impl<'a> Ddns<'a> {
    /// A state under a name in wire form: labels behind their lengths, up to the empty one, without
    /// compression. `None` for anything else. Unassigned flags are left out.
    pub fn new(flags: DdnsFlags, name: &'a [u8]) -> Option<Self> {
        is_name(name).then_some(Self { flags: flags.assigned(), name })
    }

    /// Reads the value of an option: two octets of flags, then the name.
    pub fn from_wire(value: &'a [u8]) -> Option<Self> {
        let (flags, name) = value.split_first_chunk()?;
        Self::new(DdnsFlags(u16::from_be_bytes(*flags)), name)
    }

    /// What has been done, and by whom it is done.
    pub const fn flags(&self) -> DdnsFlags {
        self.flags
    }

    /// The fully qualified name of the client, in wire form.
    pub const fn name(&self) -> &'a [u8] {
        self.name
    }

    /// Whether records of the binding stand in the DNS.
    pub const fn has_records(&self) -> bool {
        let done = DdnsFlags::FORWARD_DONE.0 | DdnsFlags::REVERSE_DONE.0;
        self.flags.0 & done != 0
    }
}

/// The name as in a master file (RFC 1035 §5.1), with the final dot.
impl fmt::Display for Ddns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name == [0] {
            return f.write_char('.');
        }
        for label in labels(self.name) {
            for &octet in label {
                match octet {
                    b'.' | b'\\' | b'"' | b';' | b'@' | b'$' | b'(' | b')' => {
                        write!(f, "\\{}", char::from(octet))?;
                    }
                    b'!'..=b'~' => f.write_char(char::from(octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            f.write_char('.')?;
        }
        Ok(())
    }
}

/// Whether `octets` are exactly one domain name.
fn is_name(octets: &[u8]) -> bool {
    let mut rest = octets;
    while let Some((&length, behind)) = rest.split_first() {
        match (length, behind.get(usize::from(length)..)) {
            (0, _) => return behind.is_empty() && octets.len() <= MAX_NAME_OCTETS,
            (1..=MAX_LABEL_OCTETS, Some(next)) => rest = next,
            _ => return false,
        }
    }
    false
}

/// The labels of a name before the empty one.
fn labels(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let (&length, behind) = rest.split_first().filter(|(length, _)| **length > 0)?;
        let (label, behind) = behind.split_at_checked(usize::from(length))?;
        rest = behind;
        Some(label)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_as_in_a_master_file() {
        let ddns = Ddns::new(DdnsFlags(0), b"\x04a.\xe9z\x07example\x00").unwrap();
        assert_eq!(ddns.to_string(), "a\\.\\233z.example.");
    }

    #[test]
    fn the_root_is_a_dot() {
        assert_eq!(Ddns::new(DdnsFlags(0), &[0]).unwrap().to_string(), ".");
    }

    #[test]
    fn what_is_no_uncompressed_name_is_refused() {
        let long = [63; 256];
        for wrong in [
            &[][..],
            b"\x01a",
            b"\x02a\x00",
            b"\x01a\x00\x00",
            b"\x00\x01a\x00",
            &[0xc0, 0],
            &[0; 2],
            &long,
        ] {
            assert_eq!(Ddns::new(DdnsFlags(0), wrong), None, "{wrong:?}");
        }
    }
}
