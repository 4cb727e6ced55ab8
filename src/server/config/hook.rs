//! `[[hook]]`: who is told of events, by a command or over HTTP.

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use toml_edit::Value;
use ureq::http::Uri;

use crate::driver::web_tls::{Authorities, SYSTEM_AUTHORITIES};

use super::problem::Problems;
use super::section::{Located, Section};
use super::security;
use super::value::{self, Wrong};

pub(super) const KEYS: &[&str] =
    &["name", "events", "command", "url", "token-file", "ca-file", "time-limit"];

/// Hooks that there may be; each has a thread.
const MAX_HOOKS: usize = 16;

/// Characters of a name, which is a label of metrics.
const MAX_NAME: usize = 64;

/// How long a delivery may take unless the file says otherwise, in seconds.
const TIME_LIMIT: u32 = 10;

/// And the longest that it may say.
const MAX_TIME_LIMIT: u64 = 300;

/// Octets of a token.
const MAX_TOKEN: u64 = 4096;

/// What somebody may want to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// This server changed its state.
    Transition,
    /// The partner announced another state.
    Partner,
    /// Communications became ok or were interrupted.
    Communications,
    /// An operator's maintenance began or ended.
    Maintenance,
    /// Anything else that relationships tell.
    Notice,
    /// Both servers have served as if the other were down, or that is settled.
    Conflict,
    /// A pool would not last without the partner, or would again.
    EnduranceLow,
    /// The clocks of both servers are apart, or are not any more.
    ClockDifference,
    /// The configuration of both servers differs, or does not any more.
    Drift,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Transition,
        Self::Partner,
        Self::Communications,
        Self::Maintenance,
        Self::Notice,
        Self::Conflict,
        Self::EnduranceLow,
        Self::ClockDifference,
        Self::Drift,
    ];

    /// As in the configuration and in what is delivered.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transition => "transition",
            Self::Partner => "partner",
            Self::Communications => "communications",
            Self::Maintenance => "maintenance",
            Self::Notice => "notice",
            Self::Conflict => "conflict",
            Self::EnduranceLow => "endurance-low",
            Self::ClockDifference => "clock-difference",
            Self::Drift => "drift",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// As whom metrics and the log know it.
    pub name: String,
    /// Of what.
    pub events: Vec<EventKind>,
    /// In what way.
    pub target: HookTarget,
    /// How long one delivery may take.
    pub time_limit: Duration,
}

/// How somebody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookTarget {
    /// A program is run.
    Command {
        /// Its absolute path.
        program: String,
        /// What it is given.
        arguments: Vec<String>,
    },
    /// A request is sent.
    Web(WebHook),
}

/// Where a request is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct WebHook {
    /// May hold a secret of the receiver's.
    pub url: String,
    /// Shown as `Authorization: Bearer ...`.
    pub token: Option<String>,
    /// Authorities that are believed; `None` without TLS.
    pub authorities: Option<Authorities>,
}

impl fmt::Debug for WebHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebHook(..)")
    }
}

/// All hooks of the file.
pub(super) fn read_all(root: &Section<'_>, problems: &mut Problems<'_>) -> Vec<Hook> {
    let mut hooks: Vec<Hook> = Vec::new();
    for section in root.sections("hook", KEYS, problems) {
        let place = section.span_of_key("name");
        let Some(hook) = read(&section, problems) else { continue };
        let place = place.unwrap_or_default();
        if hooks.iter().any(|earlier| earlier.name == hook.name) {
            let problem = format!("there is a hook \"{}\" already", hook.name);
            problems.add(&place, "hook.name", problem, "give every hook a name of its own");
        }
        if hooks.len() == MAX_HOOKS {
            let problem = format!("this is one more than {MAX_HOOKS} hooks");
            let fix = "let one command or receiver tell the others";
            problems.add(&place, "hook.name", problem, fix);
        }
        hooks.push(hook);
    }
    hooks
}

fn read(section: &Section<'_>, problems: &mut Problems<'_>) -> Option<Hook> {
    let name = section.required("name", "\"pager\"", problems, name);
    let events = section.required("events", "[\"transition\"]", problems, events);
    let limit = section
        .optional("time-limit", problems, |value| value::seconds_up_to(value, 1, MAX_TIME_LIMIT));
    let target = target(section, problems);
    let limit = limit.map_or(TIME_LIMIT, |located| located.value);
    Some(Hook {
        name: name?.value,
        events: events?.value,
        target: target?,
        time_limit: Duration::from_secs(limit.into()),
    })
}

