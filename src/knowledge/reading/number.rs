//! Reading numbers, spans of time and moments.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::knowledge::yaml::Node;

use super::Reading;

/// Longest span of time: ten years.
const MAX_DURATION: Duration = Duration::from_secs(3650 * 24 * 3600);

const DURATION_HINT: &str = "write a number with a unit, such as `30s`, `30m`, `24h`, `7d` or `2w`";

impl Reading<'_> {
    /// A whole number in a range.
    pub(crate) fn integer(&mut self, node: &Node, range: RangeInclusive<u32>) -> Option<u32> {
        let number = node.as_number().filter(|number| number.fract() == 0.0);
        let (low, high) = (*range.start(), *range.end());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
        let found = number.filter(|n| *n >= f64::from(low) && *n <= f64::from(high)).map(|n| n as u32);
        if found.is_none() {
            match high {
                u32::MAX => self.expected(&format!("a whole number from {low}"), node),
                _ => self.expected(&format!("a whole number from {low} to {high}"), node),
            }
        }
        found
    }

    /// A number in a range.
    pub(crate) fn number(&mut self, node: &Node, range: RangeInclusive<f64>) -> Option<f64> {
        let found = node.as_number().filter(|number| range.contains(number));
        if found.is_none() {
            self.expected(&format!("a number from {} to {}", range.start(), range.end()), node);
        }
        found
    }

    /// A span of time, such as `30m` or `1h30m`.
    pub(crate) fn duration(&mut self, node: &Node) -> Option<Duration> {
        let duration = node.as_scalar().and_then(|text| parse_duration(text.trim()));
        match duration {
            Some(duration) if duration <= MAX_DURATION => Some(duration),
            Some(_) => {
                self.expected("a span of at most ten years", node);
                None
            }
            None => {
                self.expected_with_hint("a span of time", node, DURATION_HINT);
                None
            }
        }
    }

    /// A span of time longer than none.
    pub(crate) fn positive_duration(&mut self, node: &Node) -> Option<Duration> {
        let duration = self.duration(node)?;
        if duration.is_zero() {
            self.expected_with_hint("a span of time longer than none", node, DURATION_HINT);
            return None;
        }
        Some(duration)
    }

    /// A moment: RFC 3339, or a date, which begins at midnight UTC.
    pub(crate) fn timestamp(&mut self, node: &Node) -> Option<Timestamp> {
        let text = node.as_scalar().unwrap_or_default().trim();
        let time = text.parse::<Timestamp>().ok().or_else(|| {
            let date: Date = text.parse().ok().filter(|_| text.len() == 10)?;
            Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
        });
        if time.is_none() {
            let hint = "write a date or a time with its zone, such as `2026-03-01` or `2026-03-01T09:00:00Z`";
            self.expected_with_hint("a time", node, hint);
        }
        time
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let milliseconds: u64 = match &rest[..unit] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 24 * 3_600_000,
            "w" => 7 * 24 * 3_600_000,
            _ => return None,
        };
        total = total.checked_add(Duration::from_millis(number.checked_mul(milliseconds)?))?;
        rest = &rest[unit..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        for (text, seconds) in [("30s", 30), ("30m", 1800), ("24h", 86400), ("7d", 604_800), ("1h30m", 5400), ("0s", 0)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "30", "m", "1 h", "-1h", "1.5h", "1y", "99999999999999999999d", "18446744073709551615w"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }
}
