//! Canaries: known card numbers, tracks, PIN blocks and card verification data go through everything; then every byte
//! that the switch wrote anywhere is searched for them (I18).

#![allow(clippy::unwrap_used)]

mod harness;
use authswitch::message::Pan;
use harness::*;
use memchr::memmem::Finder;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

const PIN_BLOCK: &str = "C0FFEE1234567890";
const DISCRETIONARY: &str = "9988776655443";
/// Of cards that none of the messages is about.
const FOREIGN: [&str; 3] = ["378282246310005", "004222222222222", "5105105105105100"];
const CRYPTOGRAM_TRACK: &str = "4111110000000831D3012201998877665544";

/// What must be nowhere, in the forms a file could hold it.
struct Canary {
    what: &'static str,
    bytes: Vec<u8>,
}

fn bcd(digits: &str) -> Vec<u8> {
    let padded = if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("{digits}0") };
    padded.as_bytes().chunks(2).map(|pair| (pair[0] - b'0') << 4 | (pair[1] - b'0')).collect()
}

fn hex_bytes(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn canaries(pans: &[String]) -> Vec<Canary> {
    let mut all = Vec::new();
    for pan in pans {
        let number: u64 = pan.parse().unwrap();
        all.push(Canary { what: "PAN in digits", bytes: pan.as_bytes().to_vec() });
        all.push(Canary { what: "PAN in BCD", bytes: bcd(pan) });
        all.push(Canary { what: "PAN as a number", bytes: number.to_le_bytes().to_vec() });
        all.push(Canary { what: "PAN as a number, big-endian", bytes: number.to_be_bytes().to_vec() });
        // More of it than its masked form shows, as it fits into shorter fields.
        for part in [&pan[..15], &pan[pan.len() - 15..], &pan[pan.len() - 12..]] {
            all.push(Canary { what: "most of a PAN in digits", bytes: part.as_bytes().to_vec() });
        }
    }
    all.push(Canary { what: "track data", bytes: DISCRETIONARY.as_bytes().to_vec() });
    all.push(Canary { what: "track data in BCD", bytes: bcd(&DISCRETIONARY[..12]) });
    all.push(Canary { what: "PIN block in hex", bytes: PIN_BLOCK.as_bytes().to_vec() });
    all.push(Canary { what: "PIN block in lower-case hex", bytes: PIN_BLOCK.to_lowercase().into_bytes() });
    all.push(Canary { what: "PIN block", bytes: hex_bytes(PIN_BLOCK) });
    all
}

fn search(place: &str, bytes: &[u8], canaries: &[Canary]) {
    for canary in canaries {
        let found = bytes.windows(canary.bytes.len()).position(|window| window == canary.bytes);
        assert_eq!(found, None, "{} in {place}", canary.what);
    }
}

fn search_folder(folder: &Path, canaries: &[Canary], searched: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search_folder(&path, canaries, searched);
        } else {
            // A preallocated segment is mostly zeros: what follows the last byte that is not zero is cut off.
            let bytes = std::fs::read(&path).unwrap();
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            search(&path.display().to_string(), &bytes[..end], canaries);
            searched.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
}

/// Traffic of every kind with the canaries in it, right and wrong.
fn talk(peer: &mut Peer, pans: &[String], stan: &mut u32) {
    for pan in pans {
        let sensitive = |purchase: Purchase| {
            purchase
                .set(35, &format!("{pan}=3012201{DISCRETIONARY}"))
                .set(52, PIN_BLOCK)
                .set(55, &format!("9F260811223344556677885712{CRYPTOGRAM_TRACK}9F3602001C"))
        };
        for (mti, de3, amount) in [
            ("0100", "000000", 100),
            ("0200", "010000", 100),
            ("0120", "000000", 100),
            ("0220", "000000", 100),
            ("0420", "000000", 100),
            ("0100", "310000", 0),
            ("0100", "990000", 5),
            ("0200", "000000", 0),
        ] {
            *stan += 1;
            let purchase = sensitive(Purchase::new(pan, *stan, amount).set(3, de3));
            let answer = peer.ask(mti, &purchase.fields());
            assert!([35, 52, 55].iter().all(|de| !answer.fields.contains_key(de)));
        }
        // The number, or most of it, in texts that are kept: the answer has them as they came.
        for (mti, de, text) in [
            ("0100", 42, &pan[..15]),
            ("0100", 42, &pan[pan.len() - 15..]),
            ("0200", 37, &pan[pan.len() - 12..]),
            ("0120", 37, &pan[pan.len() - 12..]),
            ("0420", 37, &pan[pan.len() - 12..]),
            ("0100", 62, &pan[..]),
            ("0600", 37, &pan[pan.len() - 12..]),
            // Other cards' numbers.
            ("0100", 42, FOREIGN[0]),
            ("0220", 42, FOREIGN[1]),
            ("0120", 62, FOREIGN[2]),
        ] {
            *stan += 1;
            let answer = peer.ask(mti, &Purchase::new(pan, *stan, 100).set(de, text).fields());
            assert!(de == 62 || answer.fields[&de] == text, "{mti} DE{de}: {:?}", answer.fields);
        }
        // Wrong content of every sensitive field, one at a time: errors must not show it either.
        *stan += 1;
        let frame = peer.frame("0100", &sensitive(Purchase::new(pan, *stan, 100)).fields());
        for at in (20..frame.len()).step_by(7) {
            let mut broken = frame.clone();
            broken[at] ^= 0x80;
            peer.send_raw(&broken);
        }
        peer.send("0800", &[(7, "1122093315"), (11, "999999"), (70, "301")]);
        while peer.receive().unwrap().fields.get(&11).map(String::as_str) != Some("999999") {}
    }
}

/// What the commands say of the folder. At least so many records have a mask in a text that came with a card number: they
/// are decided again as they were.
fn told_of(data: &Path, masked_records: usize) -> Vec<(String, Vec<u8>)> {
    let run = |args: &[&str]| {
        let out = Command::new(binary()).args(args).arg("--data").arg(data).output().unwrap();
        // Explain ends with 1 where it is not decided again the same.
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        [out.stdout, out.stderr].concat()
    };
    let whole = run(&["journal", "dump", "--json"]);
    let records: Vec<serde_json::Value> =
        whole.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let is_masked = |record: &&serde_json::Value| {
        ["rrn", "merchant"].iter().any(|key| record[*key].as_str().is_some_and(|text| text.contains('*')))
    };
    let mut masked: Vec<_> = records.iter().filter(is_masked).collect();
    assert!(masked.len() >= masked_records, "{} of {}", masked.len(), records.len());
    // Known cards and unknown ones, of each some.
    masked.sort_by_key(|record| record["card"].is_null());
    let explained = masked.iter().step_by(7).map(|record| {
        ("explain".to_owned(), run(&["explain", "--json", "--record", &record["seq"].to_string()]))
    });
    let mut outputs: Vec<_> = explained.collect();
    outputs.push(("journal dump".into(), run(&["journal", "dump"])));
    outputs.push(("journal dump --json".into(), whole));
    outputs.push(("journal verify".into(), run(&["journal", "verify"])));
    outputs
}

#[test]
fn no_sensitive_data_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // Known cards, an unknown one, a stolen one; one as long as DE42.
    let short = "371449635398431".to_owned();
    let pans = [pan("411111", 83), pan("411111", 7_777), pan("411112", 12), pan("455555", 4_711), short];
    let mut canaries = canaries(&pans);
    let foreign = FOREIGN.iter().map(|number| number.trim_start_matches('0').as_bytes().to_vec());
    canaries.extend(foreign.map(|bytes| Canary { what: "another card's number", bytes }));
    let set = [
        "log.level=trace",
        "snapshot.every_records=40",
        "journal.segment_mib=1",
        "telemetry.hlog_interval_s=1",
        "links.acquirer-ascii.marks.reference=\"62\"",
        "links.acquirer-bcd.marks.reference=\"62\"",
    ];
    let mut outputs = Vec::new();
    for stop in ["kill", "drain"] {
        let switch = Switch::start_with(&data, &set, |command| {
            command.env("RUST_BACKTRACE", "1");
        });
        let mut stan = if stop == "kill" { 0 } else { 500 };
        for link in ["acquirer-ascii", "acquirer-bcd"] {
            talk(&mut switch.connect(link), &pans, &mut stan);
        }
        for path in [
            "/metrics",
            "/",
            "/status.json",
            "/connections.json",
            "/refusals.json",
            "/healthz",
            "/readyz",
            "/no-such-page",
        ] {
            outputs.push((format!("GET {path}"), switch.get(path).1.into_bytes()));
        }
        wait_for("a snapshot and a latency log", || {
            let has =
                |name: &str| std::fs::read_dir(data.join(name)).is_ok_and(|entries| entries.count() > 0);
            (has("snapshot") && has("hlog")).then_some(())
        });
        match stop {
            "kill" => switch.kill(),
            _ => outputs.push(("its standard output".into(), switch.terminate().1.into_bytes())),
        }
    }
    outputs.extend(told_of(&data, 2 * 2 * 7 * pans.len()));
    for (place, bytes) in &outputs {
        search(place, bytes, &canaries);
    }
    let mut searched = Vec::new();
    search_folder(folder.path(), &canaries, &mut searched);
    for kind in [".seg", ".snap", ".hlog", ".log", "data.key"] {
        assert!(searched.iter().any(|name| name.ends_with(kind)), "no {kind} among {searched:?}");
    }
    // The search can find: the key is there, and the masked number of a known card is in the journal's dump.
    assert!(String::from_utf8_lossy(&outputs.last().unwrap().1).contains("sound"));
    let masked = format!("{}******{}", &pans[0][..6], &pans[0][12..]);
    let dump = outputs.iter().find(|(place, _)| place == "journal dump").unwrap();
    assert!(String::from_utf8_lossy(&dump.1).contains(&masked));
}

