//! Questions to a running server's admin listener.

use std::fmt::{self, Write as _};
use std::io::Read;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::{Request, Response, StatusCode};
use ureq::{Agent, AsSendBody, Body};

use crate::driver::web_tls::Authorities;

/// How long the listener may take to pick up.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// How long it may take for the head of an answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(15);

/// Octets of an error body that are read.
const MAX_ERROR_BODY: u64 = 64 * 1024;

/// Why there is no answer.
#[derive(Debug)]
pub enum AskError {
    /// Nobody can be asked at this address.
    Unreachable {
        /// The address.
        base: String,
        /// What is in the way.
        why: String,
    },
    /// The server does not follow the request, in its own words.
    Refused(String),
    /// What answers is no twinlease server.
    Nonsense {
        /// The address.
        base: String,
        /// What is wrong with the answer.
        why: String,
    },
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { base, why } => write!(
                f,
                "cannot reach a twinlease server at {base}: {why}; is `twinlease serve` running, \
                 and is this [admin] listen of its configuration?"
            ),
            Self::Refused(why) => f.write_str(why),
            Self::Nonsense { base, why } => {
                write!(f, "the answer of {base} is not that of a twinlease server: {why}")
            }
        }
    }
}

impl std::error::Error for AskError {}

/// What every version of the server has in the answer to a request that it does not follow.
#[derive(Deserialize)]
struct Said {
    error: String,
}

/// A way to one admin listener. It blocks; an asynchronous caller gives it a thread.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    base: String,
    token: Option<String>,
}

impl Client {
    /// `admin` is an address with a port, or a URL.
    pub fn new(admin: &str, token: Option<String>) -> Self {
        Self::patient(admin, token, None, CONNECT_PATIENCE, ANSWER_PATIENCE)
    }

    /// The same where these authorities are believed, and not those of this machine.
    pub fn believing(admin: &str, token: Option<String>, authorities: Option<Authorities>) -> Self {
        Self::patient(admin, token, authorities, CONNECT_PATIENCE, ANSWER_PATIENCE)
    }

    /// The same for a listener that may take so long to pick up, and so long for the head of an answer.
    pub fn patient(
        admin: &str,
        token: Option<String>,
        authorities: Option<Authorities>,
        connect: Duration,
        answer: Duration,
    ) -> Self {
        let base = admin.trim_end_matches('/');
        let base = if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
        let tls = base.starts_with("https:").then(|| {
            let authorities = authorities.unwrap_or_else(Authorities::of_system);
            authorities.client()
        });
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(connect))
            .timeout_recv_response(Some(answer))
            .tls_config(tls.unwrap_or_default())
            .proxy(None)
            .build()
            .new_agent();
        Self { agent, base, token }
    }

    /// The answer to a GET as a stream of octets.
    pub fn stream(&self, path: &str) -> Result<impl Read + use<>, AskError> {
        Ok(self.send("GET", path)?.into_body().into_reader())
    }

    /// The answer to a GET.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AskError> {
        self.parse(self.send("GET", path)?)
    }

    /// The answer to a POST without a body.
    pub fn post<T: DeserializeOwned>(&self, path: &str) -> Result<T, AskError> {
        self.parse(self.send("POST", path)?)
    }

    /// The answer to a request with or without a body.
    pub fn exchange<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<T, AskError> {
        match body {
            Some(body) => self.parse(self.send_body(method, path, body.to_string())?),
            None => self.parse(self.send(method, path)?),
        }
    }

    fn parse<T: DeserializeOwned>(&self, response: Response<Body>) -> Result<T, AskError> {
        serde_json::from_reader(response.into_body().into_reader())
            .map_err(|error| AskError::Nonsense { base: self.base.clone(), why: error.to_string() })
    }

    fn send(&self, method: &str, path: &str) -> Result<Response<Body>, AskError> {
        self.send_body(method, path, ())
    }

    fn send_body(
        &self,
        method: &str,
        path: &str,
        body: impl AsSendBody,
    ) -> Result<Response<Body>, AskError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let unreachable = |why: String| AskError::Unreachable { base: self.base.clone(), why };
        let request = request.body(body).map_err(|error| unreachable(error.to_string()))?;
        let response = self.agent.run(request).map_err(|error| match error {
            ureq::Error::Io(error) => unreachable(error.to_string()),
            other => unreachable(other.to_string()),
        })?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response)) }
    }

    fn refusal(&self, response: Response<Body>) -> AskError {
        let status: StatusCode = response.status();
        let body = response.into_body().into_reader().take(MAX_ERROR_BODY);
        match serde_json::from_reader::<_, Said>(body) {
            Ok(said) => AskError::Refused(said.error),
            Err(_) => AskError::Nonsense { base: self.base.clone(), why: status.to_string() },
        }
    }
}

/// A text as part of an address: everything but letters, digits and a few signs is escaped.
pub fn escaped(text: &str) -> String {
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
