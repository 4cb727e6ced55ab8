//! Single clients that speak to one server.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};

use crate::packet::{ACK, Client, Message};
use crate::server::{PATIENCE, Server};

const RELAY: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 3);

/// Everybody is answered who has waited for so long.
pub const LONG: u16 = 60;

/// Clients behind a relay agent that speak to one server.
#[derive(Debug)]
pub struct Relay(pub UdpSocket);

impl Relay {
    pub fn to(server: &Server) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(server.dhcp()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    pub fn send(&self, message: &Message) {
        self.0.send(&Message { giaddr: RELAY, ..message.clone() }.encode()).unwrap();
    }

    pub fn receive(&self) -> Message {
        let mut buffer = [0; 2048];
        let length = loop {
            match self.0.recv(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => break received.unwrap(),
            }
        };
        Message::decode(&buffer[..length]).unwrap()
    }

    /// The offer to a client that has just begun to ask; `None` if there is none. Answers come in the
    /// order of the questions, so that the one to somebody who has waited tells of silence.
    pub fn offer(&self, client: &Client) -> Option<Message> {
        let (first, patient) = (client.discover(), Client::number(9999).after(LONG).discover());
        self.send(&first);
        self.send(&patient);
        let answer = self.receive();
        if answer.xid == patient.xid {
            return None;
        }
        assert_eq!(answer.xid, first.xid);
        assert_eq!(self.receive().xid, patient.xid);
        Some(answer)
    }

    pub fn lease(&self, client: &Client, offer: &Message) -> Message {
        self.send(&client.select(offer));
        let answer = self.receive();
        assert_eq!(answer.kind(), Some(ACK));
        answer
    }
}
