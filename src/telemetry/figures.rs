//! Numbers for people: percentiles by stage, link and message type, recent rates, the percentile curve.
//! Read from the totals on demand; must not be needed to record.

use super::cells;
use super::labels::{CODE_SLOTS, Counter, MTI_SLOTS, Outcome, Stage, code_name, mti_name};
use super::totals::{TOTAL, TRACKS, Totals, Track, add};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Mean and percentiles of one set of durations, in nanoseconds, each to three significant digits; all 0 when empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// How many durations.
    pub count: u64,
    /// Their mean.
    pub mean_ns: u64,
    /// The median.
    pub p50_ns: u64,
    /// 90 %.
    pub p90_ns: u64,
    /// 99 %.
    pub p99_ns: u64,
    /// 99.9 %.
    pub p99_9_ns: u64,
    /// 99.99 %.
    pub p99_99_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl Percentiles {
    /// Reads the percentiles of a histogram of nanoseconds.
    pub fn of(histogram: &Histogram<u64>) -> Percentiles {
        let mut values = histogram.value_at_quantiles([0.5, 0.9, 0.99, 0.999, 0.9999]);
        let mut next = || values.next().unwrap_or(0);
        Percentiles {
            count: histogram.len(),
            mean_ns: histogram.mean() as u64,
            p50_ns: next(),
            p90_ns: next(),
            p99_ns: next(),
            p99_9_ns: next(),
            p99_99_ns: next(),
            max_ns: histogram.max(),
        }
    }
}

/// One row of the latency table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LatencyRow {
    /// A stage's name, or `end to end`.
    pub name: &'static str,
    /// Its share of the mean message, in nanoseconds: over all messages, also those that do not pass it, so that the
    /// stages' shares add up to the mean end to end.
    pub share_ns: u64,
    /// Its durations, of the messages that pass it.
    pub percentiles: Percentiles,
}

/// Percentiles by stage and end to end, all links together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LatencyTable {
    /// The stages in their order, then `end to end`.
    pub rows: Vec<LatencyRow>,
}

/// What one link did.
#[derive(Clone, Debug, Serialize)]
pub struct LinkFigures {
    /// The link's name.
    pub name: String,
    /// Messages a second in the recent past.
    pub messages_per_s: f64,
    /// Requests approved in the recent past.
    pub recent_approved: u64,
    /// Requests approved or declined in the recent past.
    pub recent_judged: u64,
    /// The one of the other, 0 to 1; none without such a request.
    pub approval_ratio: Option<f64>,
    /// End to end, the recent past.
    pub recent: Percentiles,
    /// End to end, since the start.
    pub since_start: Percentiles,
    /// Messages since the start by outcome's name, those that occurred.
    pub outcomes: Vec<(&'static str, u64)>,
    /// Answers since the start by code and refusal, those that occurred.
    pub answers: Vec<AnswerFigures>,
    /// Every counter's name and count since the start.
    pub counters: Vec<(&'static str, u64)>,
}

/// How often one answer was given on one link since the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnswerFigures {
    /// DE39.
    pub code: String,
    /// Why it is no approval; `none` where it is one.
    pub refusal: &'static str,
    /// How often.
    pub count: u64,
}

/// End-to-end percentiles of one message type and outcome on one link, since the start.
#[derive(Clone, Debug, Serialize)]
pub struct MessageFigures {
    /// The link's name.
    pub link: String,
    /// The message type, `0100`, or `other`.
    pub mti: String,
    /// The outcome's name.
    pub outcome: &'static str,
    /// The durations.
    pub since_start: Percentiles,
}

/// A point of a percentile curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// 0 to 1.
    pub quantile: f64,
    /// The duration that this share of messages did not exceed, in nanoseconds.
    pub value_ns: u64,
}

