//! The lease file of ISC dhcpd: a log in which the last block of an address, and of a relationship, wins.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// `never` in a lease file.
pub const NEVER: i64 = 0x7fff_ffff;

/// What a lease file says. Times are Unix seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaseFile {
    pub leases: BTreeMap<Ipv4Addr, Lease>,
    pub relationships: BTreeMap<String, Relationship>,
}

/// One `lease` block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lease {
    pub starts: Option<i64>,
    pub ends: Option<i64>,
    pub tstp: Option<i64>,
    pub tsfp: Option<i64>,
    pub atsfp: Option<i64>,
    pub cltt: Option<i64>,
    pub binding_state: String,
    pub next_binding_state: Option<String>,
    pub rewind_binding_state: Option<String>,
    /// Colon-separated, Ethernet only.
    pub hardware: Option<String>,
    pub uid: Option<Vec<u8>>,
    /// Held back for one client.
    pub reserved: bool,
}

/// One `failover peer ... state` block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relationship {
    pub my_state: String,
    pub partner_state: String,
    pub mclt: Option<u32>,
}

impl LeaseFile {
    /// Reads a lease file. A block that has no end yet is left out: the server is writing it.
    pub fn parse(text: &str) -> Self {
        let mut file = Self::default();
        let written = text.rfind("\n}").map_or("", |end| &text[..end + 2]);
        let mut lines = written.lines().map(str::trim);
        while let Some(line) = lines.next() {
            let words: Vec<_> = line.split_whitespace().collect();
            if !line.ends_with('{') {
                continue;
            }
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "}").collect();
            match words.as_slice() {
                ["lease", address, "{"] => {
                    file.leases.insert(address.parse().unwrap(), Lease::parse(&block));
                }
                ["failover", "peer", name, "state", "{"] => {
                    let relationship = Relationship::parse(&block);
                    file.relationships.insert(name.trim_matches('"').to_owned(), relationship);
                }
                _ => {}
            }
        }
        file
    }
}

impl Lease {
    fn parse(lines: &[&str]) -> Self {
        let mut lease = Self::default();
        for line in lines {
            let statement = line.strip_suffix(';').unwrap_or(line);
            let words: Vec<_> = statement.split_whitespace().collect();
            match words.as_slice() {
                ["starts", date @ ..] => lease.starts = Some(parse_date(date)),
                ["ends", date @ ..] => lease.ends = Some(parse_date(date)),
                ["tstp", date @ ..] => lease.tstp = Some(parse_date(date)),
                ["tsfp", date @ ..] => lease.tsfp = Some(parse_date(date)),
                ["atsfp", date @ ..] => lease.atsfp = Some(parse_date(date)),
                ["cltt", date @ ..] => lease.cltt = Some(parse_date(date)),
                ["binding", "state", state] => (*state).clone_into(&mut lease.binding_state),
                ["next", "binding", "state", state] => {
                    lease.next_binding_state = Some((*state).to_owned());
                }
                ["rewind", "binding", "state", state] => {
                    lease.rewind_binding_state = Some((*state).to_owned());
                }
                ["hardware", "ethernet", address] => lease.hardware = Some((*address).to_owned()),
                ["reserved"] => lease.reserved = true,
                ["uid", ..] => lease.uid = Some(parse_uid(statement["uid".len()..].trim())),
                _ => {}
            }
        }
        lease
    }

    /// The block as dhcpd writes it.
    pub fn to_text(&self, address: Ipv4Addr) -> String {
        let mut text = format!("lease {address} {{\n");
        let dates = [
            ("starts", self.starts),
            ("ends", self.ends),
            ("tstp", self.tstp),
            ("tsfp", self.tsfp),
            ("atsfp", self.atsfp),
            ("cltt", self.cltt),
        ];
        for (name, date) in dates {
            if let Some(date) = date {
                writeln!(text, "  {name} {};", format_date(date)).unwrap();
            }
        }
        writeln!(text, "  binding state {};", self.binding_state).unwrap();
        for (name, state) in
            [("next", &self.next_binding_state), ("rewind", &self.rewind_binding_state)]
        {
            if let Some(state) = state {
                writeln!(text, "  {name} binding state {state};").unwrap();
            }
        }
        if self.reserved {
            text.push_str("  reserved;\n");
        }
        if let Some(hardware) = &self.hardware {
            writeln!(text, "  hardware ethernet {hardware};").unwrap();
        }
        if let Some(uid) = &self.uid {
            let octets =
                uid.iter().fold(String::new(), |text, octet| text + &format!("\\{octet:03o}"));
            writeln!(text, "  uid \"{octets}\";").unwrap();
        }
        text + "}\n"
    }
}

impl Relationship {
    fn parse(lines: &[&str]) -> Self {
        let mut relationship = Self::default();
        for line in lines {
            let words: Vec<_> = line.trim_end_matches(';').split_whitespace().collect();
            match words.as_slice() {
                ["my", "state", state, ..] => (*state).clone_into(&mut relationship.my_state),
                ["partner", "state", state, ..] => {
                    (*state).clone_into(&mut relationship.partner_state);
                }
                ["mclt", seconds] => relationship.mclt = seconds.parse().ok(),
                _ => {}
            }
        }
        relationship
    }

