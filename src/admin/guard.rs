//! Who may ask what.
//!
//! With tokens, whoever shows one whose role is enough. Without any the listener is on loopback, where
//! anybody on this machine may ask; what must be kept out are web pages in a browser on this machine. A
//! page that rebinds its own name to loopback is told by the Host header, one of another origin by the
//! Origin header. Whatever is refused is logged, so many lines in ten seconds.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;

use crate::driver::clock::Clock;
use crate::rate_limit::RateLimit;
use crate::server::config::{Role, Token};

use super::MAX_BODY;
use super::listener::Peer;
use super::problem::Failure;

/// How long a request may take until its answer begins, its own body included.
const REQUEST_PATIENCE: Duration = Duration::from_secs(30);

/// Refusals that are logged in ten seconds; the others are counted.
const BURST: u32 = 20;

/// What a bearer token has to be, or is not (RFC 6750).
const BEARER: &str = "RFC 6750 §3.1";

/// Pages of another origin have no business here (RFC 6454).
const ORIGIN: &str = "RFC 6454 §7";

/// Who asks, as far as it is known.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// Name of the token; "loopback" where none is needed.
    pub(super) name: Arc<str>,
    pub(super) role: Role,
    /// Where the request came from.
    pub(super) from: Option<SocketAddr>,
}

/// What a request has to show.
#[derive(Clone)]
pub(super) struct Guard(Arc<Rules>);

/// What holds for one request.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) path: &'static str,
    pub(super) method: Method,
    /// `None` for what is open to all.
    pub(super) needs: Option<Role>,
    /// Octets that the body may have.
    pub(super) max_body: usize,
}

struct Rules {
    tokens: Vec<(Token, Arc<str>)>,
    /// What is not in here needs [`Role::Read`].
    requests: Vec<Rule>,
    clock: Clock,
    refusals: Mutex<RateLimit>,
}

impl Guard {
    pub(super) fn new(tokens: Vec<Token>, rules: impl Iterator<Item = Rule>) -> Self {
        let named = |token: Token| {
            let name = Arc::from(token.name.as_str());
            (token, name)
        };
        Self(Arc::new(Rules {
            tokens: tokens.into_iter().map(named).collect(),
            requests: rules.collect(),
            clock: Clock::new(),
            refusals: Mutex::new(RateLimit::with_burst(BURST)),
        }))
    }

    fn rule(&self, method: &Method, path: Option<&str>) -> Option<&Rule> {
        let method = if method == Method::HEAD { Method::GET } else { method.clone() };
        self.0.requests.iter().find(|rule| Some(rule.path) == path && rule.method == method)
    }

    fn admit(
        &self,
        method: &Method,
        path: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<(Arc<str>, Role), Failure> {
        check_origin(headers)?;
        let known = self.rule(method, path);
        check_length(headers, known.map_or(MAX_BODY, |rule| rule.max_body))?;
        if self.0.tokens.is_empty() {
            check_host(headers)?;
            return Ok(("loopback".into(), Role::Admin));
        }
        let Some(needed) = known.map_or(Some(Role::Read), |rule| rule.needs) else {
            return Ok(("anybody".into(), Role::Read));
        };
        let (name, role) = self.holder(headers)?;
        if role < needed {
            let why = format!(
                "the token \"{name}\" has the role {}, and {} is needed here",
                role.name(),
                needed.name()
            );
            return Err(Failure::new(StatusCode::FORBIDDEN, why, BEARER));
        }
        Ok((name, role))
    }

    /// Whose token a request shows.
    fn holder(&self, headers: &HeaderMap) -> Result<(Arc<str>, Role), Failure> {
        let shown = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let Some(shown) = shown else {
            let why = "a token is needed: Authorization: Bearer TOKEN, or TWINLEASE_TOKEN for the commands";
            return Err(Failure::new(StatusCode::UNAUTHORIZED, why, "RFC 6750 §3"));
        };
        let holder = self.0.tokens.iter().find(|(token, _)| token.digest.is_of(shown));
        holder.map(|(token, name)| (Arc::clone(name), token.role)).ok_or_else(|| {
            let why = "this is no token of [admin] in the configuration";
            Failure::new(StatusCode::UNAUTHORIZED, why, BEARER)
        })
    }

    /// Says in the log what was refused. The path goes without its query, which may hold anything.
    fn log(
        &self,
        method: &Method,
        path: &str,
        from: Option<SocketAddr>,
        status: StatusCode,
        why: &str,
    ) {
        let now = self.0.clock.monotonic();
        let Some(suppressed) = self.0.refusals.lock().pass(now) else { return };
        let from = from.map_or_else(|| "?".to_owned(), |from| from.to_string());
        let status = status.as_u16();
        tracing::warn!(%from, %method, path = ?path, status, suppressed, "request refused: {why}");
    }
}

/// Lets a request through or answers it at once.
pub(super) async fn check(
    State(guard): State<Guard>,
    mut request: Request,
    next: Next,
) -> Response {
    let from = request.extensions().get::<ConnectInfo<Peer>>().map(|info| info.0.0);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let admitted =
        guard.admit(&method, matched.as_ref().map(MatchedPath::as_str), request.headers());
    let (name, role) = match admitted {
        Ok(admitted) => admitted,
        Err(failure) => {
            guard.log(&method, &path, from, failure.status, &failure.why);
            return failure.into_response();
        }
    };
    request.extensions_mut().insert(Caller { name, role, from });
    let answer = tokio::time::timeout(REQUEST_PATIENCE, next.run(request)).await;
    let response = answer.unwrap_or_else(|_| {
        let why = "the request did not arrive in time";
        Failure::new(StatusCode::REQUEST_TIMEOUT, why, "RFC 9110 §15.5.9").into_response()
    });
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        guard.log(&method, &path, from, response.status(), "the body is too long");
    }
    response
}