fn target(section: &Section<'_>, problems: &mut Problems<'_>) -> Option<HookTarget> {
    let command = section.optional("command", problems, command);
    let web = section.span_of_key("url");
    match (section.span_of_key("command"), &web) {
        (Some(_), Some(span)) => {
            let problem = "a hook has a command or a URL";
            problems.add(span, section.path_of("url"), problem, "make two hooks of it");
        }
        (None, None) => section.missing(
            "command",
            "[\"/usr/local/bin/on-event\"], or url = \"https://...\"",
            problems,
        ),
        _ => {}
    }
    if web.is_some() {
        return read_web(section, problems).map(HookTarget::Web);
    }
    for key in ["token-file", "ca-file"] {
        if let Some(span) = section.span_of_key(key) {
            let problem = "this has a meaning beside a URL only";
            problems.add(&span, section.path_of(key), problem, "remove it");
        }
    }
    command.map(|located| located.value)
}

fn read_web(section: &Section<'_>, problems: &mut Problems<'_>) -> Option<WebHook> {
    let token = section.optional("token-file", problems, token_in_file);
    let ca = section.optional("ca-file", problems, value::text);
    let span = section.span_of_key("url")?;
    let key = section.path_of("url");
    // The address may hold a secret, so that its line is not shown.
    let mut wrong = None;
    let url = section.optional("url", problems, |value| match web_address(value) {
        Ok(uri) => Ok(Some(uri)),
        Err(problem) => {
            wrong = Some(problem);
            Ok(None)
        }
    });
    if let Some(Wrong { problem, fix, .. }) = wrong {
        problems.add_hiding_value(&span, key, problem, fix);
        return None;
    }
    let uri = url?.value?;
    let is_secure = uri.scheme_str() == Some("https");
    if token.is_some() && !is_secure && !is_loopback(&uri) {
        let problem = "the token would go over the network in clear";
        problems.add_hiding_value(&span, key, problem, "use https, or remove token-file");
    }
    let authorities =
        if is_secure { Some(authorities(ca.as_ref(), section, problems)?) } else { None };
    Some(WebHook { url: uri.to_string(), token: token.map(|located| located.value), authorities })
}

fn name(value: &Value) -> Result<String, Wrong> {
    let name = value::text(value)?;
    let fix = format!("use at most {MAX_NAME} letters, digits and signs without spaces");
    let is_fit = name.len() <= MAX_NAME && name.chars().all(|letter| letter.is_ascii_graphic());
    if is_fit { Ok(name) } else { Err(Wrong::new("this is no name of a hook", fix)) }
}

fn events(value: &Value) -> Result<Vec<EventKind>, Wrong> {
    let words = EventKind::ALL.map(|kind| (kind.name(), kind));
    let mut kinds = value::list(value, |value| value::word(value, &words))?;
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() {
        let fix = "name at least one, or remove the hook";
        return Err(Wrong::new("it would be told of nothing", fix));
    }
    Ok(kinds)
}

fn command(value: &Value) -> Result<HookTarget, Wrong> {
    let fix = "write the path and the arguments as a list: [\"/usr/bin/logger\", \"-t\", \"dhcp\"]";
    let mut words = value::list(value, value::text)?.into_iter();
    let program = words.next().ok_or_else(|| Wrong::new("there is no program", fix))?;
    if !program.starts_with('/') {
        return Err(Wrong::new(format!("\"{program}\" is no absolute path"), fix));
    }
    if !Path::new(&program).is_file() {
        return Err(Wrong::new(format!("there is no program {program}"), fix));
    }
    Ok(HookTarget::Command { program, arguments: words.collect() })
}

