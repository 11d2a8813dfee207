//! Instants and durations as text. There is no clock here: "now" is always given.

/// A moment, with the text that people read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    /// Unix milliseconds.
    pub ms: i64,
    /// `2026-11-23 10:06:12 UTC`.
    pub text: String,
}

impl Instant {
    /// The instant `ms` milliseconds after 1970-01-01, with its UTC text.
    pub fn from_ms(ms: i64) -> Self {
        let (year, month, day) = civil_from_days(ms.div_euclid(86_400_000));
        let s = ms.rem_euclid(86_400_000) / 1000;
        let text = format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", s / 3600, s / 60 % 60, s % 60);
        Self { ms, text }
    }

    /// The instant `s` seconds after 1970-01-01: tokens and policies count in seconds.
    pub fn from_s(s: i64) -> Self {
        Self::from_ms(s.saturating_mul(1000))
    }

    /// The first moment, in UTC, of a date as date fields send it: `2026-11-23`. None for what is no date.
    pub fn from_date(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok().filter(|number| *number >= 0));
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        if year > 9999 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let days = days_from_civil(year, month, day);
        (civil_from_days(days) == (year, month, day)).then(|| Self::from_ms(days * 86_400_000))
    }

    /// Its date, as date fields take it.
    pub fn date(&self) -> &str {
        self.text.get(..10).unwrap_or(&self.text)
    }

    /// The RFC 3339 form for `datetime` attributes.
    pub fn rfc3339(&self) -> String {
        self.text.replacen(' ', "T", 1).replace(" UTC", "Z")
    }

    /// Hours and minutes, `10:06`, for a second mention beside a relative time.
    pub fn clock(&self) -> &str {
        self.text.get(11..16).unwrap_or(&self.text)
    }
}

/// The day number of a date, after Howard Hinnant's `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The proleptic Gregorian date of a day number, after Howard Hinnant's `civil_from_days`.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A length of time in words, in its largest sensible unit: `45 s`, `1 hour`, `90 minutes`, `3 days`.
pub fn duration(seconds: i64) -> String {
    let s = seconds.max(0);
    let (n, unit) = match s {
        0..=119 if s % 60 != 0 || s == 0 => return format!("{s} s"),
        _ if s % 86_400 == 0 => (s / 86_400, "day"),
        _ if s % 3600 == 0 => (s / 3600, "hour"),
        _ if s >= 172_800 => (s / 86_400, "day"),
        _ if s >= 36_000 => (s / 3600, "hour"),
        _ => (s / 60, "minute"),
    };
    plural(n, unit)
}

/// `then` as seen from `now`: `in 42 minutes`, `6 minutes ago`.
pub fn relative(now: &Instant, then: &Instant) -> String {
    let s = then.ms.saturating_sub(now.ms) / 1000;
    if s >= 0 { format!("in {}", duration(s)) } else { format!("{} ago", duration(-s)) }
}

/// `1 person`, `3 gateways`: regular plurals, and the few irregular ones the console uses.
pub fn plural(n: i64, noun: &str) -> String {
    let many = match noun {
        "person" => "people".to_owned(),
        "policy" => "policies".to_owned(),
        "entry" => "entries".to_owned(),
        _ => format!("{noun}s"),
    };
    if n == 1 { format!("1 {noun}") } else { format!("{n} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_utc() {
        assert_eq!(Instant::from_ms(0).text, "1970-01-01 00:00:00 UTC");
        assert_eq!(Instant::from_ms(951_782_400_000).text, "2000-02-29 00:00:00 UTC");
        assert_eq!(Instant::from_s(1_795_428_372).rfc3339(), "2026-11-23T10:06:12Z");
        assert_eq!(Instant::from_ms(-1).text, "1969-12-31 23:59:59 UTC");
    }

    #[test]
    fn reads_the_dates_that_fields_send() {
        for (text, s) in [("1970-01-01", 0), ("2000-02-29", 951_782_400), ("2026-11-23", 1_795_392_000)] {
            let read = Instant::from_date(text).expect("a date");
            assert_eq!((read.ms, read.date()), (s * 1000, text));
        }
        for bad in ["", "2026-11", "2026-02-29", "2026-13-01", "2026-00-10", "-26-11-23", "2026-11-23T10:00", "99999-01-01"] {
            assert_eq!(Instant::from_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn says_durations_in_words() {
        let said = [0, 45, 60, 3600, 5400, 7200, 86_400, 100_000, 259_200].map(duration);
        assert_eq!(said, ["0 s", "45 s", "1 minute", "1 hour", "90 minutes", "2 hours", "1 day", "27 hours", "3 days"]);
        let now = Instant::from_s(1000);
        assert_eq!(relative(&now, &Instant::from_s(1000 + 2520)), "in 42 minutes");
        assert_eq!(relative(&now, &Instant::from_s(640)), "6 minutes ago");
        // A gateway may say any time at all.
        assert!(relative(&now, &Instant::from_ms(i64::MIN)).ends_with(" days ago"));
        assert!(relative(&Instant::from_ms(-1), &Instant::from_ms(i64::MAX)).starts_with("in "));
    }
}
