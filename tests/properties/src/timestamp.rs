use std::time::{Duration, SystemTime};

use arbitrary::{Arbitrary, Result, Unstructured};
use lipdub_core::CreatedAt;

use crate::random::choose;

/// A timestamp keeps its text, whatever it is; one that Python's `isoformat` can print, and some others, is the time
/// that it says.
///
/// The bytes are a text, and also choices of a time and of its spelling.
pub fn timestamp(bytes: &[u8]) {
    keeps_its_text(&String::from_utf8_lossy(bytes));
    // Choices that run out leave nothing to check.
    if let Ok(moment) = Moment::arbitrary(&mut Unstructured::new(bytes)) {
        let text = moment.text();
        keeps_its_text(&text);
        assert_eq!(CreatedAt::from(&*text).time(), moment.time(), "{text}");
    }
}

fn keeps_its_text(text: &str) {
    let created_at = CreatedAt::from(text);
    assert_eq!(created_at.raw(), text);
    assert_eq!(created_at.time(), CreatedAt::from(text.to_owned()).time());
    assert_eq!(String::from(created_at.clone()), text);
    let queued = serde_json::to_string(&created_at).unwrap();
    assert_eq!(serde_json::from_str::<CreatedAt>(&queued).unwrap(), created_at);
}

/// A date and time of day, where it is that time, and how this is written. What is not written is zero.
struct Moment {
    year: i64,
    month: usize,
    day: i64,
    separator: char,
    hour: i64,
    minute: i64,
    second: i64,
    /// The digits of a fraction of the second.
    fraction: &'static str,
    precision: Precision,
    zone: Zone,
    /// Whether a zone's name follows, as in RFC 9557.
    is_named: bool,
}

#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Precision {
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
}

enum Zone {
    Unsaid,
    Utc(char),
    Offset { sign: i64, seconds: i64, microseconds: i64 },
}

impl Moment {
    fn text(&self) -> String {
        let Self { year, month, day, separator, hour, minute, second, fraction, .. } = self;
        let parts = [
            (Precision::Day, format!("{year:04}-{month:02}-{day:02}")),
            (Precision::Hour, format!("{separator}{hour:02}")),
            (Precision::Minute, format!(":{minute:02}")),
            (Precision::Second, format!(":{second:02}")),
            (Precision::Fraction, format!(".{fraction}")),
        ];
        let written = parts.into_iter().filter(|(precision, _)| *precision <= self.precision);
        let name = if self.is_named { "[Europe/Berlin]" } else { "" };
        written.map(|(_, part)| part).collect::<String>() + &self.zone.text() + name
    }

    /// The time, if the text is one: the name of a zone is none without an offset, and the last day of the year 9999
    /// is beyond what is read.
    fn time(&self) -> Option<SystemTime> {
        const END: i64 = 253_402_207_200;
        let days = days_before_year(self.year) - days_before_year(1970) + self.day_of_year();
        let local = ((days * 24 + self.hour) * 60 + self.minute) * 60 + self.second;
        let seconds = local - self.zone.seconds();
        let is_somewhere = !(self.is_named && matches!(self.zone, Zone::Unsaid));
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let whole = if seconds < 0 { SystemTime::UNIX_EPOCH - whole } else { SystemTime::UNIX_EPOCH + whole };
        (is_somewhere && seconds <= END).then(|| whole + self.nanoseconds())
    }

    fn nanoseconds(&self) -> Duration {
        Duration::from_nanos(format!("{:0<9}", self.fraction).parse().unwrap())
    }

    /// From 0.
    fn day_of_year(&self) -> i64 {
        days_in_months(self.year)[..self.month - 1].iter().sum::<i64>() + self.day - 1
    }
}

impl Zone {
    fn text(&self) -> String {
        match self {
            Self::Unsaid => String::new(),
            Self::Utc(letter) => letter.to_string(),
            Self::Offset { sign, seconds, microseconds } => {
                let sign = if *sign < 0 { '-' } else { '+' };
                let minutes = format!("{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
                match (seconds % 60, microseconds) {
                    (0, 0) => minutes,
                    (seconds, 0) => format!("{minutes}:{seconds:02}"),
                    (seconds, microseconds) => format!("{minutes}:{seconds:02}.{microseconds:06}"),
                }
            }
        }
    }

    /// East of Greenwich, to the nearest second.
    fn seconds(&self) -> i64 {
        match self {
            Self::Unsaid | Self::Utc(_) => 0,
            Self::Offset { sign, seconds, microseconds } => {
                sign * (seconds + i64::from(*microseconds >= 500_000))
            }
        }
    }
}

fn days_before_year(year: i64) -> i64 {
    let years = year - 1;
    years * 365 + years / 4 - years / 100 + years / 400
}

fn days_in_months(year: i64) -> [i64; 12] {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

impl<'a> Arbitrary<'a> for Moment {
    fn arbitrary(choices: &mut Unstructured<'a>) -> Result<Self> {
        let precision = choose(
            choices,
            &[
                Precision::Second,
                Precision::Fraction,
                Precision::Fraction,
                Precision::Minute,
                Precision::Hour,
                Precision::Day,
            ],
        )?;
        let mut unless =
            |least, range| if precision < least { Ok(0) } else { extreme_or_between(choices, range) };
        let (hour, minute) = (unless(Precision::Hour, 0..=23)?, unless(Precision::Minute, 0..=59)?);
        let second = unless(Precision::Second, 0..=59)?;
        let year = match choices.int_in_range(0..=3)? {
            0 => choose(choices, &[1, 4, 100, 1600, 1900, 1969, 1970, 2000, 2024, 2026, 9999])?,
            _ => choices.int_in_range(1..=9999)?,
        };
        let month = choices.int_in_range(1..=12)?;
        Ok(Self {
            year,
            month,
            day: extreme_or_between(choices, 1..=days_in_months(year)[month - 1])?,
            separator: choose(choices, &['T', ' ', 't'])?,
            hour,
            minute,
            second,
            fraction: match precision {
                Precision::Fraction => {
                    choose(choices, &["123456", "999999", "000001", "123", "0", "5", "123456789"])?
                }
                _ => "",
            },
            precision,
            // A day has no zone.
            zone: if precision == Precision::Day { Zone::Unsaid } else { Zone::arbitrary(choices)? },
            is_named: choose(choices, &[false, false, false, true])?,
        })
    }
}

impl<'a> Arbitrary<'a> for Zone {
    fn arbitrary(choices: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match choices.int_in_range(0..=3)? {
            0 => Self::Unsaid,
            1 => Self::Utc(choose(choices, &['Z', 'z'])?),
            fine => Self::Offset {
                sign: choose(choices, &[1, -1])?,
                seconds: match fine {
                    2 => 60 * extreme_or_between(choices, 0..=24 * 60 - 1)?,
                    _ => extreme_or_between(choices, 0..=24 * 60 * 60 - 1)?,
                },
                microseconds: choose(choices, &[0, 0, 0, 1, 499_999, 500_000, 999_999])?,
            },
        })
    }
}

fn extreme_or_between(choices: &mut Unstructured<'_>, range: std::ops::RangeInclusive<i64>) -> Result<i64> {
    match choices.int_in_range(0..=7)? {
        0 => Ok(*range.start()),
        1 => Ok(*range.end()),
        _ => choices.int_in_range(range),
    }
}
