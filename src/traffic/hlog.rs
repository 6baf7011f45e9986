//! Latencies over time as an HdrHistogram interval log (format 1.3, V2 compressed), which the usual tools plot.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A log being written; an error is kept and given at the end.
pub(super) struct HlogWriter {
    out: BufWriter<File>,
    serializer: V2DeflateSerializer,
    failed: Option<io::Error>,
}

impl HlogWriter {
    /// Creates the file, with its head. Interval times count from `started`.
    pub(super) fn create(path: &Path, comment: &str, started: SystemTime) -> io::Result<HlogWriter> {
        let mut out = BufWriter::new(File::create(path)?);
        let start = started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        writeln!(out, "#[{}]", comment.replace(['\n', '\r'], " "))?;
        writeln!(out, "#[Histogram log format version 1.3]")?;
        writeln!(out, "#[StartTime: {start:.3} (seconds since epoch)]")?;
        writeln!(out, "#[BaseTime: {start:.3} (seconds since epoch)]")?;
        let legend = ["StartTimestamp", "Interval_Length", "Interval_Max", "Interval_Compressed_Histogram"];
        writeln!(out, "\"{}\"", legend.join("\",\""))?;
        Ok(HlogWriter { out, serializer: V2DeflateSerializer::new(), failed: None })
    }

    /// Appends an interval; what a tag cannot hold (comma, space, line break) becomes a dash.
    pub(super) fn write(&mut self, tag: &str, from: Duration, length: Duration, latencies: &Histogram<u64>) {
        if self.failed.is_some() {
            return;
        }
        let tag = tag.replace([',', ' ', '\r', '\n'], "-");
        let written = IntervalLogWriterBuilder::new()
            .begin_log_with(&mut self.out, &mut self.serializer)
            .and_then(|mut log| {
                let written = log.write_histogram(latencies, from, length, Tag::new(&tag));
                written.map_err(|error| io::Error::other(error.to_string()))
            });
        self.failed = written.err();
    }

    /// Everything to the disk's cache, and the first error there was.
    pub(super) fn finish(mut self) -> io::Result<()> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    #[test]
    fn intervals_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.hlog");
        let mut log = HlogWriter::create(&path, "a\nb", UNIX_EPOCH + Duration::from_secs(7)).unwrap();
        let mut latencies = super::super::tally::latency_histogram();
        (1..=1000).for_each(|micros| latencies.record(micros * 1000).unwrap());
        log.write("bare echo", Duration::from_secs(1), Duration::from_secs(2), &latencies);
        log.finish().unwrap();
        let text = std::fs::read(&path).unwrap();
        let intervals: Vec<_> = IntervalLogIterator::new(&text)
            .filter_map(|entry| match entry {
                Ok(LogEntry::Interval(interval)) => Some(interval),
                _ => None,
            })
            .collect();
        assert_eq!(intervals.len(), 1, "{}", String::from_utf8_lossy(&text));
        assert_eq!(intervals[0].tag().unwrap().as_str(), "bare-echo");
        assert_eq!(intervals[0].start_timestamp(), Duration::from_secs(1));
        let packed = intervals[0].encoded_histogram();
        assert!(packed.starts_with("HISTFAAA"), "{packed}");
        let bytes = base64(packed);
        let again: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
        assert_eq!((again.len(), again.value_at_quantile(0.5)), (1000, latencies.value_at_quantile(0.5)));
    }

    fn base64(text: &str) -> Vec<u8> {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let value = |c: u8| alphabet.iter().position(|known| *known == c).map(|value| value as u32);
        let (mut bytes, mut bits, mut held) = (Vec::new(), 0, 0u32);
        for digit in text.bytes().filter_map(value) {
            (held, bits) = (held << 6 | digit, bits + 6);
            if bits >= 8 {
                bits -= 8;
                bytes.push((held >> bits) as u8);
            }
        }
        bytes
    }
}
