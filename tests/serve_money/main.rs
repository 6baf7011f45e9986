//! Parts, cash, increments, completions in parts and discrepancies over real sockets, in both dialects; and money under
//! wrong clocks.

#![allow(clippy::unwrap_used)]

#[path = "../harness/mod.rs"]
mod harness;
use harness::*;

mod clocks;

const LINKS: [&str; 2] = ["acquirer-ascii", "acquirer-bcd"];
/// One character of DE60 each, after ten of the network's own.
const MARKS: [(&str, &str); 6] = [
    ("partial", "60@11=1"),
    ("purchase_only", "60@12=1"),
    ("incremental", "60@13=1"),
    ("several", "60@14=1|2"),
    ("last", "60@14=2"),
    ("reference", "\"62\""),
];

fn with_switch(test: impl Fn(&Switch, &str, &mut Peer)) {
    let marks = LINKS
        .iter()
        .flat_map(|link| MARKS.iter().map(move |(mark, place)| format!("links.{link}.marks.{mark}={place}")));
    let others = LINKS.iter().map(|link| format!("links.{link}.verified=no-reason-to-decline"));
    let rates = "rates.worth=[\"EUR=1.0850\"]".to_owned();
    let set: Vec<String> = marks.chain(others).chain([rates]).collect();
    let folder = tempfile::tempdir().unwrap();
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    let switch = Switch::start(&folder.path().join("data"), &set);
    for link in LINKS {
        test(&switch, link, &mut switch.connect(link));
    }
}

/// DE60 with these marks set.
fn marked(marks: &str) -> String {
    let flag = |mark| if marks.contains(mark) { '1' } else { '0' };
    let several = if marks.contains('l') { '2' } else { flag('s') };
    format!("NETWORK123{}{}{}{several}", flag('p'), flag('o'), flag('i'))
}

/// A demo card of its own for each link.
fn card(link: &str, number: u32) -> String {
    pan("411111", number + if link.contains("bcd") { 5_000 } else { 0 })
}

/// One with 10.00 available.
fn poor(link: &str, number: u32) -> String {
    pan("411112", 20 + 2 * number + u32::from(link.contains("bcd")))
}

const FUNDS: i64 = 100_000_000_000;

fn available(peer: &mut Peer, number: &str, stan: u32) -> i64 {
    let answer = peer.ask("0100", &Purchase::new(number, stan, 0).set(3, "310000").fields());
    let amounts = &answer.fields[&54];
    let amount: i64 = amounts[28..40].parse().unwrap();
    if &amounts[27..28] == "D" { -amount } else { amount }
}

#[test]
fn a_part_is_approved_with_its_amounts_and_a_repeat_gets_the_same_bytes() {
    with_switch(|_, link, peer| {
        let number = poor(link, 0);
        let asks = |stan| Purchase::new(&number, stan, 2_500);
        assert_eq!(peer.ask("0100", &asks(1).set(60, &marked("oi")).fields()).code(), "51", "{link}");
        let request = asks(2).set(60, &marked("p"));
        let answer = peer.ask("0100", &request.fields());
        assert_eq!((answer.code(), answer.fields[&4].as_str()), ("10", "000000001000"), "{link}");
        assert!(answer.fields.contains_key(&38) && !answer.fields.contains_key(&6));
        assert_eq!(peer.ask("0101", &request.fields()).raw, answer.raw, "{link}");
        assert_eq!(available(peer, &number, 3), 0);
        let reversal = asks(4).set(90, &request.as_original("0100"));
        assert_eq!(peer.ask("0400", &reversal.fields()).code(), "00");
        // Billed in the account's currency: DE6 says the part too.
        let billed = asks(5).set(49, "392").set(6, "000000002000").set(51, "840").set(60, &marked("p"));
        let answer = peer.ask("0100", &billed.fields());
        let amounts = [4, 6].map(|de| answer.fields[&de].as_str());
        assert_eq!((answer.code(), amounts), ("10", ["000000001250", "000000001000"]), "{link}");
    });
}

