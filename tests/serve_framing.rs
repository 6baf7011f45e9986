//! Links of every kind of framing over real sockets: answers find their way back, keep-alives and control frames are
//! no messages, and what is wrong is told.

#![allow(clippy::unwrap_used)]

mod harness;
use harness::*;

/// Link, dialect, framing.
const LINKS: [(&str, &str, &str); 12] = [
    ("pos", "iso87-bcd", "length2-bcd+tpdu"),
    ("nac", "iso87-bcd", "length2-be+tpdu-unionpay:6000030142603111223344"),
    ("visa", "iso87-bcd", "visa-stream+visa-header"),
    ("base24", "iso87-ascii", "length2-be+base24:ISO026000050"),
    ("base24-tcp", "iso87-ascii", "length2-be+etx"),
    ("digits", "iso87-ascii", "length4-ascii"),
    ("serial", "iso87-ascii", "stx-etx-lrc"),
    ("amex", "iso87-ascii", "length2-be-inclusive"),
    ("vap", "iso87-bcd", "length2-be-zero2+visa-header"),
    ("gicc", "iso87-bcd", "zero2-length2-be"),
    ("ebcdic", "iso87-ascii", "length4-ebcdic"),
    ("rbp", "iso87-bcd", "rbp"),
];

fn start(more: &[&str]) -> (tempfile::TempDir, Switch) {
    let folder = tempfile::tempdir().unwrap();
    let mut set = Vec::new();
    for (link, dialect, framing) in LINKS {
        for (key, value) in
            [("listen", "127.0.0.1:0"), ("dialect", dialect), ("framing", framing), ("budget_ms", "60000")]
        {
            set.push(format!("links.{link}.{key}={value}"));
        }
    }
    let set: Vec<&str> = set.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let switch = Switch::start(&folder.path().join("data"), &set);
    (folder, switch)
}

fn connect(switch: &Switch, link: &str) -> Peer {
    let (_, dialect, framing) = LINKS.into_iter().find(|(name, ..)| *name == link).unwrap();
    Peer::connect_framed(switch.addresses[link], dialect, framing)
}

fn echo(peer: &mut Peer, stan: u32) -> Answer {
    let answer = peer.ask("0800", &[(7, "1122093315"), (11, &format!("{stan:06}")), (70, "301")]);
    assert_eq!((answer.mti.as_str(), answer.fields[&11].as_str()), ("0810", format!("{stan:06}").as_str()));
    answer
}

