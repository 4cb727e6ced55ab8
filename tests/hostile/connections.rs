//! Connections without number or end.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use twinlease::wire::MAX_MESSAGE_LEN;

use crate::partner::Message;
use crate::siege::{Dialler, Siege};

/// Connections of everybody together.
const HALF_OPEN: usize = 10_000;

/// The server's own limit of open files, which is less than it would take to let them all in.
const SERVER_FILES: usize = 128;

/// Lets the server have that many open files and no more.
fn limit_files(siege: &Siege, count: usize) {
    let id = siege.server().id().to_string();
    let limit = format!("--nofile={count}:{count}");
    let status = Command::new("prlimit").args(["--pid", &id, &limit]).status().unwrap();
    assert!(status.success());
}

/// Lets this process have enough for its side of the connections.
fn raise_own_limit() {
    let id = std::process::id().to_string();
    let limit = format!("--nofile={0}:{0}", HALF_OPEN + 1000);
    let status = Command::new("prlimit").args(["--pid", &id, &limit]).status().unwrap();
    assert!(status.success(), "this test needs {HALF_OPEN} open files: ulimit -n");
}

fn open(dialler: Dialler, count: usize) -> Vec<TcpStream> {
    // One that the server has no time for is as good as one that it closes.
    (0..count).filter_map(|_| dialler.dial().ok()).collect()
}

#[test]
fn ten_thousand_half_open_connections_keep_nobody_from_being_served() {
    raise_own_limit();
    let mut siege = Siege::lay(101);
    limit_files(&siege, SERVER_FILES);
    let partner = siege.dialler();
    let stranger = Dialler { from: siege.address(9), ..partner };
    let opened = siege.during(|| {
        let mut all = open(stranger, HALF_OPEN / 2);
        all.extend(open(partner, HALF_OPEN / 2));
        all
    });
    assert!(opened.len() >= HALF_OPEN * 9 / 10, "{} connections", opened.len());
    // They are still open on this side while more clients come.
    siege.serve();
    drop(opened);
    siege.lift();
}

#[test]
fn connections_that_say_an_octet_now_and_then_keep_nobody_from_being_served() {
    let mut siege = Siege::lay(102);
    let partner = siege.dialler();
    siege.during(|| {
        let octets = Message::connect().encode(1);
        let mut all = open(partner, 200);
        for octet in octets.iter().take(60) {
            for stream in &mut all {
                // Most of them are closed by now.
                drop(stream.write_all(&[*octet]));
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    siege.lift();
}

#[test]
fn a_message_of_65535_octets_ends_the_connection_when_it_is_announced() {
    let mut siege = Siege::lay(103);
    let partner = siege.dialler();
    siege.during(|| {
        for _ in 0..20 {
            let mut met = partner.meet();
            let mut announced = Message::connect().encode(1);
            announced[..2].copy_from_slice(&[0xff, 0xff]);
            met.send_octets(&announced[..4]);
            met.until_closed();
        }
    });
    siege.lift();
}

#[test]
fn a_message_that_never_ends_ends_the_connection() {
    let mut siege = Siege::lay(105);
    let partner = siege.dialler();
    siege.during(|| {
        let mut met = partner.meet();
        let mut announced = Message::connect().encode(1);
        let length = u16::try_from(MAX_MESSAGE_LEN).unwrap();
        announced[..2].copy_from_slice(&length.to_be_bytes());
        met.send_octets(&announced);
        // An octet now and then, for two minutes: no message ever comes of it.
        let ended = (0..1200).any(|_| {
            thread::sleep(Duration::from_millis(100));
            !met.send_octets(&[0])
        });
        assert!(ended, "the server waits for the rest of the message");
    });
    siege.lift();
}

#[test]
fn a_storm_of_connects_keeps_nobody_from_being_served() {
    let mut siege = Siege::lay(104);
    let partner = siege.dialler();
    siege.during(|| {
        let storm = Message::connect().encode(7).repeat(50);
        for _ in 0..2000 {
            if let Ok(mut stream) = partner.dial() {
                drop(stream.write_all(&storm));
            }
        }
    });
    siege.lift();
}