fn web_address(value: &Value) -> Result<Uri, Wrong> {
    let fix = "write it whole: \"https://pager.example.net/events\"";
    let wrong = |problem: &str| Wrong::new(problem, fix);
    let text = value.as_str().ok_or_else(|| wrong("this is no text"))?;
    let uri: Uri = text.parse().map_err(|_| wrong("this is no URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
        return Err(wrong("this is no URL of a web server"));
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        let fix = "write the token into a file of its own: token-file = \"...\"";
        return Err(Wrong::new("a password in a URL is shown too easily", fix));
    }
    Ok(uri)
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn token_in_file(value: &Value) -> Result<String, Wrong> {
    let name = value::text(value)?;
    let file = security::open_private(&name)?;
    let mut text = String::new();
    let read = file.take(MAX_TOKEN).read_to_string(&mut text);
    let token = text.trim_end_matches(['\r', '\n']);
    let is_fit = !token.is_empty() && token.chars().all(|letter| letter.is_ascii_graphic());
    if read.is_err() || !is_fit {
        let fix = "write one line of printable characters without spaces into it";
        return Err(Wrong::new(format!("{name} holds no token"), fix));
    }
    Ok(token.to_owned())
}

fn authorities(
    named: Option<&Located<String>>,
    section: &Section<'_>,
    problems: &mut Problems<'_>,
) -> Option<Authorities> {
    let file = named.map_or(SYSTEM_AUTHORITIES, |located| &located.value);
    match Authorities::load(Path::new(file)) {
        Ok(found) => Some(found),
        Err(problem) => {
            let place = named.map(|located| located.span.clone());
            let place = place.or_else(|| section.span_of_key("name")).unwrap_or_default();
            let fix = "name a PEM file with the certificates of the authorities";
            problems.add(&place, section.path_of("ca-file"), problem, fix);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use crate::server::config::Config;

    use super::*;

    fn hooks(lines: &str) -> Result<Vec<Hook>, Vec<String>> {
        let text = format!("data-dir = \"/tmp/none\"\n[[hook]]\nname = \"a\"\n{lines}");
        let parsed = Config::parse(&text, Path::new("t.toml"));
        parsed.map(|config| config.hooks).map_err(|error| vec![error.to_string()])
    }

    #[track_caller]
    fn refuses(lines: &str, expected: &str) {
        let problems = hooks(lines).unwrap_err().concat();
        assert!(problems.contains(expected), "{problems}");
        assert!(!problems.contains("swordfish"), "{problems}");
    }

    #[test]
    fn a_command_has_its_arguments_as_a_list() {
        let lines =
            "events = [\"conflict\", \"transition\"]\ncommand = [\"/bin/sh\", \"-c\", \"x\"]";
        let hooks = hooks(lines).unwrap();
        let hook = hooks.first().unwrap();
        assert_eq!(hook.events, [EventKind::Transition, EventKind::Conflict]);
        let arguments = vec!["-c".to_owned(), "x".to_owned()];
        assert_eq!(hook.target, HookTarget::Command { program: "/bin/sh".to_owned(), arguments });
        assert_eq!(hook.time_limit, Duration::from_secs(10));
    }

    #[test]
    fn a_command_line_is_not_taken_apart() {
        let lines = "events = \"transition\"\ncommand = \"/bin/sh -c x\"";
        refuses(lines, "there is no program /bin/sh -c x");
    }

    #[test]
    fn a_hook_has_one_way_to_be_told() {
        refuses("events = \"transition\"", "\"command\" is missing");
        let both = "events = \"transition\"\ncommand = \"/bin/sh\"\nurl = \"http://localhost/\"";
        refuses(both, "a hook has a command or a URL");
    }

    #[test]
    fn what_may_be_secret_in_a_url_is_not_shown() {
        for url in ["ftp://host/swordfish", "https://ann:swordfish@host/", "swordfish"] {
            refuses(&format!("events = \"transition\"\nurl = \"{url}\""), "url = ...");
        }
        let lines = "events = \"transition\"\nurl = \"http://localhost/swordfish\"";
        assert!(!format!("{:?}", hooks(lines).unwrap()).contains("swordfish"));
    }

    #[test]
    fn a_token_does_not_go_over_the_network_in_clear() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, "swordfish\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let token =
            format!("events = \"transition\"\ntoken-file = \"{}\"\n", file.path().display());
        refuses(&format!("{token}url = \"http://192.0.2.1/\""), "in clear");
        let hooks = hooks(&format!("{token}url = \"http://127.0.0.1:80/\"")).unwrap();
        let HookTarget::Web(web) = &hooks.first().unwrap().target else { unreachable!() };
        assert_eq!(web.token.as_deref(), Some("swordfish"));
    }
}
