//! Pictures of latencies as inline SVG: the percentile curve, the split of the median by stage, a small bar.
//! Colours come from the page's style; nothing is loaded and no attribute holds foreign text unescaped.

use super::format::Escaped;
use crate::telemetry::{CurvePoint, duration_text};
use std::fmt::Write;

const WIDTH: f64 = 920.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 30.0;

/// Latency over percentile, both logarithmic: each step to the right is ten times rarer.
pub(super) fn percentile_curve(recent: &[CurvePoint], since_start: &[CurvePoint]) -> String {
    let points = || recent.iter().chain(since_start);
    let nines =
        points().map(|point| rareness(point.quantile)).filter(|x| x.is_finite()).fold(2.0, f64::max) + 0.3;
    let low_ns = points().map(|point| point.value_ns.max(1)).min().unwrap_or(1_000);
    let high_ns = points().map(|point| point.value_ns.max(1)).max().unwrap_or(1_000_000);
    let scale = Scale { nines, ticks: ticks_between(low_ns, high_ns) };
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Latency by percentile\">"
    );
    scale.draw_grid(&mut svg);
    scale.draw_line(&mut svg, "start", since_start);
    scale.draw_line(&mut svg, "recent", recent);
    scale.draw_marks(&mut svg, recent);
    svg.push_str("</svg>");
    svg
}

/// How many nines: 0 for 0 %, 1 for 90 %, 2 for 99 %; infinite for the maximum.
fn rareness(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

/// Round durations (1, 2, 5 of a decade) that enclose both values; always two at least.
fn ticks_between(low_ns: u64, high_ns: u64) -> Vec<u64> {
    let round = (0..11).flat_map(|decade| [1, 2, 5].map(|step| step * 10_u64.pow(decade)));
    let all: Vec<u64> = round.collect();
    let first = all.iter().rposition(|tick| *tick <= low_ns).unwrap_or(0);
    let last = all.iter().position(|tick| *tick >= high_ns).unwrap_or(all.len() - 1).max(first + 1);
    all.get(first..=last).unwrap_or(&all).to_vec()
}

struct Scale {
    nines: f64,
    ticks: Vec<u64>,
}

impl Scale {
    fn x(&self, quantile: f64) -> f64 {
        LEFT + rareness(quantile).min(self.nines) / self.nines * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value_ns: u64) -> f64 {
        let (low, high) = (self.ticks[0] as f64, self.ticks[self.ticks.len() - 1] as f64);
        let up = (value_ns.max(1) as f64 / low).log10() / (high / low).log10();
        TOP + (1.0 - up.clamp(0.0, 1.0)) * (HEIGHT - TOP - BOTTOM)
    }

    fn draw_grid(&self, svg: &mut String) {
        // More than a dozen labels would touch: then the powers of ten alone are named.
        let crowded = self.ticks.len() > 12;
        for tick in &self.ticks {
            let y = self.y(*tick);
            let _ = write!(svg, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{}\"/>", WIDTH - RIGHT);
            if !crowded || tick.ilog10() != (tick - 1).checked_ilog10().unwrap_or(0) || *tick == 1 {
                let label = tick_label(*tick);
                let _ = write!(
                    svg,
                    "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                    LEFT - 8.0,
                    y + 4.0
                );
            }
        }
        let floor = HEIGHT - BOTTOM;
        for (quantile, label) in AXIS {
            if rareness(quantile) <= self.nines {
                let x = self.x(quantile);
                let _ = write!(svg, "<path class=\"grid\" d=\"M{x:.1} {TOP}V{floor}\"/>");
                let _ = write!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                    floor + 18.0
                );
            }
        }
    }

    fn draw_line(&self, svg: &mut String, class: &str, points: &[CurvePoint]) {
        let Some((first, rest)) = points.split_first() else { return };
        let _ = write!(
            svg,
            "<path class=\"{class}\" d=\"M{:.1} {:.1}",
            self.x(first.quantile),
            self.y(first.value_ns)
        );
        for point in rest {
            let _ = write!(svg, "L{:.1} {:.1}", self.x(point.quantile), self.y(point.value_ns));
        }
        svg.push_str("\"/>");
    }

    /// Dots with their values at the percentiles that people talk about, and at the maximum.
    fn draw_marks(&self, svg: &mut String, points: &[CurvePoint]) {
        for (quantile, label) in MARKS {
            let Some(point) = points.iter().find(|point| point.quantile >= quantile) else { continue };
            // With few messages a percentile has no point of its own: the maximum's dot speaks for it.
            if rareness(point.quantile) - rareness(quantile) > 0.1 {
                continue;
            }
            let (x, y) = (self.x(point.quantile), self.y(point.value_ns));
            let value = duration_text(point.value_ns);
            let _ = write!(
                svg,
                "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\"><title>{label}: {value}</title></circle>"
            );
            let anchor = if quantile >= 1.0 { "end" } else { "middle" };
            let _ = write!(
                svg,
                "<text class=\"value\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{value}</text>",
                y - 10.0
            );
        }
    }
}

