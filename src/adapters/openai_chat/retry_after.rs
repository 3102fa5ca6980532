//! How long an endpoint wants to be left alone, as its headers say it.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// Longest time that is believed.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads `retry-after-ms`, and `retry-after` as seconds or as a date. A date
/// counts from the one that the answer itself bears, so that clocks may differ.
pub(super) fn read(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    let seconds = match (text("retry-after-ms").and_then(number), text(RETRY_AFTER.as_str())) {
        (Some(millis), _) => millis / 1_000.0,
        (None, Some(asked)) => number(asked).or_else(|| between(text(DATE.as_str())?, asked))?,
        (None, None) => return None,
    };
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST))
}

fn between(now: &str, then: &str) -> Option<f64> {
    let read = |date: &str| jiff::fmt::rfc2822::parse(date).ok().map(|date| date.timestamp().as_second());
    Some(Duration::from_secs(u64::try_from(read(then)?.saturating_sub(read(now)?)).unwrap_or(0)).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_milliseconds_and_dates_are_read() {
        let read = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().expect("a header"));
            }
            read(&headers).map(|asked| asked.as_millis())
        };
        let now = ("date", "Wed, 21 Oct 2026 07:28:00 GMT");
        assert_eq!(read(&[("retry-after", "7")]), Some(7_000));
        assert_eq!(read(&[("retry-after", " 0.25 ")]), Some(250));
        assert_eq!(read(&[("retry-after-ms", "120"), ("retry-after", "1")]), Some(120));
        assert_eq!(read(&[now, ("retry-after", "Wed, 21 Oct 2026 07:28:09 GMT")]), Some(9_000));
        assert_eq!(read(&[now, ("retry-after", "Wed, 21 Oct 2026 07:27:09 GMT")]), Some(0));
        assert_eq!(read(&[("retry-after", "1e300")]), Some(LONGEST.as_millis()));
        for odd in ["", "-1", "soon", "NaN", "Wed, 21 Oct 2026 07:28:09 GMT"] {
            assert_eq!(read(&[("retry-after", odd)]), None, "{odd}");
        }
        assert_eq!(read(&[]), None);
    }
}
