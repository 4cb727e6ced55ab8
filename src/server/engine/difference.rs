//! What has to happen to get from one plan to another while the server runs.
//!
//! An owner whose part of the plan is the same keeps everything it has: bindings, connection, answers
//! that wait. Every other one rests, and what the new plan has in its place is opened from the store as
//! at a start.

use crate::binding::AddressRange;

use super::owner_name;
use crate::server::plan::Plan;

/// How the pools without relationship are called to operators.
const ALONE: &str = "pools without relationship";

/// The way from one plan to another.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// By number in the new plan: the number that an owner which stays as it is had before.
    pub(super) kept: Vec<Option<usize>>,
    /// Numbers in the old plan of all others.
    pub(super) resting: Vec<usize>,
    /// What begins anew, is new, or is gone, as operators call it.
    pub(super) changed: Vec<String>,
    /// Names under which the store has nothing that a changed owner could want.
    pub(super) unasked: Vec<String>,
}

impl Difference {
    pub(super) fn between(old: &Plan, new: &Plan) -> Self {
        let old_of = |number: usize| {
            let of_name =
                |name: &str| old.relationships.iter().position(|one| one.endpoint.name == name);
            match new.relationships.get(number) {
                Some(one) => {
                    let position = of_name(&one.endpoint.name)?;
                    (old.relationships.get(position) == Some(one)).then_some(position)
                }
                None => (old.alone == new.alone).then_some(old.relationships.len()),
            }
        };
        let kept: Vec<_> = (0..new.owners()).map(old_of).collect();
        Self::with(old, new, kept)
    }

    /// The owners `resting` of a plan, opened anew as they were.
    pub(super) fn reopening(plan: &Plan, resting: &[usize]) -> Self {
        let kept = |number: usize| (!resting.contains(&number)).then_some(number);
        Self::with(plan, plan, (0..plan.owners()).map(kept).collect())
    }

    fn with(old: &Plan, new: &Plan, kept: Vec<Option<usize>>) -> Self {
        let resting: Vec<_> =
            (0..old.owners()).filter(|number| !kept.contains(&Some(*number))).collect();
        let opened: Vec<_> = (0..new.owners())
            .filter(|number| kept.get(*number).is_some_and(Option::is_none))
            .collect();
        let mut changed: Vec<_> = opened
            .iter()
            .map(|number| new.name_of(*number))
            .chain(resting.iter().map(|number| old.name_of(*number)))
            .map(|name| name.unwrap_or(ALONE).to_owned())
            .collect();
        changed.sort_unstable();
        changed.dedup();
        let known: Vec<_> = resting.iter().flat_map(|number| old.ranges_of(*number)).collect();
        let mut sought = opened.iter().flat_map(|number| new.ranges_of(*number));
        // Addresses that were nobody's of late may have leases under any name.
        let unasked = if sought.all(|range| is_covered(*range, &known)) {
            let kept = kept.iter().enumerate().filter(|(_, before)| before.is_some());
            kept.map(|(number, _)| owner_name(new.name_of(number))).collect()
        } else {
            Vec::new()
        };
        Self { kept, resting, changed, unasked }
    }
}

/// Whether every address of `range` is in one of `known`.
fn is_covered(range: AddressRange, known: &[&AddressRange]) -> bool {
    let mut known = known.to_vec();
    known.sort_unstable();
    let last = u64::from(range.last().to_bits());
    let mut next = u64::from(range.first().to_bits());
    for one in known {
        if u64::from(one.first().to_bits()) <= next {
            next = next.max(u64::from(one.last().to_bits()) + 1);
        }
    }
    next > last
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::server::config::Config;

    const BEFORE: &str = r#"
        data-dir = "/tmp/none"
        [[relationship]]
        name = "a"
        role = "primary"
        address = "10.0.0.1"
        peer-address = "10.0.0.2"
        [[relationship]]
        name = "b"
        role = "primary"
        address = "10.0.0.1"
        peer-address = "10.0.0.3"
        [[subnet]]
        network = "10.0.0.0/24"
        pool = [
            { range = "10.0.0.10-10.0.0.19", relationship = "a" },
            { range = "10.0.0.20-10.0.0.29", relationship = "b" },
            { range = "10.0.0.30-10.0.0.39" },
        ]
    "#;

    fn plan(text: &str) -> Plan {
        Plan::new(&Config::parse(text, Path::new("test.toml")).unwrap(), 7)
    }

    fn difference(from: &str, to: &str) -> Difference {
        let after = BEFORE.replace(from, to);
        assert_ne!(after, BEFORE);
        Difference::between(&plan(BEFORE), &plan(&after))
    }

    #[test]
    fn a_lease_time_changes_no_owner() {
        let after = difference("network =", "default-lease-time = 60\nnetwork =");
        assert_eq!(after.kept, [Some(0), Some(1), Some(2)]);
        assert_eq!(after.resting, Vec::<usize>::new());
        assert_eq!(after.changed, Vec::<String>::new());
    }

    #[test]
    fn a_relationship_with_another_partner_begins_anew_and_no_other() {
        let after = difference("10.0.0.3\"", "10.0.0.4\"");
        assert_eq!(after.kept, [Some(0), None, Some(2)]);
        assert_eq!(after.resting, [1]);
        assert_eq!(after.changed, ["b"]);
    }

    #[test]
    fn those_behind_a_new_relationship_are_found_under_their_names() {
        let new = "[[relationship]]\nname = \"c\"\nrole = \"primary\"\naddress = \"10.0.0.1\"\n\
                   peer-address = \"10.0.0.5\"\n[[relationship]]\nname = \"b\"";
        let after = difference("[[relationship]]\n        name = \"b\"", new);
        assert_eq!(after.kept, [Some(0), None, Some(1), Some(2)]);
        assert_eq!(after.resting, Vec::<usize>::new());
        assert_eq!(after.changed, ["c"]);
    }

    #[test]
    fn a_pool_that_moves_changes_both_its_owners() {
        let after = difference("19\", relationship = \"a\"", "19\", relationship = \"b\"");
        assert_eq!(after.kept, [None, None, Some(2)]);
        assert_eq!(after.changed, ["a", "b"]);
        assert_eq!(after.unasked, ["alone"]);
    }

    #[test]
    fn the_pools_without_relationship_are_an_owner_too() {
        let after = difference("39\" }", "39\", relationship = \"a\" }");
        assert_eq!(after.kept, [None, Some(1)]);
        assert_eq!(after.resting, [0, 2]);
        assert_eq!(after.changed, ["a", ALONE]);
    }

    #[test]
    fn addresses_that_were_nobodys_are_sought_under_every_name() {
        let after = difference("10.0.0.29", "10.0.0.25");
        assert_eq!(after.unasked, ["relationship:a", "alone"]);
        let after = difference("10.0.0.39", "10.0.0.49");
        assert_eq!(after.unasked, Vec::<String>::new());
    }

    #[test]
    fn an_address_is_covered_by_ranges_that_meet() {
        let range = |first: u8, last: u8| {
            let address = |last| std::net::Ipv4Addr::new(10, 0, 0, last);
            AddressRange::new(address(first), address(last)).unwrap()
        };
        let known = [range(10, 19), range(20, 29)];
        let known: Vec<_> = known.iter().collect();
        assert!(is_covered(range(15, 25), &known));
        assert!(!is_covered(range(15, 30), &known));
        assert!(!is_covered(range(9, 15), &known));
        let gap = [range(10, 14), range(16, 29)];
        assert!(!is_covered(range(10, 29), &gap.iter().collect::<Vec<_>>()));
    }
}
