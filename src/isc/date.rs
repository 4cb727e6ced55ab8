//! Dates of a lease file: `5 2026/11/20 13:07:17` in UTC, `epoch 1795180037` or `never`.

use crate::time::UnixTime;

const DAY: u32 = 86_400;
/// The first year that dhcpd takes for "never".
const LAST_YEAR: u32 = 2038;

/// Reads the words of a date; `None` for anything else.
pub(super) fn parse(words: &[&str]) -> Option<UnixTime> {
    match words {
        ["never"] => Some(UnixTime::INFINITE_FLOOR),
        ["epoch", seconds] => seconds.parse().ok().map(UnixTime),
        [weekday, date, time] if matches!(weekday.parse(), Ok(0_u8..=6)) => {
            let [year, month, day] = numbers(date, '/')?;
            let [hour, minute, second] = numbers(time, ':')?;
            let month_is_there = (1..=12).contains(&month) && (1..=31).contains(&day);
            if !month_is_there || hour > 23 || minute > 59 || second > 60 || year < 1970 {
                return None;
            }
            if year >= LAST_YEAR {
                return Some(UnixTime::INFINITE_FLOOR);
            }
            let days = days_before(year, month).checked_add(day - 1)?;
            Some(UnixTime(days * DAY + hour * 3600 + minute * 60 + second))
        }
        _ => None,
    }
}

/// As dhcpd writes it, without the semicolon.
pub(super) fn format(time: UnixTime) -> String {
    if time.is_infinite() {
        return "never".to_owned();
    }
    let (days, seconds) = (time.0 / DAY, time.0 % DAY);
    let mut year = 1970;
    while days_before(year + 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_before(year, month + 1) <= days {
        month += 1;
    }
    let day = days - days_before(year, month) + 1;
    // 1970-01-01 was a Thursday.
    let weekday = (days + 4) % 7;
    let (hour, minute, second) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    format!("{weekday} {year}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}")
}

fn numbers(text: &str, separator: char) -> Option<[u32; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse::<u32>().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

/// Days from 1970-01-01 to the first of a month.
fn days_before(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let leap_days = |year: u32| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    let months = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let index = usize::try_from(month.saturating_sub(1)).unwrap_or(0);
    let days = months.get(index).copied().unwrap_or(0);
    years + days + u32::from(is_leap && month > 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_reads_as_it_is_written() {
        assert_eq!(parse(&["5", "2026/11/20", "13:07:17"]), Some(UnixTime(1_795_180_037)));
        assert_eq!(format(UnixTime(1_795_180_037)), "5 2026/11/20 13:07:17");
    }

    #[test]
    fn every_day_until_2038_reads_back() {
        for day in 0..24_800 {
            let time = UnixTime(day * DAY + 7);
            let text = format(time);
            let words: Vec<&str> = text.split(' ').collect();
            assert_eq!(parse(&words), Some(time), "{text}");
        }
    }

    #[test]
    fn never_and_the_years_from_2038_on_are_never() {
        assert_eq!(parse(&["never"]), Some(UnixTime::INFINITE_FLOOR));
        assert_eq!(parse(&["1", "2038/01/01", "00:00:00"]), Some(UnixTime::INFINITE_FLOOR));
        assert_eq!(format(UnixTime::INFINITE), "never");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for words in [
            &["7", "2026/11/20", "13:07:17"][..],
            &["5", "2026/13/20", "13:07:17"],
            &["5", "2026/11", "13:07:17"],
            &["5", "1969/11/20", "13:07:17"],
            &["epoch", "-1"],
            &["epoch"],
            &[],
        ] {
            assert_eq!(parse(words), None, "{words:?}");
        }
    }
}
