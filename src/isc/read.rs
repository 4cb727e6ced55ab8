//! Reads a lease file.

use std::net::Ipv4Addr;

use super::date;
use super::error::{LeaseFileError, Trouble};
use super::lease::{FailoverBlock, Lease, LeaseFile};
use super::tokens::{Place, Token, Tokens};
use crate::binding::{ClientIdentifier, HardwareAddress};
use crate::time::UnixTime;
use crate::wire::codes::{BindingStatus, FailoverState};

impl LeaseFile {
    /// Reads the octets of a lease file; the first mistake ends it. Entries of other kinds, and
    /// statements that say nothing about failover, are passed over.
    pub fn read(octets: &[u8]) -> Result<Self, LeaseFileError> {
        let mut reader =
            Reader { tokens: Tokens::new(octets), begun: Place { line: 1, column: 1 } };
        let mut file = Self::default();
        while let Some(statement) = reader.statement(false)? {
            reader.entry(&statement, &mut file)?;
        }
        Ok(file)
    }
}

/// A statement up to its `;`, or to the `{` of its block.
struct Statement {
    place: Place,
    words: Vec<(Place, Token)>,
    opens: bool,
}

impl Statement {
    /// The words that are no strings.
    fn plain(&self) -> Vec<&str> {
        self.words
            .iter()
            .map(|(_, token)| match token {
                Token::Word(word) => word.as_str(),
                _ => "",
            })
            .collect()
    }

    /// The words from one on, as they stand, and the place of the first.
    fn rest(&self, from: usize) -> (Place, String) {
        let words = self.words.get(from..).unwrap_or_default();
        let place = words.first().map_or(self.place, |(place, _)| *place);
        let shown: Vec<String> = words
            .iter()
            .map(|(_, token)| match token {
                Token::Word(word) => word.clone(),
                other => other.shown(),
            })
            .collect();
        (place, shown.join(" "))
    }
}

struct Reader<'a> {
    tokens: Tokens<'a>,
    /// Where the entry in hand begins.
    begun: Place,
}

impl Reader<'_> {
    /// The next statement; `None` at the end of the file, or of the block when in one.
    fn statement(&mut self, in_block: bool) -> Result<Option<Statement>, LeaseFileError> {
        let mut words = Vec::new();
        loop {
            let Some((place, token)) = self.tokens.next()? else {
                return if in_block || !words.is_empty() { Err(self.cut_off()) } else { Ok(None) };
            };
            if words.is_empty() && !in_block {
                self.begun = place;
            }
            match token {
                Token::Close if in_block && words.is_empty() => return Ok(None),
                Token::Close => {
                    let expected = if words.is_empty() { "an entry" } else { "\";\"" };
                    return Err(unexpected(place, expected, &token));
                }
                Token::End if words.is_empty() => {}
                Token::End | Token::Open => {
                    let first = words.first().map_or(place, |(first, _)| *first);
                    return Ok(Some(Statement {
                        place: first,
                        words,
                        opens: token == Token::Open,
                    }));
                }
                other => words.push((place, other)),
            }
        }
    }

    fn cut_off(&self) -> LeaseFileError {
        self.tokens.place().trouble(Trouble::CutOff { begun: self.begun.line })
    }

    fn entry(&mut self, head: &Statement, file: &mut LeaseFile) -> Result<(), LeaseFileError> {
        match (head.plain().as_slice(), head.opens) {
            (["lease", address], true) => {
                let (place, _) = head.rest(1);
                let address: Ipv4Addr = address
                    .parse()
                    .map_err(|_| place.trouble(Trouble::Address((*address).to_owned())))?;
                let lease = self.lease()?;
                file.leases.insert(address, lease);
                Ok(())
            }
            (["failover", "peer", _, ..], true) => {
                let name = match head.words.get(2) {
                    Some((_, Token::Text(octets))) => String::from_utf8_lossy(octets).into_owned(),
                    Some((_, Token::Word(word))) => word.clone(),
                    Some((place, other)) => {
                        return Err(unexpected(*place, "the name of a relationship", other));
                    }
                    None => return Err(self.cut_off()),
                };
                let block = self.failover()?;
                file.relationships.insert(name, block);
                Ok(())
            }
            (_, true) => self.skip_block(),
            (_, false) => Ok(()),
        }
    }

    /// The rest of a block whose brace is open, blocks inside it included.
    fn skip_block(&mut self) -> Result<(), LeaseFileError> {
        let mut depth = 1_u64;
        while depth > 0 {
            match self.tokens.next()? {
                Some((_, Token::Open)) => depth += 1,
                Some((_, Token::Close)) => depth -= 1,
                Some(_) => {}
                None => return Err(self.cut_off()),
            }
        }
        Ok(())
    }

    fn failover(&mut self) -> Result<FailoverBlock, LeaseFileError> {
        let mut block = FailoverBlock::default();
        while let Some(statement) = self.statement(true)? {
            if statement.opens {
                self.skip_block()?;
                continue;
            }
            match statement.plain().as_slice() {
                ["my", "state", ..] => block.own = state(&statement)?,
                ["partner" | "peer", "state", ..] => block.partner = state(&statement)?,
                ["mclt", seconds] => {
                    let wrong = || Trouble::Seconds((*seconds).to_owned());
                    let seconds = seconds.parse();
                    block.mclt = Some(seconds.map_err(|_| statement.place.trouble(wrong()))?);
                }
                _ => {}
            }
        }
        Ok(block)
    }

    fn lease(&mut self) -> Result<Lease, LeaseFileError> {
        let mut lease = Lease::default();
        while let Some(statement) = self.statement(true)? {
            if statement.opens {
                self.skip_block()?;
            } else {
                fill(&mut lease, &statement)?;
            }
        }
        Ok(lease)
    }
}