fn counter(switch: &Switch, link: &str, name: &str) -> f64 {
    let name = format!("authswitch_{name}_total{{link=\"{link}\"}}");
    switch.metric(&name).unwrap_or_else(|| panic!("no {name} in\n{}", switch.get("/metrics").1))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn every_link_answers_in_its_own_framing_however_the_bytes_come() {
    let (_folder, switch) = start(&[]);
    for (number, (link, ..)) in (1..).zip(LINKS) {
        let mut peer = connect(&switch, link);
        let card = pan("411111", number);
        assert_eq!(peer.ask("0100", &Purchase::new(&card, 1, 1_000).fields()).code(), "00", "{link}");
        // Answers that wait for the disk, and several frames in one write.
        let advice = peer.frame("0120", &Purchase::new(&card, 2, 500).set(39, "00").fields());
        let reversal =
            Purchase::new(&card, 3, 1_000).set(90, &Purchase::new(&card, 1, 0).as_original("0100"));
        peer.send_raw(&[advice, peer.frame("0420", &reversal.fields())].concat());
        assert_eq!([0; 2].map(|_| peer.receive().unwrap().code().to_owned()), ["00", "00"], "{link}");
        // A byte at a time.
        for byte in peer.frame("0100", &Purchase::new(&card, 4, 700).fields()) {
            peer.send_raw(&[byte]);
        }
        assert_eq!(peer.receive().unwrap().code(), "00", "{link}");
        assert_eq!(counter(&switch, link, "received_frames"), 4.0, "{link}");
    }
    let (status, said) = switch.terminate();
    assert!(
        status.success()
            && said.contains(
                "received=48 answered=48 budget_spent=0 undone=0 withheld=0 dropped=0 undelivered=0"
            ),
        "{said}"
    );
}

#[test]
fn each_answer_carries_its_own_requests_header() {
    let (_folder, switch) = start(&[]);
    let rows = [
        ("pos", 2, "60 0003 0142", "60 0142 0003"),
        ("nac", 2, "60 0003 0142 603111223344", "60 0142 0003 603111223344"),
        ("base24", 2, "49534F 303236303030303530", "49534F 303236303030303535"),
    ];
    for (number, (link, at, request, answer)) in (20..).zip(rows) {
        let mut peer = connect(&switch, link);
        let card = pan("411111", number);
        let (request, answer) = (unhex(request), unhex(answer));
        // Advices wait for the disk, the echo does not: answers come in another order than requests, each with the
        // header of its own.
        let varied = |byte: usize, of: &[u8]| {
            let mut header = of.to_vec();
            let place = if link == "base24" { 4 } else { 4 - 2 * usize::from(of == answer) };
            header[place] = header[place].wrapping_add(byte as u8);
            header
        };
        let mut all = Vec::new();
        for byte in 0..4 {
            let stan = 10 + byte as u32;
            let advice = Purchase::new(&card, stan, 500).set(39, "00");
            let mut frame = match byte {
                3 => peer.frame("0800", &[(7, "1122093315"), (11, "000013"), (70, "301")]),
                _ => peer.frame("0120", &advice.fields()),
            };
            frame[at..at + request.len()].copy_from_slice(&varied(byte, &request));
            all.extend(frame);
        }
        peer.send_raw(&all);
        for _ in 0..4 {
            let found = peer.receive().unwrap();
            let byte = found.fields[&11].parse::<usize>().unwrap() - 10;
            assert_eq!(peer.lead[at..], varied(byte, &answer), "{link} {}", found.mti);
        }
    }
}

#[test]
fn an_approval_that_comes_too_late_is_taken_back_under_its_own_requests_header() {
    // Durable within a second, due within a tenth: most are late.
    let mut set = vec!["journal.commit_interval_us=1000000".to_owned()];
    for link in ["pos", "visa", "base24", "serial"] {
        set.push(format!("links.{link}.reply_after=durable"));
        set.push(format!("links.{link}.budget_ms=100"));
    }
    let (_folder, switch) = start(&set.iter().map(String::as_str).collect::<Vec<_>>());
    let rows: [(&str, usize, &[u8], &[u8]); 4] = [
        ("pos", 3, &[0x00, 0x03, 0x01, 0x42], &[0x01, 0x42, 0x00, 0x03]),
        ("visa", 9, &[1, 1, 1, 2, 2, 2], &[2, 2, 2, 1, 1, 1]),
        ("base24", 12, b"50", b"55"),
        ("serial", 0, b"\x02", b"\x02"),
    ];
    for (number, (link, at, request, answer)) in (50..).zip(rows) {
        let mut peer = connect(&switch, link);
        // Not every one: some are durable in time, and on a busy machine some are late before they are decided.
        let mut stans = 1..;
        wait_for("an approval that is taken back", || {
            let purchase = Purchase::new(&pan("411111", number), stans.next()?, 100);
            let mut frame = peer.frame("0100", &purchase.fields());
            frame[at..at + request.len()].copy_from_slice(request);
            peer.send_raw(&frame);
            let code = peer.receive().unwrap().code().to_owned();
            assert_eq!(&peer.lead[at..at + answer.len()], answer, "{link} {code}");
            let taken_back = counter(&switch, link, "undone_approvals");
            (code == "91" && taken_back == 1.0).then_some(())
        });
    }
}

#[test]
fn a_visa_links_stations_are_swapped_and_its_lengths_made_anew() {
    let (_folder, switch) = start(&[]);
    let mut peer = connect(&switch, "visa");
    let mut frame = peer.frame("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")]);
    frame[3] = 0x07;
    frame[9..15].copy_from_slice(&[1, 1, 1, 2, 2, 2]);
    (frame[15], frame[25]) = (0xA7, 0x5E);
    peer.send_raw(&frame);
    let answer = peer.receive().unwrap();
    let total = (22 + answer.raw.len()) as u16;
    let total = format!("{total:04X}");
    let expected = format!("{total} 0007 160102{total} 020202 010101 A7 0000 000000 00 000000 5E");
    assert_eq!(peer.lead, unhex(&expected));
}

