//! A script, line by line.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use twinlease::balance::Role;
use twinlease::endpoint::{Communications, Input, LeaseAuthority, OperatorCommand, Origin};
use twinlease::wire::codes::{BindingStatus, MessageType, Xid};
use twinlease::wire::frame::Frame;

use crate::clients::{Answer, Clients};
use crate::language::{Line, lines, micros, number, pair, seconds, span, state, status};
use crate::options::message_type;
use crate::partner::fault_of;
use crate::setup;
use crate::stage::{Disk, Network, Seen, Stage};

/// A message of the server that was expected, for the partner to answer.
struct Heard {
    name: Option<String>,
    message_type: MessageType,
    xid: Xid,
    octets: Vec<u8>,
}

struct Run {
    stage: Stage,
    clients: Clients,
    is_started: bool,
    /// What has to be said before `start` and was not yet.
    unsaid: Vec<&'static str>,
    heard: Vec<Heard>,
    /// Requests of the partner that the server has not answered.
    asked: Vec<(MessageType, Xid)>,
}

/// Plays `text` and tells which rows of the transition table were applied. A fault says where it is,
/// what was expected, what came, and all that was said.
pub(crate) fn play(file: &str, text: &str) -> Result<BTreeSet<&'static str>, String> {
    let lines = lines(text).map_err(|fault| format!("{file}:{fault}"))?;
    let mut run = Run {
        stage: Stage::new(setup::relationship()),
        clients: Clients::default(),
        is_started: false,
        unsaid: vec!["role", "dialect"],
        heard: Vec::new(),
        asked: Vec::new(),
    };
    for line in &lines {
        run.line(line).map_err(|fault| run.report(file, line.number, &fault))?;
    }
    let last = lines.last().map_or(0, |line| line.number);
    run.end().map_err(|fault| run.report(file, last, &fault))?;
    run.stage.note_rows();
    Ok(run.stage.rows)
}

impl Run {
    fn report(&self, file: &str, line: usize, fault: &str) -> String {
        let mut report = format!("{file}:{line}: {fault}\n\nthe conversation so far:\n");
        for said in &self.stage.transcript {
            let _ = writeln!(report, "{said}");
        }
        report
    }

    /// A story that is over leaves nothing unsaid.
    fn end(&mut self) -> Result<(), String> {
        if !self.is_started {
            return Err("the script never says start".to_owned());
        }
        self.expect_nothing()
    }

    fn line(&mut self, line: &Line) -> Result<(), String> {
        let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
        if self.is_started {
            return self.timed(&words);
        }
        match words.as_slice() {
            ["start"] => {
                if let [unsaid, ..] = self.unsaid.as_slice() {
                    return Err(format!("{unsaid} has to be said before start"));
                }
                self.is_started = true;
                self.stage.note("the server starts");
                self.stage.start()
            }
            ["partner", ..] => self.partner_habit(&words),
            ["stored", "binding", rest @ ..] => {
                let binding = setup::stored_binding(rest, 0)?;
                self.stage.disk.bindings.insert(binding.address, binding);
                Ok(())
            }
            ["stored", rest @ ..] => {
                self.stage.disk.record = Some(setup::stored(rest, 0)?);
                Ok(())
            }
            words => {
                setup::configure(&mut self.stage.config, words)?;
                self.unsaid.retain(|unsaid| words.first() != Some(unsaid));
                self.stage.partner.mclt = self.stage.config.mclt.0;
                Ok(())
            }
        }
    }

