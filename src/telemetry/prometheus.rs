//! The totals as OpenMetrics text (what Prometheus asks for) and as the older Prometheus text.
//! Only what occurred has a series, so the page grows with use and ends at links x message types x outcomes.

use super::gauges::{Family, Kind};
use super::labels::{CODE_SLOTS, Counter, MTI_SLOTS, Outcome, Stage, code_name, mti_name};
use super::process::Process;
use super::totals::{BUCKET_BOUNDS_NS, Series, TOTAL, TRACKS, Totals};
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;

/// Content type of OpenMetrics text.
pub const OPENMETRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Content type of the older Prometheus text.
pub const CLASSIC_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything one scrape shows, besides the totals.
pub(super) struct Scrape {
    pub(super) links: Vec<String>,
    pub(super) refusals: Vec<&'static str>,
    pub(super) start_s: f64,
    pub(super) process: Process,
    pub(super) hlog_errors: u64,
    pub(super) hlog_bytes: u64,
    pub(super) gauges: Vec<(String, Family)>,
}

/// Encodes one scrape as OpenMetrics 1.0 text, `# EOF` included.
pub(super) fn openmetrics(scrape: Scrape, totals: Arc<Mutex<Totals>>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Exposition { scrape, totals }));
    let mut out = String::with_capacity(64 << 10);
    // A String takes every write, and the collector returns no error of its own.
    text::encode(&mut out, &registry).expect("writing to a String cannot fail");
    out
}

struct Exposition {
    scrape: Scrape,
    totals: Arc<Mutex<Totals>>,
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exposition")
    }
}

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let totals = self.totals.lock();
        self.encode_durations(&mut encoder, &totals)?;
        self.encode_answers(&mut encoder, &totals)?;
        self.encode_counters(&mut encoder, &totals)?;
        drop(totals);
        self.encode_gauges(&mut encoder)?;
        self.encode_process(&mut encoder)
    }
}

impl Exposition {
    fn encode_durations(&self, encoder: &mut DescriptorEncoder, totals: &Totals) -> fmt::Result {
        let help = "From the arrival of a frame's first byte to its answer handed to the kernel.";
        let mut family = histogram(encoder, "authswitch_message_duration", help)?;
        for (slot, found) in totals.combinations.iter().enumerate() {
            let Some(found) = found else { continue };
            let (rest, outcome) = (slot / Outcome::ALL.len(), slot % Outcome::ALL.len());
            let labels = [
                ("link", self.scrape.links[rest / MTI_SLOTS].as_str()),
                ("mti", &mti_name(rest % MTI_SLOTS)),
                ("outcome", Outcome::ALL[outcome].name()),
            ];
            encode_series(&mut family, &labels, &found.series)?;
        }
        let mut family = histogram(
            encoder,
            "authswitch_stage_duration",
            "One stage of a message's way; the stages of a message add up to the whole.",
        )?;
        for (slot, track) in totals.tracks[..totals.tracks.len() - 1].iter().enumerate() {
            let (Some(track), Some(stage)) = (track, (slot % TRACKS).checked_sub(TOTAL + 1)) else {
                continue;
            };
            let labels =
                [("link", self.scrape.links[slot / TRACKS].as_str()), ("stage", Stage::ALL[stage].name())];
            encode_series(&mut family, &labels, &track.series)?;
        }
        let help = "From a record's append to the sync that made it durable.";
        let mut family = histogram(encoder, "authswitch_time_to_durable", help)?;
        if let Some(Some(track)) = totals.tracks.last() {
            encode_buckets(&mut family, &track.series)?;
        }
        Ok(())
    }

    fn encode_answers(&self, encoder: &mut DescriptorEncoder, totals: &Totals) -> fmt::Result {
        let help = "Answers by response code (DE39) and by why they are no approval.";
        let mut family = encoder.encode_descriptor("authswitch_answers", help, None, MetricType::Counter)?;
        for (slot, count) in &totals.answers {
            let (rest, code) = (slot / CODE_SLOTS, slot % CODE_SLOTS);
            let refusals = &self.scrape.refusals;
            let labels = [
                ("link", self.scrape.links[rest / refusals.len()].as_str()),
                ("code", &code_name(code)),
                ("refusal", refusals[rest % refusals.len()]),
            ];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
        }
        Ok(())
    }

    fn encode_counters(&self, encoder: &mut DescriptorEncoder, totals: &Totals) -> fmt::Result {
        let catch_all = self.scrape.links.len() - 1;
        for counter in Counter::ALL {
            let name = format!("authswitch_{}", counter.name());
            let unit = counter.counts_bytes().then_some(Unit::Bytes);
            let mut family =
                encoder.encode_descriptor(&name, counter.help(), unit.as_ref(), MetricType::Counter)?;
            for (link, label) in self.scrape.links.iter().enumerate() {
                let count = totals.counters[link * Counter::ALL.len() + counter as usize];
                // A known link shows its zeros, so that a rate or an alert has a first value to start from.
                if link < catch_all || count > 0 {
                    let labels = [("link", label.as_str())];
                    family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
                }
            }
        }
        Ok(())
    }

