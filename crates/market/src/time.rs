//! Instants and bar lengths, both in whole milliseconds, the exchanges' own unit.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeZone, Utc};
use serde::{Deserialize, Serialize};

use crate::error::MarketError;

/// Milliseconds in one UTC day.
pub const DAY_MS: i64 = 86_400_000;

/// Milliseconds in one year of 365 days, the annualisation used for markets that never close.
pub const YEAR_MS: i64 = 365 * DAY_MS;

/// An instant: UTC milliseconds since 1970-01-01.
///
/// Prints and parses as RFC 3339 (`2025-10-10T21:00:00Z`); a bare date means its midnight.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Midnight UTC of a calendar date, or `None` where no such date exists.
    pub fn from_date(year: i32, month: u32, day: u32) -> Option<Self> {
        let date = NaiveDate::from_ymd_opt(year, month, day)?;
        Some(Self(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()))
    }

    /// Whole UTC days since 1970-01-01.
    pub fn day(self) -> i64 {
        self.0.div_euclid(DAY_MS)
    }

    /// The UTC calendar year and month (1 to 12) of the instant.
    pub fn year_month(self) -> (i32, u32) {
        let date = self.to_chrono();
        (date.year(), date.month())
    }

    /// First instant of the UTC month that holds this one.
    #[must_use]
    pub fn month_start(self) -> Self {
        let (year, month) = self.year_month();
        Self::from_date(year, month, 1).unwrap_or(self)
    }

    /// First instant of the UTC month after the one that holds this instant.
    #[must_use]
    pub fn next_month_start(self) -> Self {
        let (year, month) = self.year_month();
        let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        Self::from_date(year, month, 1).unwrap_or(self)
    }

    /// The instant as a `YYYY-MM-DD` date.
    pub fn date_string(self) -> String {
        self.to_chrono().format("%Y-%m-%d").to_string()
    }

    fn to_chrono(self) -> DateTime<Utc> {
        Utc.timestamp_millis_opt(self.0).single().unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = if self.0.rem_euclid(1000) == 0 {
            "%Y-%m-%dT%H:%M:%SZ"
        } else {
            "%Y-%m-%dT%H:%M:%S%.3fZ"
        };
        f.pad(&self.to_chrono().format(format).to_string())
    }
}

impl FromStr for Timestamp {
    type Err = MarketError;

    fn from_str(text: &str) -> Result<Self, MarketError> {
        let text = text.trim();
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Self(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()));
        }
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self(instant.timestamp_millis()));
        }
        for format in
            ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d %H:%M"]
        {
            if let Ok(instant) = NaiveDateTime::parse_from_str(text, format) {
                return Ok(Self(instant.and_utc().timestamp_millis()));
            }
        }
        Err(MarketError::BadTime { text: text.to_owned() })
    }
}

impl TryFrom<String> for Timestamp {
    type Error = MarketError;

    fn try_from(text: String) -> Result<Self, MarketError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

/// The length of a bar in milliseconds: `1m`, `15m`, `1h`, `8h`, `1d`, `1w`.
///
/// Bars of every length lie on the grid that starts at 1970-01-01 (weeks: at a Monday).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Interval(i64);

impl Interval {
    /// One minute.
    pub const MINUTE: Self = Self(60_000);
    /// One hour.
    pub const HOUR: Self = Self(3_600_000);
    /// One UTC day.
    pub const DAY: Self = Self(DAY_MS);

    /// An interval of so many milliseconds; `None` unless it is a positive number of seconds.
    pub fn from_ms(ms: i64) -> Option<Self> {
        (ms > 0 && ms % 1000 == 0).then_some(Self(ms))
    }

    /// Length in milliseconds.
    pub fn ms(self) -> i64 {
        self.0
    }

    /// Length in minutes, rounded down.
    pub fn minutes(self) -> i32 {
        (self.0 / 60_000) as i32
    }

    /// How many such bars make a year of 365 days.
    pub fn per_year(self) -> f64 {
        YEAR_MS as f64 / self.0 as f64
    }

    /// The open time of the bar that holds `time`.
    pub fn floor(self, time: Timestamp) -> Timestamp {
        let offset = self.grid_offset();
        Timestamp((time.0 - offset).div_euclid(self.0) * self.0 + offset)
    }

    /// Whether `time` is the open time of a bar.
    pub fn is_on_grid(self, time: Timestamp) -> bool {
        (time.0 - self.grid_offset()).rem_euclid(self.0) == 0
    }

    /// 1970-01-01 was a Thursday; exchange weeks open on Monday.
    fn grid_offset(self) -> i64 {
        if self.0 % (7 * DAY_MS) == 0 { 4 * DAY_MS } else { 0 }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match self.0 {
            ms if ms % (7 * DAY_MS) == 0 => (ms / (7 * DAY_MS), "w"),
            ms if ms % DAY_MS == 0 => (ms / DAY_MS, "d"),
            ms if ms % 3_600_000 == 0 => (ms / 3_600_000, "h"),
            ms if ms % 60_000 == 0 => (ms / 60_000, "m"),
            ms => (ms / 1000, "s"),
        };
        f.pad(&format!("{count}{unit}"))
    }
}

impl FromStr for Interval {
    type Err = MarketError;

    fn from_str(text: &str) -> Result<Self, MarketError> {
        let bad = || MarketError::BadInterval { text: text.to_owned() };
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let count: i64 = text[..split].parse().map_err(|_| bad())?;
        let unit = match &text[split..] {
            "s" => 1000,
            "m" => 60_000,
            "h" | "H" => 3_600_000,
            "d" | "D" => DAY_MS,
            "w" | "W" => 7 * DAY_MS,
            _ => return Err(bad()),
        };
        count.checked_mul(unit).and_then(Self::from_ms).ok_or_else(bad)
    }
}

impl TryFrom<String> for Interval {
    type Error = MarketError;

    fn try_from(text: String) -> Result<Self, MarketError> {
        text.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_print_and_parse() {
        for (text, ms) in [
            ("2025-10-10T21:00:00Z", 1_760_130_000_000),
            ("2025-10-10T21:00:00.008Z", 1_760_130_000_008),
            ("1969-12-31T23:59:59Z", -1000),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap(), Timestamp(ms));
            assert_eq!(Timestamp(ms).to_string(), text);
        }
        assert_eq!("2024-01-01".parse::<Timestamp>().unwrap(), Timestamp(1_704_067_200_000));
        assert_eq!(
            "2025-06-05 00:05:00".parse::<Timestamp>().unwrap().to_string(),
            "2025-06-05T00:05:00Z"
        );
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn intervals_print_and_parse() {
        for text in ["1s", "1m", "15m", "1h", "8h", "1d", "1w"] {
            assert_eq!(text.parse::<Interval>().unwrap().to_string(), text);
        }
        for text in ["", "h", "0h", "1mo", "1x", "-1h", "99999999999999999999h"] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }

    #[test]
    fn weeks_open_on_monday() {
        let week: Interval = "1w".parse().unwrap();
        let friday: Timestamp = "2025-10-10T21:00:00Z".parse().unwrap();
        assert_eq!(week.floor(friday).to_string(), "2025-10-06T00:00:00Z");
        assert!(week.is_on_grid(week.floor(friday)));
    }
}
