//! What is carried with a binding and means nothing to the protocol: options of the client's request
//! and of the answer to it, and the state of its DNS records (§12.7 to §12.9).
//!
//! The partner gets it with the binding, so that the server which takes a client over knows what the
//! other one saw (§7.1.1). Most bindings carry a few dozen octets, which one allocation holds and
//! every copy of the binding shares.

use core::fmt;
use std::sync::Arc;

use crate::wire::ddns::{Ddns, MAX_NAME_OCTETS};

/// What an area of DHCP options begins with (RFC 2132 §2).
pub const MAGIC: [u8; 4] = [99, 130, 83, 99];

/// Options of a request that interest the partner (§7.1.1): host name, vendor class, user class,
/// client FQDN, relay agent information, subnet selection.
pub const REQUEST_CODES: [u8; 6] = [12, 60, 77, 81, 82, 118];

/// Options of an answer that interest the partner: renewal and rebinding time.
pub const REPLY_CODES: [u8; 2] = [58, 59];

/// Longest area of request options, magic number included. With it every update fits a message.
pub const MAX_REQUEST_OCTETS: usize = 1024;
/// Longest area of reply options.
pub const MAX_REPLY_OCTETS: usize = 256;

/// The code of relay agent information, which only requests through a relay agent have.
const RELAY_AGENT_INFORMATION: u8 = 82;

/// Longest data of one instance of a DHCP option.
const MAX_INSTANCE: usize = 255;

/// The parts, each absent where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Options of the client's latest request, behind a magic number.
    pub request_options: Option<&'a [u8]>,
    /// Options of the answer to it, behind a magic number.
    pub reply_options: Option<&'a [u8]>,
    /// The client's DNS records.
    pub ddns: Option<Ddns<'a>>,
}

/// What a binding carries; nothing by default.
///
/// Two lengths of two octets, then request options, reply options and the value of a DDNS option.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Carried(Option<Arc<[u8]>>);

/// Octets of the two lengths.
const LENGTHS: usize = 4;

/// Most octets that [`Carried::octets`] gives.
pub const MAX_OCTETS: usize = LENGTHS + MAX_REQUEST_OCTETS + MAX_REPLY_OCTETS + 2 + MAX_NAME_OCTETS;

impl Carried {
    /// Nothing.
    pub const NOTHING: Self = Self(None);

    /// Puts parts together. Options that are too long, or have no magic number, are left out.
    pub fn new(parts: Parts<'_>) -> Self {
        let request = area(parts.request_options, MAX_REQUEST_OCTETS);
        let reply = area(parts.reply_options, MAX_REPLY_OCTETS);
        if request.is_empty() && reply.is_empty() && parts.ddns.is_none() {
            return Self::NOTHING;
        }
        let length = |octets: &[u8]| u16::try_from(octets.len()).unwrap_or(0).to_be_bytes();
        let mut octets = [&length(request)[..], &length(reply), request, reply].concat();
        if let Some(ddns) = parts.ddns {
            octets.extend(ddns.flags().0.to_be_bytes());
            octets.extend(ddns.name());
        }
        Self(Some(octets.into()))
    }

