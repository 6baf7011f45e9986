//! A wall clock that is wrong, at the start and while the switch runs: nothing is given back, nothing forgotten, until somebody
//! says that it is right. libfaketime shows the switch another wall clock than the machine's; its boot clock stays.

use super::harness::*;
use super::{available, card};
use authswitch::clock::Evidence;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LINK: &str = "acquirer-ascii";
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Holds are swept every 10 s.
const SWEEP: Duration = Duration::from_secs(11);
const FUNDS: i64 = 100_000_000_000;

/// A data folder and the wall clock of the switch on it.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let world = World { folder: tempfile::tempdir().unwrap() };
        world.set_clock(0);
        world
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The wall clock is off by so many seconds from now on. Replaced as a whole: it is read at any time.
    fn set_clock(&self, off_s: i64) {
        let file = self.folder.path().join("clock");
        std::fs::write(file.with_extension("new"), format!("{off_s:+}")).unwrap();
        std::fs::rename(file.with_extension("new"), &file).unwrap();
    }

    fn start(&self, arguments: &[&str]) -> Switch {
        Switch::start_with(&self.data(), &["links.acquirer-ascii.reply_after=durable"], |command| {
            command.args(arguments).envs([("LD_PRELOAD", library())]);
            command.env("FAKETIME_TIMESTAMP_FILE", self.folder.path().join("clock"));
            for set in ["FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC", "FAKETIME_DISABLE_SHM"] {
                command.env(set, "1");
            }
        })
    }

    /// As if the machine had been started anew since.
    fn reboot(&self) {
        let mut kept = Evidence::read(&self.data()).unwrap().unwrap();
        kept.boot = "another".into();
        kept.write(&self.data()).unwrap();
    }

    /// The times of all records, in order, in microseconds.
    fn record_times(&self) -> Vec<i64> {
        let mut times = Vec::new();
        let seen = authswitch::journal::read(
            &self.data().join("journal"),
            1,
            &mut |entry: authswitch::journal::Entry<'_>| {
                times.push(entry.time_us);
                Ok::<(), std::io::Error>(())
            },
        );
        assert_eq!(seen.unwrap().last, times.len() as u64);
        times
    }
}

/// Where Debian's package `faketime` puts it.
fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let mut found = folders.map(|folder| folder.join("faketime/libfaketime.so.1"));
    found.find(|path| path.is_file()).expect("these tests need the package `faketime`: tests/run installs it")
}

/// Holds of one unit each on cards of their own, from this number on.
fn hold(peer: &mut Peer, from: u32, count: u32) {
    for number in from..from + count {
        let answer = peer.ask("0100", &Purchase::new(&card(LINK, number), number, 100).fields());
        assert_eq!(answer.code(), "00");
    }
}

/// A completion of nothing that is known: posted as it comes.
fn completion(number: u32) -> Purchase {
    Purchase::new(&card(LINK, number), number, 700)
}

fn open(switch: &Switch) -> f64 {
    switch.metric("authswitch_transactions_open").unwrap()
}

fn remembered(switch: &Switch) -> f64 {
    switch.metric("authswitch_transactions ").unwrap()
}

fn is_doubted(switch: &Switch) -> bool {
    // By the figure of the moment, not by what the log says a moment later.
    switch.metric("authswitch_clock_believed").unwrap() == 0.0
}

fn said(switch: &Switch, words: &str) -> usize {
    switch.log_text().matches(words).count()
}

/// Ready, with the words of what to do.
fn says_what_to_do(switch: &Switch) {
    let (status, text) = switch.get("/readyz");
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("not believed") && text.contains("kill -USR1"), "{text}");
}

/// Small steps are believed, also back.
fn go_on(times: &[i64]) {
    for pair in times.windows(2) {
        assert!(pair[1] - pair[0] > -1_000_000, "records go back by {} us", pair[0] - pair[1]);
    }
}

#[test]
fn a_clock_that_is_set_while_it_runs_forgets_nothing_and_gives_nothing_back() {
    let world = World::new();
    let switch = world.start(&[]);
    let mut peer = switch.connect(LINK);
    hold(&mut peer, 1, 20);
    let answers: Vec<Answer> =
        (101..121).map(|number| peer.ask("0220", &completion(number).fields())).collect();
    assert!(answers.iter().all(|answer| answer.code() == "00"));
    let (mut more, mut known) = (1_000, 40.0);
    for (turn, off_s) in [4 * DAY, HOUR, -4 * DAY, 3_652 * DAY, -HOUR, 8 * DAY].into_iter().enumerate() {
        world.set_clock(off_s);
        assert!(is_doubted(&switch), "{off_s} s");
        says_what_to_do(&switch);
        let ahead_s = switch.metric("authswitch_clock_offset_seconds").unwrap();
        assert!((ahead_s - off_s as f64).abs() < 1.0, "{ahead_s} and not {off_s}");
        // Each of the table's parts takes in new ones, which is when it forgets.
        hold(&mut peer, more, 300);
        (more, known) = (more + 300, known + 300.0);
        for (number, first) in (101..121).zip(&answers) {
            assert_eq!(peer.ask("0221", &completion(number).fields()).raw.get(4..), first.raw.get(4..));
        }
        assert_eq!((remembered(&switch), open(&switch)), (known, known - 20.0), "{off_s} s");
        wait_for("the log", || (said(&switch, "until it agrees") > turn).then_some(()));
        world.set_clock(0);
        assert!(!is_doubted(&switch), "right again");
        wait_for("the log", || (said(&switch, "agrees again") > turn).then_some(()));
    }
    world.set_clock(8 * DAY);
    switch.let_pass(SWEEP);
    assert_eq!(open(&switch), known - 20.0, "no hold ran out");
    assert_eq!(available(&mut peer, &card(LINK, 101), 500_001), FUNDS - 700, "posted once");
    assert_eq!(switch.terminate().0.code(), Some(0));
    go_on(&world.record_times());
}

