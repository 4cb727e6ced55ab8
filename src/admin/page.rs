//! The status page: three files inside the program, which ask the same API as everybody else.
//!
//! They say nothing about this server, so they are given to anybody who may knock; everything on the
//! page comes through the guard. The page loads nothing from elsewhere and runs nothing that does not
//! stand in these files.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

const HTML: &str = include_str!("console/console.html");
const CSS: &str = include_str!("console/console.css");
const JS: &str = include_str!("console/console.js");

/// What the page may load and do.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) async fn html() -> Response {
    file("text/html; charset=utf-8", HTML)
}

pub(super) async fn css() -> Response {
    file("text/css; charset=utf-8", CSS)
}

pub(super) async fn js() -> Response {
    file("text/javascript; charset=utf-8", JS)
}

fn file(content_type: &'static str, text: &'static str) -> Response {
    let fixed = |name: HeaderName, value| (name, HeaderValue::from_static(value));
    let headers = [
        fixed(header::CONTENT_TYPE, content_type),
        fixed(header::CONTENT_SECURITY_POLICY, POLICY),
        fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        fixed(header::REFERRER_POLICY, "no-referrer"),
        fixed(header::X_FRAME_OPTIONS, "DENY"),
        // After an upgrade the page has to fit the server.
        fixed(header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_refers_to_nothing_elsewhere() {
        for text in [HTML, CSS, JS] {
            let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"));
            assert!(!text.contains("//cdn") && !text.contains("@import"));
        }
    }

    #[test]
    fn the_page_makes_no_markup_of_what_it_is_told() {
        for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!JS.contains(word), "{word}");
        }
        assert!(!HTML.contains("style=") && !HTML.contains("onclick"));
    }

    #[test]
    fn a_token_is_kept_for_the_session_only() {
        assert!(JS.contains("sessionStorage"));
        assert!(!JS.contains("localStorage") && !JS.contains("document.cookie"));
    }
}