#[test]
fn a_base24_answer_names_the_field_in_error() {
    let (_folder, switch) = start(&[]);
    let mut peer = connect(&switch, "base24");
    let good = Purchase::new(&pan("411111", 30), 1, 100);
    // Wrong on the wire: a letter in DE4. Wrong in meaning: no DE3.
    let mut frame = peer.frame("0100", &good.fields());
    let amount = frame.windows(12).position(|window| window == b"000000000100").unwrap();
    frame[amount] = b'A';
    peer.send_raw(&frame);
    assert_eq!((peer.receive().unwrap().code(), &peer.lead[2..]), ("30", &b"ISO026000455"[..]));
    let answer = peer.ask("0100", &Purchase::new(&pan("411111", 30), 2, 100).without(3).fields());
    assert_eq!((answer.code(), &peer.lead[2..]), ("30", &b"ISO026000355"[..]));
    echo(&mut peer, 3);
    assert_eq!(&peer.lead[2..], b"ISO026000055");
}

#[test]
fn keep_alives_are_sent_back_where_the_link_says_so() {
    let keep_alives = [
        ("pos", "0000"),
        ("visa", "00000000"),
        ("base24-tcp", "0000"),
        ("digits", "30303030"),
        ("serial", "020303"),
        ("rbp", "D04A00000000"),
    ];
    let echoing: Vec<String> =
        keep_alives.iter().map(|(link, _)| format!("links.{link}.keep_alive=echo")).collect();
    let (_folder, switch) = start(&echoing.iter().map(String::as_str).collect::<Vec<_>>());
    for (link, bytes) in keep_alives {
        let (mut peer, bytes) = (connect(&switch, link), unhex(bytes));
        peer.send_raw(&bytes.repeat(3));
        assert_eq!(peer.receive_raw(3 * bytes.len()), bytes.repeat(3), "{link}");
        // Between messages of one write: the answers, and the keep-alive as it came.
        let message = |stan: &str| peer.frame("0800", &[(7, "1122093315"), (11, stan), (70, "301")]);
        let together = [message("000001"), bytes.clone(), message("000002")].concat();
        peer.send_raw(&together);
        let answers = [peer.receive().unwrap(), peer.receive().unwrap()];
        assert_eq!(answers.map(|answer| answer.fields[&11].clone()), ["000001", "000002"], "{link}");
        peer.rest_is(&bytes);
        assert_eq!(
            (counter(&switch, link, "keep_alives"), counter(&switch, link, "received_frames")),
            (4.0, 3.0)
        );
    }
    // Others only count them.
    let mut silent = connect(&switch, "gicc");
    silent.send_raw(&[0; 8]);
    echo(&mut silent, 1);
    assert_eq!(counter(&switch, "gicc", "keep_alives"), 2.0);
    let (_, said) = switch.terminate();
    assert!(said.contains("received=19 answered=19 budget_spent=0 undone=0 withheld=0 dropped=0"), "{said}");
}

#[test]
fn visas_control_and_rejects_are_no_messages() {
    let (_folder, switch) = start(&["links.visa.keep_alive=echo"]);
    let mut peer = connect(&switch, "visa");
    let number = pan("411111", 40);
    let purchase = Purchase::new(&number, 1, 100);
    // Session control, empty and with what would be a message if it were read.
    let mut control = peer.frame("0100", &purchase.fields());
    control[3] = 0x21;
    peer.send_raw(&[unhex("00000020"), control].concat());
    // A reject of an answer of ours, whole.
    let original = peer.frame("0110", &purchase.fields());
    let original = &original[4..];
    let total = format!("{:04X}", 26 + original.len());
    let head =
        unhex(&format!("{total} 0000 1A8102{total} 000000 123456 00 0000 000000 00 000000 00 8000 0517"));
    peer.send_raw(&[&head[..], original].concat());
    // The answer to the next message is the only thing that comes back.
    echo(&mut peer, 2);
    peer.rest_is(b"");
    let counted = ["control_frames", "rejects", "dropped_frames", "received_frames", "unsolicited_responses"];
    assert_eq!(counted.map(|name| counter(&switch, "visa", name)), [2.0, 1.0, 0.0, 3.0, 0.0]);
    let log = switch.log_text();
    assert!(log.contains("the network rejects a message of ours") && log.contains("517"), "{log}");
    assert!(!log.contains(&number) && !log.contains("411111"), "{log}");
    let (_, said) = switch.terminate();
    assert!(
        said.contains("received=3 answered=2 budget_spent=0 undone=0 withheld=0 dropped=1 undelivered=0"),
        "{said}"
    );
}