const AXIS: [(f64, &str); 8] = [
    (0.0, "0 %"),
    (0.5, "50 %"),
    (0.9, "90 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
    (0.9999, "99.99 %"),
    (0.99999, "99.999 %"),
    (0.999999, "99.9999 %"),
];

const MARKS: [(f64, &str); 6] =
    [(0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %"), (1.0, "maximum")];

/// A round duration without decimals: `20 µs`.
fn tick_label(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{} µs", ns / 1_000),
        1_000_000..1_000_000_000 => format!("{} ms", ns / 1_000_000),
        _ => format!("{} s", ns / 1_000_000_000),
    }
}

/// A bar split by named durations, and its legend.
pub(super) fn split(parts: &[(&str, u64)]) -> String {
    let sum: u64 = parts.iter().map(|(_, ns)| ns).sum();
    if sum == 0 {
        return String::new();
    }
    let mut svg =
        "<svg class=\"split\" viewBox=\"0 0 1000 22\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
            .to_owned();
    let mut legend = "<div class=\"legend\">".to_owned();
    let mut x = 0.0;
    for (at, (name, ns)) in parts.iter().enumerate() {
        let (name, value, color) = (Escaped(name), duration_text(*ns), at % 6);
        let width = *ns as f64 / sum as f64 * 1_000.0;
        let _ = write!(
            svg,
            "<rect class=\"s{color}\" x=\"{x:.2}\" width=\"{width:.2}\" height=\"22\"><title>{name}: {value}</title></rect>"
        );
        let _ = write!(
            legend,
            "<span><svg width=\"10\" height=\"10\"><rect class=\"s{color}\" width=\"10\" height=\"10\" rx=\"2\"/></svg>{name} <b>{value}</b></span>"
        );
        x += width;
    }
    format!("{svg}</svg>{legend}</div>")
}

/// A small horizontal bar, filled to `ratio` of one.
pub(super) fn bar(ratio: f64) -> String {
    let width = ratio.clamp(0.0, 1.0) * 100.0;
    format!(
        "<svg class=\"bar\" aria-hidden=\"true\"><rect class=\"back\" width=\"100%\" height=\"8\" rx=\"3\"/>\
         <rect class=\"fill\" width=\"{width:.1}%\" height=\"8\" rx=\"3\"/></svg>"
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ticks_enclose_the_values() {
        for (low, high, first, last) in [
            (150, 400_000, 100, 500_000),
            (1_000, 1_000, 1_000, 2_000),
            (7, 60_000_000_000, 5, 50_000_000_000),
        ] {
            let ticks = ticks_between(low, high);
            assert_eq!((ticks[0], ticks[ticks.len() - 1]), (first, last), "{low} to {high}");
        }
    }

    #[test]
    fn a_curve_stays_inside_its_picture() {
        let point = |quantile, value_ns| CurvePoint { quantile, value_ns };
        let huge = vec![point(0.0, 0), point(0.5, 900), point(0.999, 70_000_000_000), point(1.0, u64::MAX)];
        for (recent, start) in
            [(vec![], vec![]), (vec![point(0.0, 5), point(1.0, 5)], vec![]), (huge.clone(), huge)]
        {
            let svg = percentile_curve(&recent, &start);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            // Numbers inside tags are places; the texts between them may be any duration.
            let tags = svg.split('<').filter_map(|part| part.split_once('>')).map(|(tag, _)| tag);
            for number in tags
                .flat_map(|tag| tag.split(|char: char| !char.is_ascii_digit() && char != '.' && char != '-'))
            {
                assert!(
                    number.parse::<f64>().map_or(true, |number| (-1.0..=WIDTH).contains(&number)),
                    "{number}: {svg}"
                );
            }
        }
    }

    #[test]
    fn a_split_fills_its_bar() {
        let svg = split(&[("parse", 250), ("<b>", 750)]);
        assert!(
            svg.contains("x=\"250.00\" width=\"750.00\"")
                && svg.contains("&lt;b&gt;")
                && !svg.contains("<b>:")
        );
        assert_eq!(split(&[("parse", 0)]), "");
    }
}
