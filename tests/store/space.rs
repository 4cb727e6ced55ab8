//! What a store takes of the disk stays in proportion to what it holds.

use twinlease::binding::Binding;
use twinlease::store::{Journal, LeaseStore};
use twinlease::time::UnixTime;

use crate::disk::RecordingDisk;
use crate::samples::{binding, carrying, recovered, set};

const SEGMENT_OCTETS: u32 = 4096;

/// Most that the files of a store may have, with `live` octets of records that are needed.
fn bound(live: u64) -> u64 {
    live * 5 / 2 + 3 * u64::from(SEGMENT_OCTETS)
}

/// Changes one address after the other in the order that `choose` gives, and looks at the space.
fn run(rounds: u32, size: u32, choose: impl Fn(u32) -> Binding) -> Journal {
    let mut journal = Journal::on(RecordingDisk::new().boxed(), SEGMENT_OCTETS).unwrap();
    let (owner, _) = journal.open_owner("a").unwrap();
    for round in 0..rounds {
        let batch: Vec<_> = (0..size)
            .map(|step| {
                let mark = UnixTime(round);
                set(owner, Binding { lease_expiration: mark, ..choose(round * size + step) })
            })
            .collect();
        journal.commit(&batch).unwrap();
        let space = journal.space();
        assert!(space.octets <= bound(space.live_octets), "round {round}: {space:?}");
    }
    journal
}

#[test]
fn one_address_that_changes_without_end_takes_no_more_than_a_few_segments() {
    let mut journal = run(3000, 1, |_| binding(1));
    assert!(journal.space().octets < 4 * u64::from(SEGMENT_OCTETS), "{:?}", journal.space());
    assert_eq!(recovered(&mut journal, "a").bindings.len(), 1);
}

#[test]
fn addresses_that_change_in_turn_keep_the_space_in_bounds() {
    let mut journal = run(2000, 3, |step| binding((step % 250) as u8));
    journal.verify().unwrap();
}

#[test]
fn addresses_that_change_at_random_keep_the_space_in_bounds() {
    let mut journal = run(2000, 5, |step| binding((step.wrapping_mul(2_654_435_761) >> 24) as u8));
    journal.verify().unwrap();
}

#[test]
fn a_few_long_records_among_many_that_never_change_keep_the_space_in_bounds() {
    let mut journal = run(4000, 1, |step| match step {
        0..240 => binding(step as u8),
        _ => carrying(250),
    });
    journal.verify().unwrap();
    assert_eq!(recovered(&mut journal, "a").bindings.len(), 241);
}

#[test]
fn a_store_that_only_grows_copies_nothing() {
    let journal = run(60, 4, |step| binding(step as u8));
    let space = journal.space();
    let headers = 40 * space.segments as u64 + 60 * 32 + 32 + 16;
    assert!(space.octets <= space.live_octets + headers, "{space:?}");
}
