//! Why a configuration file is not changed.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::server::config::{InvalidConfig, Problem};

use super::secrets;

/// Why a change is not made. The sentences say what would be right, and nothing secret.
#[derive(Debug)]
pub enum EditError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The file cannot be written.
    Unwritable {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// Somebody else has written the file meanwhile.
    ChangedMeanwhile {
        /// The file.
        file: PathBuf,
    },
    /// The file as it stands is wrong already.
    Broken(Vec<Problem>),
    /// The file would be wrong afterwards.
    Invalid(Vec<Problem>),
    /// No relationship has this name.
    UnknownRelationship {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// No subnet has this network, or it has no pool that is meant.
    UnknownScope {
        /// The network asked for.
        network: String,
        /// The networks there are.
        known: Vec<String>,
    },
    /// There is something of this name already, or it belongs to another.
    Taken {
        /// What is in the way, as a sentence.
        problem: String,
        /// What would be right.
        fix: String,
    },
    /// One key of the wish is wrong in a way that the file could not show.
    Wrong {
        /// The key.
        key: String,
        /// What is wrong.
        problem: String,
        /// What would be right.
        fix: String,
    },
}

impl EditError {
    pub(super) fn broken(invalid: &InvalidConfig) -> Self {
        Self::Broken(invalid.problems().to_vec())
    }

    pub(super) fn invalid(invalid: &InvalidConfig) -> Self {
        Self::Invalid(invalid.problems().to_vec())
    }

    pub(super) fn wrong(key: &str, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Wrong { key: key.to_owned(), problem: problem.into(), fix: fix.into() }
    }

    /// The key of the file that the refusal is about, as `relationship.split`.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Broken(problems) | Self::Invalid(problems) => {
                problems.first().map(|problem| problem.key.as_str())
            }
            Self::UnknownRelationship { .. } | Self::Taken { .. } => Some("relationship"),
            Self::UnknownScope { .. } => Some("subnet.network"),
            Self::Wrong { key, .. } => Some(key.as_str()),
            Self::Unreadable { .. } | Self::Unwritable { .. } | Self::ChangedMeanwhile { .. } => {
                None
            }
        }
        .filter(|key| !key.is_empty())
    }
}

/// What is wrong, without places: nobody has seen the text that they are places of.
fn sentences(problems: &[Problem]) -> String {
    let sentence = |Problem { key, problem, fix, .. }: &Problem| {
        if secrets::is_secret(key) {
            format!("{key}: its value is wrong and not shown; {fix}")
        } else if key.is_empty() {
            format!("{problem}; {fix}")
        } else {
            format!("{key}: {problem}; {fix}")
        }
    };
    problems.iter().map(sentence).collect::<Vec<_>>().join(". ")
}

fn known(names: &[String]) -> String {
    if names.is_empty() {
        "none is there".to_owned()
    } else {
        format!("known: {}", names.join(", "))
    }
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => {
                write!(f, "the configuration file {} cannot be read: {error}", file.display())
            }
            Self::Unwritable { file, error } => write!(
                f,
                "the configuration file {} cannot be written, and nothing is changed: {error}; let the \
                 user of this server write the file and its directory",
                file.display()
            ),
            Self::ChangedMeanwhile { file } => write!(
                f,
                "somebody else has changed {} meanwhile, and nothing is changed; look at it and try again",
                file.display()
            ),
            Self::Broken(problems) => write!(
                f,
                "the configuration file is wrong as it stands, put it right first: {}",
                sentences(problems)
            ),
            Self::Invalid(problems) => f.write_str(&sentences(problems)),
            Self::UnknownRelationship { name, known: names } => {
                write!(f, "there is no relationship \"{name}\"; {}", known(names))
            }
            Self::UnknownScope { network, known: networks } => {
                write!(f, "there is no scope {network}; {}", known(networks))
            }
            Self::Taken { problem, fix } => write!(f, "{problem}; {fix}"),
            Self::Wrong { key, problem, fix } => write!(f, "{key}: {problem}; {fix}"),
        }
    }
}

impl std::error::Error for EditError {}
