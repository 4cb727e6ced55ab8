//! The queue, and what a crash leaves of it.

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::server::config::HookTarget;

fn hook(name: &str, events: &[EventKind]) -> Hook {
    let target = HookTarget::Command { program: "/bin/true".to_owned(), arguments: Vec::new() };
    let time_limit = Duration::from_secs(1);
    Hook { name: name.to_owned(), events: events.to_vec(), target, time_limit }
}

/// Two hooks, the first for transitions and the second for notices.
fn hooks() -> [Hook; 2] {
    [hook("a", &[EventKind::Transition]), hook("b", &[EventKind::Notice])]
}

fn open(directory: &TempDir, hooks: &[Hook]) -> State {
    State::open(directory.path(), hooks, Counts::new(hooks)).unwrap()
}

fn push(state: &mut State, kind: EventKind, word: &str) {
    let body = json!({ "event": kind.name(), "text": word });
    state.push(kind, body.as_object().unwrap().clone()).unwrap();
}

/// Number and text of what a hook is to be told next.
fn next(state: &State, hook: usize) -> Option<(u64, String)> {
    let event = state.next(hook)?;
    Some((event.number, event.body["text"].as_str().unwrap().to_owned()))
}

fn id(state: &State, hook: usize) -> String {
    state.next(hook).unwrap().body["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_hook_is_told_its_kinds_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = open(&directory, &hooks());
    push(&mut state, EventKind::Notice, "one");
    push(&mut state, EventKind::Transition, "two");
    push(&mut state, EventKind::Transition, "three");
    assert_eq!(next(&state, 0), Some((2, "two".to_owned())));
    state.told(0, 2);
    assert_eq!(next(&state, 0), Some((3, "three".to_owned())));
    assert_eq!(next(&state, 1), Some((1, "one".to_owned())));
}

#[test]
fn what_was_not_told_outlives_a_crash_with_its_id() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = open(&directory, &hooks());
    push(&mut state, EventKind::Transition, "one");
    push(&mut state, EventKind::Transition, "two");
    state.told(0, 1);
    let before = id(&state, 0);
    let state = open(&directory, &hooks());
    assert_eq!(next(&state, 0), Some((2, "two".to_owned())));
    assert_eq!(id(&state, 0), before);
}

#[test]
fn a_torn_line_is_passed_over_and_the_numbers_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = open(&directory, &hooks());
    push(&mut state, EventKind::Transition, "one");
    state.file.write_all(b"{\"event\":{\"number\":2,\"bo").unwrap();
    let mut state = open(&directory, &hooks());
    push(&mut state, EventKind::Transition, "two");
    assert_eq!(next(&state, 0), Some((1, "one".to_owned())));
    state.told(0, 1);
    assert_eq!(next(&state, 0), Some((2, "two".to_owned())));
}

#[test]
fn a_new_hook_is_told_what_comes_from_now_on() {
    let directory = tempfile::tempdir().unwrap();
    let [first, second] = hooks();
    let mut state = open(&directory, std::slice::from_ref(&first));
    push(&mut state, EventKind::Transition, "one");
    let later = hook("c", &[EventKind::Transition]);
    let mut state = open(&directory, &[first, second, later]);
    assert_eq!(next(&state, 2), None);
    push(&mut state, EventKind::Transition, "two");
    assert_eq!(next(&state, 2), Some((2, "two".to_owned())));
    assert_eq!(next(&state, 0), Some((1, "one".to_owned())));
}

#[test]
fn no_number_comes_twice_after_a_hook_was_taken_out() {
    let directory = tempfile::tempdir().unwrap();
    let [first, second] = hooks();
    let mut state = open(&directory, &[first.clone(), second]);
    push(&mut state, EventKind::Transition, "one");
    push(&mut state, EventKind::Notice, "two");
    drop(open(&directory, std::slice::from_ref(&first)));
    let mut state = open(&directory, &[first]);
    state.told(0, 1);
    push(&mut state, EventKind::Transition, "three");
    assert_eq!(next(&state, 0), Some((3, "three".to_owned())));
}

#[test]
fn the_oldest_go_when_too_many_wait_and_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = open(&directory, &hooks());
    let body = json!({ "text": "x" }).as_object().unwrap().clone();
    for number in 1..=MAX_WAITING {
        let number = u64::try_from(number).unwrap();
        let (kind, body) = (EventKind::Transition, Arc::new(body.clone()));
        state.waiting.push_back(Delivery { number, kind, body });
        state.last = number;
    }
    push(&mut state, EventKind::Transition, "one too many");
    assert_eq!(state.waiting.len(), MAX_WAITING);
    assert_eq!(next(&state, 0).map(|(number, _)| number), Some(2));
    let count = state.counts.get(0).unwrap();
    assert_eq!(count.dropped.load(Ordering::Relaxed), 1);
    assert_eq!(count.waiting.load(Ordering::Relaxed), 1000);
    assert_eq!(state.counts.get(1).unwrap().dropped.load(Ordering::Relaxed), 0);
}

#[test]
fn the_file_is_written_anew_when_much_of_it_is_past() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = open(&directory, &hooks());
    state.compact_at = 500;
    for number in 1..=20 {
        push(&mut state, EventKind::Transition, "some words");
        state.told(0, number);
        state.compact_at = 500;
    }
    assert!(fs::metadata(directory.path().join(FILE)).unwrap().len() < 1000);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let mut state = open(&directory, &hooks());
    push(&mut state, EventKind::Transition, "next");
    assert_eq!(next(&state, 0), Some((21, "next".to_owned())));
}

#[test]
fn what_nobody_wants_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = open(&directory, &hooks());
    let before = state.length;
    push(&mut state, EventKind::Partner, "one");
    assert_eq!(state.length, before);
}

#[test]
fn nobody_else_may_read_the_queue() {
    use std::os::unix::fs::MetadataExt;
    let directory = tempfile::tempdir().unwrap();
    drop(open(&directory, &hooks()));
    let mode = fs::metadata(directory.path().join(FILE)).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn whoever_waits_for_an_event_is_woken_by_it_and_by_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let hooks = hooks();
    let queue = Queue::open(directory.path(), &hooks, Counts::new(&hooks)).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| (queue.next(0).map(|event| event.number), queue.next(1)));
        queue.push(EventKind::Transition, Map::new()).unwrap();
        queue.close();
        let (first, second) = waiting.join().unwrap();
        assert!(first.is_none_or(|number| number == 1));
        assert_eq!(second, None);
    });
}