#[test]
fn a_purchase_is_approved_without_its_cash_where_that_is_understood() {
    with_switch(|_, link, peer| {
        let number = poor(link, 1);
        let cash =
            |stan| Purchase::new(&number, stan, 1_200).set(3, "090000").set(54, "0040840D000000000300");
        assert_eq!(peer.ask("0200", &cash(1).set(60, &marked("p")).fields()).code(), "51", "{link}");
        let answer = peer.ask("0200", &cash(2).set(60, &marked("po")).fields());
        assert_eq!((answer.code(), answer.fields[&4].as_str()), ("87", "000000000900"), "{link}");
        assert!(!answer.fields.contains_key(&54), "the request's DE54 is not echoed");
        assert_eq!(available(peer, &number, 3), 100);
        let euros = Purchase::new(&number, 4, 100).set(3, "090000").set(54, "0040978D000000000050");
        assert_eq!(peer.ask("0200", &euros.fields()).code(), "30", "{link}: cash in another currency");
        let more = Purchase::new(&number, 5, 100).set(54, "0040840D000000000101");
        assert_eq!(peer.ask("0200", &more.fields()).code(), "13", "{link}: more cash than all");
    });
}

#[test]
fn increments_and_completions_in_parts_work_on_one_hold() {
    with_switch(|_, link, peer| {
        let number = card(link, 70);
        let hold = Purchase::new(&number, 1, 20_000).set(25, "06").set(62, "TRACE0001");
        let approved = peer.ask("0100", &hold.fields());
        assert_eq!(approved.code(), "00");
        let original = hold.as_original("0100");
        let increment = |stan, amount| Purchase::new(&number, stan, amount).set(60, &marked("i"));
        // By DE90, by the network's reference, and of nothing: that one prolongs.
        assert_eq!(peer.ask("0100", &increment(2, 5_000).set(90, &original).fields()).code(), "00");
        assert_eq!(peer.ask("0100", &increment(3, 3_000).set(62, "TRACE0001").fields()).code(), "00");
        assert_eq!(peer.ask("0100", &increment(4, 0).set(90, &original).fields()).code(), "00");
        assert_eq!(available(peer, &number, 5), FUNDS - 28_000, "{link}");
        let back = Purchase::new(&number, 6, 5_000).set(90, &increment(2, 5_000).as_original("0100"));
        assert_eq!(peer.ask("0400", &back.fields()).code(), "00");
        assert_eq!(available(peer, &number, 7), FUNDS - 23_000, "{link}");
        for (stan, amount, marks, left) in
            [(10, 9_000, "s", 23_000), (11, 8_000, "s", 23_000), (12, 1_000, "l", 18_000)]
        {
            let completion = Purchase::new(&number, stan, amount).set(60, &marked(marks)).set(90, &original);
            for mti in ["0220", "0221"] {
                assert_eq!(peer.ask(mti, &completion.fields()).code(), "00", "{link} {stan}");
            }
            assert_eq!(available(peer, &number, stan + 100), FUNDS - left, "{link} {stan}");
        }
    });
}

#[test]
fn a_rate_is_used_where_the_network_does_not_convert_and_a_good_card_gets_the_links_code() {
    with_switch(|_, link, peer| {
        let number = card(link, 71);
        assert_eq!(peer.ask("0100", &Purchase::new(&number, 1, 1_000).set(49, "978").fields()).code(), "00");
        assert_eq!(available(peer, &number, 2), FUNDS - 1_085, "{link}");
        assert_eq!(peer.ask("0100", &Purchase::new(&number, 3, 1_000).set(49, "392").fields()).code(), "57");
        assert_eq!(peer.ask("0100", &Purchase::new(&number, 4, 0).fields()).code(), "85", "{link}");
    });
}