/// All numbers of the status page at one moment. "Recent" is the last ten to twenty seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// Since the telemetry was made, which is the process's start.
    #[serde(rename = "uptime_s", serialize_with = "as_seconds")]
    pub uptime: Duration,
    /// By link, in the settings' order; a link `unknown` only if something was recorded for it.
    pub links: Vec<LinkFigures>,
    /// By stage and end to end, the recent past.
    pub recent: LatencyTable,
    /// By stage and end to end, since the start.
    pub since_start: LatencyTable,
    /// By message type, those that occurred.
    pub messages: Vec<MessageFigures>,
    /// From the append to the sync that made the record durable, the recent past.
    pub durable_recent: Percentiles,
    /// The same since the start.
    pub durable_since_start: Percentiles,
    /// End to end, all links, the recent past.
    pub curve_recent: Vec<CurvePoint>,
    /// The same since the start.
    pub curve_since_start: Vec<CurvePoint>,
}

fn as_seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// Which part of a track is read.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Span {
    Recent,
    SinceStart,
}

impl Span {
    fn add_to(self, into: &mut Histogram<u64>, track: &Track) {
        match self {
            Span::Recent => track.add_recent_to(into),
            Span::SinceStart => add(into, &track.since_start),
        }
    }
}

impl Totals {
    /// One track's histogram over all links.
    fn over_links(&self, place: usize, span: Span) -> Histogram<u64> {
        let mut sum = cells::histogram();
        let links = &self.tracks[..self.tracks.len() - 1];
        for track in links.iter().skip(place).step_by(TRACKS).flatten() {
            span.add_to(&mut sum, track);
        }
        sum
    }

    fn percentiles(&self, slot: usize, span: Span) -> Percentiles {
        let mut sum = cells::histogram();
        if let Some(track) = &self.tracks[slot] {
            span.add_to(&mut sum, track);
        }
        Percentiles::of(&sum)
    }

    pub(super) fn latency_table(&self, span: Span) -> LatencyTable {
        let messages = self.over_links(TOTAL, span).len().max(1) as f64;
        let row = |name, place| {
            let durations = self.over_links(place, span);
            let share_ns = (durations.mean() * durations.len() as f64 / messages) as u64;
            LatencyRow { name, share_ns, percentiles: Percentiles::of(&durations) }
        };
        let stages = Stage::ALL.iter().enumerate().map(|(at, stage)| row(stage.name(), TOTAL + 1 + at));
        LatencyTable { rows: stages.chain([row("end to end", TOTAL)]).collect() }
    }