/// In the memory: what no file may have either, and that in all the forms that a message had.
fn canaries_of_memory(unknown: &[String], data_key: &str) -> Vec<Canary> {
    let mut all = Vec::new();
    let ebcdic = |text: &str| text.bytes().map(|digit| digit + 0xC0).collect();
    for pan in unknown {
        let number: u64 = pan.parse().unwrap();
        all.push(Canary { what: "PAN in digits", bytes: pan.as_bytes().to_vec() });
        all.push(Canary { what: "PAN in EBCDIC", bytes: ebcdic(pan) });
        all.push(Canary { what: "PAN in BCD", bytes: bcd(pan) });
        all.push(Canary { what: "PAN as a number", bytes: number.to_le_bytes().to_vec() });
        let packed = Pan::from_digits(pan.as_bytes()).unwrap().packed();
        all.push(Canary { what: "PAN packed", bytes: packed.to_le_bytes().to_vec() });
    }
    for (what, text) in [
        ("track data", &DISCRETIONARY[..12]),
        ("name on the card", NAME),
        ("typed verification value", VERIFICATION),
        ("data key", data_key),
    ] {
        all.push(Canary { what, bytes: text.as_bytes().to_vec() });
    }
    for (what, text) in [("data key", data_key), ("track data", DISCRETIONARY), ("PIN block", PIN_BLOCK)] {
        all.push(Canary { what, bytes: hex_bytes(&text[..text.len() / 2 * 2]) });
    }
    for text in [PIN_BLOCK.to_owned(), PIN_BLOCK.to_lowercase()] {
        all.push(Canary { what: "PIN block in hex", bytes: text.into_bytes() });
    }
    all
}

