//! What a relay agent says about a client in option 82 (RFC 3046).

use std::net::Ipv4Addr;

use super::option_code::OptionCode;
use super::packet::ClientPacket;

/// Sub-option that names the client's subnet (RFC 3527).
const LINK_SELECTION: OptionCode = OptionCode(5);
/// Sub-option that names the server identifier which the client is to see (RFC 5107).
const SERVER_IDENTIFIER_OVERRIDE: OptionCode = OptionCode(11);

/// The sub-options that this server looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RelayInformation {
    pub(super) link_selection: Option<Ipv4Addr>,
    pub(super) server_identifier_override: Option<Ipv4Addr>,
}

impl RelayInformation {
    /// Reads option 82 of a relayed message. A sub-option of wrong length counts as absent, and so
    /// does everything behind a truncated one.
    pub(super) fn of(packet: &ClientPacket<'_>) -> Self {
        let mut found = Self::default();
        if let Some(option) = packet.relay_agent_information.as_deref()
            && packet.header.is_relayed()
        {
            for (code, data) in sub_options(option) {
                let address = <[u8; 4]>::try_from(data).ok().map(Ipv4Addr::from);
                match code {
                    LINK_SELECTION => found.link_selection = address,
                    SERVER_IDENTIFIER_OVERRIDE => found.server_identifier_override = address,
                    _ => {}
                }
            }
        }
        found
    }
}

/// Sub-options follow each other without pad and end.
fn sub_options(mut rest: &[u8]) -> impl Iterator<Item = (OptionCode, &[u8])> {
    std::iter::from_fn(move || {
        let (&[code, length], behind) = rest.split_first_chunk::<2>()?;
        let (data, behind) = behind.split_at_checked(usize::from(length))?;
        rest = behind;
        Some((OptionCode(code), data))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_option_0_and_255_are_no_pad_and_no_end() {
        let found: Vec<_> =
            sub_options(&[0, 1, 9, 255, 0, 5, 1, 7]).map(|(code, _)| code.0).collect();
        assert_eq!(found, [0, 255, 5]);
    }

    #[test]
    fn a_truncated_sub_option_ends_the_walk() {
        assert_eq!(sub_options(&[1, 1, 9, 5, 4, 10, 0]).count(), 1);
    }
}
