//! What can be asked on the command line.

use std::fmt;
use std::time::Duration;

use twinlease::wire::dialect::Dialect;

use crate::search::Limits;
use crate::setting::Bounds;

/// The usage.
pub(crate) const HELP: &str = "\
usage: explore [OPTION NUMBER]...
How many clients act, 1 or 2:
  --clients N        (2)
How often each thing may happen on one path:
  --ticks N          half an MCLT passes (2)
  --requests N       a client asks, renews or releases (2)
  --crashes N        a server dies (1)
  --losses N         a server dies and its disk is lost (0)
  --cuts N           the connection breaks (1)
  --declarations N   an operator declares the partner down (0)
Where the search ends, if not before:
  --depth N          actions from the beginning (1000)
  --states N         states (100000000)
  --seconds N        time (3600)
Flags:
  --isc              both servers speak the dialect of ISC dhcpd, not that of the draft
  --from-nothing     begin with two empty disks, not with a pair settled in NORMAL
  --progress         print a line for each depth
Exit status: 0 if every property holds, 1 if one does not, 2 for a wrong command line.";

/// The command line.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    pub(crate) bounds: Bounds,
    pub(crate) limits: Limits,
    pub(crate) dialect: Dialect,
    pub(crate) from_nothing: bool,
    pub(crate) progress: bool,
}

impl Arguments {
    /// `None` if help is wanted.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut words = words;
        let mut arguments = Self {
            bounds: Bounds {
                clients: 2,
                ticks: 2,
                requests: 2,
                crashes: 1,
                losses: 0,
                cuts: 1,
                declarations: 0,
            },
            limits: Limits { depth: 1000, states: 100_000_000, time: Duration::from_secs(3600) },
            dialect: Dialect::Draft12,
            from_nothing: false,
            progress: false,
        };
        while let Some(word) = words.next() {
            let Self { bounds, limits, .. } = &mut arguments;
            match word.as_str() {
                "--help" => return Ok(None),
                "--isc" => arguments.dialect = Dialect::Isc,
                "--from-nothing" => arguments.from_nothing = true,
                "--progress" => arguments.progress = true,
                "--clients" => bounds.clients = number(&word, words.next())?,
                "--ticks" => bounds.ticks = number(&word, words.next())?,
                "--requests" => bounds.requests = number(&word, words.next())?,
                "--crashes" => bounds.crashes = number(&word, words.next())?,
                "--losses" => bounds.losses = number(&word, words.next())?,
                "--cuts" => bounds.cuts = number(&word, words.next())?,
                "--declarations" => bounds.declarations = number(&word, words.next())?,
                "--depth" => limits.depth = number(&word, words.next())?,
                "--states" => limits.states = number(&word, words.next())?,
                "--seconds" => limits.time = Duration::from_secs(number(&word, words.next())?),
                _ => return Err(format!("{word} is no option")),
            }
        }
        Ok(Some(arguments))
    }
}

fn number<T: std::str::FromStr>(option: &str, word: Option<String>) -> Result<T, String> {
    let word = word.ok_or_else(|| format!("{option} needs a number"))?;
    word.parse().map_err(|_| format!("{option} {word}: a smaller whole number is needed"))
}

impl fmt::Display for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bounds { clients, ticks, requests, crashes, losses, cuts, declarations } = self.bounds;
        write!(
            f,
            "dialect {}, from {}; clients {clients}, ticks {ticks}, requests {requests}, crashes {crashes}, \
             losses {losses}, cuts {cuts}, declarations {declarations}",
            self.dialect,
            if self.from_nothing { "two empty disks" } else { "NORMAL" },
        )
    }
}
