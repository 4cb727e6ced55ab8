//! Conversations: the stories of the protocol as scripts that a reader can follow. README.md tells how
//! they are written; every script beside it is one test, named as its file. Together with `grid.rs` they
//! apply every row of the transition table.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

mod clients;
mod format;
mod grid;
mod language;
mod options;
mod partner;
mod run;
mod setup;
mod stage;

use std::collections::BTreeSet;
use std::path::PathBuf;

use twinlease::endpoint::transitions;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conversations")
}

/// Plays a script and tells which rows of the transition table were applied in it.
fn play(name: &str) -> BTreeSet<&'static str> {
    let file = format!("tests/conversations/{name}.txt");
    let text = std::fs::read_to_string(folder().join(format!("{name}.txt"))).expect("the script");
    run::play(&file, &text).unwrap_or_else(|fault| panic!("{fault}"))
}

/// One test for each script.
macro_rules! conversations {
    ($($name:ident,)+) => {
        $(
            #[test]
            fn $name() {
                play(stringify!($name));
            }
        )+

        const NAMES: &[&str] = &[$(stringify!($name),)+];
    };
}

conversations! {
    a_client_is_answered_before_the_partner,
    a_clock_that_jumps,
    a_conflict_over_one_address,
    a_conflict_seen_by_the_primary,
    a_conflict_seen_by_the_secondary,
    a_conflict_that_gets_no_answer,
    a_conflict_that_is_interrupted,
    a_connect_of_the_wrong_relationship,
    a_connect_without_usable_terms,
    a_connectack_with_another_clock,
    a_connection_replaces_a_dead_one,
    a_connection_that_breaks_before_state,
    a_crash_does_not_prolong_recover_wait,
    a_crash_forgets_what_was_not_written,
    a_declared_loss_is_never_waved_through,
    a_dhcpd_is_spared_what_terminates_it,
    a_draft_primary_is_knocked_at,
    a_draft_secondary_is_asked_for_addresses,
    a_draft_secondary_knocks,
    a_lease_and_its_renewal,
    a_lease_that_ends,
    a_long_stop,
    a_long_stop_without_an_answer,
    a_lost_store_is_filled_by_the_partner,
    a_message_before_connect,
    a_message_in_pieces,
    a_partner_that_acknowledges_nothing,
    a_partner_that_never_answers_connect,
    a_partner_that_requires_tls,
    a_recovering_partner_is_not_waited_for,
    a_recovery_that_gets_no_answer,
    a_released_address_waits_for_the_partner,
    a_second_connection_while_the_first_lives,
    a_secondary_keeps_ended_leases_to_itself,
    a_secondary_that_was_a_primary,
    a_short_stop,
    a_signature_nobody_agreed_on,
    addresses_are_asked_for_again,
    after_a_disconnect,
    an_address_reserved_for_a_client,
    an_empty_store_waits_for_the_partner,
    an_ended_lease_becomes_free_without_the_partner,
    an_ended_lease_waits_in_partner_down,
    an_operator_declares_the_partner_down,
    an_operator_in_a_conflict,
    an_operator_may_be_wrong,
    an_update_that_was_not_answered,
    another_version_of_the_protocol,
    away_for_longer_than_the_mclt,
    both_have_served_alone,
    both_start_at_once,
    clocks_that_differ,
    commissioning_alone,
    conflict_done_survives_a_restart,
    connection_by_the_draft,
    contact_ends_startup,
    contact_ends_the_safe_period,
    contact_is_lost_in_recover_done,
    contact_is_lost_in_recover_wait,
    contact_keeps_the_connection,
    duplicate_connection,
    first_start_of_a_primary,
    first_start_of_a_secondary,
    hot_standby,
    leases_of_full_length_in_partner_down,
    messages_nobody_knows,
    nobody_listens_at_the_partner,
    nothing_is_promised_before_the_disk,
    octets_that_are_no_message,
    only_what_the_partner_does_not_know,
    partner_disconnects,
    partner_down_by_force_in_a_recovery,
    partner_down_in_resolution_interrupted,
    partner_down_in_startup,
    partner_down_waits_for_a_partner_that_starts,
    refused_again_and_again,
    silence_ends_the_connection,
    silent_partner,
    startup_is_no_state_to_report,
    startup_without_partner,
    the_connection_breaks_and_comes_back,
    the_disk_fails,
    the_lead_time_holds_in_partner_down,
    the_partner_pauses,
    the_partner_rejects_an_update,
    the_partner_returns_to_a_server_in_partner_down,
    the_partner_shuts_down,
    the_partner_took_over_in_the_meantime,
    the_partners_addresses_after_the_mclt,
    the_request_of_a_recovery_starts_over,
    the_safe_period_ends_in_partner_down,
    the_secondary_asks_for_addresses,
    the_secondary_gives_way,
    the_secondary_rejects_the_primary,
    the_window_of_the_partner,
    updates_that_are_rejected,
    upddone_comes_last,
    waiting_for_the_partner,
    whose_client_is_it,
}

#[test]
fn every_script_is_a_test() {
    let entries = std::fs::read_dir(folder()).expect("the folder of the scripts");
    let scripts: BTreeSet<String> = entries
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".txt").map(str::to_owned))
        .collect();
    let listed: BTreeSet<String> = NAMES.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(scripts, listed, "add the name of the script to main.rs");
}

/// Holds: FO-9-1.
#[test]
fn every_row_of_the_transition_table_is_applied() {
    let mut applied: BTreeSet<&str> = NAMES.iter().flat_map(|name| play(name)).collect();
    applied.extend(grid::rows_applied());
    let missing: Vec<&str> =
        transitions::rows().map(|row| row.id).filter(|id| !applied.contains(id)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn every_script_begins_with_title_and_story() {
    for name in NAMES {
        let text = std::fs::read_to_string(folder().join(format!("{name}.txt"))).expect("it");
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        let is_told = head.len() >= 3
            && head[0].starts_with("# ")
            && head[1] == "#"
            && head.iter().skip(2).any(|line| !line.starts_with("# Holds:") && line.len() > 2);
        assert!(is_told, "{name}.txt: a title, an empty comment, then the story are needed");
    }
}
