//! XML as a tree of elements with their places. What a document type declares is not read: no entity is
//! resolved but the five that every XML file has, and nothing is fetched. Knows no meaning of an element.

use super::foreign::Unreadable;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// Elements inside elements; packagers nest three deep at most.
const MAX_DEPTH: usize = 16;

pub(super) struct Element {
    pub name: String,
    /// The byte of the text where it starts.
    pub at: usize,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The root element of a file.
///
/// # Errors
/// The first thing that is not XML, that is nested too deep, or that is text between elements.
pub(super) fn parse(text: &str) -> Result<Element, Unreadable> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        let before = position(reader.buffer_position());
        // A byte order mark stands before everything.
        let at = if before == 0 && text.starts_with('\u{FEFF}') { '\u{FEFF}'.len_utf8() } else { before };
        let event = reader.read_event().map_err(|error| {
            Unreadable::at(text, position(reader.error_position()), format!("not XML: {error}"))
        })?;
        let closed = match event {
            Event::Start(start) if open.len() == MAX_DEPTH => {
                let reason =
                    format!("<{}> is nested deeper than {MAX_DEPTH} elements", start.name().as_ref());
                return Err(Unreadable::at(text, at, reason));
            }
            Event::Start(start) => {
                open.push(element(&start, at).map_err(|reason| Unreadable::at(text, at, reason))?);
                None
            }
            Event::Empty(start) => {
                Some(element(&start, at).map_err(|reason| Unreadable::at(text, at, reason))?)
            }
            Event::End(_) => open.pop(),
            Event::Eof => break,
            Event::Text(words) if words.trim_ascii().is_empty() => None,
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                return Err(Unreadable::at(text, at, "expected an element, found text"));
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => None,
        };
        match (closed, open.last_mut()) {
            (Some(element), Some(parent)) => parent.children.push(element),
            (Some(element), None) if root.is_none() => root = Some(element),
            (Some(element), None) => {
                return Err(Unreadable::at(text, element.at, "expected one element, found a second one"));
            }
            (None, _) => {}
        }
    }
    match (open.last(), root) {
        (Some(element), _) => {
            Err(Unreadable::at(text, element.at, format!("<{}> is not closed", element.name)))
        }
        (None, Some(root)) => Ok(root),
        (None, None) => Err(Unreadable::at(text, text.len(), "expected an element, found the end")),
    }
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

fn element(start: &BytesStart<'_>, at: usize) -> Result<Element, String> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(Element { name: start.name().as_ref().to_owned(), at, attributes, children: Vec::new() })
}
