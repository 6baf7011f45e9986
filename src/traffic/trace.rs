//! The trace: messages with their time, link and expected answer, one JSON object a line (JSON Lines).
//! Knows the file format, not how a message is laid out on the wire.

use crate::wire::{LAST_DE, Mti};
use serde_json::Value;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

/// A whole trace, ordered by time. In a file, one message a line:
///
/// ```text
/// {"at_us":2500,"link":"acquirer-ascii","mti":"0100","fields":{"2":"4111110000000013","3":"000000",…},"expect":"00"}
/// {"at_us":2750,"link":"acquirer-bcd","hex":"0800…","expect":["00","85"]}
/// ```
///
/// * `at_us`: microseconds since the trace's start; lines may stand in any order, they play in order of time.
/// * `link`: the link's name; a replay maps it to an address and a dialect.
/// * `mti` and `fields`: the message by data element, dialect-free: characters as they are, binary elements
///   (52, 55, 64, 96, 128 …) as upper-case hex, the separator of track 2 as `=`.
/// * `hex` instead of both: the message's bytes as they stood on the link, without the framing.
/// * `expect`: the DE39 the answer must carry, or a list of those it may carry; absent: not checked.
///
/// Empty lines are skipped. A file whose first bytes are gzip's magic is unpacked while it is read.
pub struct Trace {
    /// Where it came from, for messages to people.
    pub origin: String,
    /// Names of the links that occur; [`Entry::link`] is an index into it.
    pub links: Vec<String>,
    /// The messages, by rising `at_us`.
    pub entries: Vec<Entry>,
}

/// One message of a trace. Its `Debug` shows no content.
pub struct Entry {
    /// Microseconds since the trace's start.
    pub at_us: u64,
    /// Index into [`Trace::links`].
    pub link: u16,
    /// The message.
    pub body: Body,
    /// The response codes that are right for it.
    pub expect: Expect,
    /// The line it was read from or will be written to, from 1.
    pub line: u32,
}

/// Number (2 to 192) and text of a data element.
pub type Field = (u8, String);

/// A message by data element, or as bytes of some dialect.
pub enum Body {
    /// By data element, ascending, 2 to 192.
    Fields {
        /// Message type.
        mti: Mti,
        /// Number and text of each data element.
        fields: Vec<Field>,
    },
    /// As on the wire, without framing.
    Frame(Vec<u8>),
}

/// The response codes (DE39) that an answer may carry; none: the answer is not checked.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Expect(Vec<[u8; 2]>);

impl Expect {
    /// Exactly these; each two letters or digits.
    pub fn any_of(codes: &[&[u8; 2]]) -> Expect {
        Expect(codes.iter().map(|code| **code).collect())
    }

    /// Whether there is anything to check.
    pub fn is_checked(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether an answer with this code is right.
    pub fn allows(&self, code: [u8; 2]) -> bool {
        self.0.is_empty() || self.0.contains(&code)
    }

    /// The codes allowed, in the order they were given.
    pub fn codes(&self) -> &[[u8; 2]] {
        &self.0
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, code) in self.0.iter().enumerate() {
            let separator = if index > 0 { "|" } else { "" };
            write!(f, "{separator}{}", String::from_utf8_lossy(code))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A trace may hold card numbers, track data and PIN blocks: none may reach a log through `{:?}`.
        write!(f, "Entry {{ line: {}, at_us: {}, link: {} }}", self.line, self.at_us, self.link)
    }
}

impl Entry {
    /// The text of a data element where the message is given by elements.
    pub fn field(&self, de: u8) -> Option<&str> {
        match &self.body {
            Body::Fields { fields, .. } => {
                fields.binary_search_by_key(&de, |field| field.0).ok().map(|index| fields[index].1.as_str())
            }
            Body::Frame(_) => None,
        }
    }

    /// The message type where the message is given by elements.
    pub fn mti(&self) -> Option<Mti> {
        match &self.body {
            Body::Fields { mti, .. } => Some(*mti),
            Body::Frame(_) => None,
        }
    }
}

/// Why a trace cannot be read; names file and line, never a field's content.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file itself.
    #[error("{origin}: {source}")]
    File {
        /// The file's name.
        origin: String,
        /// What the system says.
        source: io::Error,
    },
    /// One line of it.
    #[error("{origin}:{line}: {reason}")]
    Line {
        /// The file's name.
        origin: String,
        /// From 1.
        line: u32,
        /// What is wrong, in words.
        reason: String,
    },
}

