//! What can be wrong with a lease file, and where.

use std::fmt;

/// The first mistake of a lease file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseFileError {
    /// Line, from 1.
    pub line: u32,
    /// Column in octets, from 1.
    pub column: u32,
    /// What is wrong.
    pub trouble: Trouble,
}

/// A kind of mistake. Texts are what stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// Something else belongs here.
    Expected {
        /// What belongs here.
        expected: &'static str,
        /// What stands here.
        found: String,
    },
    /// The file ends inside a block or a statement: its last entry was not written to its end.
    CutOff {
        /// The line in which the entry begins.
        begun: u32,
    },
    /// A string has no end in its line.
    OpenString,
    /// An octet in octal digits is above 255.
    Escape(String),
    /// Not an IPv4 address.
    Address(String),
    /// Not a date.
    Date(String),
    /// Not a binding state.
    BindingState(String),
    /// Not a failover state.
    FailoverState(String),
    /// Not a hardware address.
    Hardware(String),
    /// Not a client identifier of 1 to 255 octets.
    Identifier,
    /// Not a number of seconds.
    Seconds(String),
}

impl fmt::Display for LeaseFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.trouble)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected { expected, found } => {
                write!(f, "{found} stands where {expected} belongs")
            }
            Self::CutOff { begun } => write!(
                f,
                "the file ends inside the entry that begins in line {begun}; remove what there is of it"
            ),
            Self::OpenString => f.write_str("this string has no closing quote"),
            Self::Escape(found) => write!(f, "\\{found} is no octet; write \\000 to \\377"),
            Self::Address(found) => write!(f, "{found} is no IPv4 address"),
            Self::Date(found) => write!(
                f,
                "{found} is no date; write \"5 2026/11/20 13:07:17\", \"epoch 1795180037\" or \"never\""
            ),
            Self::BindingState(found) => write!(
                f,
                "{found} is no binding state; there are free, active, expired, released, abandoned, \
                 reset, backup"
            ),
            Self::FailoverState(found) => write!(f, "{found} is no failover state"),
            Self::Hardware(found) => {
                write!(f, "{found} is no hardware address; write \"ethernet 00:0c:01:02:03:04\"")
            }
            Self::Identifier => f.write_str("a client identifier has 1 to 255 octets"),
            Self::Seconds(found) => write!(f, "{found} is no number of seconds"),
        }
    }
}

impl std::error::Error for LeaseFileError {}