    /// `names` are those of the links and of the refusals.
    pub(super) fn overview(
        &self,
        (names, refusals): (&[String], &[&'static str]),
        started: Instant,
        now: Instant,
    ) -> Overview {
        let durable = self.tracks.len() - 1;
        let figures = |(link, name): (usize, &String)| self.link_figures(link, name, refusals, now);
        let links = names.iter().enumerate().map(figures);
        Overview {
            uptime: now.saturating_duration_since(started),
            // The last name is the catch-all, of no interest as long as it caught nothing.
            links: links
                .enumerate()
                .filter(|(at, link)| at + 1 < names.len() || link.is_used())
                .map(|(_, link)| link)
                .collect(),
            recent: self.latency_table(Span::Recent),
            since_start: self.latency_table(Span::SinceStart),
            messages: self.message_figures(names),
            durable_recent: self.percentiles(durable, Span::Recent),
            durable_since_start: self.percentiles(durable, Span::SinceStart),
            curve_recent: curve(&self.over_links(TOTAL, Span::Recent)),
            curve_since_start: curve(&self.over_links(TOTAL, Span::SinceStart)),
        }
    }

    fn link_figures(&self, link: usize, name: &str, refusals: &[&'static str], now: Instant) -> LinkFigures {
        let (recent, span_s) = self.recent_outcomes(link, now);
        let recent_approved = recent[Outcome::Approved as usize];
        let recent_judged = recent_approved + recent[Outcome::Declined as usize];
        let total = link * TRACKS + TOTAL;
        LinkFigures {
            name: name.to_owned(),
            messages_per_s: if span_s > 0.0 { recent.iter().sum::<u64>() as f64 / span_s } else { 0.0 },
            recent_approved,
            recent_judged,
            approval_ratio: (recent_judged > 0).then(|| recent_approved as f64 / recent_judged as f64),
            recent: self.percentiles(total, Span::Recent),
            since_start: self.percentiles(total, Span::SinceStart),
            outcomes: self.link_outcomes(link),
            answers: self.link_answers(link, refusals),
            counters: Counter::ALL
                .iter()
                .map(|counter| (counter.name(), self.counters[link * Counter::ALL.len() + *counter as usize]))
                .collect(),
        }
    }

    fn link_outcomes(&self, link: usize) -> Vec<(&'static str, u64)> {
        let sum = |outcome: Outcome| -> u64 {
            let slots = (0..MTI_SLOTS).map(|mti| super::recorder::combination(link, mti, outcome));
            slots.filter_map(|slot| self.combinations[slot].as_ref()).map(|found| found.series.count).sum()
        };
        Outcome::ALL
            .iter()
            .map(|outcome| (outcome.name(), sum(*outcome)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    fn link_answers(&self, link: usize, refusals: &[&'static str]) -> Vec<AnswerFigures> {
        let slots = refusals.len() * CODE_SLOTS;
        let answers = self.answers.range(link * slots..(link + 1) * slots);
        let figures = answers.map(|(slot, count)| AnswerFigures {
            code: code_name(slot % CODE_SLOTS),
            refusal: refusals[slot / CODE_SLOTS % refusals.len()],
            count: *count,
        });
        figures.collect()
    }

    fn message_figures(&self, names: &[String]) -> Vec<MessageFigures> {
        let mut messages = Vec::new();
        for (slot, found) in self.combinations.iter().enumerate() {
            let Some(found) = found else { continue };
            let (rest, outcome) = (slot / Outcome::ALL.len(), slot % Outcome::ALL.len());
            messages.push(MessageFigures {
                link: names[rest / MTI_SLOTS].clone(),
                mti: mti_name(rest % MTI_SLOTS),
                outcome: Outcome::ALL[outcome].name(),
                since_start: Percentiles::of(&found.since_start),
            });
        }
        messages
    }
}

impl LinkFigures {
    fn is_used(&self) -> bool {
        self.since_start.count > 0 || self.counters.iter().any(|(_, count)| *count > 0)
    }
}

/// Samples a histogram's percentile curve: eight points for each halving of the distance to 100 %, as far as the
/// count can tell points apart, 90 %, 99 % and so on, and the maximum.
pub fn curve(histogram: &Histogram<u64>) -> Vec<CurvePoint> {
    const POINTS_PER_HALVING: u32 = 8;
    let count = histogram.len();
    if count == 0 {
        return Vec::new();
    }
    let halvings = count.ilog2().min(23);
    let mut quantiles = Vec::new();
    for point in 0..=halvings * POINTS_PER_HALVING {
        let (halving, part) = (point / POINTS_PER_HALVING, point % POINTS_PER_HALVING);
        let left = 0.5_f64.powi(halving as i32);
        quantiles.push(1.0 - left + left / 2.0 * f64::from(part) / f64::from(POINTS_PER_HALVING));
    }
    quantiles.push(1.0);
    // The percentiles that people name lie on the curve exactly, if enough was counted to tell them apart.
    quantiles.extend(
        [0.9, 0.99, 0.999, 0.9999, 0.99999].iter().filter(|named| (1.0 - **named) * count as f64 >= 1.0),
    );
    quantiles.sort_by(f64::total_cmp);
    let values = histogram.value_at_quantiles(quantiles.iter().copied());
    quantiles
        .iter()
        .zip(values)
        .map(|(quantile, value_ns)| CurvePoint { quantile: *quantile, value_ns })
        .collect()
}

/// A duration to three significant digits in its natural unit: `412 ns`, `12.3 µs`, `1.24 ms`, `20.0 s`.
pub fn duration_text(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        // What rounds up to 1,000 of a unit is shown as 1.00 of the next.
        1_000..999_500 => (ns as f64 / 1e3, "µs"),
        999_500..999_500_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    let decimals = if value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        for (ns, expected) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (9_994, "9.99 µs"),
            (9_996, "10.0 µs"),
            (99_949, "99.9 µs"),
            (99_951, "100 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (12_345_678, "12.3 ms"),
            (999_499_999, "999 ms"),
            (999_500_000, "1.00 s"),
            (60_000_000_000, "60.0 s"),
        ] {
            assert_eq!(duration_text(ns), expected, "{ns}");
        }
    }
}