impl Trace {
    /// Reads a trace file; `-` is standard input.
    pub fn open(path: &Path) -> Result<Trace, TraceError> {
        let origin = path.display().to_string();
        if path == Path::new("-") {
            return Trace::read(io::stdin().lock(), "standard input");
        }
        match std::fs::File::open(path) {
            Ok(file) => Trace::read(BufReader::new(file), &origin),
            Err(source) => Err(TraceError::File { origin, source }),
        }
    }

    /// Reads a trace; `origin` is the name that errors carry.
    pub fn read(mut source: impl BufRead, origin: &str) -> Result<Trace, TraceError> {
        let failed = |source| TraceError::File { origin: origin.to_owned(), source };
        if source.fill_buf().map_err(failed)?.starts_with(&[0x1F, 0x8B]) {
            let mut text = Vec::new();
            flate2::bufread::MultiGzDecoder::new(source).read_to_end(&mut text).map_err(failed)?;
            return Trace::read_lines(text.as_slice(), origin);
        }
        Trace::read_lines(source, origin)
    }

    fn read_lines(source: impl BufRead, origin: &str) -> Result<Trace, TraceError> {
        let mut trace = Trace { origin: origin.to_owned(), links: Vec::new(), entries: Vec::new() };
        for (index, bytes) in source.split(b'\n').enumerate() {
            let line = index as u32 + 1;
            let bytes = bytes.map_err(|source| TraceError::File { origin: origin.to_owned(), source })?;
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            match read_entry(&bytes, line, &mut trace.links) {
                Ok(entry) => trace.entries.push(entry),
                Err(reason) => return Err(TraceError::Line { origin: origin.to_owned(), line, reason }),
            }
        }
        trace.entries.sort_by_key(|entry| entry.at_us);
        Ok(trace)
    }

    /// Writes the trace as JSON Lines.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.entries.iter().try_for_each(|entry| self.write_entry(entry, out))
    }

    /// Writes the trace packed with gzip.
    pub fn write_packed(&self, out: impl Write) -> io::Result<()> {
        let mut packer = flate2::write::GzEncoder::new(out, flate2::Compression::best());
        self.write(&mut packer)?;
        packer.finish()?.flush()
    }

    fn write_entry(&self, entry: &Entry, out: &mut impl Write) -> io::Result<()> {
        let link = serde_json::to_string(&self.links[usize::from(entry.link)])?;
        write!(out, "{{\"at_us\":{},\"link\":{link}", entry.at_us)?;
        match &entry.body {
            Body::Fields { mti, fields } => {
                write!(out, ",\"mti\":\"{mti}\",\"fields\":{{")?;
                for (index, (de, text)) in fields.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(out, "{comma}\"{de}\":{}", serde_json::to_string(text)?)?;
                }
                out.write_all(b"}")?;
            }
            Body::Frame(bytes) => write!(out, ",\"hex\":\"{}\"", hex_from_bytes(bytes))?,
        }
        let codes: Vec<_> = entry.expect.0.iter().map(|code| String::from_utf8_lossy(code)).collect();
        match codes.as_slice() {
            [] => {}
            [code] => write!(out, ",\"expect\":{}", serde_json::to_string(code)?)?,
            several => write!(out, ",\"expect\":{}", serde_json::to_string(several)?)?,
        }
        out.write_all(b"}\n")
    }
}

/// Index of a link's name among `links`, which grows where the name is new.
pub(super) fn link_index(links: &mut Vec<String>, name: &str) -> Result<u16, String> {
    if let Some(index) = links.iter().position(|known| known == name) {
        return Ok(index as u16);
    }
    if links.len() == 256 {
        return Err("more than 256 different links".to_owned());
    }
    links.push(name.to_owned());
    Ok(links.len() as u16 - 1)
}