/// Refuses what a page of another origin sends. Browsers say the origin of all that could change
/// something.
fn check_origin(headers: &HeaderMap) -> Result<(), Failure> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin_host = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if origin_host.is_some() && origin_host.map(|(_, host)| host) == host {
        return Ok(());
    }
    let why = format!("a page of {origin:?} must not do this");
    Err(Failure::new(StatusCode::FORBIDDEN, why, ORIGIN))
}

/// Refuses a body that announces more than `most` octets, whether or not anybody would read it.
fn check_length(headers: &HeaderMap, most: usize) -> Result<(), Failure> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length = length.and_then(|length| length.parse::<u64>().ok()).unwrap_or(0);
    if usize::try_from(length).is_ok_and(|length| length <= most) {
        return Ok(());
    }
    let why = format!("the body has {length} octets; {most} are possible");
    Err(Failure::unreadable(StatusCode::PAYLOAD_TOO_LARGE, why))
}

fn check_host(headers: &HeaderMap) -> Result<(), Failure> {
    match headers.get(header::HOST) {
        Some(host) if !host.to_str().is_ok_and(is_loopback_host) => {
            let why = format!(
                "the Host header {host:?} is not of this machine; use 127.0.0.1, or set a token"
            );
            Err(Failure::new(StatusCode::FORBIDDEN, why, ORIGIN))
        }
        _ => Ok(()),
    }
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
    use crate::server::config::TokenDigest;

    const STEER: &str = "/v1/steer";

    fn guard(tokens: &[(&str, Role)]) -> Guard {
        let token = |(clear, role): &(&str, Role)| Token {
            name: (*clear).to_owned(),
            role: *role,
            digest: TokenDigest::of(clear),
        };
        let rule = |path, method, needs| Rule { path, method, needs, max_body: MAX_BODY };
        let rules = [rule(STEER, Method::POST, Some(Role::Operate)), rule("/", Method::GET, None)];
        Guard::new(tokens.iter().map(token).collect(), rules.into_iter())
    }

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().cloned();
        pairs.map(|(name, value)| (name, header::HeaderValue::from_static(value))).collect()
    }

    fn code(
        guard: &Guard,
        method: &Method,
        path: &str,
        pairs: &[(header::HeaderName, &'static str)],
    ) -> u16 {
        let admitted = guard.admit(method, Some(path), &headers(pairs));
        admitted.map_or_else(|failure| failure.status.as_u16(), |_| 200)
    }

    #[test]
    fn the_right_token_is_let_in_and_no_other() {
        let guard = guard(&[("secret", Role::Admin)]);
        let with = |value| code(&guard, &Method::GET, "/x", &[(header::AUTHORIZATION, value)]);
        assert_eq!(with("Bearer secret"), 200);
        assert_eq!(with("bearer secret"), 200);
        assert_eq!(with("Bearer secre"), 401);
        assert_eq!(with("Bearer secrets"), 401);
        assert_eq!(with("Basic secret"), 401);
        assert_eq!(code(&guard, &Method::GET, "/x", &[]), 401);
    }

    #[test]
    fn a_role_that_is_not_enough_is_refused() {
        let guard =
            guard(&[("reader", Role::Read), ("operator", Role::Operate), ("admin", Role::Admin)]);
        let post = |value| code(&guard, &Method::POST, STEER, &[(header::AUTHORIZATION, value)]);
        assert_eq!(post("Bearer reader"), 403);
        assert_eq!(post("Bearer operator"), 200);
        assert_eq!(post("Bearer admin"), 200);
    }

    #[test]
    fn what_is_open_to_all_needs_no_token() {
        let guard = guard(&[("secret", Role::Admin)]);
        assert_eq!(code(&guard, &Method::GET, "/", &[]), 200);
        assert_eq!(code(&guard, &Method::HEAD, "/", &[]), 200);
        assert_eq!(code(&guard, &Method::POST, "/", &[]), 401);
    }

    #[test]
    fn without_a_token_only_hosts_of_this_machine_are_let_in() {
        let guard = guard(&[]);
        let with = |value| code(&guard, &Method::GET, "/x", &[(header::HOST, value)]);
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
    fn a_request_of_another_origin_is_refused() {
        for tokens in [&[][..], &[("secret", Role::Admin)]] {
            let guard = guard(tokens);
            let post = |origin| {
                let pairs = [
                    (header::HOST, "127.0.0.1:8067"),
                    (header::ORIGIN, origin),
                    (header::AUTHORIZATION, "Bearer secret"),
                ];
                code(&guard, &Method::POST, STEER, &pairs)
            };
            assert_eq!(post("http://127.0.0.1:8067"), 200);
            assert_eq!(post("http://evil.example"), 403);
            assert_eq!(post("http://127.0.0.1:9999"), 403);
            assert_eq!(post("null"), 403);
        }
    }

    #[test]
    fn a_body_that_announces_too_much_is_refused_where_nobody_would_read_it() {
        let guard = guard(&[]);
        let with = |value| code(&guard, &Method::GET, "/x", &[(header::CONTENT_LENGTH, value)]);
        assert_eq!(with("4096"), 200);
        assert_eq!(with("4097"), 413);
    }
}
