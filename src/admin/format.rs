//! Numbers and texts as a person reads them, and as HTML may hold them.

use std::fmt::{self, Display, Write};
use std::time::Duration;

/// Displays a text with everything escaped that means something in HTML, in attributes too.
pub(super) struct Escaped<T>(pub(super) T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl Write for Escaping<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                for char in text.chars() {
                    match char {
                        '&' => self.0.write_str("&amp;")?,
                        '<' => self.0.write_str("&lt;")?,
                        '>' => self.0.write_str("&gt;")?,
                        '"' => self.0.write_str("&quot;")?,
                        '\'' => self.0.write_str("&#39;")?,
                        _ => self.0.write_char(char)?,
                    }
                }
                Ok(())
            }
        }
        write!(Escaping(f), "{}", self.0)
    }
}

/// A count with its thousands apart: `1,234,567`.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A rate: whole above 100, one decimal below.
pub(super) fn rate(per_s: f64) -> String {
    if per_s >= 99.95 { count(per_s.round() as u64) } else { format!("{per_s:.1}") }
}

/// A share of one as per cent: `97.3 %`; 100 % only if it is exactly that.
pub(super) fn share(ratio: f64) -> String {
    if ratio < 1.0 { format!("{:.1} %", (ratio * 1_000.0).floor() / 10.0) } else { "100 %".to_owned() }
}

/// How long something runs: the two largest units.
pub(super) fn uptime(uptime: Duration) -> String {
    let s = uptime.as_secs();
    match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} min {} s", s / 60, s % 60),
        3_600..86_400 => format!("{} h {} min", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3_600),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped() {
        let text = Escaped("<script>alert('x')</script> & \"y\"").to_string();
        assert_eq!(text, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;");
    }

    #[test]
    fn counts_rates_shares_and_uptimes() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), expected);
        }
        assert_eq!((rate(0.04), rate(99.94), rate(10_000.4)), ("0.0".into(), "99.9".into(), "10,000".into()));
        assert_eq!(
            (share(0.0), share(0.999_9), share(1.0)),
            ("0.0 %".into(), "99.9 %".into(), "100 %".into())
        );
        for (s, expected) in [(59, "59 s"), (61, "1 min 1 s"), (3_661, "1 h 1 min"), (90_000, "1 d 1 h")] {
            assert_eq!(uptime(Duration::from_secs(s)), expected);
        }
    }
}
