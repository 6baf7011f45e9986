//! Limits of the process: what they leave is shared out at the start, and what runs into one says which, and goes on.

use super::faults;
use super::harness::*;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::path::Path;
use std::process::Command;

const ASCII: &str = "acquirer-ascii";

/// Lets `command` run under limits, as `ulimit` has them.
fn under(command: &mut Command, limits: &str) {
    let mut limited = Command::new("sh");
    limited.arg("-c").arg(format!("ulimit {limits} && exec \"$0\" \"$@\"")).arg(command.get_program());
    limited.args(command.get_args()).current_dir(command.get_current_dir().unwrap());
    *command = limited;
}

/// Sets a limit of the running switch; returns what it was.
fn limit(switch: &Switch, resource: Resource, current: u64) -> u64 {
    let pid = Pid::from_raw(switch.child.id() as i32);
    let maximum = prlimit(pid, resource, Rlimit { current: Some(current), maximum: None });
    // Who may not raise the hard limit keeps it.
    let before = maximum.or_else(|_| {
        let hard = rustix::process::getrlimit(resource).maximum;
        prlimit(pid, resource, Rlimit { current: Some(current), maximum: hard })
    });
    before.unwrap().current.unwrap_or(u64::MAX)
}

fn buy(peer: &mut Peer, stan: u32) -> String {
    peer.ask("0100", &Purchase::new(&pan("411111", stan % 50), stan, 100).fields()).code().to_owned()
}

fn is_alive(switch: &mut Switch) -> bool {
    switch.child.try_wait().unwrap().is_none()
}

/// How many segments the journal has.
fn segments(data: &std::path::Path) -> usize {
    let names = std::fs::read_dir(data.join("journal")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_str().unwrap().ends_with(".seg")).count()
}

#[test]
fn connections_never_take_what_the_journal_needs() {
    const LIMIT: usize = 260;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let set = [
        "server.workers=1",
        "journal.segment_mib=1",
        "snapshot.every_records=1000",
        "links.acquirer-ascii.max_connections=1000",
        "links.acquirer-ascii.max_connections_per_address=0",
    ];
    let mut stan = 0;
    for round in 1..=2 {
        let switch = Switch::start_with(&data, &set, |command| under(command, &format!("-n {LIMIT}")));
        let said = switch.log_text();
        assert!(said.contains("leaves room for ") && said.contains("RLIMIT_NOFILE"), "{said}");
        let mut peers: Vec<Peer> = (0..LIMIT).map(|_| switch.connect(ASCII)).collect();
        let count = |name: &str| {
            switch.metric(&format!("authswitch_{name}_total{{link=\"{ASCII}\"")).unwrap() as usize
        };
        wait_for("each to be taken or turned away", || {
            (count("connections_opened") + count("connections_refused") == LIMIT).then_some(())
        });
        let taken = count("connections_opened");
        assert!((20..LIMIT - 20).contains(&taken), "{taken} of {LIMIT} connections");
        let refused =
            format!("authswitch_connections_turned_away_total{{link=\"{ASCII}\",reason=\"no-descriptors\"}}");
        assert_eq!(switch.metric(&refused), Some((LIMIT - taken) as f64));
        assert_eq!(switch.metric("authswitch_accept_failures_total"), Some(0.0));
        // Those who came first are served, through ends of segments and snapshots.
        let wanted = segments(&data) + 2;
        while segments(&data) < wanted {
            stan += 1;
            let code = buy(&mut peers[stan as usize % taken], stan);
            assert!(code == "00" || code == "96", "{code}");
        }
        wait_for("a snapshot", || switch.log_text().contains("snapshot written").then_some(()));
        assert!(!switch.log_text().contains("Too many open files"), "{}", switch.log_text());
        if round == 1 {
            // A restart under the same limits recovers all of it.
            switch.kill();
        } else {
            let (status, said) = switch.terminate();
            assert!(status.success() && said.contains("drained"), "{said}");
        }
    }
}

#[test]
fn without_descriptors_nothing_ends_and_it_goes_on_when_there_are_some() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut switch = Switch::start(&data, &["journal.segment_mib=1"]);
    let mut peer = switch.connect(ASCII);
    assert_eq!(buy(&mut peer, 1), "00");
    // Whatever is open stays; nothing more can be opened.
    let before = limit(&switch, Resource::Nofile, 3);
    let mut stan = 1;
    while !(buy(&mut peer, stan + 1) == "96" && switch.log_text().contains("journal full")) {
        stan += 1;
    }
    // The log has the limit, and a connection waits, at no cost of the processor.
    assert!(switch.log_text().contains("RLIMIT_NOFILE"), "{}", switch.log_text());
    let mut waiting = switch.connect(ASCII);
    waiting.send("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")]);
    wait_for("the line about it", || {
        switch.log_text().contains("no connection taken: those that come wait in the kernel").then_some(())
    });
    assert!(is_alive(&mut switch));
    assert_eq!(peer.ask("0800", &[(7, "1122093315"), (11, "000002"), (70, "301")]).code(), "00");
    limit(&switch, Resource::Nofile, before);
    assert_eq!(waiting.receive().unwrap().fields[&11], "000001");
    assert!(switch.metric(&format!("authswitch_accept_failures_total{{link=\"{ASCII}\"}}")) > Some(0.0));
    wait_for("room", || (buy(&mut peer, stan + 2) == "00").then_some(()));
    let (status, said) = switch.terminate();
    assert!(status.success() && said.contains("drained"), "{said}");
}