#[test]
fn what_is_sent_again_later_is_booked_once_and_a_reversal_may_know_its_original_in_part() {
    with_switch(|_, link, peer| {
        let number = card(link, 73);
        let message = |stan: u32| Purchase::new(&number, stan, 1_000).set(37, &format!("REFERENCE{stan:03}"));
        for (stan, first, again) in [
            (1, "0100", "0101"),
            (2, "0120", "0121"),
            (3, "0200", "0201"),
            (4, "0220", "0221"),
            // The repeat comes first.
            (5, "0101", "0100"),
            (6, "0221", "0220"),
        ] {
            let left = FUNDS - 1_000 * i64::from(stan);
            let [one, other] = [message(stan), message(stan).set(7, "1122093415")];
            let answer = peer.ask(first, &one.fields());
            assert_eq!(answer.code(), "00", "{link} {first}");
            let repeated = peer.ask(again, &other.fields());
            assert_eq!(repeated.fields.get(&38), answer.fields.get(&38), "{link} {again}");
            assert_eq!(
                (repeated.code(), available(peer, &number, 100 + stan)),
                ("00", left),
                "{link} {again}"
            );
        }
        // New DE7 and DE11, and of DE90 no more than the message type is known, or nothing.
        for (stan, left) in [(1, 5_000), (5, 4_000)] {
            let reversal = message(stan).set(7, "1122093515").set(11, &format!("{:06}", 200 + stan));
            let reversal =
                if stan == 1 { reversal.set(90, &format!("0100{}", "0".repeat(38))) } else { reversal };
            assert_eq!(peer.ask("0420", &reversal.fields()).code(), "00");
            assert_eq!(available(peer, &number, 300 + stan), FUNDS - left, "{link} {stan}");
        }
        // DE90 finds its original by its DE7, whatever was sent again.
        for (stan, mti, left) in [(3, "0200", 3_000), (4, "0220", 2_000)] {
            let reversal = Purchase::new(&number, 400 + stan, 1_000).set(90, &message(stan).as_original(mti));
            assert_eq!(peer.ask("0400", &reversal.fields()).code(), "00");
            assert_eq!(available(peer, &number, 500 + stan), FUNDS - left, "{link} {stan}");
        }
    });
}

#[test]
fn discrepancies_are_counted_by_kind() {
    with_switch(|switch, link, peer| {
        let number = card(link, 72);
        let purchase = |stan| Purchase::new(&number, stan, 1_000);
        peer.ask("0100", &purchase(1).fields());
        peer.ask("0120", &purchase(1).set(39, "05").fields());
        peer.ask("0100", &purchase(2).set(14, "2001").fields());
        peer.ask("0120", &purchase(2).set(39, "00").fields());
        peer.ask("0100", &purchase(3).fields());
        peer.ask("0120", &Purchase::new(&number, 3, 900).set(39, "00").fields());
        peer.ask("0100", &purchase(4).fields());
        let original = purchase(4).as_original("0100");
        peer.ask("0220", &Purchase::new(&number, 5, 1_001).set(18, "5411").set(90, &original).fields());
        peer.ask("0220", &purchase(6).fields());
        peer.ask("0221", &purchase(6).fields());
        // Of another amount than the only one of its reference, and of what never came; each sent twice.
        peer.ask("0100", &purchase(7).set(37, "REFERENCE007").fields());
        let of_type = format!("0100{}", "0".repeat(38));
        let reversal = Purchase::new(&number, 8, 999).set(37, "REFERENCE007").set(90, &of_type);
        let never = purchase(9).set(37, "REFERENCE009").set(90, &of_type);
        for reversal in [reversal, never] {
            peer.ask("0420", &reversal.fields());
            peer.ask("0421", &reversal.set(7, "1122093415").fields());
        }
        for name in [
            "advices_declined_there",
            "advices_approved_there",
            "advices_of_other_amount",
            "completions_over_tolerance",
            "advices_without_original",
            "reversals_ambiguous",
            "reversals_without_original",
        ] {
            let metric = format!("authswitch_{name}_total{{link=\"{link}\"}}");
            assert_eq!(switch.metric(&metric), Some(1.0), "{metric}");
        }
    });
}

