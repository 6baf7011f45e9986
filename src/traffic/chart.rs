//! The report's two drawings, as SVG text. Colours come from the page's classes, so that light and dark both work.

use super::replay::{Interval, TargetOutcome};
use super::summary::{PERCENTILES, latency_text};
use hdrhistogram::Histogram;
use std::fmt::Write;
use std::time::Duration;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 348.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 88.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 32.0;

/// One line of a drawing: what to call it, its class in the page's style, and its points.
struct Curve {
    name: String,
    class: &'static str,
    points: Vec<(f64, f64)>,
}

/// Latency by percentile. The horizontal axis counts nines, so that the tail gets as much room as the rest.
pub(super) fn percentiles(targets: &[TargetOutcome]) -> String {
    let most = targets.iter().map(|target| target.latencies.len()).max().unwrap_or(0);
    let nines = (most.max(100) as f64).log10().clamp(2.0, 7.0);
    let curves: Vec<_> = targets
        .iter()
        .filter(|target| !target.latencies.is_empty())
        .map(|target| Curve {
            name: target.name.clone(),
            class: class(target),
            points: percentile_points(&target.latencies, nines),
        })
        .collect();
    let frame = Frame::around(&curves, nines);
    let mut svg = frame.open("Latency by percentile");
    let mut names = vec![(0.0, "0 %".to_owned()), (0.5f64.log10().abs(), "50 %".to_owned())];
    names.extend((1..=nines as usize).map(|nine| (nine as f64, nines_text(nine))));
    for (x, name) in names {
        frame.upright(&mut svg, x, &name);
    }
    curves.iter().for_each(|curve| frame.draw(&mut svg, curve, true));
    if let Some(target) = targets.iter().find(|target| !target.echo).or(targets.first()) {
        frame.mark(&mut svg, &target.latencies, nines);
    }
    frame.name_ends(&mut svg, &curves);
    svg.push_str("</svg>");
    svg
}

fn percentile_points(latencies: &Histogram<u64>, nines: f64) -> Vec<(f64, f64)> {
    let quantile = |x: f64| 1.0 - 10f64.powf(-x);
    (0..=240)
        .map(|step| f64::from(step) / 240.0 * nines)
        .map(|x| (x, latencies.value_at_quantile(quantile(x)) as f64))
        .chain([(nines, latencies.max() as f64)])
        .collect()
}

/// `90 %`, `99 %`, `99.9 %` …
fn nines_text(nines: usize) -> String {
    match nines {
        1 => "90 %".to_owned(),
        2 => "99 %".to_owned(),
        _ => format!("99.{} %", "9".repeat(nines - 2)),
    }
}

/// Latency over time: median, 99th percentile and longest of every second.
pub(super) fn over_time(targets: &[TargetOutcome], elapsed: Duration) -> String {
    let mut curves = Vec::new();
    for target in targets {
        let line = |name: &str, class: &'static str, value: fn(&Interval) -> u64| Curve {
            name: if target.echo { format!("echo {name}") } else { name.to_owned() },
            class,
            points: target
                .intervals
                .iter()
                .map(|interval| ((interval.from + interval.length / 2).as_secs_f64(), value(interval) as f64))
                .collect(),
        };
        if target.echo && targets.len() > 1 {
            curves.push(line("p50", "echo thin", |interval| interval.p50_ns));
            curves.push(line("p99", "echo thin dashed", |interval| interval.p99_ns));
        } else {
            curves.push(line("p50", "switch", |interval| interval.p50_ns));
            curves.push(line("p99", "switch dashed", |interval| interval.p99_ns));
            curves.push(line("max", "switch faint", |interval| interval.max_ns));
        }
    }
    curves.retain(|curve| !curve.points.is_empty());
    let frame = Frame::around(&curves, elapsed.as_secs_f64().max(0.1));
    let mut svg = frame.open("Latency over time");
    let step = round_step(frame.end_x / 8.0);
    for number in 0..=(frame.end_x / step) as usize {
        let x = number as f64 * step;
        frame.upright(&mut svg, x, &format!("{} s", (x * 100.0).round() / 100.0));
    }
    curves.iter().for_each(|curve| frame.draw(&mut svg, curve, false));
    frame.name_ends(&mut svg, &curves);
    svg.push_str("</svg>");
    svg
}

fn class(target: &TargetOutcome) -> &'static str {
    if target.echo { "echo" } else { "switch" }
}

/// The next of 1, 2, 5, 10, 20 … at or above a length.
fn round_step(least: f64) -> f64 {
    let decade = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .iter()
        .map(|factor| factor * decade)
        .find(|step| *step >= least)
        .unwrap_or(decade * 10.0)
}

/// The axes: horizontal linear from 0, vertical logarithmic in nanoseconds.
struct Frame {
    end_x: f64,
    low_ns: f64,
    high_ns: f64,
}

impl Frame {
    fn around(curves: &[Curve], end_x: f64) -> Frame {
        let values = || curves.iter().flat_map(|curve| &curve.points).map(|point| point.1.max(100.0));
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(0.0, f64::max);
        if high == 0.0 {
            return Frame { end_x, low_ns: 1e4, high_ns: 1e6 };
        }
        Frame { end_x, low_ns: low * 0.8, high_ns: (high * 1.25).max(low * 4.0) }
    }

