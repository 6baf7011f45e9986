//! What nobody said: framings of every kind, headers that nobody knows, bit maps of bytes behind characters, pads on the
//! wrong side, logs that tell messages by their fields, dumps behind a log's words, messages in characters.

use super::{decode, decode_with, field, hex, json};
use serde_json::Value;

const ECHO: &str = "0800822000000000000004000000000000001005123456000001301";

fn read(text: &str) -> Value {
    let (code, out, err) = decode(&["--json", text]);
    assert_eq!((code, err.as_str()), (0, ""), "{text}: {out}");
    json(&out).remove(0)
}

fn value<'a>(message: &'a Value, key: &str) -> &'a str {
    field(message, key).unwrap_or_else(|| panic!("no {key} in {message}"))["value"].as_str().unwrap()
}

#[test]
fn characters_behind_a_bit_map_of_bytes() {
    for (text, dialect, mti, header) in [
        ("30383130002000000280000036353433323130305445524d30303432", "iso87-ascii-binary-bitmap", "0810", ""),
        (
            "600123000030383130002000000280000036353433323130305445524d30303432",
            "iso87-ascii-binary-bitmap",
            "0810",
            "6001230000",
        ),
        (
            "3030343331383230023001000000000031313239313532343133383239313230363131323931353234313833383331",
            "iso93-ascii-binary-bitmap",
            "1820",
            "",
        ),
        ("323830342000000000000000303030303030", "iso2003-ascii-binary-bitmap", "2804", ""),
    ] {
        let message = read(text);
        assert_eq!((&message["dialect"], &message["mti"]), (&dialect.into(), &mti.into()), "{text}");
        assert_eq!(message["header"].as_str().unwrap_or(""), header);
    }
    // Binary fields tell the two dialects apart.
    let pin = [&b"0100\x20\0\0\0\0\0\x10\0"[..], b"000000", &[0xA1; 8]].concat();
    assert_eq!(read(&hex(&pin))["dialect"], "iso87-ascii-binary");
    let pin = [&b"0100\x20\0\0\0\0\0\x10\0"[..], b"000000", b"0123456789ABCDEF"].concat();
    assert_eq!(read(&hex(&pin))["dialect"], "iso87-ascii-binary-bitmap");
}

#[test]
fn a_length_inside_a_header_is_found() {
    let message =
        read("49534f30303433323030303243303030313130302020010000000000303030303030303030303031313030");
    assert_eq!(message["framing"], "fixed:49534F+length4-ascii-inclusive+opaque9");
    assert_eq!((&message["header"], &message["mti"]), (&"323030303243303030".into(), &"1100".into()));
    assert_eq!((value(&message, "11"), value(&message, "24")), ("000001", "100"));
    // Other constants, numbers and ways of counting; and a stream of such.
    let frame = |front: &str, number: String, behind: &str| [front, &number, behind, ECHO].concat();
    for (frame, framing) in [
        (frame("ISO", format!("{:04}", 4 + 55), "vers"), "fixed:49534F+length4-ascii+opaque4"),
        (frame("XY", format!("{:06}", 55), ""), "fixed:5859+length6-ascii"),
        (frame("", format!("{:04}", 55 + 9), "123ABC..."), "length4-ascii+opaque9"),
        (frame("HDR", format!("{:04X}", 55 + 4), ""), "fixed-uncounted:484452+length4-hex-inclusive"),
    ] {
        let message = read(&hex(frame.as_bytes()));
        assert_eq!((&message["framing"], &message["mti"]), (&framing.into(), &"0800".into()), "{frame}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stream.bin");
        std::fs::write(
            &path,
            [&[0xFF; 0][..], frame.as_bytes(), frame.as_bytes(), frame.as_bytes()].concat(),
        )
        .unwrap();
        for args in [&["--json"][..], &["--json", "--framing", framing]] {
            let (code, out, _) = decode(&[args, &[path.to_str().unwrap()]].concat());
            assert_eq!((code, json(&out).len()), (0, 3), "{framing}: {out}");
        }
    }
}

