//! Questions to a running server's admin listener.

use std::fmt::Write as _;
use std::io::Read;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::http::{Request, Response, StatusCode};
use ureq::{Agent, Body};

use crate::admin::json::ErrorBody;

use super::{AdminAddress, Failure};

/// How long the listener may take to answer the phone.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// How long it may take for the first octet of an answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(15);

/// Octets of an error body that are read.
const MAX_ERROR_BODY: u64 = 64 * 1024;

/// A connection to one admin listener.
pub(super) struct Client {
    agent: Agent,
    base: String,
    token: Option<String>,
}

impl Client {
    pub(super) fn new(server: &AdminAddress) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_PATIENCE))
            .timeout_recv_response(Some(ANSWER_PATIENCE))
            .proxy(None)
            .build()
            .new_agent();
        let base = server.admin.trim_end_matches('/');
        let base = if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
        Self { agent, base, token: server.token.clone() }
    }

    /// The answer to a GET as a stream of octets.
    pub(super) fn stream(&self, path: &str) -> Result<impl Read + use<>, Failure> {
        let response = self.send("GET", path)?;
        Ok(response.into_body().into_reader())
    }

    /// The answer to a GET.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.parse(self.send("GET", path)?)
    }

    /// The answer to a POST without a body.
    pub(super) fn post<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.parse(self.send("POST", path)?)
    }

    fn parse<T: DeserializeOwned>(&self, response: Response<Body>) -> Result<T, Failure> {
        serde_json::from_reader(response.into_body().into_reader()).map_err(|error| {
            Failure::Said(format!("the answer of {} makes no sense: {error}", self.base))
        })
    }

    fn send(&self, method: &str, path: &str) -> Result<Response<Body>, Failure> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(()).map_err(|error| {
            Failure::Said(format!("{} is no address of an admin listener: {error}", self.base))
        })?;
        let response = self.agent.run(request).map_err(|error| {
            Failure::Said(format!(
                "cannot reach a twinlease server at {}: {error}; is `twinlease serve` running, and \
                 is this [admin] listen of its configuration?",
                self.base
            ))
        })?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response)) }
    }
}

fn refusal(response: Response<Body>) -> Failure {
    let status = response.status();
    let body = response.into_body().into_reader().take(MAX_ERROR_BODY);
    Failure::Said(match serde_json::from_reader::<_, ErrorBody>(body) {
        Ok(body) => body.error,
        Err(_) if status == StatusCode::NOT_FOUND => "this is no twinlease server".to_owned(),
        Err(_) => format!("the server answers {status}"),
    })
}

/// A text as part of an address: everything but letters, digits and a few signs is escaped.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            escaped.push(char::from(octet));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(escaped, "%{octet:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_part_of_the_address() {
        assert_eq!(escaped("a/../b?c d%"), "a%2F..%2Fb%3Fc%20d%25");
        assert_eq!(escaped("büro-1"), "b%C3%BCro-1");
    }
}
