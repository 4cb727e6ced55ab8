//! Two servers that come back with any two states find their way to NORMAL.

use twinlease::balance::Role;
use twinlease::durable::EndpointRecord;
use twinlease::time::UnixTime;
use twinlease::wire::codes::FailoverState;
use twinlease::wire::dialect::Dialect;

use crate::support::scripted::stored;
use crate::support::world::{Disk, PRIMARY, SECONDARY, World};
use crate::support::{MCLT, START, config};

const STATES: [FailoverState; 9] = [
    FailoverState::Normal,
    FailoverState::CommunicationsInterrupted,
    FailoverState::PartnerDown,
    FailoverState::PotentialConflict,
    FailoverState::Recover,
    FailoverState::RecoverWait,
    FailoverState::RecoverDone,
    FailoverState::ResolutionInterrupted,
    FailoverState::ConflictDone,
];

/// What differs between the ways two servers meet.
#[derive(Clone, Copy, Debug)]
struct Meeting {
    dialect: Dialect,
    states: [FailoverState; 2],
    storage_lost: bool,
    /// Seconds by which the secondary's process starts later.
    late: u32,
    /// Whether the first connection breaks at once.
    cut: bool,
}

impl Meeting {
    fn outcome(self) -> [FailoverState; 2] {
        let [primary, secondary] = [Role::Primary, Role::Secondary].map(|role| {
            let mut relationship = config(role, 20);
            relationship.dialect = self.dialect;
            relationship
        });
        let mut world = World::new(primary, secondary);
        for side in [PRIMARY, SECONDARY] {
            world.sides[side].disk = Disk::with(EndpointRecord {
                down_time: UnixTime(START - 10),
                storage_lost: self.storage_lost,
                ..stored(self.states[side])
            });
        }
        world.start(PRIMARY);
        world.run(self.late);
        world.start(SECONDARY);
        if self.cut {
            world.cut();
        }
        world.run(3 * MCLT);
        [PRIMARY, SECONDARY].map(|side| world.state(side))
    }
}

#[test]
fn every_pair_of_states_ends_in_normal() {
    for dialect in [Dialect::Isc, Dialect::Draft12] {
        for primary in STATES {
            for secondary in STATES {
                for (storage_lost, late, cut) in
                    [(false, 0, false), (true, 0, false), (false, 20, false), (false, 1, true)]
                {
                    let states = [primary, secondary];
                    let meeting = Meeting { dialect, states, storage_lost, late, cut };
                    let normal = FailoverState::Normal;
                    assert_eq!(meeting.outcome(), [normal, normal], "{meeting:?}");
                }
            }
        }
    }
}
