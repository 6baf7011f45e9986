//! Time and the end: a process that stood still approves nothing late; a stop answers what is in flight.

#![allow(clippy::unwrap_used)]

mod harness;
use harness::*;
use std::time::Duration;

#[test]
fn what_waited_while_the_process_stood_still_gets_91() {
    let folder = tempfile::tempdir().unwrap();
    let switch = Switch::start(&folder.path().join("data"), &["links.acquirer-ascii.budget_ms=500"]);
    let mut peer = switch.connect("acquirer-ascii");
    let card = pan("411111", 9);
    assert_eq!(peer.ask("0100", &Purchase::new(&card, 1, 100).fields()).code(), "00");
    switch.signal("STOP");
    wait_for("every thread to stand still", || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", switch.child.id())).unwrap();
        let state = |task: std::fs::DirEntry| {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap();
            stat.rsplit(')').next().unwrap().trim_start().chars().next()
        };
        tasks.map(Result::unwrap).all(|task| state(task) == Some('T')).then_some(())
    });
    for stan in 2..40 {
        peer.send("0100", &Purchase::new(&card, stan, 100).fields());
    }
    std::thread::sleep(Duration::from_millis(1_500));
    switch.signal("CONT");
    // In any order: while the record of the first one is not durable, an answer may wait for the disk.
    let mut answered: Vec<String> = (2..40)
        .map(|_| {
            let answer = peer.receive().unwrap();
            assert_eq!(answer.code(), "91");
            answer.fields[&11].clone()
        })
        .collect();
    answered.sort();
    assert!(answered.into_iter().eq((2..40).map(|stan| format!("{stan:06}"))));
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(peer.ask("0100", &Purchase::new(&card, 50, 100).fields()).code(), "00");
    assert_eq!(switch.metric("authswitch_budget_spent_requests_total{link=\"acquirer-ascii\"}"), Some(38.0));
}

#[test]
fn a_stop_answers_what_was_read_and_gives_a_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let switch = Switch::start(&data, &[]);
    let mut peer = switch.connect("acquirer-ascii");
    let mut idle = switch.connect("acquirer-bcd");
    for stan in 1..=100 {
        let mti = if stan % 2 == 0 { "0120" } else { "0100" };
        peer.send(mti, &Purchase::new(&pan("411111", stan), stan, 100).fields());
    }
    peer.send("0110", &Purchase::new(&pan("411111", 1), 1, 100).fields());
    wait_for("all to be read", || {
        (switch.metric("authswitch_received_frames_total{link=\"acquirer-ascii\"}") == Some(101.0))
            .then_some(())
    });
    // For the independent judges that `tests/run` calls.
    let judged = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(judged.join("switch.metrics"), switch.get("/metrics").1).unwrap();
    let (status, said) = switch.terminate();
    assert!(status.success());
    std::fs::create_dir_all(judged.join("hlog")).unwrap();
    for entry in std::fs::read_dir(data.join("hlog")).unwrap() {
        std::fs::copy(entry.unwrap().path(), judged.join("hlog/switch.hlog")).unwrap();
    }
    assert_eq!(
        said.trim(),
        "drained received=101 answered=100 budget_spent=0 undone=0 withheld=0 dropped=1 undelivered=0"
    );
    let mut answers = 0;
    while let Some(answer) = peer.receive() {
        assert_eq!(answer.code(), "00");
        answers += 1;
    }
    assert_eq!(answers, 100);
    assert!(idle.is_closed());
    // A clean stop leaves a snapshot of everything: nothing to replay.
    let again = Switch::start(&data, &[]);
    assert!(
        again.log_text().lines().rev().any(|line| line.contains("\"replayed\":0")),
        "{}",
        again.log_text()
    );
}

#[test]
fn interrupt_drains_too_and_hang_up_only_checks_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("switch.toml");
    std::fs::write(&config, "[links.acquirer-ascii]\nlisten = \"127.0.0.1:0\"\ndialect = \"iso87-ascii\"\n[links.acquirer-bcd]\nlisten = \"127.0.0.1:0\"\ndialect = \"iso87-bcd\"\n").unwrap();
    let mut switch = Switch::start_with(&folder.path().join("data"), &[], |command| {
        command.arg("--config").arg(&config);
    });
    let mut peer = switch.connect("acquirer-bcd");
    std::fs::write(&config, "[journal]\nsegment_mob = 1\n").unwrap();
    switch.signal("HUP");
    wait_for("the complaint", || switch.log_text().contains("segment_mob").then_some(()));
    assert_eq!(peer.ask("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")]).code(), "00");
    switch.signal("INT");
    let (status, said) = switch.wait();
    assert!(status.success() && said.contains("received=1 answered=1"), "{said}");
}

#[test]
fn wrong_settings_end_with_2_and_name_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for (set, words) in [
        ("links.acquirer-ascii.dialect=iso99", "iso99"),
        ("links.acquirer-ascii.framing=tin-can", "tin-can"),
        ("journal.segment_mob=1", "segment_mob"),
    ] {
        let Err((status, said)) = Switch::try_start(&data, &[set], |_| {}) else { panic!("{set} was taken") };
        assert!(status.code() == Some(2) && said.contains(words), "{set}: {status} {said}");
    }
    let first = Switch::start(&data, &[]);
    let Err((status, said)) = Switch::try_start(&data, &[], |_| {}) else {
        panic!("two switches share a folder")
    };
    assert!(status.code() == Some(2) && said.contains("lock"), "{status} {said}");
    drop(first);
}
