//! What servers answer.

use std::net::Ipv4Addr;

use crate::dhcp::option_code::OptionCode;
use crate::dhcp::packet::OptionWalk;

use super::layout::{CHADDR, COOKIE, MAGIC, OPTIONS, XID, YIADDR};
use super::names;

/// Kinds of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This address is for you, if you want.
    Offer,
    /// It is yours for so many seconds.
    Ack(u32),
    /// It is not yours.
    Nak,
}

/// An answer to one of our clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    /// Number of the client.
    pub(super) client: u32,
    pub(super) xid: u32,
    pub(super) address: Ipv4Addr,
    /// The server as it calls itself (option 54).
    pub(super) server: Ipv4Addr,
}

/// Why a datagram is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Not a server's message, or one without what it must have.
    Unreadable,
    /// For a machine that is none of ours.
    Stranger,
}

/// Reads an answer.
pub(super) fn read(octets: &[u8]) -> Result<Answer, NoAnswer> {
    let unreadable = NoAnswer::Unreadable;
    let (fixed, options) = octets.split_first_chunk::<OPTIONS>().ok_or(unreadable)?;
    // BOOTREPLY, Ethernet, addresses of six octets.
    if fixed.get(..3) != Some(&[2, 1, 6]) || field(fixed, COOKIE) != MAGIC {
        return Err(unreadable);
    }
    let (mut kind, mut server, mut lease) = (None, None, None);
    for option in OptionWalk::new(options) {
        let (code, data) = option.map_err(|_| unreadable)?;
        match code {
            OptionCode::MESSAGE_TYPE => kind = data.first().copied(),
            OptionCode::SERVER_IDENTIFIER => server = data.first_chunk::<4>().copied(),
            OptionCode::LEASE_TIME => lease = data.first_chunk::<4>().copied(),
            _ => {}
        }
    }
    let verdict = match kind {
        Some(2) => Verdict::Offer,
        Some(5) => Verdict::Ack(lease.map(u32::from_be_bytes).ok_or(unreadable)?),
        Some(6) => Verdict::Nak,
        _ => return Err(unreadable),
    };
    Ok(Answer {
        verdict,
        client: names::number(field(fixed, CHADDR)).ok_or(NoAnswer::Stranger)?,
        xid: u32::from_be_bytes(field(fixed, XID)),
        address: field::<4>(fixed, YIADDR).into(),
        server: server.map(Ipv4Addr::from).ok_or(unreadable)?,
    })
}

fn field<const N: usize>(fixed: &[u8; OPTIONS], at: usize) -> [u8; N] {
    fixed.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}

/// Answers for tests, as octets.
#[cfg(test)]
pub(super) fn octets(
    kind: u8,
    client: u32,
    xid: u32,
    address: [u8; 4],
    server: [u8; 4],
) -> Vec<u8> {
    let mut octets = vec![0; OPTIONS];
    octets[..3].copy_from_slice(&[2, 1, 6]);
    octets[XID..XID + 4].copy_from_slice(&xid.to_be_bytes());
    octets[YIADDR..YIADDR + 4].copy_from_slice(&address);
    octets[CHADDR..CHADDR + 6].copy_from_slice(&names::ethernet(client));
    octets[COOKIE..].copy_from_slice(&MAGIC);
    octets.extend([53, 1, kind, 54, 4]);
    octets.extend(server);
    octets.extend([51, 4, 0, 0, 2, 88, 255]);
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack() -> Vec<u8> {
        octets(5, 7, 0x1234, [10, 78, 8, 1], [10, 78, 0, 1])
    }

    #[test]
    fn an_ack_is_read() {
        let expected = Answer {
            verdict: Verdict::Ack(600),
            client: 7,
            xid: 0x1234,
            address: Ipv4Addr::new(10, 78, 8, 1),
            server: Ipv4Addr::new(10, 78, 0, 1),
        };
        assert_eq!(read(&ack()), Ok(expected));
    }

    #[test]
    fn an_ack_without_an_end_is_none() {
        let mut octets = ack();
        let at = octets.len() - 7;
        octets[at] = 199;
        assert_eq!(read(&octets), Err(NoAnswer::Unreadable));
    }

    #[test]
    fn an_answer_of_nobody_is_none() {
        let mut octets = ack();
        octets[OPTIONS + 3] = 199;
        assert_eq!(read(&octets), Err(NoAnswer::Unreadable));
    }

    #[test]
    fn a_request_is_no_answer() {
        let mut octets = ack();
        octets[0] = 1;
        assert_eq!(read(&octets), Err(NoAnswer::Unreadable));
    }

    #[test]
    fn an_answer_for_another_machine_is_a_strangers() {
        let mut octets = ack();
        octets[CHADDR] = 0;
        assert_eq!(read(&octets), Err(NoAnswer::Stranger));
    }

    #[test]
    fn an_answer_cut_anywhere_in_front_of_its_end_is_none() {
        let octets = ack();
        for length in 0..octets.len() - 1 {
            assert_eq!(read(&octets[..length]), Err(NoAnswer::Unreadable), "{length}");
        }
    }

    #[test]
    fn whatever_one_octet_becomes_nothing_panics() {
        let original = ack();
        for at in 0..original.len() {
            for value in 0..=255 {
                let mut octets = original.clone();
                octets[at] = value;
                let _either_way = read(&octets);
            }
        }
    }
}