#[test]
fn a_wrong_header_or_check_byte_is_counted_with_its_reason_and_the_link_goes_on() {
    let (_folder, switch) = start(&["links.nac.on_unreadable=close"]);
    let rows = [
        (
            "pos",
            2,
            0x10,
            "expected the protocol id 60 or 68 at byte 0 of the header, found a control character",
        ),
        ("visa", 4, 0x15, "expected the header length 16 (22) or 1A (26) at byte 0 of the header"),
        ("visa", 8, 0x00, "expected a total length of "),
        ("base24", 4, b'X', "expected the letters ISO at byte 2 of the header, found a letter"),
        ("serial", usize::MAX, 0xFF, "expected the check byte (LRC) of the frame behind ETX, found another"),
    ];
    for (count, (link, place, byte, reason)) in rows.into_iter().enumerate() {
        let mut peer = connect(&switch, link);
        let mut frame = peer.frame("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")]);
        let last = frame.len() - 1;
        frame[place.min(last)] = byte;
        peer.send_raw(&frame);
        echo(&mut peer, 2);
        peer.rest_is(b"");
        let earlier = rows[..count].iter().filter(|row| row.0 == link).count();
        assert_eq!(counter(&switch, link, "wrong_frames"), (earlier + 1) as f64, "{link}");
        assert!(switch.log_text().contains(reason), "{reason}\n{}", switch.log_text());
    }
    let mut peer = connect(&switch, "nac");
    peer.send("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")]);
    let mut frame = peer.frame("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")]);
    frame[2] = 0;
    peer.send_raw(&frame);
    assert_eq!(peer.receive().unwrap().fields[&11], "000001", "what came before is answered");
    assert!(peer.is_closed());
    let (_, said) = switch.terminate();
    assert!(
        said.contains("received=17 answered=11 budget_spent=0 undone=0 withheld=0 dropped=6 undelivered=0"),
        "{said}"
    );
}

#[test]
fn a_stream_that_cannot_be_cut_is_closed_and_the_log_says_why() {
    let (_folder, switch) = start(&["links.digits.max_frame_bytes=300", "links.serial.max_frame_bytes=300"]);
    let endless = [b"\x02".to_vec(), vec![b'0'; 299]].concat();
    let rows = [
        ("digits", unhex("30333031"), "expected a frame of at most 300 bytes, found a length of 301"),
        (
            "digits",
            b"\x00\x37".repeat(2),
            "expected a decimal digit at byte 0 of the length, found a control",
        ),
        ("pos", b"\x99\x99".to_vec(), "expected a frame of at most 8192 bytes, found a length of 9999"),
        ("pos", b"\x0A\x00".to_vec(), "expected two packed decimal digits at byte 0 of the length"),
        ("serial", b"0800".to_vec(), "expected STX (02) at byte 0 of the frame, found a digit"),
        ("serial", endless, "expected ETX (03) within 300 bytes, found none"),
        ("base24-tcp", b"\x00\x020000".to_vec(), "expected ETX (03) at byte 3 of the frame, found a digit"),
        ("amex", b"\x00\x01".to_vec(), "expected a length of at least 2, found 1"),
        ("rbp", unhex("D04A 0037 0100"), "expected a message in one part (flag 00 00)"),
    ];
    let mut closed = 0;
    for (link, bytes, reason) in rows {
        let mut peer = connect(&switch, link);
        peer.send_raw(&bytes);
        assert!(peer.is_closed(), "{link}: {reason}");
        assert!(switch.log_text().contains(reason), "{reason}\n{}", switch.log_text());
        closed += 1;
    }
    let all: f64 = LINKS.iter().map(|(link, ..)| counter(&switch, link, "frame_errors")).sum();
    assert_eq!(all, f64::from(closed));
}