#[test]
fn a_clock_that_is_set_is_believed_when_somebody_says_so() {
    let world = World::new();
    let switch = world.start(&[]);
    let mut peer = switch.connect(LINK);
    hold(&mut peer, 1, 20);
    world.set_clock(8 * DAY);
    assert!(is_doubted(&switch));
    switch.signal("USR1");
    wait_for("the word", || (!is_doubted(&switch)).then_some(()));
    wait_for("holds that have run out by now", || (open(&switch) == 0.0).then_some(()));
    // Right is what was said to be right: the time before is not any more.
    world.set_clock(0);
    assert!(is_doubted(&switch));
    hold(&mut peer, 101, 5);
    switch.kill();
    // Killed, and started with the clock that it believed: no question. Then with the other.
    world.set_clock(8 * DAY);
    let switch = world.start(&[]);
    assert!(!is_doubted(&switch));
    assert_eq!(open(&switch), 5.0);
    switch.kill();
    world.set_clock(0);
    let switch = world.start(&[]);
    assert!(is_doubted(&switch));
    switch.kill();
    // Records from a clock that was ahead by mistake: with the word time goes back, and nothing is lost by it.
    let switch = world.start(&["--clock-is-right"]);
    assert!(!is_doubted(&switch));
    let mut peer = switch.connect(LINK);
    hold(&mut peer, 201, 300);
    let repeat = peer.ask("0101", &Purchase::new(&card(LINK, 101), 101, 100).fields());
    assert_eq!(repeat.code(), "00");
    switch.let_pass(SWEEP);
    assert_eq!((open(&switch), remembered(&switch)), (305.0, 325.0));
}

#[test]
fn a_start_with_a_wrong_clock_gives_nothing_back_and_forgets_nothing() {
    let world = World::new();
    let switch = world.start(&[]);
    let mut peer = switch.connect(LINK);
    hold(&mut peer, 1, 20);
    assert_eq!(peer.ask("0220", &completion(101).fields()).code(), "00");
    let mut more = 1_000;
    let mut ended = Some(switch);
    for (off_s, is_clean) in
        [(8 * DAY, true), (-8 * DAY, false), (3_652 * DAY, true), (-400 * DAY, true), (20 * HOUR, false)]
    {
        match ended.take() {
            Some(switch) if is_clean => drop(switch.terminate()),
            Some(switch) => switch.kill(),
            None => {}
        }
        world.set_clock(off_s);
        let switch = world.start(&[]);
        says_what_to_do(&switch);
        assert!(said(&switch, "another time has passed on this machine") > 0);
        let mut peer = switch.connect(LINK);
        hold(&mut peer, more, 300);
        more += 300;
        assert_eq!(peer.ask("0221", &completion(101).fields()).code(), "00");
        ended = Some(switch);
    }
    let switch = ended.unwrap();
    world.set_clock(8 * DAY);
    switch.let_pass(SWEEP);
    assert_eq!(open(&switch), f64::from(20 + more - 1_000), "no hold ran out");
    let mut peer = switch.connect(LINK);
    assert_eq!(available(&mut peer, &card(LINK, 101), 500_001), FUNDS - 700, "posted once");
    switch.terminate();
    go_on(&world.record_times());
    // However long the machine has been on: what has passed is known, and a clock that is right is no question.
    world.set_clock(0);
    assert!(!is_doubted(&world.start(&[])));
}

#[test]
fn after_a_long_stop_the_machine_started_anew_it_serves_and_waits_for_a_word() {
    let world = World::new();
    let switch = world.start(&[]);
    hold(&mut switch.connect(LINK), 1, 20);
    switch.terminate();
    world.reboot();
    for off_s in [-8 * DAY, 8 * DAY] {
        world.set_clock(off_s);
        let switch = world.start(&[]);
        assert!(is_doubted(&switch), "{off_s}");
        says_what_to_do(&switch);
        let from = if off_s < 0 { 100 } else { 200 };
        hold(&mut switch.connect(LINK), from, 50);
        if off_s > 0 {
            switch.let_pass(SWEEP);
            assert_eq!(open(&switch), 120.0, "no hold ran out");
            switch.signal("USR1");
            wait_for("holds that have run out meanwhile", || (open(&switch) == 0.0).then_some(()));
            assert!(!is_doubted(&switch));
        }
        switch.terminate();
        world.reboot();
    }
    go_on(&world.record_times());
    // A day is believed without a word; and what is not read is no evidence, and no reason not to start.
    world.set_clock(8 * DAY + 20 * HOUR);
    let switch = world.start(&[]);
    assert!(!is_doubted(&switch));
    switch.terminate();
    // On the same boot a changed digit would lead to a time of its own.
    let file = world.data().join("clock.json");
    let kept = std::fs::read_to_string(&file).unwrap();
    let at = kept.find("anchor_wall_us\":").unwrap() + "anchor_wall_us\":".len();
    let changed = format!("{}2{}", &kept[..at], &kept[at + 1..]);
    world.set_clock(30 * DAY);
    for damaged in ["{", &changed] {
        std::fs::write(&file, damaged).unwrap();
        let switch = world.start(&[]);
        assert!(is_doubted(&switch) && said(&switch, "cannot be read") > 0);
        assert_eq!(mode(&file), 0o600);
        switch.kill();
    }
}

fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
}