fn unexpected(place: Place, expected: &'static str, found: &Token) -> LeaseFileError {
    place.trouble(Trouble::Expected { expected, found: found.shown() })
}

/// One statement of a `lease` block.
fn fill(lease: &mut Lease, statement: &Statement) -> Result<(), LeaseFileError> {
    match statement.plain().as_slice() {
        ["starts", date @ ..] => lease.starts = time(statement, 1, date)?,
        ["ends", date @ ..] => lease.ends = time(statement, 1, date)?,
        ["tstp", date @ ..] => lease.tstp = time(statement, 1, date)?,
        ["tsfp", date @ ..] => lease.tsfp = time(statement, 1, date)?,
        ["atsfp", date @ ..] => lease.atsfp = time(statement, 1, date)?,
        ["cltt", date @ ..] => lease.cltt = time(statement, 1, date)?,
        ["abandoned"] => lease.binding = Some(BindingStatus::Abandoned),
        ["binding", "state", "reserved"] => {
            lease.binding = Some(BindingStatus::Active);
            lease.reserved = true;
        }
        ["binding", "state", "bootp"] => {
            lease.binding = Some(BindingStatus::Active);
            lease.bootp = true;
        }
        ["binding", "state", ..] => lease.binding = Some(binding_state(statement, 2)?),
        ["next", "binding", "state", ..] => lease.next = Some(binding_state(statement, 3)?),
        ["rewind", "binding", "state", ..] => lease.rewind = Some(binding_state(statement, 3)?),
        ["reserved"] => lease.reserved = true,
        ["dynamic-bootp"] => lease.bootp = true,
        ["hardware", kind, address @ ..] => {
            let address = address.first().copied().unwrap_or_default();
            let hardware = hardware(kind, address).filter(|_| statement.words.len() <= 3);
            let (place, text) = statement.rest(1);
            lease.hardware = Some(hardware.ok_or_else(|| place.trouble(Trouble::Hardware(text)))?);
        }
        ["uid", ..] => {
            let (place, _) = statement.rest(1);
            let uid = identifier(statement).ok_or_else(|| place.trouble(Trouble::Identifier))?;
            lease.uid = Some(uid);
        }
        _ => {}
    }
    Ok(())
}

fn time(statement: &Statement, from: usize, words: &[&str]) -> Result<UnixTime, LeaseFileError> {
    date::parse(words).ok_or_else(|| {
        let (place, text) = statement.rest(from);
        place.trouble(Trouble::Date(text))
    })
}

fn binding_state(statement: &Statement, from: usize) -> Result<BindingStatus, LeaseFileError> {
    let (place, text) = statement.rest(from);
    text.parse().map_err(|_| place.trouble(Trouble::BindingState(text)))
}

/// `my state normal at 5 2026/11/20 13:07:17`. Without a date, which dhcpd takes for the present, the
/// state is as old as it can be.
fn state(statement: &Statement) -> Result<Option<(FailoverState, UnixTime)>, LeaseFileError> {
    let words = statement.plain();
    let (place, text) = statement.rest(2);
    let (name, since) = match words.get(2..).unwrap_or_default() {
        [name] => (*name, UnixTime::ABSENT),
        [name, "at", date @ ..] => (*name, time(statement, 4, date)?),
        _ => return Err(place.trouble(Trouble::FailoverState(text))),
    };
    if name == "unknown-state" {
        return Ok(None);
    }
    let state = name.parse::<FailoverState>().ok();
    match state.filter(|state| *state != FailoverState::Startup) {
        Some(state) => Ok(Some((state, since))),
        None => Err(place.trouble(Trouble::FailoverState(name.to_owned()))),
    }
}

/// Names that dhcpd has for hardware types.
const HARDWARE: [(&str, u8); 4] =
    [("ethernet", 1), ("token-ring", 6), ("fddi", 8), ("infiniband", 32)];

/// The name of a hardware type.
pub(super) fn hardware_name(htype: u8) -> String {
    let known = HARDWARE.iter().find(|(_, code)| *code == htype);
    known.map_or_else(|| format!("unknown-{htype}"), |(name, _)| (*name).to_owned())
}

fn hardware(kind: &str, address: &str) -> Option<HardwareAddress> {
    let named = HARDWARE.iter().find(|(name, _)| *name == kind).map(|(_, code)| *code);
    let htype = named.or_else(|| kind.strip_prefix("unknown-")?.parse().ok())?;
    let octets = if address.is_empty() { Some(Vec::new()) } else { octets(address) };
    HardwareAddress::new(htype, &octets?)
}

/// A string, or octets in hexadecimal with colons.
fn identifier(statement: &Statement) -> Option<ClientIdentifier> {
    let [_, (_, value)] = statement.words.as_slice() else { return None };
    match value {
        Token::Text(octets) => ClientIdentifier::new(octets),
        Token::Word(word) => ClientIdentifier::new(&octets(word)?),
        _ => None,
    }
}

fn octets(text: &str) -> Option<Vec<u8>> {
    let octet = |digits: &str| {
        let legal = (1..=2).contains(&digits.len()) && !digits.starts_with('+');
        u8::from_str_radix(digits, 16).ok().filter(|_| legal)
    };
    text.split(':').map(octet).collect()
}