#[test]
fn settings_that_name_no_place_or_currency_are_refused_at_the_start() {
    for (set, words) in [
        (
            "links.acquirer-ascii.marks.partial=60.9=1",
            "links.acquirer-ascii.marks.partial: 60.9: 60 is one value",
        ),
        ("links.acquirer-ascii.marks.partial=sometimes", "\"sometimes\" is not a mark"),
        ("links.acquirer-ascii.marks.reference=\"2\"", "DE2 is sensitive"),
        ("rates.worth=[\"ABC=1.5\"]", "rates.worth: \"ABC\" is not a currency"),
        ("rates.worth=[\"USD=1.5\"]", "rates.worth: the currency 840"),
        ("holds.classes=[\"7011=0\"]", "is not a life of holds"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let started = Switch::try_start(&folder.path().join("data"), &[set], |_| {});
        let (_, log) = started.err().unwrap();
        assert!(log.contains(words), "{set}: {log}");
    }
}

#[test]
fn a_balance_that_de54_has_no_room_for_is_the_largest_it_has_with_its_sign() {
    with_switch(|switch, link, peer| {
        let (card, most, mut stan) = (card(link, 900), 999_999_999_999, 9_000);
        let mut asked = |peer: &mut Peer| {
            stan += 1;
            let inquiry = Purchase::new(&card, stan, 0).set(3, "310000");
            peer.ask("0100", &inquiry.fields()).fields[&54].clone()
        };
        let posted = |peer: &mut Peer, stan: u32, processing_code: &str| {
            let advice = Purchase::new(&card, stan, most).set(3, processing_code);
            assert_eq!(peer.ask("0220", &advice.fields()).code(), "00");
        };
        let cut = || switch.metric(&format!("authswitch_balances_cut_total{{link=\"{link}\"}}")).unwrap();
        assert_eq!((asked(peer).as_str(), cut()), ("0001840C1000000000000002840C100000000000", 0.0));
        posted(peer, 8_001, "200000");
        assert_eq!(asked(peer), "0001840C9999999999990002840C999999999999");
        for stan in 8_002..8_005 {
            posted(peer, stan, "000000");
        }
        assert_eq!(asked(peer), "0001840D9999999999990002840D999999999999");
        wait_for("both counted", || (cut() == 2.0).then_some(()));
    });
}

/// Cards that are not ours, declines and inquiries: many times what the table has room for.
fn flood(peer: &mut Peer, first: u32) {
    let (poor, asked) = (poor("acquirer-ascii", 2), card("acquirer-ascii", 40));
    let numbers: Vec<u32> = (first..first + 16_000).collect();
    for some in numbers.chunks(400) {
        for number in some {
            let strange = Purchase::new(&pan("499999", *number), *number, 1_000);
            let told = strange.as_original("0100");
            let again = Purchase::new(&pan("499999", *number), *number, 1_000).set(90, &told);
            match number % 8 {
                0 => peer.send("0100", &Purchase::new(&poor, *number, 500_000).fields()),
                1 => peer.send("0100", &Purchase::new(&asked, *number, 0).set(3, "310000").fields()),
                2 => peer.send("0420", &again.fields()),
                3 => peer.send("0220", &strange.set(39, "00").fields()),
                _ => peer.send("0100", &strange.fields()),
            }
        }
        for _ in some {
            peer.receive().unwrap();
        }
    }
}

#[test]
fn what_was_booked_outlasts_any_flood_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let start = || Switch::start(&data, &["transactions.max=200"]);
    let number = card("acquirer-ascii", 41);
    let sale = Purchase::new(&number, 1, 1_000);
    let advice = Purchase::new(&number, 2, 700).set(39, "00");
    let (mut switch, mut first) = (start(), 100_000);
    let (sold, told) = {
        let mut peer = switch.connect("acquirer-ascii");
        (peer.ask("0200", &sale.fields()), peer.ask("0220", &advice.fields()))
    };
    assert_eq!((sold.code(), told.code()), ("00", "00"));
    for killed in [true, false] {
        flood(&mut switch.connect("acquirer-ascii"), first);
        if killed {
            switch.kill();
        } else {
            assert!(switch.terminate().0.success());
        }
        switch = start();
        let mut peer = switch.connect("acquirer-ascii");
        let again = peer.ask("0201", &sale.fields());
        assert_eq!((again.code(), again.fields.get(&38)), ("00", sold.fields.get(&38)), "{killed}");
        assert_eq!(peer.ask("0221", &advice.fields()).code(), "00");
        first += 20_000;
        assert_eq!(available(&mut peer, &number, first), FUNDS - 1_700, "{killed}");
    }
    flood(&mut switch.connect("acquirer-ascii"), first + 1);
    let mut peer = switch.connect("acquirer-ascii");
    let reversal = Purchase::new(&number, 3, 1_000).set(90, &sale.as_original("0200"));
    assert_eq!(peer.ask("0420", &reversal.fields()).code(), "00");
    assert_eq!(available(&mut peer, &number, 4), FUNDS - 700);
    // The sale and the advice are kept, and nothing of the flood.
    assert_eq!(switch.metric("authswitch_transactions_booked "), Some(2.0));
}