const NAME: &str = "CANARY/IDA Q";
/// Behind the presence indicator: a value long enough not to stand anywhere by chance.
const VERIFICATION: &str = "9203QZK7731904";

/// What is found in memory that the process can write, and where.
fn in_memory(switch: &Switch, canaries: &[Canary]) -> Vec<String> {
    let folder = Path::new("/proc").join(switch.child.id().to_string());
    let memory = File::open(folder.join("mem")).unwrap();
    let finders: Vec<_> = canaries.iter().map(|canary| (canary.what, Finder::new(&canary.bytes))).collect();
    let mut found = Vec::new();
    for map in BufReader::new(File::open(folder.join("maps")).unwrap()).lines().map(Result::unwrap) {
        let words: Vec<&str> = map.split_whitespace().collect();
        if !words[1].starts_with("rw") {
            continue;
        }
        let bound = |text| u64::from_str_radix(text, 16).unwrap();
        let (start, end) = words[0].split_once('-').map(|(start, end)| (bound(start), bound(end))).unwrap();
        let mut bytes = vec![0; (end - start) as usize];
        // Some of it may have been given back meanwhile.
        if memory.read_exact_at(&mut bytes, start).is_err() {
            continue;
        }
        for (what, finder) in &finders {
            let places = finder.find_iter(&bytes).take(3);
            found.extend(places.map(|at| format!("{what} at {at:#x} of {map}")));
        }
    }
    found
}

