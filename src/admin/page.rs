//! The status page: files inside the program, which ask the same API as everybody else.
//!
//! They say nothing about this server, so they are given to anybody who may knock; everything on the
//! page comes through the guard. The page loads nothing from elsewhere and runs nothing that does not
//! stand in these files.

use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::problem::Failure;

const HTML: &str = include_str!("console/console.html");
const CSS: &str = include_str!("console/console.css");

/// The program of the page, in files that name each other.
const SCRIPTS: [(&str, &str); 15] = [
    ("audit.js", include_str!("console/audit.js")),
    ("change.js", include_str!("console/change.js")),
    ("console.js", include_str!("console/console.js")),
    ("diagram.js", include_str!("console/diagram.js")),
    ("edits.js", include_str!("console/edits.js")),
    ("elements.js", include_str!("console/elements.js")),
    ("fields.js", include_str!("console/fields.js")),
    ("leases.js", include_str!("console/leases.js")),
    ("pools.js", include_str!("console/pools.js")),
    ("relationship.js", include_str!("console/relationship.js")),
    ("session.js", include_str!("console/session.js")),
    ("setup.js", include_str!("console/setup.js")),
    ("steer.js", include_str!("console/steer.js")),
    ("timeline.js", include_str!("console/timeline.js")),
    ("words.js", include_str!("console/words.js")),
];

/// What the page may load and do.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) async fn html() -> Response {
    file("text/html; charset=utf-8", HTML)
}

/// Its style, or a part of its program.
pub(super) async fn part(Path(name): Path<String>) -> Result<Response, Failure> {
    if name == "console.css" {
        return Ok(file("text/css; charset=utf-8", CSS));
    }
    let script = SCRIPTS.iter().find(|(known, _)| *known == name);
    let (_, text) = script.ok_or_else(|| Failure::not_found("the page has no such part"))?;
    Ok(file("text/javascript; charset=utf-8", text))
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

    fn scripts() -> impl Iterator<Item = &'static str> {
        SCRIPTS.into_iter().map(|(_, text)| text)
    }

    #[test]
    fn every_part_that_the_page_names_is_there() {
        let named = scripts().flat_map(|text| text.split(" from \"./").skip(1));
        let mut found = 0;
        for name in named.filter_map(|rest| rest.split('"').next()) {
            assert!(SCRIPTS.iter().any(|(known, _)| *known == name), "{name}");
            found += 1;
        }
        assert!(found > 20, "{found}");
        assert!(HTML.contains("/console/console.js") && HTML.contains("/console/console.css"));
    }

    #[test]
    fn the_page_refers_to_nothing_elsewhere() {
        for text in [HTML, CSS].into_iter().chain(scripts()) {
            let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"));
            assert!(!text.contains("//cdn") && !text.contains("@import"));
        }
    }

    #[test]
    fn the_page_makes_no_markup_of_what_it_is_told() {
        for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(scripts().all(|text| !text.contains(word)), "{word}");
        }
        assert!(!HTML.contains("style=") && !HTML.contains("onclick"));
    }

    #[test]
    fn a_token_is_kept_for_the_session_only() {
        assert!(scripts().any(|text| text.contains("sessionStorage")));
        let elsewhere =
            |text: &str| text.contains("localStorage") || text.contains("document.cookie");
        assert!(!scripts().any(elsewhere));
    }
}