// The JSON library's own messages for a wrong type quote the value, which may be a card number: the line is
// read into a tree first (its errors are about syntax alone), and every check below words its own reason.
fn read_entry(bytes: &[u8], line: u32, links: &mut Vec<String>) -> Result<Entry, String> {
    let tree: Value = serde_json::from_slice(bytes).map_err(|error| {
        let place = error.column();
        if error.is_eof() {
            "the line ends inside a JSON value".to_owned()
        } else {
            format!("not JSON at column {place}")
        }
    })?;
    let Value::Object(map) = tree else { return Err("expected a JSON object".to_owned()) };
    let known = ["at_us", "link", "mti", "fields", "hex", "expect"];
    if let Some(unknown) = map.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("unknown key `{}` (known: {})", clip(unknown), known.join(", ")));
    }
    let at_us = map.get("at_us").and_then(Value::as_u64);
    let at_us = at_us.ok_or("`at_us` must be a whole number of microseconds, 0 or more")?;
    let name = map.get("link").and_then(Value::as_str).filter(|name| !name.is_empty());
    let link = link_index(links, name.ok_or("`link` must be the name of a link")?)?;
    let body = match (map.get("mti"), map.get("fields"), map.get("hex")) {
        (Some(mti), Some(fields), None) => read_fields(mti, fields)?,
        (None, None, Some(hex)) => {
            let bytes = hex.as_str().and_then(bytes_from_hex).filter(|bytes| !bytes.is_empty());
            Body::Frame(bytes.ok_or("`hex` must be an even number of hexadecimal characters, at least two")?)
        }
        _ => return Err("expected either `mti` and `fields`, or `hex`".to_owned()),
    };
    Ok(Entry { at_us, link, body, expect: read_expect(map.get("expect"))?, line })
}

fn read_fields(mti: &Value, fields: &Value) -> Result<Body, String> {
    let mti =
        mti.as_str().and_then(mti_from_text).ok_or("`mti` must be four digits in quotes, as \"0100\"")?;
    let Value::Object(map) = fields else {
        return Err("`fields` must be an object of element to text".to_owned());
    };
    let mut fields = Vec::with_capacity(map.len());
    for (key, value) in map {
        let de =
            key.parse::<u8>().ok().filter(|de| (2..=LAST_DE).contains(de) && !key.starts_with(['0', '+']));
        let de = de.ok_or_else(|| format!("`{}` is not a data element (2 to {LAST_DE})", clip(key)))?;
        let text = value.as_str().ok_or_else(|| format!("DE {de} must be text in quotes"))?;
        fields.push((de, text.to_owned()));
    }
    fields.sort_by_key(|field| field.0);
    Ok(Body::Fields { mti, fields })
}

fn read_expect(value: Option<&Value>) -> Result<Expect, String> {
    let wrong = || "`expect` must be a response code of two letters or digits, or a list of such".to_owned();
    let code = |value: &Value| {
        let text: [u8; 2] = value.as_str()?.as_bytes().try_into().ok()?;
        text.iter().all(u8::is_ascii_alphanumeric).then_some(text)
    };
    match value {
        None => Ok(Expect::default()),
        Some(Value::Array(list)) if !list.is_empty() => {
            list.iter().map(code).collect::<Option<_>>().map(Expect).ok_or_else(wrong)
        }
        Some(single) => Ok(Expect(vec![code(single).ok_or_else(wrong)?])),
    }
}

/// Four digits as a message type.
pub fn mti_from_text(text: &str) -> Option<Mti> {
    let digits = text.len() == 4 && text.bytes().all(|c| c.is_ascii_digit());
    digits.then(|| u16::from_str_radix(text, 16).ok()).flatten().and_then(Mti::new)
}

