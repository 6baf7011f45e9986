//! The flows over real sockets, in both dialects: what a peer sees on the wire.

#![allow(clippy::unwrap_used)]

mod harness;
use harness::*;

const LINKS: [&str; 2] = ["acquirer-ascii", "acquirer-bcd"];

fn with_switch(set: &[&str], test: impl Fn(&Switch, &str, &mut Peer)) {
    let folder = tempfile::tempdir().unwrap();
    let switch = Switch::start(&folder.path().join("data"), set);
    for link in LINKS {
        test(&switch, link, &mut switch.connect(link));
    }
}

/// Another card for each link, so that the second one starts fresh.
fn card(link: &str, number: u32) -> String {
    pan("411111", number + if link.contains("bcd") { 5_000 } else { 0 })
}

#[test]
fn network_management_answers_with_its_code() {
    with_switch(&[], |switch, link, peer| {
        for (de70, code) in [("001", "00"), ("301", "00"), ("270", "00"), ("002", "00"), ("777", "12")] {
            let answer = peer.ask("0800", &[(7, "1122093315"), (11, "000001"), (70, de70)]);
            assert_eq!(
                (answer.mti.as_str(), answer.code(), answer.fields[&70].as_str()),
                ("0810", code, de70),
                "{link}"
            );
            assert_eq!((answer.fields[&7].as_str(), answer.fields[&11].as_str()), ("1122093315", "000001"));
        }
        let signed_on = || switch.metric(&format!("authswitch_connections_signed_on{{link=\"{link}\"}}"));
        assert_eq!(signed_on(), Some(0.0));
        peer.ask("0800", &[(7, "1122093315"), (11, "000002"), (70, "001")]);
        assert_eq!(signed_on(), Some(1.0));
    });
}

#[test]
fn an_approval_echoes_what_it_must_and_nothing_sensitive() {
    with_switch(&[], |_, link, peer| {
        let number = card(link, 1);
        let purchase = Purchase::new(&number, 1, 1_000)
            .set(35, &format!("{number}=30122011000000000000"))
            .set(52, "0123456789ABCDEF")
            .set(53, "2001010100000000")
            .set(55, "9F260811223344556677889F2701809F3602001C");
        let answer = peer.ask("0100", &purchase.fields());
        assert_eq!((answer.mti.as_str(), answer.code()), ("0110", "00"), "{link}");
        let echoed = [2, 3, 4, 7, 11, 12, 13, 25, 32, 37, 41, 42, 49];
        let fields: Vec<u8> = answer.fields.keys().copied().collect();
        assert_eq!(fields, [2, 3, 4, 7, 11, 12, 13, 25, 32, 37, 38, 39, 41, 42, 49]);
        for (de, value) in purchase.fields().into_iter().filter(|(de, _)| echoed.contains(de)) {
            assert_eq!(answer.fields[&de], value, "{link} DE{de}");
        }
        let approval = &answer.fields[&38];
        assert!(approval.len() == 6 && approval.bytes().all(|c| c.is_ascii_alphanumeric()), "{approval}");
    });
}

