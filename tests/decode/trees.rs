//! What people read: columns, addresses, meanings, bits, colours.

use super::{decode, field, frame, json};

#[test]
fn an_echo_is_a_page() {
    let (code, out, _) = decode(&["--dialect", "iso87-ascii", frame("M10a")]);
    let expected = "\
0800 network management request (ISO 8583:1987)
iso87-ascii, 55 bytes, framed length4-ascii
DE  offset  bytes               name                                 value
7       36  31303035313233343536..  Transmission date and time           1005123456          10-05 12:34:56 UTC
11      46  303030303031        System trace audit number            000001
70      52  333031              Network management information code  301                 echo test

";
    assert_eq!(
        (code, out.as_str()),
        (
            0,
            expected
                .replace("34353..", "34..")
                .replace("31303035313233343536..", "3130303531323334..")
                .as_str()
        )
    );
}

#[test]
fn lines_say_what_values_mean() {
    let (_, out, _) = decode(&[frame("M3")]);
    for expected in [
        "2              10  16411111******11..  Primary account number                    411111******1111",
        "  3.from       20  20                  From account type                         20                  cheque account",
        "4              22  000000010000        Amount, transaction                       000000010000        100.00 EUR",
        "52            109  ****************    PIN data                                  ****************",
        "  55.95       156  95050080008000      Terminal verification results             0080008000",
        "- chip and terminal have different application versions",
        "- over the floor limit",
        "  55.9A       163  9A03261005          Transaction date                          261005              2026-10-05",
        "  55.9F02     171  9F02060000000100..  Amount, authorised                        000000010000        100.00 EUR",
    ] {
        assert!(out.lines().any(|line| line.trim() == expected.trim()), "{expected}\n{out}");
    }
    assert!(out.lines().all(|line| line == line.trim_end()));
    assert!(!out.contains("29122010000012300000"), "the track is shown:\n{out}");
}

#[test]
fn parts_have_their_addresses_and_are_read_by_them() {
    for (name, parts) in [
        ("M5", &["48.TCC", "48.61", "48.61.1", "63.code"][..]),
        ("M7", &["55.9F26", "60.5", "62.1", "62.2", "63.1", "22.pan"]),
        ("M8", &["90.mti", "90.stan", "95.transaction"]),
        ("M12b", &["54.1", "54.2.amount"]),
    ] {
        let (_, out, _) = decode(&["--json", "--unmask", frame(name)]);
        let message = &json(&out)[0];
        let dialect = authswitch::wire::Dialect::builtin(message["dialect"].as_str().unwrap()).unwrap();
        for key in parts {
            assert!(field(message, key).is_some(), "{name}: {key} in {out}");
            assert!(dialect.path(key).is_ok(), "{name}: {key}");
        }
    }
    let (_, out, _) = decode(&["--json", frame("M7")]);
    let message = &json(&out)[0];
    let part = field(message, "62.2").unwrap();
    assert_eq!((&part["sub"], &part["value"]), (&2.into(), &"486278123456789".into()));
    assert_eq!((&part["offset"], &part["length"]), (&282.into(), &8.into()));
    let amount = field(message, "55.9F02").unwrap();
    assert_eq!((&amount["tag"], &amount["meaning"]), (&"9F02".into(), &"100.00 EUR".into()));
    assert_eq!(field(message, "55.82").unwrap()["bits"][3], "CDA");
}

#[test]
fn json_has_what_the_tree_has() {
    let (_, out, _) = decode(&["--json", frame("M1")]);
    let message = &json(&out)[0];
    assert_eq!((&message["mti"], &message["length"]), (&"0100".into(), &181.into()));
    assert_eq!(message["meaning"], "authorization request, from the acquirer (ISO 8583:1987)");
    let pan = &message["fields"][0];
    assert_eq!((&pan["de"], &pan["offset"], &pan["length"]), (&2.into(), &20.into(), &18.into()));
    assert_eq!(
        (&pan["value"], &pan["raw"]),
        (&"411111******1111".into(), &"3136343131313131************31313131".into())
    );
    let (_, open, _) = decode(&["--json", "--unmask", frame("M1")]);
    assert_eq!(json(&open)[0]["fields"][0]["value"], "4111111111111111");
}

#[test]
fn colours_are_for_those_who_ask() {
    for (color, expected) in [("always", true), ("never", false), ("auto", false)] {
        let (_, out, _) = decode(&["--color", color, frame("M10a")]);
        assert_eq!(out.contains("\u{1B}["), expected, "{color}");
    }
    let coloured = decode(&["--color", "always", frame("M3")]).1;
    let mut plain = String::new();
    let mut parts = coloured.split("\u{1B}[");
    plain.push_str(parts.next().unwrap());
    parts.for_each(|part| plain.push_str(part.split_once('m').unwrap().1));
    assert_eq!(plain, decode(&[frame("M3")]).1, "colours change nothing else");
}

#[test]
fn lines_keep_to_the_width_and_lose_nothing() {
    use authswitch::cli::decode::{Form, Look, Show};
    let dialect = authswitch::wire::Dialect::builtin("terminal").unwrap();
    let show = |width| Show::new(vec![dialect.clone()], Form::Tree, false, Look { width, colour: false });
    let words = |text: &str| -> String { text.split_whitespace().collect() };
    let message = super::bytes(frame("M3"));
    let wide = show(None).message(&message);
    let (_, out, _) = decode(&["--json", frame("M3")]);
    let mut said = Vec::new();
    let explained = json(&out);
    for field in explained[0]["fields"].as_array().unwrap() {
        for part in field["fields"].as_array().into_iter().flatten().chain([field]) {
            let bits = part["bits"].as_array().into_iter().flatten();
            said.extend(bits.chain(part.get("meaning").filter(|_| part.get("bits").is_none())));
            said.extend(part.get("value").filter(|_| part.get("fields").is_none()));
        }
    }
    assert!(said.len() > 70);
    for width in 40..200 {
        let text = show(Some(width)).message(&message);
        assert!(text.lines().all(|line| line.len() <= width), "{width}:\n{text}");
        let close = words(&text);
        for words in said.iter().map(|said| words(said.as_str().unwrap())) {
            assert!(close.contains(&words), "{width}: {words}\n{text}");
        }
        assert!(width < 130 || close == words(&wide), "{width}:\n{text}");
    }
}

#[test]
fn the_readme_shows_what_is_printed() {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("<!-- decode:begin -->\n```text\n").unwrap();
    let (excerpt, _) = rest.split_once("```\n<!-- decode:end -->").unwrap();
    let (_, out, _) = decode(&[frame("M3")]);
    for line in excerpt.lines().filter(|line| *line != "...") {
        assert!(out.lines().any(|printed| printed == line), "{line}\n{out}");
    }
}
