//! Tables and times for people.

use std::io::{self, Write};

/// Columns as wide as their widest cell; the first to the left, the others to the right.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(heading: &[&str]) -> Self {
        Self { rows: vec![heading.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        for row in &self.rows {
            for (position, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if position == 0 {
                    write!(out, "{cell:<width$}")?;
                } else {
                    write!(out, "  {cell:>width$}")?;
                }
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// Unix seconds as "2026-11-20 13:00:00" UTC; "-" where unknown, "never" where infinite.
pub(super) fn utc(seconds: Option<u32>) -> String {
    let Some(seconds) = seconds else { return "-".to_owned() };
    if crate::time::UnixTime(seconds).is_infinite() {
        return "never".to_owned();
    }
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of a number of days since 1970-01-01. Counts from March, so that the leap
/// day is the last of its year: 146,097 days are 400 years, 153 days are five months.
const fn civil(days: u32) -> (u32, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_have_their_dates() {
        assert_eq!(utc(Some(1)), "1970-01-01 00:00:01");
        assert_eq!(utc(Some(951_782_400)), "2000-02-29 00:00:00");
        assert_eq!(utc(Some(1_709_251_199)), "2024-02-29 23:59:59");
        assert_eq!(utc(Some(1_700_000_000)), "2023-11-14 22:13:20");
    }

    #[test]
    fn what_is_no_date_is_said_in_a_word() {
        assert_eq!(utc(None), "-");
        assert_eq!(utc(Some(u32::MAX)), "never");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["pool", "free"]);
        table.row(vec!["10.0.0.1".to_owned(), "7".to_owned()]);
        let mut out = Vec::new();
        table.print(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "pool      free\n10.0.0.1     7\n");
    }
}
