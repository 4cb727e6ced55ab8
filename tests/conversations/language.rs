//! Lines, words and times of a script.

use twinlease::time::UnixTime;
use twinlease::wire::codes::{BindingStatus, FailoverState};

/// The wall clock at 0 s of every script.
pub(crate) const START: u32 = 1_700_000_000;

/// One line that says something.
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: usize,
    pub(crate) words: Vec<String>,
}

/// The lines of a script that are neither empty nor comments.
pub(crate) fn lines(text: &str) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let words = words(line).map_err(|error| format!("{number}: {error}"))?;
        if !words.is_empty() {
            lines.push(Line { number, words });
        }
    }
    Ok(lines)
}

/// Words stand apart; quotes hold a word with blanks together; `#` begins a comment.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    let (mut quoted, mut inside) = (false, false);
    for letter in line.chars() {
        match letter {
            '"' => {
                quoted = !quoted;
                if !inside {
                    words.push(String::new());
                }
                inside = true;
            }
            '#' if !quoted && !inside => break,
            ' ' | '\t' if !quoted => inside = false,
            letter => {
                if !inside {
                    words.push(String::new());
                }
                inside = true;
                if let Some(word) = words.last_mut() {
                    word.push(letter);
                }
            }
        }
    }
    if quoted { Err("a quote is not closed".to_owned()) } else { Ok(words) }
}

/// A point of time or a length of it in microseconds: `40s`, `500ms`, `10m`, `2h`, `-1000s`.
pub(crate) fn micros(word: &str) -> Result<i64, String> {
    let fault = || format!("{word} is no time; right would be 40s, 500ms, 10m, 2h or -40s");
    let digits = word.trim_end_matches(char::is_alphabetic);
    let factor = match word.get(digits.len()..) {
        Some("ms") => 1_000,
        Some("s") => 1_000_000,
        Some("m") => 60_000_000,
        Some("h") => 3_600_000_000,
        _ => return Err(fault()),
    };
    digits.parse::<i64>().map(|number| number * factor).map_err(|_| fault())
}

/// The same for lengths that are not negative.
pub(crate) fn span(word: &str) -> Result<u64, String> {
    u64::try_from(micros(word)?).map_err(|_| format!("{word} is negative"))
}

/// Whole seconds, with or without their unit.
pub(crate) fn seconds(word: &str) -> Result<u32, String> {
    if let Ok(number) = word.parse() {
        return Ok(number);
    }
    u32::try_from(span(word)? / 1_000_000).map_err(|_| format!("{word} is too long"))
}

/// A date: a time of the script, `now`, `never`, or `0` for an absent one.
pub(crate) fn date(word: &str, now: u64) -> Result<UnixTime, String> {
    let micros = match word {
        "0" => return Ok(UnixTime::ABSENT),
        "never" => return Ok(UnixTime::INFINITE),
        "now" => i64::try_from(now).map_err(|_| "the script is too long")?,
        word => micros(word)?,
    };
    let moment = i64::from(START) + micros.div_euclid(1_000_000);
    u32::try_from(moment).map(UnixTime).map_err(|_| format!("{word} is no date"))
}

pub(crate) fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("{word} is no number that fits here"))
}

/// A state of an endpoint, in either case.
pub(crate) fn state(word: &str) -> Result<FailoverState, String> {
    word.to_lowercase().parse().map_err(|error| format!("{word}: {error}"))
}

/// A status of an address, in either case.
pub(crate) fn status(word: &str) -> Result<BindingStatus, String> {
    word.to_lowercase().parse().map_err(|error| format!("{word}: {error}"))
}

/// `key=value`.
pub(crate) fn pair(word: &str) -> Option<(&str, &str)> {
    word.split_once('=')
}

/// Octets in hexadecimal, with or without colons; `ff*16` stands for sixteen of them.
pub(crate) fn hex(word: &str) -> Result<Vec<u8>, String> {
    let fault = || format!("{word} is no row of octets; right would be 01:0a:ff*16");
    let mut octets = Vec::new();
    for part in word.split(':') {
        let (digits, count) = part.split_once('*').unwrap_or((part, "1"));
        let count: usize = count.parse().map_err(|_| fault())?;
        if digits.len() % 2 != 0 || !digits.is_ascii() {
            return Err(fault());
        }
        let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
        let row = pairs.map(|pair| u8::from_str_radix(pair, 16).map_err(|_| fault()));
        let row = row.collect::<Result<Vec<u8>, String>>()?;
        octets.extend(row.iter().copied().cycle().take(row.len() * count));
    }
    Ok(octets)
}
