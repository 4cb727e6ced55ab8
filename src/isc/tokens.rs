//! The words of a lease file, each with its place.

use super::error::{LeaseFileError, Trouble};

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Anything between white space and punctuation.
    Word(String),
    /// A string in quotes, its escapes resolved.
    Text(Vec<u8>),
    /// `{`
    Open,
    /// `}`
    Close,
    /// `;`
    End,
    /// `=` or a comma.
    Mark(char),
}

impl Token {
    /// How messages name it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word(word) => format!("\"{word}\""),
            Self::Text(octets) => format!("the string \"{}\"", octets.escape_ascii()),
            Self::Open => "\"{\"".to_owned(),
            Self::Close => "\"}\"".to_owned(),
            Self::End => "\";\"".to_owned(),
            Self::Mark(mark) => format!("\"{mark}\""),
        }
    }
}

/// A place in the file, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Place {
    pub(super) const fn trouble(self, trouble: Trouble) -> LeaseFileError {
        LeaseFileError { line: self.line, column: self.column, trouble }
    }
}

/// The words of a file, one after the other.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
    place: Place,
}

impl<'a> Tokens<'a> {
    pub(super) const fn new(file: &'a [u8]) -> Self {
        Self { rest: file, place: Place { line: 1, column: 1 } }
    }

    /// Where the next octet stands.
    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// The next word with its place; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<(Place, Token)>, LeaseFileError> {
        self.skip_blank();
        let place = self.place;
        let Some(first) = self.take() else { return Ok(None) };
        let token = match first {
            b'{' => Token::Open,
            b'}' => Token::Close,
            b';' => Token::End,
            b'=' | b',' => Token::Mark(char::from(first)),
            b'"' => Token::Text(self.text(place)?),
            _ => Token::Word(self.word(first)),
        };
        Ok(Some((place, token)))
    }

    fn take(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        if first == b'\n' {
            self.place.line = self.place.line.saturating_add(1);
            self.place.column = 1;
        } else {
            self.place.column = self.place.column.saturating_add(1);
        }
        Some(first)
    }

    /// White space, and comments up to the end of their line.
    fn skip_blank(&mut self) {
        let mut in_comment = false;
        while let Some(&next) = self.rest.first() {
            in_comment = next != b'\n' && (in_comment || next == b'#');
            if !in_comment && !next.is_ascii_whitespace() {
                return;
            }
            self.take();
        }
    }

    fn word(&mut self, first: u8) -> String {
        let mut word = vec![first];
        while let Some(&next) = self.rest.first() {
            if next.is_ascii_whitespace() || b"{};=,\"#".contains(&next) {
                break;
            }
            word.extend(self.take());
        }
        String::from_utf8_lossy(&word).into_owned()
    }

    /// The octets of a string whose opening quote has been taken.
    fn text(&mut self, begun: Place) -> Result<Vec<u8>, LeaseFileError> {
        let mut octets = Vec::new();
        loop {
            match self.take() {
                Some(b'"') => return Ok(octets),
                Some(b'\\') => octets.push(self.escape(begun)?),
                None | Some(b'\n') => return Err(begun.trouble(Trouble::OpenString)),
                Some(other) => octets.push(other),
            }
        }
    }

    /// What stands behind a backslash: three octal digits, or any character as itself.
    fn escape(&mut self, begun: Place) -> Result<u8, LeaseFileError> {
        let place = self.place;
        let first = match self.take() {
            None | Some(b'\n') => return Err(begun.trouble(Trouble::OpenString)),
            Some(first) => first,
        };
        if !(b'0'..=b'7').contains(&first) {
            return Ok(first);
        }
        let mut digits = String::from(char::from(first));
        while digits.len() < 3
            && let Some(next @ b'0'..=b'7') = self.rest.first().copied()
        {
            digits.push(char::from(next));
            self.take();
        }
        u8::from_str_radix(&digits, 8).map_err(|_| place.trouble(Trouble::Escape(digits)))
    }
}
