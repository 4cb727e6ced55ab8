//! A web server that is told events: what it was sent, and an answer of the test's choice.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::server::PATIENCE;
use crate::wait::wait_for;

/// One request.
#[derive(Clone, Debug)]
pub struct Told {
    pub head: String,
    pub event: Value,
}

/// The receiver; it lasts as long as the process.
#[derive(Clone, Debug)]
pub struct Receiver {
    told: Arc<Mutex<Vec<Told>>>,
    status: Arc<AtomicU16>,
}

impl Receiver {
    /// Answers everything on this address by 204.
    pub fn on(address: Ipv4Addr, port: u16, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((address, port)).unwrap();
        let receiver = Self { told: Arc::default(), status: Arc::new(AtomicU16::new(204)) };
        let answering = receiver.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                match &tls {
                    Some(tls) => {
                        let connection = ServerConnection::new(Arc::clone(tls)).unwrap();
                        answering.answer(StreamOwned::new(connection, stream));
                    }
                    None => answering.answer::<TcpStream>(stream),
                }
            }
        });
        receiver
    }

    /// How it answers from now on.
    pub fn set_status(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// Everything so far.
    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// The first request for which this holds.
    pub fn wait_for(&self, what: &str, is_wanted: impl Fn(&Value) -> bool) -> Told {
        wait_for(what, PATIENCE, || {
            let told = self.told();
            told.iter().find(|told| is_wanted(&told.event)).cloned().ok_or(format!("{told:?}"))
        })
    }

    fn answer<S: Read + Write>(&self, stream: S) {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            // Whoever does not believe the certificate sends nothing.
            let Ok(1..) = reader.read_line(&mut head) else { return };
        }
        let length = head.to_lowercase().lines().find_map(|line| {
            line.strip_prefix("content-length: ").and_then(|length| length.parse().ok())
        });
        let mut body = vec![0; length.unwrap()];
        reader.read_exact(&mut body).unwrap();
        let event = serde_json::from_slice(&body).unwrap();
        self.told.lock().unwrap().push(Told { head, event });
        let status = self.status.load(Ordering::Relaxed);
        let answer =
            format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let _gone = reader.get_mut().write_all(answer.as_bytes());
        let _gone = reader.get_mut().flush();
    }
}
