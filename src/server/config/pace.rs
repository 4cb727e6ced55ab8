//! How closely two twinlease watch each other.

use std::time::Duration;

use crate::endpoint::Pace;

use super::problem::Problems;
use super::section::Section;
use super::value;

/// Shortest heartbeat, in milliseconds: a hundredth of it is spent on the way even across a city.
const LEAST_HEARTBEAT: u64 = 20;

/// Shortest time after which a partner counts as lost, in milliseconds.
const LEAST_CONTACT_LOST: u64 = 100;

pub(super) fn read(section: &Section<'_>, problems: &mut Problems<'_>) -> Pace {
    let heartbeat = section
        .optional("heartbeat-interval", problems, |value| value::millis(value, LEAST_HEARTBEAT));
    let lost = section
        .optional("contact-lost-time", problems, |value| value::millis(value, LEAST_CONTACT_LOST));
    let delay = section.optional("takeover-delay", problems, |value| value::millis(value, 0));
    if let Some(lost) = &lost {
        let beat = heartbeat.as_ref().map(|heartbeat| heartbeat.value);
        if beat.is_none_or(|beat| beat.saturating_mul(2) > lost.value) {
            let beat =
                beat.map_or("its default".to_owned(), |beat| format!("{} ms", beat.as_millis()));
            problems.add(
                &lost.span,
                lost.key.clone(),
                format!(
                    "a heartbeat of {beat} does not come twice within {} ms",
                    lost.value.as_millis()
                ),
                "set heartbeat-interval to a third of it, on both servers",
            );
        }
    }
    Pace {
        heartbeat_interval: heartbeat.map(|heartbeat| heartbeat.value),
        contact_lost_time: lost.map(|lost| lost.value),
        takeover_delay: delay.map_or(Duration::ZERO, |delay| delay.value),
    }
}