/// With the canaries in every place that a card's secrets have.
fn sensitive(pan: &str, stan: u32, amount: u64) -> Purchase {
    Purchase::new(pan, stan, amount)
        .set(35, &format!("{pan}=3012201{DISCRETIONARY}"))
        .set(45, &format!("B{pan}^{NAME}^3012201{DISCRETIONARY}"))
        .set(48, VERIFICATION)
        .set(52, PIN_BLOCK)
        .set(55, &format!("9F260811223344556677885712{CRYPTOGRAM_TRACK}9F3602001C"))
}

const ECHO: [(u8, &str); 3] = [(7, "1122093315"), (11, "999999"), (70, "301")];

/// Everything that was sent has been looked at.
fn catch_up(peer: &mut Peer) {
    peer.send("0800", &ECHO);
    while peer.receive().unwrap().fields.get(&11).map(String::as_str) != Some("999999") {}
}

/// Canaries in what is approved, declined, recorded, wrong; and many in one read.
fn talk_of(peer: &mut Peer, pan: &str, codes: [&str; 2], stan: &mut u32) {
    let mut next = |amount| {
        *stan += 1;
        sensitive(pan, *stan, amount)
    };
    for (amount, code) in [100, 200_000_000_000].into_iter().zip(codes) {
        for mti in ["0100", "0200"] {
            assert_eq!(peer.ask(mti, &next(amount).fields()).code(), code);
        }
    }
    for mti in ["0120", "0220", "0420", "0600"] {
        peer.ask(mti, &next(100).fields());
    }
    peer.ask("0100", &next(100).without(2).fields());
    assert_eq!(peer.ask("0100", &next(100).set(7, "9999999999").fields()).code(), "30");
    let frames: Vec<_> = (0..60).map(|_| peer.frame("0120", &next(100).fields())).collect();
    peer.send_raw(&frames.concat());
    frames.iter().for_each(|_| assert_eq!(peer.receive().unwrap().mti, "0130"));
}

/// What ends a connection, or stands where it ends: nothing readable, a frame too long, half a frame behind a whole one, half
/// a frame alone.
fn endings(frame: &[u8]) -> [Vec<u8>; 4] {
    let mut garbage = frame.to_vec();
    garbage[2..8].fill(b'?');
    let too_long = [b"\xFF\xFF", &frame[2..]].concat();
    [garbage, too_long, [frame, &frame[..frame.len() - 9]].concat(), frame[..frame.len() - 1].to_vec()]
}

/// Waits until nothing of the canaries is in memory: what was left of a closed connection is looked at by a thread of its
/// own first.
fn becomes_clean(switch: &Switch, canaries: &[Canary], behind: &str) {
    let mut found = in_memory(switch, canaries);
    for _ in 0..60 {
        if found.is_empty() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
        found = in_memory(switch, canaries);
    }
    panic!("behind {behind}: {}", found.join("\n"));
}

