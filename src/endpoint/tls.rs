//! TLS on a connection: who asks, who agrees, and what has to wait for it (§11.2, §12.26, §12.27).
//!
//! The primary says in CONNECT what it wants, the secondary in CONNECTACK what will be. TLS then
//! starts on the same connection, carried out by the driver, and CONNECT comes once more inside it.
//! What was agreed on is never given up: without TLS the connection ends.

use crate::balance::Role;
use crate::time::Now;
use crate::wire::codes::RejectReason;

use super::FailoverEndpoint;
use super::authentication::Failure;
use super::config::TlsPolicy;
use super::event::{Event, LinkEnd};
use super::io::{LinkId, Output, TlsSide};
use super::link::Phase;

impl FailoverEndpoint {
    /// Whether TLS stands on the connection.
    pub(super) fn is_secured(&self, id: LinkId) -> bool {
        self.links.iter().any(|link| link.is(id) && link.secured)
    }

    pub(super) fn is_negotiating_tls(&self, id: LinkId) -> bool {
        self.links.iter().any(|link| link.is(id) && link.phase == Phase::AwaitTls)
    }

    /// The table of §7.8.2: whether TLS is used, or why there is no connection.
    pub(super) fn answer_tls_request(&self, request: u8) -> Result<bool, Failure> {
        match (request, self.config.tls) {
            (0, TlsPolicy::Required) => {
                Err((RejectReason::TLS_REQUIRED, "this server speaks over TLS only"))
            }
            (0, _) | (1, TlsPolicy::Unsupported | TlsPolicy::Off) => Ok(false),
            (_, TlsPolicy::Desired | TlsPolicy::Required) => Ok(true),
            (_, TlsPolicy::Unsupported) => {
                Err((RejectReason::TLS_NOT_SUPPORTED, "this server does not do TLS"))
            }
            (_, TlsPolicy::Off) => {
                Err((RejectReason::TLS_NOT_CONFIGURED, "TLS is not configured on this server"))
            }
        }
    }

    /// CONNECTACK has said that TLS follows: nothing more is said or heard in clear.
    pub(super) fn start_tls(&mut self, now: Now, id: LinkId, side: TlsSide) {
        let Some(link) = self.link_mut(id) else { return };
        link.phase = Phase::AwaitTls;
        link.since = now.monotonic;
        // The driver takes what waits together with the order to begin.
        self.outputs.retain(|output| *output != Output::Transmit(id));
        self.outputs.push_back(Output::StartTls { link: id, side });
    }

    /// The negotiation of the terms begins anew, now in secret.
    pub(super) fn on_tls_established(&mut self, now: Now, id: LinkId) {
        let Some(link) = self.link_mut(id).filter(|link| link.phase == Phase::AwaitTls) else {
            return;
        };
        link.secured = true;
        link.since = now.monotonic;
        link.phase = Phase::AwaitConnect;
        self.events.push(Event::Secured);
        if self.config.role == Role::Primary {
            self.send_connect(now, id);
        }
    }

    /// A partner that agreed on TLS and goes on in clear is not the one that is meant.
    pub(super) fn on_clear_message(&mut self, now: Now, id: LinkId) {
        let why = "a message came in clear after TLS had been agreed on";
        self.close_link(now, id, LinkEnd::Tls(why.to_owned()), None);
    }
}