    fn encode_gauges(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        for (name, family) in &self.scrape.gauges {
            let kind = match family.kind {
                Kind::Gauge => MetricType::Gauge,
                Kind::Total => MetricType::Counter,
            };
            let mut metric = encoder.encode_descriptor(name, &escape_help(&family.help), None, kind)?;
            for (labels, read) in &family.values {
                // A family without labels would be written with empty braces.
                match labels.is_empty() {
                    true => encode_value(&mut metric, family.kind, read())?,
                    false => encode_value(&mut metric.encode_family(labels)?, family.kind, read())?,
                }
            }
        }
        Ok(())
    }

    fn encode_process(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let scrape = &self.scrape;
        let labels = [("version", env!("CARGO_PKG_VERSION")), ("target_arch", std::env::consts::ARCH)];
        encoder
            .encode_descriptor("authswitch_build", "What is running.", None, MetricType::Info)?
            .encode_info(&labels)?;
        let written = ("authswitch_hlog", "Bytes written to .hlog files.", Some(Unit::Bytes));
        encode_counter(encoder, written, scrape.hlog_bytes)?;
        let errors = ("authswitch_hlog_errors", "Errors while writing or deleting .hlog files.", None);
        encode_counter(encoder, errors, scrape.hlog_errors)?;
        let start =
            ("process_start_time", "When the process started, in seconds since 1970.", Some(Unit::Seconds));
        encode_gauge(encoder, start, Some(scrape.start_s))?;
        let process = &scrape.process;
        if let Some(cpu_s) = process.cpu_s {
            let cpu = ("process_cpu", "Processor time used, user and system.", Some(Unit::Seconds));
            encode_counter(encoder, cpu, cpu_s)?;
        }
        let gauges = [
            ("process_resident_memory", "Memory resident.", Some(Unit::Bytes), process.resident_bytes),
            ("process_virtual_memory", "Memory mapped.", Some(Unit::Bytes), process.virtual_bytes),
            ("process_open_fds", "Open file descriptors.", None, process.open_fds),
            ("process_threads", "Threads.", None, process.threads),
        ];
        for (name, help, unit, value) in gauges {
            encode_gauge(encoder, (name, help, unit), value.map(|value| value as f64))?;
        }
        Ok(())
    }
}

fn encode_value(metric: &mut MetricEncoder, kind: Kind, value: f64) -> fmt::Result {
    match kind {
        Kind::Gauge => metric.encode_gauge(&value),
        Kind::Total => metric.encode_counter::<NoLabelSet, _, u64>(&value, None),
    }
}

type Descriptor<'a> = (&'a str, &'a str, Option<Unit>);

fn encode_counter<V>(
    encoder: &mut DescriptorEncoder,
    (name, help, unit): Descriptor<'_>,
    value: V,
) -> fmt::Result
where
    V: prometheus_client::encoding::EncodeCounterValue,
{
    let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Counter)?;
    metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
}

fn encode_gauge(
    encoder: &mut DescriptorEncoder,
    (name, help, unit): Descriptor<'_>,
    value: Option<f64>,
) -> fmt::Result {
    let Some(value) = value else { return Ok(()) };
    encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?.encode_gauge(&value)
}

fn histogram<'a>(
    encoder: &'a mut DescriptorEncoder,
    name: &'a str,
    help: &str,
) -> Result<MetricEncoder<'a>, fmt::Error> {
    encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)
}

fn encode_series<L>(family: &mut MetricEncoder, labels: &L, series: &Series) -> fmt::Result
where
    L: prometheus_client::encoding::EncodeLabelSet,
{
    encode_buckets(&mut family.encode_family(labels)?, series)
}

fn encode_buckets(metric: &mut MetricEncoder, series: &Series) -> fmt::Result {
    let bound_s = |bucket| BUCKET_BOUNDS_NS.get(bucket).map_or(f64::INFINITY, |bound_ns| seconds(*bound_ns));
    let buckets: [(f64, u64); BUCKET_BOUNDS_NS.len() + 1] =
        std::array::from_fn(|bucket| (bound_s(bucket), series.buckets[bucket]));
    metric.encode_histogram::<NoLabelSet>(seconds(series.sum_ns), series.count, &buckets, None)
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// HELP text ends at the line's end, so a line end in it is escaped; the encoder escapes label values only.
fn escape_help(help: &str) -> String {
    help.replace('\\', "\\\\").replace('\n', "\\n")
}

/// Rewrites OpenMetrics text as Prometheus text 0.0.4, for whoever did not ask for the newer one: there, a counter's
/// HELP and TYPE carry the sample's own name, an info is a gauge, and UNIT and EOF do not exist.
pub fn classic(openmetrics: &str) -> String {
    let mut out = String::with_capacity(openmetrics.len());
    let mut help = "";
    for line in openmetrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            // The name written there depends on the type, which is in the next line.
            help = rest;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, "untyped"));
            let (suffix, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                _ => ("", kind),
            };
            let text = help.strip_prefix(name).unwrap_or(help).trim_start();
            out.push_str(&format!("# HELP {name}{suffix} {text}\n# TYPE {name}{suffix} {kind}\n"));
        } else if !line.starts_with('#') {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}