#[test]
fn a_framing_that_cannot_carry_the_dialect_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let set = ["links.acquirer-bcd.framing=stx-etx"];
    let Err((status, said)) = Switch::try_start(&folder.path().join("data"), &set, |_| {}) else {
        panic!("packed digits without a length were taken")
    };
    let reason =
        "links.acquirer-bcd.framing: stx-etx ends a frame at the byte ETX, which messages in iso87-bcd";
    assert!(status.code() == Some(2) && said.contains(reason), "{status} {said}");
}

/// As terminals behind a network access controller send: no DE 7, no DE 70, and no DE 2 where there is a track.
#[test]
fn a_terminal_logs_on_by_its_processing_code_and_is_decided_without_a_transmission_time() {
    let till = |key: &str| format!("links.till.{key}");
    let set = [
        till("listen=127.0.0.1:0"),
        till("dialect=terminal"),
        till("framing=length2-be+tpdu"),
        till("duplicate_key=[2, 11, 12, 13, 41]"),
        till("require_sign_on=true"),
        till("budget_ms=60000"),
    ];
    let (_folder, switch) = start(&set.each_ref().map(String::as_str));
    let mut peer = Peer::connect_framed(switch.addresses["till"], "terminal", "length2-be+tpdu:6001230000");
    let track = format!("{}=30122010000012345678", pan("411111", 1));
    let sale = |stan: &'static str| {
        let fields = [(3, "000000"), (4, "000000001000"), (11, stan), (22, "021"), (24, "123"), (25, "00")];
        let ends = [(35, track.as_str()), (41, "TERM0001"), (42, "MERCHANT0000001")];
        fields.into_iter().chain(ends).collect::<Vec<_>>()
    };
    assert_eq!(peer.ask("0200", &sale("000001")).code(), "91", "not logged on");
    for (stan, code) in [("000002", "920000"), ("000003", "990000")] {
        let logon = [(3, code), (11, stan), (24, "123"), (41, "TERM0001"), (42, "MERCHANT0000001")];
        let answer = peer.ask("0800", &logon);
        assert_eq!((answer.mti.as_str(), answer.code()), ("0810", "00"), "{code}");
        assert_eq!(answer.fields.keys().copied().collect::<Vec<_>>(), [3, 11, 24, 39, 41, 42]);
        assert!(logon.iter().all(|(de, value)| answer.fields[de] == *value), "{:?}", answer.fields);
        assert_eq!(peer.lead[2..], unhex("6000000123"), "the TPDU of the request, turned");
    }
    let first = peer.ask("0200", &sale("000004"));
    assert_eq!((first.mti.as_str(), first.code()), ("0210", "00"));
    let echoed: Vec<u8> = first.fields.keys().copied().collect();
    assert_eq!(echoed, [3, 4, 11, 24, 25, 38, 39, 41, 42], "what is there, and no DE 7 of ours");
    assert_eq!(peer.ask("0200", &sale("000004")), first, "a repeat gets the stored answer");
    let second = peer.ask("0200", &sale("000005"));
    assert_eq!(second.code(), "00");
    assert_ne!(second.fields[&38], first.fields[&38]);
    assert_eq!(peer.ask("0400", &sale("000005")).code(), "00");
    assert_eq!(peer.ask("0200", &sale("000005")).code(), second.code(), "its stored answer");
    // What a decision needs is asked for all the same.
    let without = |gone: u8| sale("000006").into_iter().filter(|(de, _)| *de != gone).collect::<Vec<_>>();
    for de in [3, 4, 11, 35] {
        assert_eq!(peer.ask("0200", &without(de)).code(), "30", "without DE {de}");
    }
}
