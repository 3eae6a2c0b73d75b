//! Values that are no strings as plain text: what a group is named by where its column holds numbers, dates and the like.
//!
//! Written as JSON would have them where it has such values (`true`, `12`, `0.5`), and otherwise as ISO 8601 does
//! (`2024-05-01`, `2024-05-01T12:00:00Z`); decimals with all digits of their scale. Knows no file format.

/// A day, counted from 1970-01-01, in the proleptic Gregorian calendar.
pub(super) fn date(days: i64) -> String {
    // The calendar repeats every 146,097 days (400 years); years are counted from March, so that the leap day is last.
    let days = i128::from(days) + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i128::from(month <= 2);
    let sign = if year < 0 { "-" } else { "" };
    format!("{sign}{:04}-{month:02}-{day:02}", year.abs())
}

/// A time of the day, of which there are `per_second` units in a second; a fraction is written where there is one.
pub(super) fn time(units: i64, per_second: i64) -> String {
    let (seconds, fraction) = (units.div_euclid(per_second), units.rem_euclid(per_second));
    let digits = per_second.ilog10() as usize;
    let fraction = match fraction {
        0 => String::new(),
        _ => format!(".{fraction:0digits$}"),
    };
    format!("{:02}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A point in time, counted from 1970-01-01; `is_utc`: the units are of UTC, and not of a clock somewhere.
pub(super) fn timestamp(units: i64, per_second: i64, is_utc: bool) -> String {
    let per_day = 86_400 * per_second;
    let (days, rest) = (units.div_euclid(per_day), units.rem_euclid(per_day));
    let zone = if is_utc { "Z" } else { "" };
    format!("{}T{}{zone}", date(days), time(rest, per_second))
}

/// A decimal number: an integer in two's complement, the highest byte first, of which the last `scale` digits are a
/// fraction.
pub(super) fn decimal(bytes: &[u8], scale: i32) -> String {
    let is_negative = bytes.first().is_some_and(|&byte| byte >= 0x80);
    let mut rest = bytes.to_vec();
    if is_negative {
        let mut carry = true;
        for byte in rest.iter_mut().rev() {
            (*byte, carry) = (!*byte).overflowing_add(carry.into());
        }
    }
    // Nine digits at a time, the lowest first.
    let mut digits = String::new();
    let mut groups = Vec::new();
    while rest.iter().any(|&byte| byte != 0) {
        let mut remainder = 0u64;
        for byte in &mut rest {
            let value = remainder << 8 | u64::from(*byte);
            (*byte, remainder) = ((value / 1_000_000_000) as u8, value % 1_000_000_000);
        }
        groups.push(remainder);
    }
    for group in groups.iter().rev() {
        digits.push_str(&match digits.is_empty() {
            true => group.to_string(),
            false => format!("{group:09}"),
        });
    }
    if digits.is_empty() {
        digits.push('0');
    }
    // A scale is bounded by the precision, and that by the bytes; one that is not is not worth the zeros.
    match usize::try_from(scale) {
        Ok(0) => {}
        Ok(scale) if scale <= 100 => {
            digits = format!("{digits:0>width$}", width = scale + 1);
            digits.insert(digits.len() - scale, '.');
        }
        Err(_) if digits == "0" => {}
        Err(_) if scale >= -100 => {
            digits.push_str(&"0".repeat(scale.unsigned_abs() as usize));
        }
        _ => digits.push_str(&format!("e{}", -i64::from(scale))),
    }
    if is_negative { format!("-{digits}") } else { digits }
}

/// A number as JSON has it, with what JSON does not have in the words of Python's.
pub(super) fn double(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        _ if value.is_infinite() => if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        _ => serde_json::json!(value).to_string(),
    }
}

/// The same of half the width: with the digits that tell it from its neighbours.
pub(super) fn float(value: f32) -> String {
    match value.is_finite() {
        true => serde_json::to_string(&value).unwrap_or_default(),
        false => double(value.into()),
    }
}

/// The same of a quarter of the width, given by its bits.
pub(super) fn half(bits: u16) -> String {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    float(match exponent {
        0 => sign * fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    })
}

/// Bytes that stand for nothing else.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An identifier of 16 bytes.
pub(super) fn uuid(bytes: &[u8]) -> String {
    let mut digits = hex(bytes);
    if bytes.len() == 16 {
        [20, 16, 12, 8].into_iter().for_each(|at| digits.insert(at, '-'));
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times() {
        for (days, written) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (19_782, "2024-02-29"),
            (19_783, "2024-03-01"),
            (-719_528, "0000-01-01"),
            (-719_529, "-0001-12-31"),
            (2_932_896, "9999-12-31"),
        ] {
            assert_eq!(date(days), written);
        }
        assert_eq!(time(45_296_000_001, 1_000_000), "12:34:56.000001");
        assert_eq!(timestamp(0, 1, false), "1970-01-01T00:00:00");
        assert_eq!(timestamp(-1, 1_000, true), "1969-12-31T23:59:59.999Z");
        for extreme in [i64::MIN, i64::MAX] {
            for per_second in [1, 1_000, 1_000_000, 1_000_000_000] {
                assert!(timestamp(extreme, per_second, false).contains('T'));
            }
            assert!(date(extreme).contains('-'));
        }
    }

    #[test]
    fn numbers() {
        for value in [0i128, 1, -1, 12_345, -100, i128::MAX, i128::MIN, 1_000_000_000, 999] {
            assert_eq!(decimal(&value.to_be_bytes(), 0), value.to_string());
        }
        for (value, scale, written) in [
            (12_345, 2, "123.45"),
            (-5, 2, "-0.05"),
            (0, 2, "0.00"),
            (7, -2, "700"),
            (0, -2, "0"),
            (100, 2, "1.00"),
        ] {
            assert_eq!(decimal(&i32::to_be_bytes(value), scale), written);
        }
        assert_eq!(decimal(&[], 0), "0");
        assert_eq!(double(1.0), "1.0");
        assert_eq!(double(f64::NEG_INFINITY), "-Infinity");
        assert_eq!(float(0.1), "0.1");
        for (bits, written) in
            [(0x3c00, "1.0"), (0xc000, "-2.0"), (1, "5.9604645e-8"), (0x7e00, "NaN")]
        {
            assert_eq!(half(bits), written);
        }
        assert_eq!(uuid(&[0xab; 16]), "abababab-abab-abab-abab-abababababab");
    }
}