#[test]
fn each_demo_card_answers_as_its_row_says() {
    // BIN 411112: first card, count, amount in minor units, expiry sent, answer.
    let rows = [
        (0, 5, 1_000, "3012", "62"),
        (5, 5, 1_000, "3012", "41"),
        (10, 5, 1_000, "3012", "43"),
        (15, 5, 1_000, "2001", "54"),
        (20, 5, 1_001, "3012", "51"),
        (20, 5, 1_000, "3012", "00"),
        (30, 5, 5_001, "3012", "61"),
        (30, 5, 5_000, "3012", "00"),
        (35, 5, 1_000, "3012", "57"),
        (40, 5, 1_000, "3012", "62"),
        (45, 3, 1_000, "3012", "59"),
        (48, 3, 1_000, "3012", "62"),
        (51, 2, 1_000, "3012", "75"),
        (53, 2, 1_000, "3012", "05"),
        (900, 2, 1_000, "3012", "14"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let switch = Switch::start(&folder.path().join("data"), &[]);
    let mut peer = switch.connect("acquirer-bcd");
    let mut stan = 0;
    for (first, count, amount, expiry, code) in rows {
        for number in first..first + count {
            stan += 1;
            let purchase = Purchase::new(&pan("411112", number), stan, amount).set(14, expiry);
            assert_eq!(peer.ask("0100", &purchase.fields()).code(), code, "card {number} amount {amount}");
        }
    }
    // Three debits a day, then too many.
    for code in ["00", "00", "00", "65", "65"] {
        stan += 1;
        assert_eq!(peer.ask("0200", &Purchase::new(&pan("411112", 25), stan, 100).fields()).code(), code);
    }
    // The other currency is fine with a billing amount in the account's.
    let billed = Purchase::new(&pan("411112", 35), 999, 1_000).set(6, "000000000900").set(51, "978");
    assert_eq!(peer.ask("0100", &billed.fields()).code(), "00");
    // A wrong expiry in the message, and one from the track.
    assert_eq!(
        peer.ask("0100", &Purchase::new(&pan("411111", 3), 1_000, 1).set(14, "3011").fields()).code(),
        "54"
    );
    let track = format!("{}=30112011000000000000", pan("411111", 3));
    let by_track = Purchase::new(&pan("411111", 3), 1_001, 1).without(2).without(14).set(35, &track);
    assert_eq!(peer.ask("0100", &by_track.fields()).code(), "54");
}

#[test]
fn a_repeat_gets_the_stored_answer_and_other_content_94() {
    with_switch(&[], |_, link, peer| {
        let number = card(link, 2);
        let balance = |peer: &mut Peer, stan| {
            let inquiry = Purchase::new(&number, stan, 0).set(3, "310000");
            peer.ask("0100", &inquiry.fields()).fields[&54].clone()
        };
        for (stan, mti, repeat) in [(10, "0100", "0101"), (20, "0200", "0201")] {
            let purchase = Purchase::new(&number, stan, 1_000);
            let first = peer.ask(mti, &purchase.fields());
            let after = balance(peer, stan + 1);
            assert_eq!(peer.ask(repeat, &purchase.fields()).raw, first.raw, "{link} {repeat}");
            assert_eq!(peer.ask(mti, &purchase.fields()).raw, first.raw, "{link} {mti} again");
            let other = Purchase::new(&number, stan, 1_001);
            assert_eq!(peer.ask(mti, &other.fields()).code(), "94", "{link} other amount");
            assert_eq!(balance(peer, stan + 2), after, "{link}: a repeat has no second effect");
        }
    });
}

/// DE54's available balance of a card in the demo program, in minor units.
fn available(peer: &mut Peer, number: &str, stan: u32) -> i64 {
    let inquiry = Purchase::new(number, stan, 0).set(3, "310000");
    let answer = peer.ask("0100", &inquiry.fields());
    let amounts = &answer.fields[&54];
    assert_eq!((&amounts[22..24], &amounts[24..27]), ("02", "840"));
    let amount: i64 = amounts[28..40].parse().unwrap();
    if &amounts[27..28] == "D" { -amount } else { amount }
}

const FUNDS: i64 = 100_000_000_000;

#[test]
fn reversals_give_back_fully_partly_and_once() {
    with_switch(&[], |_, link, peer| {
        let number = card(link, 3);
        let purchase = Purchase::new(&number, 100, 10_000);
        assert_eq!(peer.ask("0100", &purchase.fields()).code(), "00");
        assert_eq!(available(peer, &number, 101), FUNDS - 10_000);
        let original = purchase.as_original("0100");
        let reversal = |stan| Purchase::new(&number, stan, 10_000).set(90, &original);
        let remains = "000000004000000000000000000000000000000000";
        for (stan, mti, de95, answer_mti, left) in [
            (110, "0420", Some(remains), "0430", 4_000),
            (110, "0421", Some(remains), "0430", 4_000),
            (111, "0400", None, "0410", 0),
            (111, "0401", None, "0410", 0),
            (112, "0420", None, "0430", 0),
        ] {
            let mut message = reversal(stan);
            if let Some(de95) = de95 {
                message = message.set(95, de95);
            }
            let answer = peer.ask(mti, &message.fields());
            assert_eq!((answer.mti.as_str(), answer.code()), (answer_mti, "00"), "{link} {mti} {stan}");
            assert_eq!(answer.fields[&90], original);
            assert_eq!(answer.fields.get(&95).map(String::as_str), de95);
            assert_eq!(available(peer, &number, stan + 100), FUNDS - left, "{link} {mti} {stan}");
        }
    });
}

#[test]
fn a_reversal_before_its_original_refuses_the_original() {
    with_switch(&[], |_, link, peer| {
        let number = card(link, 4);
        let purchase = Purchase::new(&number, 200, 10_000);
        let reversal = Purchase::new(&number, 201, 10_000).set(90, &purchase.as_original("0100"));
        assert_eq!(peer.ask("0420", &reversal.fields()).code(), "00");
        for _ in 0..2 {
            assert_eq!(peer.ask("0100", &purchase.fields()).code(), "94", "{link}");
        }
        assert_eq!(available(peer, &number, 202), FUNDS, "{link}");
    });
}

#[test]
fn preauthorization_completion_refund_cash_and_advices_move_the_money_they_say() {
    with_switch(&[], |_, link, peer| {
        let number = card(link, 5);
        let preauthorization = Purchase::new(&number, 300, 20_000).set(25, "06");
        let approved = peer.ask("0100", &preauthorization.fields());
        assert_eq!(available(peer, &number, 301), FUNDS - 20_000);
        let completion = Purchase::new(&number, 302, 15_500)
            .set(38, &approved.fields[&38])
            .set(37, "632609000300")
            .set(90, &preauthorization.as_original("0100"));
        for mti in ["0220", "0221"] {
            let answer = peer.ask(mti, &completion.fields());
            assert_eq!((answer.mti.as_str(), answer.code()), ("0230", "00"), "{link}");
            assert_eq!(answer.fields[&38], approved.fields[&38]);
            assert_eq!(available(peer, &number, 303), FUNDS - 15_500, "{link}");
        }
        let mut expected = FUNDS - 15_500;
        for (stan, mti, de3, amount, change) in [
            (310, "0200", "200000", 5_000, 5_000),  // refund
            (311, "0200", "010000", 4_000, -4_000), // cash
            (312, "0120", "000000", 3_000, -3_000), // stand-in approval
            (313, "0220", "000000", 2_000, -2_000), // force post
            (314, "0100", "000000", 0, 0),          // is the card good?
            (315, "0100", "200000", 700, 0),        // authorization of a refund
        ] {
            let message = Purchase::new(&number, stan, amount).set(3, de3);
            let answer = peer.ask(mti, &message.fields());
            assert_eq!(answer.code(), "00", "{link} {mti} {de3}");
            expected += change;
            assert_eq!(available(peer, &number, stan + 1_000), expected, "{link} {mti} {de3} {amount}");
        }
        let declined = Purchase::new(&number, 320, 9_000).set(39, "05");
        assert_eq!(peer.ask("0120", &declined.fields()).code(), "00");
        assert_eq!(available(peer, &number, 321), expected, "{link}: a declined stand-in holds nothing");
        assert_eq!(peer.ask("0200", &Purchase::new(&number, 322, 0).fields()).code(), "13");
        assert_eq!(peer.ask("0100", &Purchase::new(&number, 323, 5).set(3, "800000").fields()).code(), "12");
    });
}

#[test]
fn content_that_cannot_be_used_gets_30_and_other_types_12() {
    with_switch(&[], |switch, link, peer| {
        let number = card(link, 6);
        for (message, what) in [
            (Purchase::new(&number, 400, 100).without(4), "no amount"),
            (Purchase::new(&number, 401, 100).without(3), "no processing code"),
            (Purchase::new(&number, 402, 100).without(2), "no card"),
            (Purchase::new(&number, 403, 100).without(7), "no time"),
            (Purchase::new(&number, 404, 100).set(7, "1399999999"), "an impossible time"),
            (Purchase::new(&number, 405, 100).set(49, "USD"), "a currency in letters"),
        ] {
            let answer = peer.ask("0100", &message.fields());
            assert_eq!((answer.mti.as_str(), answer.code()), ("0110", "30"), "{link} {what}");
            assert_eq!(answer.fields.get(&11).map(|stan| &stan[..3]), Some("000"), "{link} {what}");
        }
        assert_eq!(peer.ask("0600", &Purchase::new(&number, 410, 1).fields()).code(), "12");
        // A response, a notification: no answer, the connection goes on.
        peer.send("0110", &Purchase::new(&number, 411, 1).fields());
        peer.send("0140", &Purchase::new(&number, 412, 1).fields());
        assert_eq!(peer.ask("0800", &[(7, "1122093315"), (11, "000413"), (70, "301")]).fields[&11], "000413");
        let unsolicited = format!("authswitch_unsolicited_responses_total{{link=\"{link}\"}}");
        assert_eq!(switch.metric(&unsolicited), Some(1.0), "{}", switch.get("/metrics").1);
    });
}

#[test]
fn a_link_that_asks_for_sign_on_gets_it() {
    let set = ["links.acquirer-ascii.require_sign_on=true", "links.acquirer-bcd.require_sign_on=true"];
    with_switch(&set, |_, link, peer| {
        let number = card(link, 7);
        let sign = |peer: &mut Peer, code| peer.ask("0800", &[(7, "1122093315"), (11, "000001"), (70, code)]);
        assert_eq!(peer.ask("0100", &Purchase::new(&number, 500, 100).fields()).code(), "91");
        sign(peer, "001");
        assert_eq!(peer.ask("0100", &Purchase::new(&number, 501, 100).fields()).code(), "00");
        sign(peer, "002");
        assert_eq!(peer.ask("0100", &Purchase::new(&number, 502, 100).fields()).code(), "91", "{link}");
    });
}

#[test]
fn a_link_may_override_what_is_echoed_but_never_echo_secrets() {
    let set = ["ascii", "bcd"].map(|link| format!("links.acquirer-{link}.echo.0110=[2, 11, 37, 43]"));
    with_switch(&set.each_ref().map(String::as_str), |_, link, peer| {
        let answer = peer.ask("0100", &Purchase::new(&card(link, 8), 600, 100).fields());
        assert_eq!(answer.fields.keys().copied().collect::<Vec<_>>(), [2, 11, 37, 38, 39, 43], "{link}");
    });
}

#[test]
fn an_answer_to_network_management_has_what_its_sender_matches_by() {
    with_switch(&[], |_, link, peer| {
        let all = [
            (2, "4111110000000013"),
            (3, "920000"),
            (7, "1122093315"),
            (11, "000001"),
            (24, "123"),
            (32, "12345678901"),
            (33, "98765432109"),
            (37, "632609000001"),
            (41, "TERM0001"),
            (42, "MERCHANT0000001"),
            (63, "MCC0000001  "),
            (70, "301"),
        ];
        let rest = [
            (43, "ACME SUPERMARKET 001    SPRINGFIELD   US"),
            (48, "X"),
            (60, "X"),
            (62, "X"),
            (94, "0000000"),
        ];
        let asked: Vec<_> = all.into_iter().chain(rest).collect();
        let answer = peer.ask("0800", &asked);
        assert_eq!((answer.mti.as_str(), answer.code()), ("0810", "00"), "{link}");
        let expected: Fields =
            all.into_iter().chain([(39, "00")]).map(|(de, value)| (de, value.to_owned())).collect();
        assert_eq!(answer.fields, expected, "{link}");
        let terminal = [(7, "1122093315"), (11, "000002"), (41, "TERM0001"), (70, "301")];
        let answer = peer.ask("0800", &terminal);
        assert_eq!(answer.fields.keys().copied().collect::<Vec<_>>(), [7, 11, 39, 41, 70], "{link}");
    });
}

#[test]
fn a_links_echo_changes_the_one_kind_of_answer_that_it_names() {
    let link = |kind: &str, list: &str| format!("links.acquirer-ascii.echo.{kind}={list}");
    let changed = [link("0810", "[41]"), link("0410", "[2, 11]")];
    let folder = tempfile::tempdir().unwrap();
    let switch = Switch::start(&folder.path().join("data"), &changed.each_ref().map(String::as_str));
    let answers = |name: &str, first: u32| {
        let mut peer = switch.connect(name);
        let of = |answer: &Answer| answer.fields.keys().copied().collect::<Vec<u8>>();
        let purchase = Purchase::new(&card(name, 9), first, 100);
        let original = purchase.as_original("0100");
        let reversal = Purchase::new(&card(name, 9), first + 1, 100).set(90, &original);
        let terminal = [(7, "1122093315"), (11, "000009"), (41, "TERM0001"), (70, "301")];
        let asked = [("0100", purchase.fields()), ("0420", reversal.fields()), ("0800", terminal.to_vec())];
        asked.map(|(mti, fields)| of(&peer.ask(mti, &fields)))
    };
    let [approval, reversal, management] = answers("acquirer-ascii", 700);
    // 11 and 70 say what is answered, whatever the list says.
    assert_eq!((reversal, management), (vec![2, 11, 39], vec![11, 39, 41, 70]));
    let [standard, usual_reversal, usual_management] = answers("acquirer-bcd", 700);
    assert_eq!(approval, standard);
    assert!(usual_reversal.contains(&90) && usual_management == [7, 11, 39, 41, 70]);
}

/// Answers and what is left of the funds when a purchase of 1.00 comes by one link and what belongs to it by the other.
fn by_two_links(switch: &Switch, first: u32, sent: &[(&str, &str, u32, Option<&str>)]) -> (Vec<String>, i64) {
    let number = card("acquirer-ascii", first);
    let (mut one, mut other) = (switch.connect("acquirer-ascii"), switch.connect("acquirer-bcd"));
    let answers = sent.iter().map(|(link, mti, stan, original)| {
        let message = Purchase::new(&number, first * 10 + stan, 100).set(37, &format!("63260900{first:04}"));
        let named = original.map(|mti| Purchase::new(&number, first * 10, 100).as_original(mti));
        let message = if let Some(named) = named { message.set(90, &named) } else { message };
        let peer = if *link == "one" { &mut one } else { &mut other };
        format!("{mti} {}", peer.ask(mti, &message.fields()).code())
    });
    let answers = answers.collect();
    let inquiry = Purchase::new(&number, 900_000 + first, 0).set(3, "310000");
    let amounts = one.ask("0100", &inquiry.fields()).fields[&54].clone();
    (answers, 100_000_000_000 - amounts[28..40].parse::<i64>().unwrap())
}

#[test]
fn what_belongs_to_a_transaction_comes_by_a_link_of_its_own_network() {
    type Sent = (&'static str, &'static str, u32, Option<&'static str>);
    // What is sent by which link, and what of the funds is used then: where the links are strangers, and of one network.
    let rows: [(&[Sent], i64, i64); 9] = [
        (&[("one", "0100", 0, None), ("other", "0400", 1, Some("0100"))], 100, 0),
        (&[("one", "0100", 0, None), ("other", "0420", 1, Some("0100"))], 100, 0),
        (&[("one", "0200", 0, None), ("other", "0421", 1, Some("0200"))], 100, 0),
        // By the reference alone.
        (&[("one", "0100", 0, None), ("other", "0400", 1, None)], 100, 0),
        // A reversal that comes first refuses nothing of another network's.
        (&[("other", "0400", 1, Some("0100")), ("one", "0100", 0, None)], 100, 0),
        (&[("one", "0100", 0, None), ("other", "0101", 0, None)], 200, 100),
        (&[("one", "0220", 0, None), ("other", "0221", 0, None)], 200, 100),
        // A stand-in advice and a completion.
        (&[("one", "0100", 0, None), ("other", "0120", 0, None)], 200, 100),
        (&[("one", "0100", 0, None), ("other", "0220", 1, Some("0100"))], 200, 100),
    ];
    for joined in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let network: &[&str] = if joined { &["links.acquirer-bcd.network=acquirer-ascii"] } else { &[] };
        let switch = Switch::start(&folder.path().join("data"), network);
        for (row, (sent, apart, together)) in (20..).zip(rows) {
            let (answers, used) = by_two_links(&switch, row, sent);
            assert_eq!(used, if joined { together } else { apart }, "{sent:?}: {answers:?}");
            // A reversal is never declined.
            let accepted = |answer: &String| answer.ends_with(" 00") || joined && answer == "0100 94";
            assert!(answers.iter().all(accepted), "{answers:?}");
        }
        // The four that came behind their originals, once each, however often they are sent.
        by_two_links(&switch, 20, &[("other", "0401", 1, Some("0100"))]);
        let said = switch.metric("authswitch_reversals_through_another_link_total{link=\"acquirer-bcd\"}");
        assert_eq!(said.unwrap_or(0.0), if joined { 0.0 } else { 4.0 });
        let log = switch.log_text();
        assert_eq!(log.contains("links of one network"), !joined, "{log}");
    }
}