#[test]
fn a_message_behind_a_header_that_nobody_knows() {
    for header in ["A4M05000", "x", "SESSION-000000017:", "\u{1}\u{2}\u{7f}"] {
        let message = read(&hex(format!("{header}{ECHO}").as_bytes()));
        assert_eq!((&message["mti"], value(&message, "11")), (&"0800".into(), "000001"), "{header}");
        assert_eq!(message["header"].as_str().unwrap(), hex(header.as_bytes()).to_uppercase());
        let opaque = format!("opaque{}", header.len());
        let (code, out, _) =
            decode(&["--json", "--framing", &opaque, &hex(format!("{header}{ECHO}").as_bytes())]);
        assert_eq!((code, &json(&out)[0]["framing"]), (0, &opaque.into()));
    }
    // Packed, where few bytes speak for it: taken where all of it is then right.
    let packed = "0800822000000000000004000000000000001005123456000001 0301".replace(' ', "");
    assert_eq!(read(&format!("DEADBEEF{packed}"))["header"], "DEADBEEF");
    // A card number in such a header is hidden.
    let (_, out, _) = decode(&["--json", &hex(format!("4111111111111111{ECHO}").as_bytes())]);
    assert!(!out.contains("31313131") && !out.contains("411111111"), "{out}");
    let (code, _, err) = decode(&["--framing", "opaque99", "00"]);
    assert!(code == 2 && err.contains("expected opaqueN with N from 1 to 32"), "{err}");
}