    /// Takes what [`octets`](Self::octets) gave; `None` if no parts can be read from it.
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        if octets.is_empty() {
            return Some(Self::NOTHING);
        }
        let parts = split(octets)?;
        let ddns = (!parts.2.is_empty())
            .then(|| Ddns::from_wire(parts.2))
            .map_or(Some(None), |read| read.map(Some))?;
        let read = Self::new(Parts {
            request_options: (!parts.0.is_empty()).then_some(parts.0),
            reply_options: (!parts.1.is_empty()).then_some(parts.1),
            ddns,
        });
        (read.octets() == octets).then_some(read)
    }

    /// Everything in one piece, for a store; empty if there is nothing.
    pub fn octets(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The parts.
    pub fn parts(&self) -> Parts<'_> {
        let Some((request, reply, ddns)) = split(self.octets()) else { return Parts::default() };
        Parts {
            request_options: (!request.is_empty()).then_some(request),
            reply_options: (!reply.is_empty()).then_some(reply),
            ddns: Ddns::from_wire(ddns),
        }
    }

    /// The DDNS option as it goes into an update.
    pub fn ddns_option(&self) -> Option<&[u8]> {
        split(self.octets()).map(|(_, _, ddns)| ddns).filter(|ddns| !ddns.is_empty())
    }

    /// After a later request of the same client. What the relay agent said stays known where the
    /// request came past it, as renewals do.
    #[must_use]
    pub fn renewed(&self, later: Parts<'_>) -> Self {
        let own = self.parts();
        let mut request = Vec::new();
        let request_options = match (own.request_options, later.request_options) {
            (Some(earlier), Some(options)) if !has_option(options, RELAY_AGENT_INFORMATION) => {
                let relayed = options_of(earlier)
                    .filter(|(code, _)| *code == RELAY_AGENT_INFORMATION)
                    .chain(options_of(options));
                collect_options(&[], MAX_REQUEST_OCTETS, relayed, &mut request);
                Some(request.as_slice())
            }
            (earlier, options) => options.or(earlier),
        };
        self.replaced(Parts {
            request_options,
            reply_options: later.reply_options,
            ddns: later.ddns.or(own.ddns),
        })
    }

    /// These parts; the same octets where they are those already carried, so that a renewal which
    /// changes nothing allocates nothing.
    fn replaced(&self, parts: Parts<'_>) -> Self {
        let some = |options: Option<_>| options.filter(|area: &&[u8]| !area.is_empty());
        let (request_options, reply_options) =
            (some(parts.request_options), some(parts.reply_options));
        let parts = Parts { request_options, reply_options, ..parts };
        if parts == self.parts() { self.clone() } else { Self::new(parts) }
    }

    /// When nobody holds the address any more: what matters of the DNS until its records are gone.
    #[must_use]
    pub fn ended(&self) -> Self {
        let ddns = self.parts().ddns.filter(Ddns::has_records);
        self.replaced(Parts { ddns, ..Parts::default() })
    }

    /// The same with another state of the DNS.
    #[must_use]
    pub fn with_ddns(&self, ddns: Ddns<'_>) -> Self {
        Self::new(Parts { ddns: Some(ddns), ..self.parts() })
    }

    pub(super) const fn shared(&self) -> Option<&Arc<[u8]>> {
        self.0.as_ref()
    }

    pub(super) fn from_shared(octets: Option<Arc<[u8]>>) -> Self {
        Self(octets)
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().fmt(f)
    }
}

/// Replaces `out` by an area of those `options` whose codes are in `codes`, in their order. All of
/// them are taken if no codes are named. What does not fit `limit` is left out; without any option
/// the area stays empty.
pub fn collect_options<'a>(
    codes: &[u8],
    limit: usize,
    options: impl Iterator<Item = (u8, &'a [u8])>,
    out: &mut Vec<u8>,
) {
    out.clear();
    for (code, data) in options.filter(|(code, _)| codes.is_empty() || codes.contains(code)) {
        let instances = data.len().div_ceil(MAX_INSTANCE).max(1);
        let before = if out.is_empty() { MAGIC.len() } else { out.len() };
        let needed = data.len().saturating_add(instances.saturating_mul(2));
        if before.saturating_add(needed) > limit {
            continue;
        }
        if out.is_empty() {
            out.extend(MAGIC);
        }
        let mut rest = data;
        for _ in 0..instances {
            let (instance, behind) = rest.split_at(rest.len().min(MAX_INSTANCE));
            out.push(code);
            out.push(u8::try_from(instance.len()).unwrap_or(u8::MAX));
            out.extend(instance);
            rest = behind;
        }
    }
}

/// The options of an area of DHCP options; none if it begins with another magic number.
pub fn options_of(area: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    const PAD: u8 = 0;
    const END: u8 = 255;
    let mut rest = area.strip_prefix(&MAGIC).unwrap_or_default();
    core::iter::from_fn(move || {
        while let Some((&PAD, behind)) = rest.split_first() {
            rest = behind;
        }
        let (&[code, length], behind) = rest.split_first_chunk()?;
        let (data, behind) = behind.split_at_checked(usize::from(length))?;
        rest = behind;
        (code != END).then_some((code, data))
    })
}

fn has_option(area: &[u8], wanted: u8) -> bool {
    options_of(area).any(|(code, _)| code == wanted)
}

/// An area that can be carried, or nothing.
fn area(options: Option<&[u8]>, limit: usize) -> &[u8] {
    options.filter(|area| (MAGIC.len()..=limit).contains(&area.len())).unwrap_or_default()
}

