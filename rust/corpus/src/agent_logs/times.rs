//! Times of ISO 8601, and days.

/// Days from 1970-01-01 to a day of the Gregorian calendar.
fn days_to(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March: the day that some have more is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_years = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    of_years + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// The day that is `days` after 1970-01-01, as ISO 8601 writes it.
pub(super) fn day_of_unix(days: i64) -> String {
    // A year that is not after that day.
    let mut year = 1970 + days.div_euclid(if days < 0 { 365 } else { 366 });
    while days_to(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_to(year, month + 1, 1) <= days {
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", days - days_to(year, month, 1) + 1)
}

/// The microseconds from 1970 to a time such as `2026-11-02T10:00:00.5+01:00`, and its day in UTC. A time without a zone
/// is in UTC. None for what is no such time, or of no year from 1 to 9999.
pub(super) fn instant(text: &str) -> Option<(i64, String)> {
    let (date, time) = (text.get(..10)?, text.get(10..)?);
    let [year, month, day] = numbers(date, b'-', [4, 2, 2])?;
    let is_day = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && day >= 1
        && days_to(year, month, day) < days_to(year + month / 12, month % 12 + 1, 1);
    if !is_day {
        return None;
    }
    let mut microseconds = days_to(year, month, day) * 86_400_000_000;
    if let Some(time) = time.strip_prefix(['T', 't', ' ']) {
        let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
        let (time, zone) = time.split_at(zone);
        microseconds += clock(time)?;
        microseconds -= match zone.split_at_checked(1) {
            None | Some(("Z" | "z", "")) => 0,
            Some(("+", ahead)) => clock(ahead)?,
            Some(("-", behind)) => -clock(behind)?,
            _ => return None,
        };
    } else if !time.is_empty() {
        return None;
    }
    let days = microseconds.div_euclid(86_400_000_000);
    let is_known = (days_to(1, 1, 1)..days_to(10_000, 1, 1)).contains(&days);
    is_known.then(|| (microseconds, day_of_unix(days)))
}

/// The microseconds of hours, minutes, and seconds with a fraction; the last may be missing.
fn clock(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let [hours, minutes, seconds] = match whole.len() {
        5 if fraction.is_empty() => {
            let [hours, minutes] = numbers(whole, b':', [2, 2])?;
            [hours, minutes, 0]
        }
        _ => numbers(whole, b':', [2, 2, 2])?,
    };
    if hours > 23 || minutes > 59 || seconds > 59 || text.ends_with(['.', ',']) {
        return None;
    }
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fraction = digits.then(|| format!("{fraction:0<6.6}").parse::<i64>().ok()).flatten()?;
    Some((hours * 3600 + minutes * 60 + seconds) * 1_000_000 + fraction)
}

/// Numbers of so many digits each, with `between` between them.
fn numbers<const N: usize>(text: &str, between: u8, digits: [usize; N]) -> Option<[i64; N]> {
    let (mut rest, mut found) = (text.as_bytes(), [0; N]);
    for (i, (number, digits)) in found.iter_mut().zip(digits).enumerate() {
        if i > 0 {
            rest = rest.strip_prefix(&[between])?;
        }
        let (mine, after) = rest.split_at_checked(digits)?;
        for &digit in mine {
            *number = *number * 10 + i64::from(digit.is_ascii_digit().then(|| digit - b'0')?);
        }
        rest = after;
    }
    rest.is_empty().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_each_other() {
        let known =
            [(0, "1970-01-01"), (58, "1970-02-28"), (59, "1970-03-01"), (11_016, "2000-02-29")];
        for (days, day) in known {
            assert_eq!(day_of_unix(days), day);
        }
        assert_eq!(day_of_unix(-719_162), "0001-01-01");
        let mut last = day_of_unix(-1000);
        for days in -999..200_000 {
            let day = day_of_unix(days);
            assert!(day > last, "{day} after {last}");
            assert_eq!(instant(&day), Some((days * 86_400_000_000, day.clone())));
            last = day;
        }
    }

    #[test]
    fn times_are_in_utc() {
        let at = |text| {
            instant(text).map(|(microseconds, day)| (microseconds - 20_759 * 86_400_000_000, day))
        };
        let second = 1_000_000;
        let on = |day: &str, seconds: i64| Some((seconds * second, day.to_owned()));
        assert_eq!(at("2026-11-02T00:00:10Z"), on("2026-11-02", 10));
        assert_eq!(at("2026-11-02 00:01"), on("2026-11-02", 60));
        assert_eq!(at("2026-11-02T00:30:00+01:00"), on("2026-11-01", -1800));
        assert_eq!(at("2026-11-01T23:30:00-00:30"), on("2026-11-02", 0));
        assert_eq!(at("2026-11-02T00:00:00.1234567Z"), Some((123_456, "2026-11-02".to_owned())));
        for none in [
            "",
            "today",
            "2026-11-02X",
            "2026-13-01",
            "2026-02-29",
            "2026-11-00",
            "2026-11-02T24:00:00",
            "2026-11-02T10:60",
            "2026-11-02T10:00:00.",
            "2026-11-02T10",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "2026-11-02T10:00:00.x",
            "20é6-11-02T10:00:00",
        ] {
            assert_eq!(instant(none), None, "{none}");
        }
    }
}
