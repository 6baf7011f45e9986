//! Messages collected from elsewhere, with the fields or the error that others expect of them.

#![allow(clippy::unwrap_used)]

use authswitch::wire::tlv::{Tlv, TlvError, Tlvs};
use authswitch::wire::{Dialect, Message, View};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

fn cases(key: &str) -> Vec<Value> {
    let all = include_str!("vectors/messages.jsonl").lines().map(|line| serde_json::from_str(line).unwrap());
    all.filter(|case: &Value| case.get(key).is_some()).collect()
}

/// The dialect that a case names: one that comes with the program, or a file of `tests/vectors/dialects`, which the
/// case may add a line to.
fn dialect(case: &Value) -> Arc<Dialect> {
    let name = case["dialect"].as_str().unwrap();
    Dialect::builtin(name).unwrap_or_else(|| {
        let file = format!("{}/tests/vectors/dialects/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        let text = format!("{text}{}\n", case.get("plus").map_or("", |plus| plus.as_str().unwrap()));
        Arc::new(Dialect::from_toml(&text, &file).unwrap_or_else(|error| panic!("{error}")))
    })
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[test]
fn messages_of_others_have_the_fields_they_say() {
    let cases = cases("fields");
    assert!(cases.len() > 80);
    for case in cases {
        let id = &case["id"];
        let dialect = dialect(&case);
        let frame = unhex(case["hex"].as_str().unwrap());
        let mut message = Message::new();
        dialect.parse(&frame, &mut message).unwrap_or_else(|error| panic!("{id}: {error}"));
        let view = dialect.view(&frame, &message);
        assert_eq!(view.mti().to_string(), case["mti"], "{id}");
        let mut buffer = [0; 1000];
        let mut read = |de: u8| {
            let text = view.text(de, &mut buffer).map(|text| String::from_utf8(text.to_vec()).unwrap());
            text.unwrap_or_else(|| hex(view.bytes(de, &mut buffer).unwrap()))
        };
        let found: BTreeMap<u8, String> = view.bitmap().iter().map(|de| (de, read(de))).collect();
        let expected: BTreeMap<u8, String> = case["fields"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(de, value)| (de.parse().unwrap(), value.as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(found, expected, "{id}");
        check_chip_data(&case, view);
    }
}

/// What a case says of the elements of DE 55, those inside others aside.
fn check_chip_data(case: &Value, view: View<'_>) {
    if case.get("tags").is_none() && case.get("broken_tlv").is_none() {
        return;
    }
    let mut buffer = [0; 1000];
    let elements: Result<Vec<_>, TlvError> = Tlvs::new(view.bytes(55, &mut buffer).unwrap()).collect();
    assert_eq!(elements.is_err(), case.get("broken_tlv").is_some(), "{}: {elements:?}", case["id"]);
    if let Some(tags) = case.get("tags") {
        let tag = |element: &Tlv<'_>| (format!("{:X}", element.tag), hex(element.value).into());
        assert_eq!(tags, &Value::Object(elements.unwrap().iter().map(tag).collect()), "{}", case["id"]);
    }
}

#[test]
fn broken_messages_of_others_are_refused_at_their_place() {
    let cases: Vec<_> = cases("error").into_iter().filter(|case| case.get("hex").is_some()).collect();
    assert!(cases.len() > 45);
    for case in cases {
        let dialect = dialect(&case);
        let frame = unhex(case["hex"].as_str().unwrap());
        let error = dialect.parse(&frame, &mut Message::new()).unwrap_err();
        let place = (&case["error"]["de"], &case["error"]["offset"]);
        assert_eq!(place, (&error.de.into(), &error.offset.into()), "{}: {error}", case["id"]);
    }
}

/// All elements, those inside templates with the template's tag before theirs.
fn flatten(data: &[u8], prefix: &str, into: &mut BTreeMap<String, String>) -> Result<(), TlvError> {
    for element in Tlvs::new(data) {
        let element = element?;
        let tag = format!("{prefix}{:X}", element.tag);
        if element.is_constructed() {
            flatten(element.value, &format!("{tag}."), into)?;
        } else {
            into.insert(tag, hex(element.value));
        }
    }
    Ok(())
}

#[test]
fn emv_data_of_others() {
    let cases = cases("tlv");
    assert!(cases.len() > 15);
    for case in cases {
        let id = &case["id"];
        let mut found = BTreeMap::new();
        let walked = flatten(&unhex(case["tlv"].as_str().unwrap()), "", &mut found);
        assert_eq!(walked.is_err(), case.get("error").is_some(), "{id}: {walked:?}");
        if let Some(count) = case.get("count") {
            assert_eq!(found.len(), count.as_u64().unwrap() as usize, "{id}");
        }
        if let Some(tags) = case.get("tags") {
            let found = found.into_iter().map(|(tag, value)| (tag, value.into())).collect();
            assert_eq!(tags, &Value::Object(found), "{id}");
        }
    }
}