    /// The block as dhcpd writes it, both states entered at `since`.
    pub fn to_text(&self, name: &str, since: i64) -> String {
        let date = format_date(since);
        let mclt = self.mclt.map_or(String::new(), |mclt| format!("  mclt {mclt};\n"));
        format!(
            "failover peer \"{name}\" state {{\n  my state {} at {date};\n  partner state {} at {date};\n{mclt}}}\n",
            self.my_state, self.partner_state
        )
    }
}

/// `5 2026/11/20 13:07:17`, `epoch 1795180000` or `never`, in Unix seconds.
fn parse_date(words: &[&str]) -> i64 {
    let numbers = |text: &str| -> Vec<i64> {
        text.split(['/', ':']).map(|number| number.parse().unwrap()).collect()
    };
    match words {
        ["never"] => NEVER,
        ["epoch", seconds, ..] => seconds.trim_end_matches(';').parse().unwrap(),
        [_weekday, date, time] => {
            let (date, time) = (numbers(date), numbers(time));
            days_from_civil(date[0], date[1], date[2]) * 86_400
                + time[0] * 3_600
                + time[1] * 60
                + time[2]
        }
        other => panic!("not a date of a lease file: {other:?}"),
    }
}

fn format_date(seconds: i64) -> String {
    if seconds == NEVER { "never".to_owned() } else { format!("epoch {seconds}") }
}

/// Days since 1970-01-01 of a Gregorian date: whole years, then the months of a year that begins in March, so that the leap
/// day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// A quoted string with octal escapes, or octets in hexadecimal with colons.
fn parse_uid(text: &str) -> Vec<u8> {
    let Some(quoted) = text.strip_prefix('"') else {
        return text.split(':').map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect();
    };
    let octets = quoted.strip_suffix('"').unwrap().as_bytes();
    let mut uid = Vec::new();
    let mut rest = octets;
    while let Some((&first, after)) = rest.split_first() {
        let (octet, length) = match (first, after.first()) {
            (b'\\', Some(b'0'..=b'7')) => {
                let digits = std::str::from_utf8(&after[..3]).unwrap();
                (u8::from_str_radix(digits, 8).unwrap(), 4)
            }
            (b'\\', Some(&escaped)) => (escaped, 2),
            _ => (first, 1),
        };
        uid.push(octet);
        rest = &rest[length..];
    }
    uid
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
authoring-byte-order little-endian;

failover peer "office-lan" state {
  my state communications-interrupted at 5 2026/11/20 13:07:17;
  partner state normal at 5 2026/11/20 13:07:17;
  mclt 60;
}
lease 10.78.8.1 {
  starts 5 2026/11/20 13:07:17;
  ends never;
  tstp epoch 1795180000; # Fri
  binding state backup;
}
lease 10.78.8.1 {
  starts 5 2026/11/20 13:07:17;
  ends 5 2026/11/20 13:17:17;
  tstp 5 2026/11/20 13:22:17;
  tsfp 5 2026/11/20 13:22:17;
  atsfp 5 2026/11/20 13:22:17;
  cltt 5 2026/11/20 13:07:17;
  binding state active;
  next binding state expired;
  rewind binding state free;
  reserved;
  hardware ethernet 00:0c:01:02:03:04;
  uid "\001\000\"\\a{";
  client-hostname "x";
}
lease 10.78.8.2 {
  starts 5 2026/11/20 13:07:17;
  binding sta"#;

    fn lease() -> Lease {
        Lease {
            starts: Some(1_795_180_037),
            ends: Some(1_795_180_637),
            tstp: Some(1_795_180_937),
            tsfp: Some(1_795_180_937),
            atsfp: Some(1_795_180_937),
            cltt: Some(1_795_180_037),
            binding_state: "active".to_owned(),
            next_binding_state: Some("expired".to_owned()),
            rewind_binding_state: Some("free".to_owned()),
            hardware: Some("00:0c:01:02:03:04".to_owned()),
            uid: Some(b"\x01\x00\"\\a{".to_vec()),
            reserved: true,
        }
    }

    #[test]
    fn last_complete_block_of_an_address_wins() {
        let file = LeaseFile::parse(FILE);
        assert_eq!(file.leases, BTreeMap::from([(Ipv4Addr::new(10, 78, 8, 1), lease())]));
    }

    #[test]
    fn states_of_the_relationship_are_read() {
        let expected = Relationship {
            my_state: "communications-interrupted".to_owned(),
            partner_state: "normal".to_owned(),
            mclt: Some(60),
        };
        assert_eq!(LeaseFile::parse(FILE).relationships.get("office-lan"), Some(&expected));
    }

    #[test]
    fn a_written_lease_reads_back() {
        let address = Ipv4Addr::new(10, 78, 8, 1);
        let file = LeaseFile::parse(&lease().to_text(address));
        assert_eq!(file.leases.get(&address), Some(&lease()));
    }

    #[test]
    fn days_of_leap_years_are_counted() {
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(2000, 2, 29), 11_016);
        assert_eq!(days_from_civil(2024, 3, 1), 19_783);
    }
}
