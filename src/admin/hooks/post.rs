//! A web server that is told an event by a POST; an answer of the kind 2xx means that it was taken.

use std::fmt;
use std::time::Duration;

use ureq::Agent;
use ureq::http::Request;

use crate::driver::web_tls::Authorities;
use crate::server::config::WebHook;

use super::deliver::NotTaken;
use super::queue::Delivery;

/// One web server.
pub(super) struct Receiver {
    agent: Agent,
    web: WebHook,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver(..)")
    }
}

impl Receiver {
    pub(super) fn new(web: &WebHook, time_limit: Duration) -> Self {
        let tls = web.authorities.as_ref().map(Authorities::client).unwrap_or_default();
        // A redirection is no answer: what is secret goes nowhere else.
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(time_limit))
            .tls_config(tls)
            .proxy(None)
            .user_agent(concat!("twinlease/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { agent, web: web.clone() }
    }

    /// Sends the event; what goes wrong is told without the address, which may hold a secret.
    pub(super) fn post(&self, event: &Delivery) -> Result<(), NotTaken> {
        let octets = serde_json::to_vec(&*event.body).unwrap_or_default();
        let mut request = Request::post(&self.web.url).header("content-type", "application/json");
        if let Some(token) = &self.web.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request =
            request.body(octets).map_err(|_| NotTaken("the request cannot be made".to_owned()))?;
        let response = self.agent.run(request).map_err(|error| NotTaken(words(&error)))?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(NotTaken(format!("the answer is {status}"))) }
    }
}

/// What went wrong, without the address.
fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Timeout(_) => "there was no answer in time".to_owned(),
        ureq::Error::HostNotFound => "the name of the receiver is not known".to_owned(),
        ureq::Error::Rustls(error) => format!("no TLS: {error}"),
        ureq::Error::ConnectionFailed => "the receiver cannot be reached".to_owned(),
        _ => "the request failed".to_owned(),
    }
}
