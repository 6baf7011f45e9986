//! Canaries: known card numbers, tracks, PIN blocks and card verification data go through everything; then every byte
//! that the switch wrote anywhere is searched for them (I18).

#![allow(clippy::unwrap_used)]

mod harness;
use harness::*;
use std::path::Path;
use std::process::Command;

const PIN_BLOCK: &str = "C0FFEE1234567890";
const DISCRETIONARY: &str = "9988776655443";
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
    let canaries = canaries(&pans);
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
    outputs.extend(told_of(&data, 2 * 2 * 5 * pans.len()));
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