#[test]
fn a_full_table_refuses_what_books_and_says_so_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let set = ["transactions.max=20", "transactions.on_full=not-ready"];
    let switch = Switch::start(&data, &set);
    let ready = |switch: &Switch, code: u16, says: &str| {
        wait_for(says, || {
            let (found, body) = switch.get("/readyz");
            (found == code && body.contains(says)).then_some(())
        });
    };
    let number = card("acquirer-ascii", 50);
    let purchase = |stan: u32| Purchase::new(&number, stan, 100);
    let advice = |stan: u32| purchase(stan).set(39, "00");
    let mut peer = switch.connect("acquirer-ascii");
    ready(&switch, 200, "answering");
    let mut ask = |mti: &str, message: Purchase| peer.ask(mti, &message.fields()).code().to_owned();
    for stan in 1..=20 {
        assert_eq!(ask(if stan % 2 == 0 { "0100" } else { "0200" }, purchase(stan)), "00", "{stan}");
    }
    for mti in ["0100", "0200"] {
        assert_eq!(ask(mti, purchase(21 + u32::from(mti == "0200"))), "91");
    }
    // Advices and reversals have a quarter more, what needs no place is answered.
    for stan in 31..=34 {
        assert_eq!(ask("0220", advice(stan)), "00");
    }
    assert_eq!(ask("0420", purchase(35).set(90, &purchase(36).as_original("0200"))), "00");
    assert_eq!(ask("0420", purchase(37).set(90, &purchase(38).as_original("0200"))), "96");
    assert_eq!(ask("0220", advice(39)), "96");
    assert_eq!(ask("0100", purchase(40).set(3, "310000")), "00");
    assert_eq!(ask("0420", purchase(41).set(90, &purchase(2).as_original("0100"))), "00");
    assert_eq!(ask("0101", purchase(4)), "00");
    ready(&switch, 503, "transactions.max is reached");
    let metric = |name: &str| switch.metric(&format!("authswitch_transactions_{name} ")).unwrap();
    assert_eq!((metric("booked"), metric("limit"), metric("fill_ratio")), (25.0, 20.0, 1.25));
    assert_eq!(metric("full_in_seconds"), 0.0);
    assert!((0.0..600.0).contains(&metric("oldest_seconds")));
    let refused = |code: &str, refusal: &str| {
        let labels = format!("link=\"acquirer-ascii\",code=\"{code}\",refusal=\"{refusal}\"");
        switch.metric(&format!("authswitch_answers_total{{{labels}}}"))
    };
    assert_eq!((refused("91", "transactions-full"), refused("96", "no-room")), (Some(2.0), Some(2.0)));
    wait_for("the log", || switch.log_text().contains("setting\":\"transactions.max").then_some(()));
    assert!(switch.get("/status.json").1.contains("of transactions.max in use"));
    // A restart knows as much; by default it is ready, and says why that is not all.
    switch.kill();
    let switch = Switch::start(&data, &set[..1]);
    ready(&switch, 200, "transactions.max is reached");
    let mut peer = switch.connect("acquirer-ascii");
    assert_eq!(peer.ask("0100", &purchase(50).fields()).code(), "91");
    drop(switch);
    // More room is a setting.
    let switch = Switch::start(&data, &["transactions.max=50"]);
    let mut peer = switch.connect("acquirer-ascii");
    assert_eq!(peer.ask("0100", &purchase(51).fields()).code(), "00");
}