#[test]
fn a_limit_on_the_size_of_files_is_a_full_disk_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut switch = Switch::start(&data, &["journal.segment_mib=1"]);
    let mut peer = switch.connect(ASCII);
    assert_eq!(buy(&mut peer, 1), "00");
    let before = limit(&switch, Resource::Fsize, 512 << 10);
    let mut stan = 1;
    while buy(&mut peer, stan + 1) != "96" || switch.metric("authswitch_journal_accepting") != Some(0.0) {
        stan += 1;
    }
    assert!(is_alive(&mut switch));
    let (log, (status, ready)) = (switch.log_text(), switch.get("/readyz"));
    assert!(log.contains("journal full") && log.contains("RLIMIT_FSIZE"), "{log}");
    assert!(status == 503 && ready.contains("a limit of the process"), "{ready}");
    assert_eq!(switch.get("/healthz").0, 200);
    limit(&switch, Resource::Fsize, before);
    wait_for("room", || (buy(&mut peer, stan + 2) == "00").then_some(()));
    let (status, said) = switch.terminate();
    assert!(status.success() && said.contains("drained"), "{said}");
}

#[test]
fn a_stop_gives_its_receipt_though_the_journal_takes_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for (nth, what) in ["the place in the segment", "everything"].into_iter().enumerate() {
        let set = ["server.drain_timeout_ms=300"];
        // Through a pipe, which has no size.
        let (mut log, stderr) = std::io::pipe().unwrap();
        let switch =
            Switch::spawn_with(Switch::command(&data, &set), Path::new("none"), stderr.into()).unwrap();
        let read = std::thread::spawn(move || std::io::read_to_string(&mut log).unwrap());
        let mut peer = switch.connect(ASCII);
        let advice = |stan| Purchase::new(&pan("411111", stan), stan, 100);
        let first = 1_000 * nth as u32;
        for stan in first..first + 100 {
            assert_eq!(peer.ask("0220", &advice(stan).fields()).code(), "00");
        }
        limit(&switch, Resource::Fsize, if nth == 0 { 16 << 10 } else { 0 });
        // Not on the disk, so that it gets no answer; what comes behind it is refused.
        peer.send("0220", &advice(first + 100).fields());
        wait_for("a full disk", || {
            (switch.metric("authswitch_journal_accepting") == Some(0.0)).then_some(())
        });
        let mut other = switch.connect(ASCII);
        assert_eq!(other.ask("0220", &advice(first + 101).fields()).code(), "96");
        let (status, said) = switch.terminate();
        let receipt =
            "drained received=102 answered=101 budget_spent=0 undone=0 withheld=0 dropped=0 undelivered=1";
        assert_eq!((status.code(), said.trim()), (Some(1), receipt), "{what}");
        let log = read.join().unwrap();
        assert!(log.contains("the journal cannot go on; the stop does"), "{what}: {log}");
        assert!(
            log.contains("the journal ends with record ") && log.contains("RLIMIT_FSIZE"),
            "{what}: {log}"
        );
        assert!(peer.is_closed(), "{what}");
    }
    // All that was acknowledged is there, and what was not is taken when it is sent again.
    let switch = Switch::start(&data, &[]);
    let mut peer = switch.connect(ASCII);
    for stan in (0..102).chain(1_000..1_102) {
        let repeat = Purchase::new(&pan("411111", stan), stan, 100);
        assert_eq!(peer.ask("0221", &repeat.fields()).code(), "00");
    }
    let inquiry = Purchase::new(&pan("411111", 5), 9_000, 0).set(3, "310000");
    let left = peer.ask("0100", &inquiry.fields()).fields[&54][28..40].parse::<i64>().unwrap();
    assert_eq!(left, 100_000_000_000 - 100);
}

#[test]
fn a_limit_with_which_it_cannot_work_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for (limits, words) in [
        ("-n 64", ["RLIMIT_NOFILE", "is 64; the switch itself needs"]),
        ("-f 2000", ["RLIMIT_FSIZE", "journal.segment_mib = 128"]),
    ] {
        let Err((status, said)) = Switch::try_start(&data, &[], |command| under(command, limits)) else {
            panic!("started under {limits}")
        };
        assert_eq!(status.code(), Some(2), "{limits}: {said}");
        assert!(words.iter().all(|words| said.contains(words)), "{limits}: {said}");
        assert!(!data.exists(), "{limits}: refused before anything is made");
        let mut check = Command::new(binary());
        check.args(["serve", "--demo", "--check", "--set", "admin.listen=127.0.0.1:0", "--data"]).arg(&data);
        check.current_dir(folder.path());
        under(&mut check, limits);
        let out = check.output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{limits}: {said}");
        assert!(said.contains(words[0]), "{limits}: {said}");
    }
}

#[test]
fn a_thread_that_is_not_given_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("calls"));
    assert!(Switch::start(&data, &["server.workers=1"]).terminate().0.success());
    for nth in 1.. {
        let refused = format!("call=pthread_create do=EAGAIN nth={nth}");
        let started = Switch::try_start(&data, &["server.workers=1"], |command| {
            faults::inject(command, &refused, &log);
        });
        let Err((status, said)) = started else {
            assert!(nth > 5, "only {nth} threads");
            break;
        };
        assert_eq!(status.code(), Some(2), "thread {nth}: {said}");
        assert!(said.contains("the limit on threads is reached") && said.contains("RLIMIT_NPROC"), "{said}");
        assert!(!said.contains("panicked"), "thread {nth}: {said}");
    }
}
