//! Who may ask.
//!
//! With a token, whoever shows it. Without one the listener is on loopback, where anybody on this
//! machine may ask; what must be kept out are web pages in a browser on this machine. A page that
//! rebinds its own name to loopback is told by the Host header, a form that posts here by the
//! Origin header, which browsers add to every POST.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Failure;

/// How long a request may take until its answer begins, its own body included.
const REQUEST_PATIENCE: Duration = Duration::from_secs(30);

/// What a request has to show.
#[derive(Clone)]
pub(super) struct Guard {
    token: Option<Arc<str>>,
}

impl Guard {
    pub(super) fn new(token: Option<String>) -> Self {
        Self { token: token.map(Arc::from) }
    }

    fn admit(&self, method: &Method, headers: &HeaderMap) -> Result<(), Failure> {
        match &self.token {
            Some(token) => check_token(token, headers),
            None => check_local(method, headers),
        }
    }
}

/// Lets a request through or answers it at once.
pub(super) async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.admit(request.method(), request.headers()) {
        Ok(()) => {
            let answer = tokio::time::timeout(REQUEST_PATIENCE, next.run(request)).await;
            answer.unwrap_or_else(|_| {
                let why = "the request did not arrive in time".to_owned();
                Failure(StatusCode::REQUEST_TIMEOUT, why).into_response()
            })
        }
        Err(failure) => {
            let unauthorized = failure.0 == StatusCode::UNAUTHORIZED;
            let mut response = failure.into_response();
            if unauthorized {
                let scheme = header::HeaderValue::from_static("Bearer");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
            }
            response
        }
    }
}

fn check_token(token: &str, headers: &HeaderMap) -> Result<(), Failure> {
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let why = match shown {
        Some(shown) if equal_in_constant_time(shown.as_bytes(), token.as_bytes()) => return Ok(()),
        Some(_) => "this is not the token of [admin] in the configuration",
        None => {
            "a token is needed: Authorization: Bearer TOKEN, or TWINLEASE_TOKEN for the commands"
        }
    };
    Err(Failure(StatusCode::UNAUTHORIZED, why.to_owned()))
}

/// Compares without telling by its duration how much is right.
fn equal_in_constant_time(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |sum, (left, right)| sum | (left ^ right));
    one.len() == other.len() && differences == 0
}

fn check_local(method: &Method, headers: &HeaderMap) -> Result<(), Failure> {
    let refuse = |why: String| Err(Failure(StatusCode::FORBIDDEN, why));
    if let Some(host) = headers.get(header::HOST)
        && !host.to_str().is_ok_and(is_loopback_host)
    {
        return refuse(format!(
            "the Host header {host:?} is not of this machine; use 127.0.0.1, or set a token"
        ));
    }
    if *method != Method::GET
        && let Some(origin) = headers.get(header::ORIGIN)
    {
        let origin_host = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        if origin_host.map(|(_, host)| host) != host {
            return refuse(format!("a page of {origin:?} must not do this"));
        }
    }
    Ok(())
}

/// Whether a Host header names this machine by a loopback address or as "localhost".
fn is_loopback_host(host: &str) -> bool {
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => bare,
        _ => host,
    };
    let unbracketed = bare.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || unbracketed.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().cloned();
        pairs.map(|(name, value)| (name, header::HeaderValue::from_static(value))).collect()
    }

    fn code(guard: &Guard, method: &Method, pairs: &[(header::HeaderName, &'static str)]) -> u16 {
        guard.admit(method, &headers(pairs)).map_or_else(|failure| failure.0.as_u16(), |()| 200)
    }

    #[test]
    fn the_right_token_is_let_in_and_no_other() {
        let guard = Guard::new(Some("secret".to_owned()));
        let with = |value| code(&guard, &Method::GET, &[(header::AUTHORIZATION, value)]);
        assert_eq!(with("Bearer secret"), 200);
        assert_eq!(with("bearer secret"), 200);
        assert_eq!(with("Bearer secre"), 401);
        assert_eq!(with("Bearer secrets"), 401);
        assert_eq!(with("Basic secret"), 401);
        assert_eq!(code(&guard, &Method::GET, &[]), 401);
    }

    #[test]
    fn without_a_token_only_hosts_of_this_machine_are_let_in() {
        let guard = Guard::new(None);
        let with = |value| code(&guard, &Method::GET, &[(header::HOST, value)]);
        for host in ["127.0.0.1:8067", "localhost:8067", "localhost", "[::1]:8067", "127.0.0.9"] {
            assert_eq!(with(host), 200, "{host}");
        }
        for host in [
            "evil.example:8067",
            "10.0.0.1",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
        ] {
            assert_eq!(with(host), 403, "{host}");
        }
    }

    #[test]
    fn a_post_of_another_origin_is_refused() {
        let guard = Guard::new(None);
        let post = |origin| {
            let pairs = [(header::HOST, "127.0.0.1:8067"), (header::ORIGIN, origin)];
            code(&guard, &Method::POST, &pairs)
        };
        assert_eq!(post("http://127.0.0.1:8067"), 200);
        assert_eq!(post("http://evil.example"), 403);
        assert_eq!(post("http://127.0.0.1:9999"), 403);
        assert_eq!(post("null"), 403);
    }
}
