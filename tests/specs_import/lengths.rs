//! Lengths of another product's file that are shorter in the dialect: each is told, with file and field.

use super::{run, text};

/// A packager with field 0, field 1 and these.
fn packager(fields: &str) -> String {
    format!(
        r#"<isopackager><isofield id="0" length="4" name="MTI" class="org.jpos.iso.IFA_NUMERIC"/>
        <isofield id="1" length="16" name="BIT MAP" class="org.jpos.iso.IFA_BITMAP"/>{fields}</isopackager>"#
    )
}

/// A specification with fields 0, 1 and these.
fn specification(fields: &str) -> String {
    format!(
        r#"{{"name":"n","fields":{{"0":{{"type":"String","length":4,"enc":"ASCII","prefix":"ASCII.Fixed"}},
        "1":{{"type":"Bitmap","length":8,"enc":"HexToASCII","prefix":"Hex.Fixed"}},{fields}}}}}"#
    )
}

#[test]
fn a_length_that_is_shorter_here_is_told_wherever_it_stands() {
    let longer = |field: &str, said: u32| {
        format!("note: DE {field}: a length of {said} is longer than a message; here it is at most 65535")
    };
    let unfit = |field: &str, said: u32, most: u32| {
        format!("lost: DE {field}: a length of {said} does not fit its prefix; here it is at most {most}")
    };
    let inside = |packager: &str, more: &str, field: &str| {
        format!(
            r#"<isofieldpackager id="127" length="99999" name="p" class="org.jpos.iso.IFA_LLLLLLCHAR" {more}
            packager="org.jpos.iso.packager.{packager}">{field}</isofieldpackager>"#
        )
    };
    let jpos = |id: u8, length: u32, class: &str| {
        let class = format!("org.jpos.iso.{class}");
        format!(r#"<isofield id="{id}" length="{length}" name="f" class="{class}"/>"#)
    };
    let moov = |id: u8, length: u32, kind: &str, prefix: &str| {
        format!(r#""{id}":{{"type":"{kind}","length":{length},"enc":"ASCII","prefix":"{prefix}"}}"#)
    };
    let composite = |length: u32, inner: &str| {
        format!(
            r#""127":{{"type":"Composite","length":{length},"prefix":"ASCII.LLLLLL","subfields":{{{inner}}}}}"#
        )
    };
    let tagged = jpos(2, 70_000, "IFA_TTLLLLLCHAR");
    for (name, file, expected) in [
        ("a.xml", packager(&jpos(48, 65_536, "IFA_LLLLLCHAR")), vec![longer("48", 65_536)]),
        ("b.xml", packager(&jpos(48, 999_999, "IFA_LLLLLLBINARY")), vec![longer("48", 999_999)]),
        ("c.xml", packager(&jpos(48, 65_535, "IFA_LLLLLCHAR")), vec![]),
        ("d.xml", packager(&jpos(48, 20_000, "IFA_LLLLCHAR")), vec![unfit("48", 20_000, 9_999)]),
        (
            "e.xml",
            packager(&inside(
                "GenericSubFieldPackager",
                r#"emitBitmap="false" bitmapField="0""#,
                &jpos(2, 70_000, "IFA_LLLLLCHAR"),
            )),
            vec![longer("127", 99_999), longer("127.2", 70_000)],
        ),
        (
            "f.xml",
            packager(&inside("GenericTaggedFieldsPackager", r#"emitBitmap="false""#, &tagged)),
            vec![longer("127", 99_999), longer("127.2", 70_000)],
        ),
        ("g.json", specification(&moov(48, 70_000, "String", "ASCII.LLLLL")), vec![longer("48", 70_000)]),
        ("h.json", specification(&moov(48, 65_535, "String", "ASCII.LLLLLL")), vec![]),
        ("i.json", specification(&moov(48, 1_000, "String", "ASCII.LLL")), vec![unfit("48", 1_000, 999)]),
        (
            "j.json",
            specification(&composite(999_999, &moov(1, 70_000, "String", "ASCII.LLLLL"))),
            vec![longer("127", 999_999), longer("127.1", 70_000)],
        ),
        (
            "k.json",
            specification(&composite(9_999, &moov(1, 1_000, "String", "ASCII.LLL"))),
            vec![unfit("127.1", 1_000, 999)],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, &file).unwrap();
        let path = path.to_str().unwrap();
        let output = run(&["specs", "import", path]);
        let said = text(&output.stderr);
        let told: Vec<String> = said
            .lines()
            .filter(|line| line.contains("a length of"))
            .map(|line| line.strip_prefix(&format!("{path}: ")).unwrap_or(line).to_owned())
            .collect();
        assert_eq!(told, expected, "{name}: {said}");
        let is_lost = said.contains("lost: ");
        assert_eq!(output.status.code(), Some(i32::from(is_lost)), "{name}: {said}");
    }
}
