//! `twinlease top`: a live view in the terminal, over the stream of events that the status page has too.

mod view;

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use serde::Deserialize;

use crate::admin::client::Client;
use crate::admin::json::StatusBody;

use super::{AdminAddress, Failure};

/// How long the view may be late when a key is pressed or something happens.
const REACTION: Duration = Duration::from_millis(200);

/// Without a word for so long the server counts as silent; it speaks every second.
const SILENCE: Duration = Duration::from_secs(4);

/// Pause before a server that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// Events that are kept.
const MAX_EVENTS: usize = 200;

/// What the stream may have waiting for a terminal that is slow.
const MAX_WAITING: usize = 64;

/// Octets of one line of the stream; a server with many pools says much in one line.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// Something that happened, as the stream tells it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Happening {
    at: u32,
    relationship: String,
    text: String,
    warning: bool,
}

/// What the stream says.
#[derive(Debug)]
enum Heard {
    Status(Box<StatusBody>),
    Happened(Happening),
    Lost(String),
}

/// What is shown.
#[derive(Debug, Default)]
struct Shown {
    status: Option<StatusBody>,
    /// The latest first.
    events: VecDeque<Happening>,
    /// Why nothing is heard.
    lost: Option<String>,
}

impl Shown {
    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Status(status) => {
                self.status = Some(*status);
                self.lost = None;
            }
            Heard::Happened(happening) => {
                // A new stream tells again what has happened before it.
                if !self.events.contains(&happening) {
                    self.events.push_front(happening);
                    self.events.truncate(MAX_EVENTS);
                }
            }
            Heard::Lost(why) => self.lost = Some(why),
        }
    }
}

/// Shows the server until `q`, Escape or Control-C.
pub(super) fn run(server: &AdminAddress) -> Result<(), Failure> {
    if !io::stdout().is_terminal() {
        let why = "this view needs a terminal; `twinlease status --json` is for programs";
        return Err(Failure::Said(why.to_owned()));
    }
    let client = server.client();
    // Asked once before the screen is taken, so that a wrong address or token is a plain error.
    let status: StatusBody = client.get("/v1/status")?;
    let mut shown = Shown { status: Some(status), ..Shown::default() };
    let (sender, heard) = sync_channel(MAX_WAITING);
    std::thread::spawn(move || listen(&client, &sender));
    let mut terminal = ratatui::try_init()?;
    let outcome = show(&mut terminal, &heard, &mut shown);
    ratatui::restore();
    Ok(outcome?)
}

fn show(
    terminal: &mut ratatui::DefaultTerminal,
    heard: &Receiver<Heard>,
    shown: &mut Shown,
) -> io::Result<()> {
    let mut last = Instant::now();
    loop {
        while let Ok(heard) = heard.try_recv() {
            shown.hear(heard);
            last = Instant::now();
        }
        if last.elapsed() > SILENCE && shown.lost.is_none() {
            shown.lost = Some("nothing heard for some seconds".to_owned());
        }
        terminal.draw(|frame| view::draw(frame, shown))?;
        if event::poll(REACTION)? && is_end(&event::read()?) {
            return Ok(());
        }
    }
}

fn is_end(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let interrupts =
        key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind == KeyEventKind::Press
        && (interrupts || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc))
}

/// Reads the stream, again and again, until nobody wants to know.
fn listen(client: &Client, sender: &SyncSender<Heard>) {
    loop {
        let why = match client.stream("/v1/events") {
            Ok(stream) => read(stream, |heard| sender.send(heard).is_ok()),
            Err(error) => error.to_string(),
        };
        if sender.send(Heard::Lost(why)).is_err() {
            return;
        }
        std::thread::sleep(AGAIN);
    }
}

/// Hands on what a stream says; the answer is why it ended.
fn read(stream: impl Read, mut hand_on: impl FnMut(Heard) -> bool) -> String {
    let mut reader = BufReader::new(stream);
    let mut kind = String::new();
    let mut line = String::new();
    loop {
        line.clear();
        match reader.by_ref().take(MAX_LINE).read_line(&mut line) {
            Ok(0) => return "the server has ended the connection".to_owned(),
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
        let text = line.trim_end();
        if let Some(name) = text.strip_prefix("event: ") {
            name.clone_into(&mut kind);
        } else if let Some(data) = text.strip_prefix("data: ")
            && let Some(heard) = parse(&kind, data)
            && !hand_on(heard)
        {
            return "nobody listens".to_owned();
        }
    }
}

fn parse(kind: &str, data: &str) -> Option<Heard> {
    match kind {
        "status" => serde_json::from_str(data).ok().map(Box::new).map(Heard::Status),
        "missed" => None,
        _ => serde_json::from_str(data).ok().map(Heard::Happened),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happening(at: u32) -> Happening {
        Happening { at, relationship: "a".into(), text: "state x -> y".into(), warning: false }
    }

    #[test]
    fn a_stream_is_read_to_its_end() {
        let stream = ": twinlease\n\nid: 1\nevent: transition\ndata: {\"number\": 1, \"at\": 7, \
                      \"relationship\": \"a\", \"text\": \"state x -> y\", \"warning\": false}\n\n\
                      event: missed\ndata: {\"events\": 3}\n\nevent: status\ndata: {\"version\": \
                      \"1\", \"storage\": \"ok\", \"relationships\": []}\n\n";
        let mut shown = Shown::default();
        let why = read(stream.as_bytes(), |heard| {
            shown.hear(heard);
            true
        });
        assert_eq!(why, "the server has ended the connection");
        assert_eq!(shown.events, [happening(7)]);
        assert_eq!(shown.status.unwrap().version, "1");
    }

    #[test]
    fn what_is_told_again_is_shown_once() {
        let mut shown = Shown::default();
        for at in [1, 2, 1, 2, 3] {
            shown.hear(Heard::Happened(happening(at)));
        }
        assert_eq!(shown.events, [happening(3), happening(2), happening(1)]);
    }
}
