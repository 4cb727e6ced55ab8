//! The two ends of a relationship.

use core::fmt;

/// What a server is in one relationship; the same machine may be the other in the next (§2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Owns the FREE addresses, dials, and decides MCLT and hash buckets.
    Primary,
    /// Owns the BACKUP addresses.
    Secondary,
}

impl Role {
    /// `"primary"` or `"secondary"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }

    /// The role at the other end.
    #[must_use]
    pub const fn partner(self) -> Self {
        match self {
            Self::Primary => Self::Secondary,
            Self::Secondary => Self::Primary,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_written_by_its_name() {
        assert_eq!(
            [Role::Primary, Role::Secondary].map(|role| role.to_string()),
            ["primary", "secondary"]
        );
        assert_eq!(format!("{:>9}", Role::Primary), "  primary");
    }

    #[test]
    fn each_is_the_others_partner() {
        assert_eq!(
            [Role::Primary, Role::Secondary].map(Role::partner),
            [Role::Secondary, Role::Primary]
        );
    }
}
