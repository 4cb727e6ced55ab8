//! What the scripts' own language promises.

use twinlease::balance::{HashBuckets, Role};
use twinlease::binding::{ClientRef, HardwareAddress};

use crate::options::hardware;
use crate::run::play;

/// The fault of a script whose first line is the configuration.
fn fault(script: &str) -> String {
    let script = format!("role secondary\ndialect isc\n{script}");
    play("story.txt", &script).expect_err("this script has a fault")
}

#[test]
fn a_script_says_who_the_server_is() {
    let fault = play("story.txt", "dialect isc\nstart").expect_err("the role is missing");
    assert!(fault.starts_with("story.txt:2: role has to be said before start"), "{fault}");
}

#[test]
fn an_unknown_word_is_a_fault_of_its_line() {
    let fault = fault("start\nat 3s  partner sneezes");
    assert!(
        fault.starts_with("story.txt:4: the partner does not know: partner sneezes"),
        "{fault}"
    );
}

#[test]
fn an_unknown_option_is_a_fault() {
    let fault = fault("start\npartner connects\npartner sends CONNECT mood=good");
    assert!(fault.starts_with("story.txt:5: mood is no option of the draft"), "{fault}");
}

#[test]
fn a_fault_says_what_was_expected_and_what_came() {
    let fault = fault("start\npartner connects\npartner sends CONNECT\nexpect CONNECTACK MCLT=5");
    assert!(
        fault.starts_with("story.txt:6: expected CONNECTACK MCLT=5; came connectack"),
        "{fault}"
    );
    assert!(fault.contains("MCLT is not 5"), "{fault}");
}

#[test]
fn a_fault_tells_the_conversation_so_far() {
    let fault = fault("start\nat 2s partner connects\npartner sends CONNECT\nexpect STATE");
    assert!(fault.contains("2.000s partner: connect"), "{fault}");
}

#[test]
fn what_nobody_expected_is_a_fault_at_the_end() {
    let fault = fault("start\npartner connects\npartner sends CONNECT\n");
    assert!(fault.contains("expected nothing; came connectack"), "{fault}");
}

#[test]
fn an_answer_of_the_server_must_repeat_the_xid() {
    let fault =
        fault("start\npartner connects\npartner sends CONNECT xid=7\nexpect CONNECTACK xid=8");
    assert!(fault.contains("its xid is 7"), "{fault}");
}

/// The README says so, and scripts count on it.
#[test]
fn clients_1_3_and_5_are_the_primarys_and_2_4_and_7_the_secondarys() {
    let role = |client| {
        let hardware = HardwareAddress::from_wire(&hardware(client));
        HashBuckets::half().role_for(ClientRef { identifier: None, hardware }.hash_key())
    };
    assert_eq!([1, 3, 5].map(role), [Role::Primary; 3]);
    assert_eq!([2, 4, 7].map(role), [Role::Secondary; 3]);
}

#[test]
fn the_example_of_the_readme_is_a_conversation() {
    let page = include_str!("README.md");
    let example: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    play("README.md", &example.join("\n")).unwrap_or_else(|fault| panic!("{fault}"));
}