/// Bytes from hexadecimal characters of either case; `None` where one is not, or their number is odd.
pub fn bytes_from_hex(text: &str) -> Option<Vec<u8>> {
    let nibble = |c: u8| char::from(c).to_digit(16).map(|digit| digit as u8);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes().chunks_exact(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

/// Upper-case hexadecimal characters.
pub fn hex_from_bytes(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).map_or('0', |c| c.to_ascii_uppercase());
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

// A key out of a file goes into an error cut short and without digits: it could be a card number put in the wrong place.
fn clip(key: &str) -> String {
    let plain = |c: char| if c.is_alphabetic() || "_- .".contains(c) { c } else { '*' };
    key.chars().take(24).map(|c| if key.len() <= 4 && c.is_ascii_digit() { c } else { plain(c) }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GOOD: &str = concat!(
        r#"{"at_us":7,"link":"b","hex":"08004A"}"#,
        "\n\n",
        r#"{"at_us":5,"link":"a","mti":"0100","fields":{"11":"000001","4":"000000000100","43":"A \"B\""},"expect":"00"}"#,
        "\n",
        r#"{"at_us":5,"link":"b","mti":"0800","fields":{},"expect":["00","1A"]}"#,
        "\n",
    );

    #[test]
    fn a_trace_is_read_in_order_of_time() {
        let trace = Trace::read(GOOD.as_bytes(), "t").unwrap();
        assert_eq!(trace.links, ["b", "a"]);
        let lines: Vec<_> = trace.entries.iter().map(|entry| (entry.line, entry.at_us, entry.link)).collect();
        assert_eq!(lines, [(3, 5, 1), (4, 5, 0), (1, 7, 0)]);
        assert_eq!(trace.entries[0].field(43), Some("A \"B\""));
        assert_eq!(trace.entries[0].mti().unwrap().bcd(), 0x0100);
        assert!(trace.entries[1].expect.allows(*b"1A") && !trace.entries[1].expect.allows(*b"05"));
        assert!(trace.entries[2].expect.allows(*b"05") && !trace.entries[2].expect.is_checked());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let trace = Trace::read(GOOD.as_bytes(), "t").unwrap();
        let mut plain = Vec::new();
        trace.write(&mut plain).unwrap();
        let mut packed = Vec::new();
        trace.write_packed(&mut packed).unwrap();
        assert!(packed.starts_with(&[0x1F, 0x8B]));
        for form in [&plain, &packed] {
            let mut again = Vec::new();
            Trace::read(form.as_slice(), "t").unwrap().write(&mut again).unwrap();
            assert_eq!(String::from_utf8(again).unwrap(), String::from_utf8(plain.clone()).unwrap());
        }
    }

    #[test]
    fn errors_name_file_line_and_reason_but_no_content() {
        let table = [
            (r#"{"at_us":1"#, "the line ends inside a JSON value"),
            (r#"{"at_us":1,}"#, "not JSON at column 12"),
            (r#"[4111110000000013]"#, "expected a JSON object"),
            (r#"{"at_us":-1,"link":"a","hex":"00"}"#, "`at_us` must be"),
            (r#"{"link":"a","hex":"00"}"#, "`at_us` must be"),
            (r#"{"at_us":1,"link":"","hex":"00"}"#, "`link` must be"),
            (r#"{"at_us":1,"link":4111110000000013,"hex":"00"}"#, "`link` must be"),
            (r#"{"at_us":1,"link":"a"}"#, "expected either `mti` and `fields`, or `hex`"),
            (r#"{"at_us":1,"link":"a","mti":"0100"}"#, "expected either"),
            (r#"{"at_us":1,"link":"a","mti":"0100","fields":{},"hex":"00"}"#, "expected either"),
            (r#"{"at_us":1,"link":"a","hex":"411111000000001"}"#, "`hex` must be"),
            (r#"{"at_us":1,"link":"a","hex":""}"#, "`hex` must be"),
            (r#"{"at_us":1,"link":"a","mti":"01x0","fields":{}}"#, "`mti` must be"),
            (r#"{"at_us":1,"link":"a","mti":100,"fields":{}}"#, "`mti` must be"),
            (r#"{"at_us":1,"link":"a","mti":"0100","fields":{"1":"x"}}"#, "`1` is not a data element"),
            (
                r#"{"at_us":1,"link":"a","mti":"0100","fields":{"4111110000000013":"x"}}"#,
                "`****************` is not",
            ),
            (
                r#"{"at_us":1,"link":"a","mti":"0100","fields":{"2":4111110000000013}}"#,
                "DE 2 must be text in quotes",
            ),
            (r#"{"at_us":1,"link":"a","hex":"00","expect":"000"}"#, "`expect` must be"),
            (r#"{"at_us":1,"link":"a","hex":"00","expect":[]}"#, "`expect` must be"),
            (r#"{"at_us":1,"link":"a","hex":"00","pan":"4111110000000013"}"#, "unknown key `pan`"),
        ];
        for (text, reason) in table {
            let text = format!("{{\"at_us\":1,\"link\":\"a\",\"hex\":\"00\"}}\n{text}\n");
            let error = Trace::read(text.as_bytes(), "day.jsonl").map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("day.jsonl:2: {reason}")), "{error}");
            assert!(!error.contains("4111110"), "{error}");
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_with_its_line() {
        let mut text = GOOD.as_bytes().to_vec();
        text.extend_from_slice(b"{\"at_us\":1,\"link\":\"\xFF\",\"hex\":\"00\"}");
        let error = Trace::read(text.as_slice(), "t").map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("t:5: not JSON at column"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Trace::open(Path::new("/nowhere/t.jsonl")).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/t.jsonl: "), "{error}");
    }

    #[test]
    fn debug_shows_no_content() {
        let text = r#"{"at_us":1,"link":"a","mti":"0100","fields":{"2":"4111110000000013"}}"#;
        let trace = Trace::read(text.as_bytes(), "t").unwrap();
        assert_eq!(format!("{:?}", trace.entries), "[Entry { line: 1, at_us: 1, link: 0 }]");
    }
}
