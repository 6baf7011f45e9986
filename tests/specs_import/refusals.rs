//! Files that are no specification are refused with their place, and nothing else is read.

use super::{run, text};

fn refused(name: &str, content: &[u8], place: &str, reason: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, content).unwrap();
    let output = run(&["specs", "import", file.to_str().unwrap()]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty());
    assert!(
        said.contains(&format!("{name}{place}")) && said.contains(reason),
        "{said}: not {place} {reason}"
    );
}

#[test]
fn files_that_are_none_are_refused_with_their_place() {
    let head = "<isopackager>\n<isofield id=\"0\" length=\"4\" class=\"IFA_NUMERIC\"/>\n\
                <isofield id=\"1\" length=\"16\" class=\"IFA_BITMAP\"/>\n";
    let xml = |rest: &str| format!("{head}{rest}</isopackager>");
    let typed = |class: &str| xml("").replacen("IFA_NUMERIC", class, 1);
    let table: [(String, &str, &str); 14] = [
        ("<isopackager>\n  <isofield id=\"0\"".to_owned(), ":2:3", "not XML"),
        ("<isopackager>\n</other>".to_owned(), ":2:1", "not XML"),
        ("<packager/>".to_owned(), ":1:1", "expected <isopackager>, found <packager>"),
        ("<isopackager/>\n<isopackager/>".to_owned(), ":2:1", "found a second one"),
        ("<isopackager>text</isopackager>".to_owned(), ":1:14", "found text"),
        ("<isopackager/>".to_owned(), ":1:1", "expected field 0"),
        (typed("IFA_BINARY"), ":2:1", "expected field 0, the message type, of four digits"),
        (typed("IFE_BINARY"), ":2:1", "expected field 0, the message type, of four digits"),
        (typed("IFA_AMOUNT"), ":2:1", "expected field 0, the message type, of four digits"),
        (xml("<isofield id=\"2\" length=\"4\"/>"), ":4:1", "expected class in <isofield>"),
        (xml("<isofield id=\"x\" length=\"4\" class=\"IF_CHAR\"/>"), ":4:1", "expected id"),
        (xml("<isofield id=\"2\" length=\"4\" name=\"&lol;\" class=\"IF_CHAR\"/>"), ":4:1", "lol"),
        ("<a>".repeat(40), ":1:49", "deeper than 16"),
        (
            head.replacen("<isopackager", "<isopackager emitBitmap=\"false\"", 1) + "</isopackager>",
            ":1:1",
            "bit map",
        ),
    ];
    for (content, place, reason) in table {
        refused("file.xml", content.as_bytes(), place, reason);
    }
    let json = |fields: &str| format!("{{\"fields\": {{{fields}}}}}");
    let first = "\"0\": {\"type\":\"String\",\"length\":4,\"enc\":\"ASCII\",\"prefix\":\"ASCII.Fixed\"}";
    let table: [(String, &str, &str); 8] = [
        ("{\n  \"fields\": {,}\n}".to_owned(), ":2:14", "key must be a string"),
        ("{\n  \"name\": \"a\",\n  \"name\": \"b\"\n}".to_owned(), ":3:", "there twice"),
        ("{}".to_owned(), ":fields", "found nothing"),
        (json("\"two\": {}"), ":fields.two", "expected the number of a field"),
        (json("\"2\": []"), ":fields.2", "expected an object"),
        (json("\"2\": {\"enc\": 9}"), ":fields.2.enc", "expected text, found a number"),
        (json("\"2\": {}"), ":fields.0", "expected the message type"),
        (json(first), ":fields.1", "expected a Bitmap"),
    ];
    for (content, place, reason) in table {
        refused("file.json", content.as_bytes(), place, reason);
    }
    refused("file.txt", b"hello", ":", "neither XML nor a JSON object");
    refused("file.bin", b"\xFF\xFE", ":", "UTF-8");
    refused("file.json", "{\"a\":".repeat(40_000).as_bytes(), ":1:", "recursion");
    refused("file.xml", &vec![b' '; (4 << 20) + 1], ":", "at most 4 MiB");
}

#[test]
fn no_file_is_read_but_the_one_given() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.txt");
    std::fs::write(&secret, "the content of another file").unwrap();
    let file = folder.path().join("file.xml");
    let content = format!(
        "<!DOCTYPE isopackager [<!ENTITY other SYSTEM \"file://{}\">]>\n<isopackager>\n&other;\n</isopackager>",
        secret.display()
    );
    std::fs::write(&file, content).unwrap();
    let output = run(&["specs", "import", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("found text"), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("the content"));
}