#[test]
fn every_framing_that_the_notation_knows_is_ranked() {
    let message = ECHO.as_bytes();
    let lrc = message.iter().fold(3, |sum, byte| sum ^ byte);
    for (framing, frame) in [
        ("length2-be+etx", [&[0, 56][..], message, &[3]].concat()),
        ("length4-ascii+etx", [b"0056", message, &[3]].concat()),
        ("length4-ascii+etx-lrc", [b"0057", message, &[3, lrc]].concat()),
        ("length2-be+stx-etx-lrc", [&[0, 58, 2][..], message, &[3, lrc]].concat()),
        ("length3-ascii", [b"055", message].concat()),
        ("length6-hex", [b"000037", message].concat()),
        ("length2-le-inclusive", [&[57, 0][..], message].concat()),
        ("length2-bcd-zero1", [&[0, 0x55, 0][..], message].concat()),
        (
            "length2-be+tpdu-unionpay",
            [&[0, 66, 0x60, 0, 3, 0, 0, 0x60, 0x31, 0, 0, 0, 0][..], message].concat(),
        ),
        ("length4-be-inclusive+base24", [&[0, 0, 0, 71][..], b"ISO026000050", message].concat()),
        ("length2-be+etx-uncounted", [&[0, 55][..], message, &[3]].concat()),
        ("tpdu+length2-be", [&[0x60, 0, 3, 0, 0, 0, 55][..], message].concat()),
    ] {
        let found = read(&hex(&frame));
        assert_eq!((&found["framing"], &found["mti"]), (&framing.into(), &"0800".into()), "{framing}");
        // As a stream, whose messages are alike; digits alone would be a line of hexadecimal.
        if frame.iter().all(u8::is_ascii_hexdigit) {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stream.bin");
        std::fs::write(&path, frame.repeat(5)).unwrap();
        let (code, out, err) = decode(&["--json", path.to_str().unwrap()]);
        let all = json(&out);
        assert_eq!((code, all.len(), err.as_str()), (0, 5, ""), "{framing}: {out}");
        assert!(all.iter().all(|message| message["framing"] == framing), "{framing}: {out}");
        let (_, streams, _) = decode(&["--json", "--streams", path.to_str().unwrap()]);
        assert_eq!(json(&streams)[0]["framings"][0]["name"], framing, "{streams}");
    }
}

#[test]
fn a_reading_that_leaves_no_rest_beats_one_that_does() {
    // The byte of ETX can be the last of a message, and of its frame.
    let ends_with_3 = [&b"0100\x20\0\0\0\0\0\x10\0"[..], b"000000", &[1, 2, 3, 4, 5, 6, 7, 3]].concat();
    let framed = [&[0, ends_with_3.len() as u8][..], &ends_with_3].concat();
    assert_eq!(read(&hex(&framed))["framing"], "length2-be");
    let marked = [&[0, ends_with_3.len() as u8 + 1][..], &ends_with_3, &[3]].concat();
    assert_eq!(read(&hex(&marked))["framing"], "length2-be+etx");
}

#[test]
fn a_card_number_that_begins_with_a_pad_is_a_warning() {
    // Tracks and card numbers filled with a 0 on the left, where the dialect has the pad on the right.
    let track = "0200302005802080000000000000000000150010798900510100003704111110000000070d301220100000000000005445524d30303031";
    let (code, out, _) = decode(&[track]);
    assert!(
        code == 0
            && out
                .contains("warning: DE 35, offset 27: expected a card number, found one that begins with 0"),
        "{out}"
    );
    assert!(!out.contains("411111"), "{out}");
    for (dialect, message) in [
        ("iso87-ascii", hex(b"010040000000000000001704111111111111111")),
        ("iso87-bcd", "0100400000000000000017041111111111111110".to_owned()),
        ("iso87-ascii", hex(b"01000000000000000200011\x5A\x09\x04\x11\x11\x11\x11\x11\x11\x11\x1F")),
    ] {
        let (_, out, _) = decode(&["--dialect", dialect, &message]);
        assert!(out.contains("found one that begins with 0"), "{out}");
    }
    let (_, out, _) = decode(&["--dialect", "iso87-ascii", &hex(b"01004000000000000000164111111111111111")]);
    assert!(!out.contains("warning"), "{out}");
}

const LOG: &str = r#"<log realm="channel/10.0.0.1:8583" at="2026-01-15T12:34:56.789" lifespan="2ms">
  <receive>
    <isomsg direction="incoming">
      <!-- org.jpos.iso.packager.XMLPackager -->
      <field id="0" value="0100"/>
      <field id="2" value="4111110000000013"/>
      <field id="3" value="000000"/>
      <field id="4" value="000000001000"/>
      <field id="7" value="0115123456"/>
      <field id="11" value="000007"/>
      <field id="48" value="some &amp; &quot;thing&quot;"/>
      <field id="52" value="0123456789ABCDEF" type="binary"/>
      <isomsg id="90">
        <field id="1" value="0100"/>
        <field id="2" value="000001"/>
        <field id="3" value="0115000000"/>
        <field id="4" value="00000000000"/>
        <field id="5" value="00000000000"/>
      </isomsg>
      <isomsg id="127">
        <field id="2" value="key of 4111110000000013"/>
        <isomsg id="25"><field id="2" value="000000000150"/></isomsg>
      </isomsg>
    </isomsg>
  </receive>
</log>
<log realm="channel" at="Thu Jan 15 12:34:57 UYT 2026.100"><send><isomsg direction="outgoing"><field id="0" value="0110"/><field id="2" value="411111______0013"/><field id="11" value="000007"/><field id="39" value="00"/></isomsg></send></log>
2026-01-15 12:34:58,000 INFO <isomsg><field id="0"><![CDATA[0800]]></field><field id="11" value="000008"/><field id="70" value="301"/></isomsg> <isomsg><field id="0" value="1804"/><field id="11" value="000009"/></isomsg>
"#;

#[test]
fn jpos_logs_tell_messages_by_their_fields() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("q2.log");
    std::fs::write(&path, LOG).unwrap();
    let (code, out, err) = decode(&["--json", path.to_str().unwrap()]);
    let all = json(&out);
    assert_eq!((code, err.as_str(), all.len()), (0, "", 4), "{out}");
    let mtis: Vec<_> = all.iter().map(|message| message["mti"].as_str().unwrap()).collect();
    assert_eq!(mtis, ["0100", "0110", "0800", "1804"]);
    assert_eq!(all[3]["dialect"], "iso93-ascii");
    let first = &all[0];
    assert_eq!(first["origin"], "line 3, character 5, by its fields");
    assert_eq!(first["time"], "2026-01-15T12:34:56.789000Z");
    assert_eq!(all[1]["time"], "2026-01-15T12:34:57.100000Z");
    for (key, expected) in [
        ("2", "411111******0013"),
        ("4", "000000001000"),
        ("48", "some & \"thing\""),
        ("52", "****************"),
        ("90.stan", "000001"),
        ("127.25.2", "000000000150"),
    ] {
        assert_eq!(value(first, key), expected, "{key}");
    }
    assert!(!out.contains("4111110000000013"), "{out}");
    assert!(first["warnings"].as_array().unwrap().iter().any(|warning| warning["de"] == 127), "{out}");
    assert_eq!(all[1]["warnings"][0]["reason"], "hidden in the log");
    let (_, shown, _) = decode(&["--unmask", path.to_str().unwrap()]);
    assert!(shown.contains("key of 4111110000000013"), "{shown}");
    // From standard input, as an argument, and beside another message.
    assert_eq!(json(&decode_with(&["--json", "-"], LOG.as_bytes()).1).len(), 4);
    let (code, out, _) = decode(&[
        "--json",
        r#"<isomsg><field id="0" value="0800"/><field id="11" value="000001"/></isomsg>"#,
    ]);
    assert_eq!((code, &json(&out)[0]["mti"]), (0, &"0800".into()));
    let echo = r#"<isomsg><field id="0" value="0800"/><field id="7" value="1005123456"/><field id="11" value="000001"/><field id="70" value="301"/></isomsg>"#;
    assert_eq!(decode(&["--diff", echo, &hex(ECHO.as_bytes())]).0, 0);
}