/// Request options, reply options, and the value of the DDNS option.
fn split(octets: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (&[a, b, c, d], rest) = octets.split_first_chunk::<LENGTHS>()?;
    let (request, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([a, b])))?;
    let (reply, ddns) = rest.split_at_checked(usize::from(u16::from_be_bytes([c, d])))?;
    Some((request, reply, ddns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codes::DdnsFlags;

    const HOST: &[u8] = &[99, 130, 83, 99, 12, 1, b'a'];
    const RELAYED: &[u8] = &[99, 130, 83, 99, 12, 1, b'a', 82, 2, 1, 0];

    fn request(options: &[u8]) -> Parts<'_> {
        Parts { request_options: Some(options), ..Parts::default() }
    }

    fn everything() -> Parts<'static> {
        let ddns = Ddns::new(DdnsFlags::FORWARD_DONE, b"\x01a\x00");
        let reply = &[99, 130, 83, 99, 58, 4, 0, 0, 0, 1];
        Parts { request_options: Some(HOST), reply_options: Some(reply), ddns }
    }

    #[test]
    fn every_part_is_given_back() {
        assert_eq!(Carried::new(everything()).parts(), everything());
    }

    #[test]
    fn nothing_costs_nothing() {
        assert_eq!(Carried::new(Parts::default()), Carried::NOTHING);
    }

    #[test]
    fn options_too_long_for_every_message_are_left_out() {
        let long = [0; MAX_REQUEST_OCTETS + 1];
        assert_eq!(Carried::new(request(&long)), Carried::NOTHING);
    }

    #[test]
    fn what_was_stored_is_read_back() {
        let carried = Carried::new(everything());
        assert_eq!(Carried::from_octets(carried.octets()), Some(carried));
    }

    #[test]
    fn octets_that_are_no_parts_are_refused() {
        for wrong in [&[0, 0, 0][..], &[0, 9, 0, 0, 1], &[0, 0, 0, 0], &[0, 0, 0, 0, 0, 0, 1]] {
            assert_eq!(Carried::from_octets(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_renewal_with_an_empty_area_shares_its_octets_too() {
        for carried in [request(HOST), Parts { reply_options: Some(HOST), ..Parts::default() }] {
            let empty = |area: Option<&'static [u8]>| area.or(Some(&[]));
            let later = Parts {
                request_options: empty(carried.request_options),
                reply_options: empty(carried.reply_options),
                ddns: None,
            };
            let carried = Carried::new(carried);
            assert!(Arc::ptr_eq(
                carried.shared().unwrap(),
                carried.renewed(later).shared().unwrap()
            ));
        }
    }

    #[test]
    fn what_ended_keeps_its_dns_records_and_nothing_else() {
        let ended = Carried::new(everything()).ended();
        let expected = Parts { ddns: everything().ddns, ..Parts::default() };
        assert_eq!(ended.parts(), expected);
        assert_eq!(Carried::new(request(HOST)).ended(), Carried::NOTHING);
    }

    #[test]
    fn what_is_carried_is_shown_by_its_parts() {
        let carried = Carried::new(request(HOST));
        assert_eq!(format!("{carried:?}"), format!("{:?}", request(HOST)));
    }

    /// Renewals are unicast past the relay agent.
    #[test]
    fn what_the_relay_agent_said_outlives_a_renewal_without_it() {
        let renewed = Carried::new(request(RELAYED)).renewed(request(HOST));
        let options: Vec<_> = options_of(renewed.parts().request_options.unwrap()).collect();
        assert_eq!(options, [(82, &[1, 0][..]), (12, b"a")]);
    }

    #[test]
    fn what_another_relay_agent_says_replaces_what_was_said_before() {
        let other: &[u8] = &[99, 130, 83, 99, 82, 2, 9, 0];
        let renewed = Carried::new(request(RELAYED)).renewed(request(other));
        assert_eq!(renewed.parts().request_options, Some(other));
    }

    #[test]
    fn a_renewal_that_changes_nothing_shares_its_octets() {
        let carried = Carried::new(everything());
        let renewed = carried.renewed(Parts { ddns: None, ..everything() });
        assert!(Arc::ptr_eq(carried.shared().unwrap(), renewed.shared().unwrap()));
    }

    #[test]
    fn an_option_over_255_octets_is_collected_in_instances() {
        let (data, mut out) = ([7; 300], Vec::new());
        collect_options(&[82], MAX_REQUEST_OCTETS, [(82, &data[..])].into_iter(), &mut out);
        let lengths: Vec<_> = options_of(&out).map(|(_, data)| data.len()).collect();
        assert_eq!(lengths, [255, 45]);
    }

    #[test]
    fn options_are_collected_up_to_the_last_octet_of_the_limit() {
        let (short, long) = ([7; 20], [7; 300]);
        for (data, octets) in [(&short[..], 4 + 2 + 20), (&long[..], 4 + 2 + 255 + 2 + 45)] {
            for (limit, expected) in [(octets, octets), (octets - 1, 0)] {
                let mut out = Vec::new();
                collect_options(&[], limit, [(82, data)].into_iter(), &mut out);
                assert_eq!(out.len(), expected, "{} octets, limit {limit}", data.len());
            }
        }
    }

    #[test]
    fn an_option_without_room_leaves_the_next_its_chance() {
        let (data, mut out) = ([7; 20], Vec::new());
        let options = [(12, &data[..]), (60, &data[..1])];
        collect_options(&[12, 60], 10, options.into_iter(), &mut out);
        assert_eq!(out, [99, 130, 83, 99, 60, 1, 7]);
    }
}