    /// `at 40s ...`, `after 10s ...`, `on NAME ...`.
    fn timed(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            ["at", when, rest @ ..] => {
                self.stage.run_until(span(when)?)?;
                self.timed(rest)
            }
            ["after", length, rest @ ..] => {
                self.stage.run_until(self.stage.now + span(length)?)?;
                self.timed(rest)
            }
            ["on", name, rest @ ..] => self.on_link(Some(name), rest),
            [] => Ok(()),
            words => self.on_link(None, words),
        }
    }

    fn on_link(&mut self, link: Option<&str>, words: &[&str]) -> Result<(), String> {
        match words {
            ["expect", rest @ ..] => self.expect(link, rest),
            ["partner", "sends", "octets", octets @ ..] => {
                let octets = crate::language::hex(&octets.join(":"))?;
                self.stage.send(link, &octets)
            }
            ["partner", "sends", name, rest @ ..] => self.partner_sends(link, name, rest),
            ["partner", "answers", rest @ ..] => self.partner_answers(link, rest),
            ["connection", "lost"] => {
                self.stage.note("the connection is lost");
                self.stage.disconnect(link)
            }
            words if link.is_some() => {
                Err(format!("on a connection there is no {}", words.join(" ")))
            }
            ["partner", "meets", "server"] => self.meet(),
            ["partner", ..] => self.partner_habit(words),
            ["client", rest @ ..] => {
                self.stage.note(&format!("client {}", rest.join(" ")));
                self.clients.say(&mut self.stage, rest)
            }
            ["operator", rest @ ..] => self.operator(rest),
            words => self.server(words),
        }
    }

    // The partner.

    fn partner_habit(&mut self, words: &[&str]) -> Result<(), String> {
        let stage = &mut self.stage;
        match words {
            ["partner", "is", "dhcpd"] => "isc-V4.4.3-P1".clone_into(&mut stage.partner.vendor),
            ["partner", "is", vendor] => (*vendor).clone_into(&mut stage.partner.vendor),
            ["partner", "listens"] => stage.network = Network::Listens,
            ["partner", "refuses", "calls"] => stage.network = Network::Refuses,
            ["partner", "is", "out", "of", "reach"] => stage.network = Network::Unreachable,
            ["partner", "keeps", "in", "contact"] => stage.keeps_in_contact = true,
            ["partner", "falls", "silent"] => stage.keeps_in_contact = false,
            ["partner", "acknowledges", "updates"] => stage.acknowledges = true,
            ["partner", "leaves", "updates", "unanswered"] => stage.acknowledges = false,
            ["partner", "clock", "ahead", by] => stage.partner_ahead = clock(by)?,
            ["partner", "connects"] => {
                let name = format!("{}", stage.transcript.len());
                return stage.connect(&name, Origin::Accepted);
            }
            ["partner", "connects", "as", name] => return stage.connect(name, Origin::Accepted),
            _ => return Err(format!("the partner does not know: {}", words.join(" "))),
        }
        Ok(())
    }

    /// The primary dials, and CONNECT is exchanged with its answer.
    fn meet(&mut self) -> Result<(), String> {
        self.expect_nothing()?;
        let name = format!("{}", self.stage.transcript.len());
        match self.stage.config.role {
            Role::Primary => {
                self.stage.connect(&name, Origin::Dialled)?;
                self.expect(None, &["CONNECT"])?;
                self.partner_answers(None, &["CONNECTACK"])
            }
            Role::Secondary => {
                self.stage.connect(&name, Origin::Accepted)?;
                self.partner_sends(None, "CONNECT", &[])?;
                self.expect(None, &["CONNECTACK", "reject-reason=none"])
            }
        }
    }

    fn partner_sends(
        &mut self,
        link: Option<&str>,
        name: &str,
        words: &[&str],
    ) -> Result<(), String> {
        let xid = self.stage.partner.next_xid();
        let draft = self.stage.say(link, message_type(name)?, xid, words)?;
        self.asked.push((draft.message_type, draft.xid));
        Ok(())
    }

    /// `answers TYPE ...` to what was expected last, `answers NAME TYPE ...` to what has a name.
    fn partner_answers(&mut self, link: Option<&str>, words: &[&str]) -> Result<(), String> {
        let [first, rest @ ..] = words else { return Err("answers what?".to_owned()) };
        let named = self.heard.iter().rposition(|h| h.name.as_deref() == Some(first));
        let (heard, name, rest) = match (named, rest) {
            (Some(heard), [name, rest @ ..]) => (self.heard.get(heard), *name, rest),
            _ => (self.heard.last(), *first, rest),
        };
        let heard = heard.ok_or("nothing was expected that could be answered")?;
        let message_type = message_type(name)?;
        let addresses = match (heard.message_type, message_type) {
            (MessageType::BNDUPD, MessageType::BNDACK) => addresses(&heard.octets)?,
            _ => Vec::new(),
        };
        let addresses = addresses.iter().map(String::as_str);
        let words: Vec<&str> = addresses.chain(rest.iter().copied()).collect();
        let xid = heard.xid;
        self.stage.say(link, message_type, xid, &words).map(drop)
    }

    // The server and its surroundings.

    fn server(&mut self, words: &[&str]) -> Result<(), String> {
        let stage = &mut self.stage;
        match words {
            ["crash"] => {
                stage.note("the server crashes");
                self.clients.forget();
                self.heard.clear();
                self.stage.crash()
            }
            ["restart"] => {
                stage.note("the server starts again");
                stage.start()
            }
            ["disk", "is", "slow"] => stage.slow_disk(true),
            ["disk", "catches", "up"] => stage.slow_disk(false),
            ["disk", "fails"] => stage.input(Input::StorageFailed),
            ["disk", "is", "lost"] => {
                if stage.endpoint.is_some() {
                    return Err("the server still runs".to_owned());
                }
                stage.disk = Disk::default();
                Ok(())
            }
            ["clock", "ahead", by] => {
                stage.server_ahead = clock(by)?;
                Ok(())
            }
            ["configure", rest @ ..] if stage.endpoint.is_none() => {
                setup::configure(&mut stage.config, rest)
            }
            ["nothing", "until", when] => {
                self.expect_nothing()?;
                self.stage.run_until(span(when)?)?;
                self.expect_nothing()
            }
            ["no", "dial", "until", when] => {
                stage.dials = 0;
                stage.run_until(span(when)?)?;
                self.dialled(false)
            }
            ["dials", "until", when] => {
                stage.dials = 0;
                stage.run_until(span(when)?)?;
                self.dialled(true)
            }
            ["never", "mind"] => {
                stage.seen.clear();
                Ok(())
            }
            ["is", rest @ ..] => self.is(rest),
            ["binding", address, rest @ ..] => self.binding(address, rest),
            ["pool", rest @ ..] => self.pool(rest),
            ["row", id] => {
                stage.note_rows();
                let applied = stage.rows.contains(id);
                if applied { Ok(()) } else { Err(format!("row {id} was not applied")) }
            }
            ["reports", text] => self.reports(text),
            words => Err(format!("nobody understands: {}", words.join(" "))),
        }
    }

    fn operator(&mut self, words: &[&str]) -> Result<(), String> {
        let (words, is_refused) = match words {
            [words @ .., "is", "refused"] => (words, true),
            words => (words, false),
        };
        let command = match words {
            ["partner-down"] => OperatorCommand::PartnerDown { forced: false },
            ["partner-down", "by", "force"] => OperatorCommand::PartnerDown { forced: true },
            ["pause"] => OperatorCommand::Pause,
            ["shutdown"] => OperatorCommand::Shutdown,
            _ => return Err(format!("no operator says: {}", words.join(" "))),
        };
        self.stage.note(&format!("operator: {}", words.join(" ")));
        let now = self.stage.clock();
        let answer = self.stage.running()?.operator(now, command);
        self.stage.settle()?;
        match answer {
            Err(refused) if !is_refused => Err(refused.to_string()),
            Ok(()) if is_refused => Err("the command is carried out".to_owned()),
            _ => Ok(()),
        }
    }

    fn is(&mut self, words: &[&str]) -> Result<(), String> {
        let entered = self.stage.entered;
        let endpoint = self.stage.running()?;
        let right = match words {
            ["in", own] => endpoint.state() == state(own)?,
            ["in", own, "by", row] => {
                endpoint.state() == state(own)? && entered.is_some_and(|(_, by)| by == *row)
            }
            ["in", own, "since", when] => {
                let status = endpoint.status();
                let since = crate::language::date(when, 0)?;
                status.state == state(own)? && status.state_since == since
            }
            ["connected"] => endpoint.status().communications == Communications::Ok,
            ["not", "connected"] => endpoint.status().communications != Communications::Ok,
            ["stopped"] => endpoint.is_stopped(),
            ["not", "stopped"] => !endpoint.is_stopped(),
            words => return Err(format!("a server cannot be {}", words.join(" "))),
        };
        if right {
            return Ok(());
        }
        let status = endpoint.status();
        let by = entered.map_or("none", |(_, row)| row);
        Err(format!(
            "the server is in {} since {}, entered by row {by}, communications {}",
            status.state,
            status.state_since.0,
            status.communications.name()
        ))
    }

    fn binding(&mut self, address: &str, words: &[&str]) -> Result<(), String> {
        let now = self.stage.now;
        let parsed = address.parse().map_err(|_| format!("{address} is no address"))?;
        let binding = self.stage.running()?.table().get(parsed);
        let binding = binding.ok_or_else(|| format!("{address} lies in no range"))?;
        setup::fault_of(&binding, words, now)?.map_or(Ok(()), Err)
    }

    /// `pool free=10 backup=10`.
    fn pool(&mut self, words: &[&str]) -> Result<(), String> {
        let of_server = self.stage.running()?.status();
        let count = |status: BindingStatus| -> u32 {
            of_server.ranges.iter().map(|range| range.count(status)).sum()
        };
        for word in words {
            let (name, expected) = pair(word).ok_or_else(|| format!("{word} is no count"))?;
            let (found, expected) = (count(status(name)?), number::<u32>(expected)?);
            if found != expected {
                return Err(format!("{found} addresses are {name}, not {expected}"));
            }
        }
        Ok(())
    }

    fn reports(&mut self, text: &str) -> Result<(), String> {
        let found = self.stage.reports.iter().any(|report| report.contains(text));
        let said = self.stage.reports.join("\n    ");
        self.stage.reports.clear();
        if found { Ok(()) } else { Err(format!("not reported: {text}; but:\n    {said}")) }
    }

    fn dialled(&mut self, expected: bool) -> Result<(), String> {
        match (self.stage.dials, expected) {
            (0, true) => Err("the server did not dial".to_owned()),
            (count, false) if count > 0 => Err(format!("the server dialled {count} times")),
            _ => self.expect_nothing(),
        }
    }

    // Expectations.

    fn expect_nothing(&mut self) -> Result<(), String> {
        self.stage.seen.retain(|seen| !seen.is_contact());
        if let Some(seen) = self.stage.seen.front() {
            return Err(format!("expected nothing; came {seen}"));
        }
        match self.clients.next(&self.stage) {
            Some(answer) => Err(format!("expected nothing; a client was {answer}")),
            None => Ok(()),
        }
    }

    fn expect(&mut self, link: Option<&str>, words: &[&str]) -> Result<(), String> {
        match words {
            ["nothing"] => self.expect_nothing(),
            ["offered" | "acknowledged" | "refused" | "ignored", ..] => self.expect_answer(words),
            ["close"] => {
                let seen = self.next_seen(link, "the end of the connection", false)?;
                match seen {
                    Seen::Closed { .. } => Ok(()),
                    seen @ Seen::Message { .. } => {
                        Err(format!("expected the end of the connection; came {seen}"))
                    }
                }
            }
            [name, words @ .., "as", called] => {
                self.expect_message(link, name, words, Some(called))
            }
            [name, words @ ..] => self.expect_message(link, name, words, None),
            [] => Err("expect what?".to_owned()),
        }
    }

    fn next_seen(
        &mut self,
        link: Option<&str>,
        what: &str,
        with_contact: bool,
    ) -> Result<Seen, String> {
        let seen = self.stage.seen.iter().position(|seen| {
            (with_contact || !seen.is_contact()) && link.is_none_or(|link| seen.link() == link)
        });
        let seen = seen.and_then(|at| self.stage.seen.remove(at));
        seen.ok_or_else(|| format!("expected {what}; nothing came"))
    }

    fn expect_message(
        &mut self,
        link: Option<&str>,
        name: &str,
        words: &[&str],
        called: Option<&str>,
    ) -> Result<(), String> {
        let message_type = message_type(name)?;
        let what = format!("{name} {}", words.join(" "));
        let seen = self.next_seen(link, &what, message_type == MessageType::CONTACT)?;
        let Seen::Message { octets, .. } = &seen else {
            return Err(format!("expected {what}; came {seen}"));
        };
        let frame = Frame::parse(octets).map_err(|error| error.to_string())?;
        if let Some(fault) = fault_of(&frame, message_type, words, self.stage.as_server())? {
            return Err(format!("expected {what}; came {seen}: {fault}"));
        }
        self.answers(message_type, frame.header.xid)?;
        self.heard.push(Heard {
            name: called.map(str::to_owned),
            message_type,
            xid: frame.header.xid,
            octets: octets.clone(),
        });
        Ok(())
    }

    /// An answer of the server repeats the xid of a request that has not been answered.
    fn answers(&mut self, message_type: MessageType, xid: Xid) -> Result<(), String> {
        let requests: &[MessageType] = match message_type {
            MessageType::BNDACK => &[MessageType::BNDUPD],
            MessageType::CONNECTACK => &[MessageType::CONNECT],
            MessageType::UPDDONE => &[MessageType::UPDREQ, MessageType::UPDREQALL],
            MessageType::POOLRESP => &[MessageType::POOLREQ],
            _ => return Ok(()),
        };
        let asked =
            self.asked.iter().position(|(asked, of)| requests.contains(asked) && *of == xid);
        let asked = asked.ok_or_else(|| format!("xid {xid} answers no request of the partner"))?;
        self.asked.remove(asked);
        Ok(())
    }

    fn expect_answer(&mut self, words: &[&str]) -> Result<(), String> {
        let expected = words.join(" ");
        let answer = self.clients.next(&self.stage);
        let came = answer.as_ref().map_or("nothing".to_owned(), Answer::to_string);
        let right = match (words, &answer) {
            (["ignored"], Some(Answer::Ignored)) | (["refused"], Some(Answer::Refused)) => true,
            (["offered", rest @ ..], Some(Answer::Offered(address, length)))
            | (["acknowledged", rest @ ..], Some(Answer::Acknowledged(address, length))) => {
                match rest {
                    [] => true,
                    [named] => *named == address.to_string(),
                    [named, "for", time] => {
                        *named == address.to_string() && seconds(time)? == *length
                    }
                    _ => return Err(format!("expect {expected}: ADDRESS for TIME is needed")),
                }
            }
            _ => false,
        };
        if right { Ok(()) } else { Err(format!("expected {expected}; the client was {came}")) }
    }
}

fn clock(by: &str) -> Result<i32, String> {
    i32::try_from(micros(by)? / 1_000_000).map_err(|_| format!("{by} is too long"))
}

fn addresses(octets: &[u8]) -> Result<Vec<String>, String> {
    use twinlease::wire::option::OptionValue;
    let frame = Frame::parse(octets).map_err(|error| error.to_string())?;
    let options: Result<Vec<_>, _> = frame.options().collect();
    let options = options.map_err(|error| error.to_string())?;
    Ok(options
        .iter()
        .filter_map(|option| match option.typed() {
            Ok(OptionValue::Address(address)) => Some(address.to_string()),
            _ => None,
        })
        .collect())
}