#[test]
fn what_is_wrong_in_a_log_is_told() {
    let fields = |fields: &str| format!("<isomsg><field id=\"0\" value=\"0100\"/>{fields}</isomsg>\n");
    for (field, reason) in [
        (r#"<field id="4" value="12x"/>"#, "expected digits, found a letter"),
        (r#"<field id="3" value="0000001"/>"#, "expected at most 6, found 7"),
        (r#"<field id="52" value="XY"/>"#, "expected hexadecimal, found something else"),
        (r#"<field id="11" value="000001"/><field id="11" value="000002"/>"#, "this field is there twice"),
        (r#"<field id="193" value="1"/>"#, "iso87-ascii has no such field"),
    ] {
        let (code, out, _) = decode_with(&["--json", "-"], fields(field).as_bytes());
        assert_eq!((code, json(&out)[0]["errors"][0]["reason"].as_str().unwrap()), (1, reason), "{field}");
    }
    for text in [
        "<isomsg><field id=\"0\" value=\"0800\"/>\n",
        "<isomsg><field id=\"11\" value=\"000001\"/></isomsg>\n",
        "<isomsg><field id=\"0\" value=\"08\"/></isomsg>\n",
        "<isomsg>\n<log realm=\"next\">\n",
    ] {
        let (code, out, err) = decode_with(&["-"], text.as_bytes());
        assert_eq!(
            (out.as_str(), err.as_str()),
            ("", "authswitch decode: line 1: an <isomsg> that is no whole message; passed over\n")
        );
        assert_eq!(code, 1, "{text}");
    }
    let (code, out, _) = decode_with(&["-"], b"<isomsg><field id=\"0\" value=\"9800\"/></isomsg>\n");
    assert!(code == 1 && out.contains("no dialect has message types that begin as 9800 does"), "{out}");
}

#[test]
fn a_dump_whose_first_row_stands_behind_a_logs_words() {
    let frame = [&[0, 55][..], ECHO.as_bytes()].concat();
    let rows: Vec<String> = frame
        .chunks(16)
        .enumerate()
        .map(|(row, bytes)| {
            let (left, right) = bytes.split_at(bytes.len().min(8));
            let cells =
                |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ");
            format!("{:04X}  {}  {}  .708", row * 16, cells(left), cells(right))
        })
        .collect();
    let prefix = "2025-03-04 04:02:38,592 ERROR n.c.b.j.i.Q2: (channel/10.1.1.1:12345) [receive] ";
    let text = format!(
        "2025-03-04 04:02:37,000 INFO  begins\n{prefix}{}\n2025-03-04 04:02:39,000 INFO  goes on\n{prefix}{}\n",
        rows.join("\n"),
        rows.join("\n")
    );
    let (code, out, err) = decode_with(&["--json", "-"], text.as_bytes());
    let all = json(&out);
    assert_eq!((code, err.as_str(), all.len()), (0, "", 2), "{out}");
    assert_eq!((&all[0]["mti"], &all[0]["time"]), (&"0800".into(), &"2025-03-04T04:02:38.592000Z".into()));
    assert_eq!(all[0]["origin"], "dump at line 2");
}

/// A purchase in characters.
fn purchase() -> String {
    let fields =
        [(2, "4111110000000013"), (3, "000000"), (7, "1005123456"), (11, "000001"), (41, "TERM 01 ")];
    let own: Vec<_> =
        fields.iter().map(|(de, text)| (*de, authswitch::wire::Value::Text(text.as_bytes()))).collect();
    let mut out = Vec::new();
    let dialect = authswitch::wire::Dialect::builtin("iso87-ascii").unwrap();
    let mti = authswitch::wire::Mti::new(0x0100).unwrap();
    dialect.build(&mut out, mti, None, Default::default(), &own).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn messages_in_characters_one_a_line() {
    // Spaces at the end are the message's.
    let text = format!("{}\n{ECHO}\r\n\n0055{ECHO}\n", purchase());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("messages.txt");
    std::fs::write(&path, &text).unwrap();
    for out in
        [decode(&["--json", path.to_str().unwrap()]).1, decode_with(&["--json", "-"], text.as_bytes()).1]
    {
        let all = json(&out);
        let mtis: Vec<_> = all.iter().map(|message| message["mti"].as_str().unwrap()).collect();
        assert_eq!(mtis, ["0100", "0800", "0800"], "{out}");
        assert_eq!((value(&all[0], "2"), value(&all[0], "41")), ("411111******0013", "TERM 01 "));
        assert_eq!(all[2]["framing"], "length4-ascii");
        assert!(all.iter().all(|message| message["errors"] == serde_json::json!([])), "{out}");
    }
    // An even number of digits is hexadecimal of a packed message, unless only the characters leave no rest.
    let characters = "08100220000002000000100512345600000100";
    let packed = "08008220000000000000040000000000000010051234560000010301";
    let lines = format!("{characters}\n{packed}\n");
    for args in [&["--json", "-"][..], &["--json", "--all-dialects", "-"]] {
        let (code, out, _) = decode_with(args, lines.as_bytes());
        let all = json(&out);
        let dialect = |message: &Value| {
            let first = if message["dialect"].is_null() { &message["candidates"][0] } else { message };
            first["dialect"].as_str().unwrap().to_owned()
        };
        assert_eq!(
            (code, dialect(&all[0]).as_str(), dialect(&all[1]).as_str()),
            (0, "iso87-ascii", "iso87-bcd"),
            "{out}"
        );
    }
}

#[test]
fn what_these_inputs_hold_becomes_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let import = |args: &[&str]| {
        let args = [&["trace", "import"], args].concat();
        let output =
            std::process::Command::new(env!("CARGO_BIN_EXE_authswitch")).args(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let postilion = r#"<isofieldpackager id="127" length="999999" class="org.jpos.iso.IFA_LLLLLLBINARY" packager="org.jpos.iso.packager.GenericSubFieldPackager"><isofield id="1" length="8" class="org.jpos.iso.IFB_BITMAP"/><isofield id="2" length="32" class="org.jpos.iso.IFA_LLCHAR"/><isofieldpackager id="25" length="9999" class="org.jpos.iso.IFA_LLLLCHAR" packager="org.jpos.iso.packager.GenericSubFieldPackager"><isofield id="1" length="8" class="org.jpos.iso.IFB_BITMAP"/><isofield id="2" length="12" class="org.jpos.iso.IFA_NUMERIC"/></isofieldpackager></isofieldpackager>"#;
    let packager = format!(
        r#"<isopackager><isofield id="0" length="4" class="org.jpos.iso.IFA_NUMERIC"/><isofield id="1" length="16" class="org.jpos.iso.IFB_BITMAP"/><isofield id="2" length="19" class="org.jpos.iso.IFA_LLNUM"/><isofield id="3" length="6" class="org.jpos.iso.IFA_NUMERIC"/><isofield id="4" length="12" class="org.jpos.iso.IFA_NUMERIC"/><isofield id="7" length="10" class="org.jpos.iso.IFA_NUMERIC"/><isofield id="11" length="6" class="org.jpos.iso.IFA_NUMERIC"/><isofield id="39" length="2" class="org.jpos.iso.IF_CHAR"/><isofield id="48" length="999" class="org.jpos.iso.IFA_LLLCHAR"/><isofield id="52" length="8" class="org.jpos.iso.IFB_BINARY"/><isofield id="70" length="3" class="org.jpos.iso.IFA_NUMERIC"/><isofield id="90" length="42" class="org.jpos.iso.IFA_NUMERIC"/>{postilion}</isopackager>"#
    );
    let xml = write("packager.xml", &packager);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_authswitch"))
        .args(["specs", "import", &xml, "--name", "mine"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let dialect = write("mine.toml", &String::from_utf8(output.stdout).unwrap());
    let answer =
        LOG.replace("<field id=\"2\" value=\"411111______0013\"/>", "<field id=\"7\" value=\"0115123456\"/>");
    let log = write("q2.log", &answer);
    let (code, trace, said) = import(&[&log, "--dialect", &dialect]);
    assert_eq!(code, 0, "{said}");
    let entries: Vec<Value> = json(&trace);
    assert_eq!(entries.len(), 2, "{trace} {said}");
    let first = &entries[0];
    assert_eq!(
        (&first["mti"], &first["fields"]["11"], &first["expect"]),
        (&"0100".into(), &"000007".into(), &"00".into())
    );
    assert_eq!(first["fields"]["52"], "0123456789ABCDEF");
    // 127: its bit map, 127.2, and 127.25 with a bit map of its own.
    assert!(first["fields"]["127"].as_str().unwrap().starts_with("4000008000000000"), "{trace}");
    assert_eq!((&entries[1]["mti"], &entries[1]["at_us"]), (&"0800".into(), &1_211_000.into()), "{trace}");
    // What the dialect cannot write is left out, and said.
    let (code, _, said) = import(&[&log]);
    assert!(code == 0 && said.contains("cannot be read") && !said.contains("4111110000000013"), "{said}");
    // Lines of characters; and with a header that is said.
    let lines =
        write("lines.txt", &format!("{}\n{ECHO}\n08100220000002000000100512345600000100\n", purchase()));
    let (code, trace, said) = import(&[&lines]);
    assert_eq!((code, json(&trace).len()), (0, 2), "{said}");
    let headed = write("headed.txt", &format!("{}\n", hex(format!("A4M05000{}", purchase()).as_bytes())));
    let (code, trace, said) = import(&[&headed, "--framing", "opaque8"]);
    assert_eq!((code, json(&trace).len()), (0, 1), "{said}");
    // One frame alone: which framing it is, the dialect tells.
    let marked = folder.path().join("marked.bin");
    std::fs::write(&marked, [&[0, 56][..], ECHO.as_bytes(), &[3]].concat()).unwrap();
    let (code, trace, said) = import(&[marked.to_str().unwrap()]);
    assert_eq!((code, json(&trace).len()), (0, 1), "{said}");
}