#[test]
fn nothing_of_a_card_stays_in_memory_behind_its_answer() {
    const DATA_KEY: &str = "c0deba5e5ca1ab1edeadbea7f005ba11c0deba5e5ca1ab1edeadbea7f005ba12";
    let folder = tempfile::tempdir().unwrap();
    // Small: all of it is searched each time. Who is not root may look into its own child, where that is dumpable. One worker: what comes later would hide what the
    // last message left.
    let set = [
        "server.dumpable=true",
        "server.workers=1",
        "transactions.max=10000",
        "counters.max=1000",
        "journal.buffer_mib=1",
        "log.level=trace",
    ];
    let switch = Switch::start_with(&folder.path().join("data"), &set, |command| {
        command.env("AUTHSWITCH_DATA_KEY", DATA_KEY);
    });
    let environment = std::fs::read(format!("/proc/{}/environ", switch.child.id())).unwrap();
    assert!(Finder::new(DATA_KEY).find(&environment).is_none());
    // The search can find: this is in the directory of cards.
    let known = pan("411111", 831);
    let kept = Pan::from_digits(known.as_bytes()).unwrap().packed().to_le_bytes().to_vec();
    assert!(!in_memory(&switch, &[Canary { what: "a card that is known", bytes: kept }]).is_empty());
    let unknown = [pan("455555", 4_711), pan("522222", 17)];
    let mut canaries = canaries_of_memory(&unknown, DATA_KEY);
    // Of a known card the directory alone, in which it is a number of eight bytes.
    canaries.push(Canary { what: "known PAN in digits", bytes: known.as_bytes().to_vec() });
    canaries.push(Canary { what: "known PAN in BCD", bytes: bcd(&known) });
    let mut stan = 0;
    for (link, unknown) in ["acquirer-ascii", "acquirer-bcd"].into_iter().zip(&unknown) {
        let mut peer = switch.connect(link);
        for (pan, codes) in [(&known, ["00", "51"]), (unknown, ["14", "14"])] {
            talk_of(&mut peer, pan, codes, &mut stan);
            becomes_clean(&switch, &canaries, &format!("messages of {link}"));
        }
        let frame = peer.frame("0100", &sensitive(unknown, stan, 100).fields());
        for at in (2..frame.len()).step_by(11) {
            let mut broken = frame.clone();
            broken[at] ^= 0x80;
            peer.send_raw(&broken);
        }
        catch_up(&mut peer);
        becomes_clean(&switch, &canaries, &format!("broken messages of {link}"));
        for (index, ending) in endings(&frame).into_iter().enumerate() {
            switch.connect(link).send_raw(&ending);
            let open = format!("authswitch_connections{{link=\"{link}\"}}");
            wait_for("the end of the connection", || (switch.metric(&open) == Some(1.0)).then_some(()));
            becomes_clean(&switch, &canaries, &format!("ending {index} of {link}"));
        }
    }
    let (status, _) = switch.terminate();
    assert!(status.success());
}

#[test]
fn the_memory_is_in_no_core_file_unless_a_setting_says_so() {
    let limits = |switch: &Switch| {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", switch.child.id())).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        core.split_whitespace().skip(4).map(str::to_owned).collect::<Vec<_>>()
    };
    let own = rustix::process::getrlimit(rustix::process::Resource::Core).maximum;
    let own = own.map_or("unlimited".into(), |bytes| bytes.to_string());
    for (dumpable, hard) in [("false", "0"), ("true", own.as_str())] {
        let folder = tempfile::tempdir().unwrap();
        let set = format!("server.dumpable={dumpable}");
        let mut switch = Switch::start(&folder.path().join("data"), &[&set]);
        assert_eq!(limits(&switch)[1], hard);
        if dumpable == "false" {
            switch.signal("ABRT");
            assert!(!switch.wait().0.core_dumped());
        }
    }
}
