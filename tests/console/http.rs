//! One request a connection, in so many octets: what a browser or a library would never send can be sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::server::{PATIENCE, Server};

const ADMIN_PORT: u16 = 8067;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}", self.body))
    }

    /// A header's value; names in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Where the page of a server is.
pub fn base(server: &Server) -> String {
    format!("http://{}:{ADMIN_PORT}", server.address)
}

fn connect(server: &Server, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect((server.address, ADMIN_PORT)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}:{ADMIN_PORT}\r\nConnection: close\r\n\
         Content-Length: {}\r\n{headers}\r\n{body}",
        server.address,
        body.len()
    );
    // Whoever is refused early may find the connection closed before all is written.
    let _cut = stream.write_all(request.as_bytes());
    stream
}

/// Asks and reads all of the answer.
pub fn send(server: &Server, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let mut octets = Vec::new();
    let mut stream = connect(server, method, path, headers, body);
    // A connection that is reset after the answer has given the answer all the same.
    let _reset = stream.read_to_end(&mut octets);
    let text = String::from_utf8(octets).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

pub fn get(server: &Server, path: &str) -> Answer {
    send(server, "GET", path, "", "")
}

/// The header of a token.
pub fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// A stream of events, line by line.
pub struct Events(BufReader<TcpStream>);

impl Events {
    pub fn of(server: &Server, path: &str) -> Self {
        Self(BufReader::new(connect(server, "GET", path, "", "")))
    }

    /// The data of the next event of this kind for which `is_wanted` holds.
    pub fn next(&mut self, kind: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let wanted = format!("event: {kind}");
        let mut is_kind = false;
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the stream ended");
            let line = line.trim_end();
            if line.starts_with("event: ") {
                is_kind = line == wanted;
            }
            if let Some(data) = line.strip_prefix("data: ").filter(|_| is_kind) {
                let data = serde_json::from_str(data).unwrap();
                if is_wanted(&data) {
                    return data;
                }
            }
        }
    }
}