    fn x(&self, x: f64) -> f64 {
        LEFT + (x / self.end_x).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, ns: f64) -> f64 {
        let share = (ns.max(self.low_ns) / self.low_ns).ln() / (self.high_ns / self.low_ns).ln();
        HEIGHT - BOTTOM - share.min(1.0) * (HEIGHT - TOP - BOTTOM)
    }

    /// The drawing's start: title, horizontal lines at 1, 2 and 5 of each decade with their latencies.
    fn open(&self, title: &str) -> String {
        let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\"><title>{title}</title>");
        let wide = self.high_ns / self.low_ns > 500.0;
        let mut decade = 100.0;
        while decade < self.high_ns {
            for factor in [1.0, 2.0, 5.0] {
                let ns = decade * factor;
                if (self.low_ns..self.high_ns).contains(&ns) && !(wide && factor != 1.0) {
                    let y = self.y(ns);
                    // Writing to a String cannot fail, here and below.
                    let _ = write!(
                        svg,
                        "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                         <text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                        WIDTH - RIGHT,
                        LEFT - 8.0,
                        y + 4.0,
                        axis_text(ns)
                    );
                }
            }
            decade *= 10.0;
        }
        svg
    }

    fn upright(&self, svg: &mut String, x: f64, name: &str) {
        let (at, foot) = (self.x(x), HEIGHT - BOTTOM);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{foot}\"/>\
             <text class=\"tick\" text-anchor=\"middle\" x=\"{at:.1}\" y=\"{}\">{name}</text>",
            foot + 20.0
        );
    }

    fn draw(&self, svg: &mut String, curve: &Curve, filled: bool) {
        let mut path = String::new();
        for (index, (x, ns)) in curve.points.iter().enumerate() {
            let _ = write!(path, "{}{:.1} {:.1}", if index > 0 { "L" } else { "M" }, self.x(*x), self.y(*ns));
        }
        if filled {
            let foot = HEIGHT - BOTTOM;
            let _ = write!(svg, "<path class=\"area {}\" d=\"{path}V{foot}H{LEFT}Z\"/>", curve.class);
        }
        let _ = write!(svg, "<path class=\"line {}\" d=\"{path}\"/>", curve.class);
        if let [(x, ns)] = curve.points[..] {
            let _ = write!(
                svg,
                "<circle class=\"dot {}\" r=\"3\" cx=\"{:.1}\" cy=\"{:.1}\"/>",
                curve.class,
                self.x(x),
                self.y(ns)
            );
        }
    }

    /// Points at the named percentiles, with their latencies.
    fn mark(&self, svg: &mut String, latencies: &Histogram<u64>, nines: f64) {
        if latencies.is_empty() {
            return;
        }
        for (name, quantile) in PERCENTILES {
            let ns = latencies.value_at_quantile(quantile);
            let x = (1.0 / (1.0 - quantile)).log10();
            let last = quantile >= 1.0;
            if x > nines && !last {
                continue;
            }
            let (x, y) = (self.x(x.min(nines)), self.y(ns as f64));
            let text = latency_text(ns);
            let _ = write!(
                svg,
                "<circle class=\"dot switch\" r=\"3.5\" cx=\"{x:.1}\" cy=\"{y:.1}\"><title>{name} {text}</title></circle>"
            );
            if !last {
                let _ = write!(
                    svg,
                    "<text class=\"value\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
                    x - 5.0,
                    y - 8.0
                );
            }
        }
    }

    /// Each curve's name at its right end, moved apart where they would touch.
    fn name_ends(&self, svg: &mut String, curves: &[Curve]) {
        let mut ends: Vec<_> = curves
            .iter()
            .filter_map(|curve| curve.points.last().map(|(x, ns)| (self.y(*ns), self.x(*x), curve)))
            .collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut free = TOP;
        for (y, x, curve) in ends {
            let at = y.max(free);
            free = at + 15.0;
            let _ = write!(
                svg,
                "<text class=\"name {}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                curve.class,
                x + 8.0,
                at + 4.0,
                curve.name
            );
        }
    }
}

/// `50 us`, `2 ms`: whole numbers, as an axis has them.
fn axis_text(ns: f64) -> String {
    match ns {
        ..1e3 => format!("{ns:.0} ns"),
        1e3..1e6 => format!("{:.0} us", ns / 1e3),
        1e6..1e9 => format!("{:.0} ms", ns / 1e6),
        _ => format!("{:.0} s", ns / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (least, step) in [(0.3, 0.5), (1.0, 1.0), (1.1, 2.0), (6.0, 10.0), (21.0, 50.0)] {
            assert!((round_step(least) - step).abs() < 1e-9, "{least}");
        }
    }

    #[test]
    fn axes_name_nines_and_latencies() {
        assert_eq!(
            (nines_text(1), nines_text(2), nines_text(4)),
            ("90 %".into(), "99 %".into(), "99.99 %".into())
        );
        assert_eq!(
            (axis_text(500.0), axis_text(5e4), axis_text(2e6)),
            ("500 ns".into(), "50 us".into(), "2 ms".into())
        );
    }
}
