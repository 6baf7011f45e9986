//! Time and the end: a process that stood still approves nothing late; a stop answers what is in flight.

#![allow(clippy::unwrap_used)]

mod faults;
mod harness;
use harness::*;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn what_waited_while_the_process_stood_still_gets_91() {
    let folder = tempfile::tempdir().unwrap();
    let switch = Switch::start(&folder.path().join("data"), &["links.acquirer-ascii.budget_ms=500"]);
    let too_long = Duration::from_millis(1_000);
    let mut peer = switch.connect("acquirer-ascii");
    let card = pan("411111", 9);
    assert_eq!(peer.ask("0100", &Purchase::new(&card, 1, 100).fields()).code(), "00");
    switch.stand_still();
    let stood = Instant::now();
    for stan in 2..40 {
        peer.send("0100", &Purchase::new(&card, stan, 100).fields());
    }
    // Cut in two: as old as its first byte.
    let cut = peer.frame("0100", &Purchase::new(&card, 40, 100).fields());
    peer.send_raw(&cut[..50]);
    peer.has_arrived();
    outlast(Instant::now(), too_long);
    peer.send_raw(&cut[50..]);
    // A connection that was opened and written to in the meantime.
    let mut new = switch.connect("acquirer-ascii");
    for stan in 41..44 {
        new.send("0100", &Purchase::new(&card, stan, 100).fields());
    }
    peer.has_arrived();
    new.has_arrived();
    outlast(Instant::now(), too_long);
    let stood_s = stood.elapsed().as_secs_f64();
    switch.signal("CONT");
    // In any order: while the record of the first one is not durable, an answer may wait for the disk.
    let mut answered: Vec<String> = [(2..41, &mut peer), (41..44, &mut new)]
        .into_iter()
        .flat_map(|(stans, peer)| stans.map(|_| peer.receive().unwrap()).collect::<Vec<_>>())
        .map(|answer| {
            assert_eq!(answer.code(), "91", "{}", answer.fields[&11]);
            answer.fields[&11].clone()
        })
        .collect();
    answered.sort();
    assert!(answered.into_iter().eq((2..44).map(|stan| format!("{stan:06}"))));
    let mut stan = 50;
    wait_for("an approval of what comes now", || {
        stan += 1;
        (peer.ask("0100", &Purchase::new(&card, stan, 100).fields()).code() == "00").then_some(())
    });
    let spent = switch.metric("authswitch_budget_spent_requests_total{link=\"acquirer-ascii\"}").unwrap();
    assert!(spent >= 42.0, "{spent}");
    // The worker that stood still says so.
    let (_, metrics) = switch.get("/metrics");
    let sample = |name: &str| -> f64 {
        let lines = metrics.lines().filter(|line| line.starts_with(name));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).fold(0.0, f64::max)
    };
    assert!(sample("authswitch_worker_longest_gap_seconds{") >= 0.99 * stood_s, "{stood_s} {metrics}");
    assert!(sample("authswitch_worker_stalls_total{") >= 1.0);
    assert!(switch.log_text().contains("a thread stood still"), "{}", switch.log_text());
}

/// The nanoseconds of all messages, and that their stages add up to them exactly.
fn adds_up(metrics: &str) -> u64 {
    let sum = |name: &str| -> u64 {
        let lines = metrics.lines().filter(|line| line.starts_with(name));
        let seconds = lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap());
        seconds.map(|seconds| (seconds * 1e9).round() as u64).sum()
    };
    let whole_ns = sum("authswitch_message_duration_seconds_sum{");
    assert_eq!(sum("authswitch_stage_duration_seconds_sum{"), whole_ns, "{metrics}");
    whole_ns
}

/// When each message had been sent, by STAN: taken after the kernel had all of it.
type Sent = Vec<Option<Instant>>;

/// Sends at 3,000 a second in turn over the connections, the switch standing still for two of three seconds; returns when
/// each was sent, and when the switch was to go on. Where the switch has little room, sending waits too.
fn send_over_a_stop(switch: &Switch, peers: &mut [Peer], size: usize) -> (Sent, Instant) {
    let frames: Vec<Vec<u8>> = (1..=9_000)
        .map(|stan| {
            let purchase = Purchase::new(&pan("411111", stan % 500), stan, 100).without(42).without(43);
            let length = peers[0].frame("0100", &purchase.fields()).len();
            let filler = "x".repeat(size - length - 3);
            peers[0].frame("0100", &purchase.set(48, &filler).fields())
        })
        .collect();
    assert!(frames.iter().all(|frame| frame.len() == size));
    let (began, mut sent) = (Instant::now(), vec![None]);
    let went_on = std::sync::OnceLock::new();
    std::thread::scope(|scope| {
        for (at, frame) in frames.iter().enumerate() {
            let due = began + Duration::from_micros(at as u64 * 1_000_000 / 3_000);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if at == 1_500 {
                switch.stand_still();
                scope.spawn(|| {
                    outlast(Instant::now(), Duration::from_secs(2));
                    went_on.get_or_init(Instant::now);
                    switch.signal("CONT");
                });
            }
            let peers_count = peers.len();
            peers[at % peers_count].send_raw(frame);
            sent.push(Some(Instant::now()));
        }
    });
    (sent, went_on.into_inner().unwrap())
}

#[test]
fn nothing_that_waited_longer_than_the_budget_is_approved_by_the_senders_own_times() {
    let budget = Duration::from_millis(200);
    // In the last row half of what is sent in the stop waits at the sender, behind a closed window.
    for (connections, size, room_kib) in
        [(2, 200, 4096), (8, 200, 4096), (2, 500, 4096), (8, 500, 4096), (2, 500, 256)]
    {
        let folder = tempfile::tempdir().unwrap();
        let room = format!("links.acquirer-ascii.receive_buffer_kib={room_kib}");
        let set = ["links.acquirer-ascii.budget_ms=200", &room];
        let switch = Switch::start(&folder.path().join("data"), &set);
        let mut peers: Vec<Peer> = (0..connections).map(|_| switch.connect("acquirer-ascii")).collect();
        let readers: Vec<_> = peers
            .iter()
            .enumerate()
            .map(|(number, peer)| {
                let mut peer = peer.again();
                std::thread::spawn(move || {
                    let mine = (0..9_000).filter(|at| at % connections == number).count();
                    (0..mine).map(|_| peer.receive().unwrap()).collect::<Vec<_>>()
                })
            })
            .collect();
        let (sent, went_on) = send_over_a_stop(&switch, &mut peers, size);
        let answers: Vec<Answer> = readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect();
        assert_eq!(answers.len(), 9_000);
        // What the sender had sent for longer than this when the switch went on was older than the budget, by far.
        let stale = went_on - budget - Duration::from_millis(100);
        let (mut refused, mut waited_s) = (0, 0.0);
        for answer in &answers {
            let sent_at = sent[answer.fields[&11].parse::<usize>().unwrap()].unwrap();
            let is_stale = sent_at < stale && sent_at > went_on - Duration::from_millis(1_900);
            assert!(["00", "91"].contains(&answer.code()), "{}", answer.code());
            if is_stale {
                let case = format!("{connections}x{size} in {room_kib} KiB");
                assert_eq!(answer.code(), "91", "{case}: approved {:?} late", went_on - sent_at);
                refused += 1;
                waited_s += (went_on - sent_at).as_secs_f64();
            }
        }
        assert!(refused > 0, "{connections}x{size} in {room_kib} KiB: nothing was sent in the stop");
        // What comes now is fresh again.
        for (peer, number) in peers.iter_mut().zip(9..) {
            let mut stans = 10_000 + number * 5_000..;
            wait_for("an approval", || {
                let purchase = Purchase::new(&pan("411111", 9), stans.next().unwrap(), 100);
                (peer.ask("0100", &purchase.fields()).code() == "00").then_some(())
            });
        }
        // The switch's own figures know of that time too, and its stages add up to the whole.
        let (_, metrics) = switch.get("/metrics");
        let whole_s = adds_up(&metrics) as f64 / 1e9;
        let case = format!("{connections}x{size} in {room_kib} KiB");
        assert!(whole_s > waited_s / 2.0, "{case}: {whole_s} s of at least {waited_s} s");
    }
}

/// Approvals that stand: answered, and not undone since.
fn standing(data: &std::path::Path) -> usize {
    let mut command = std::process::Command::new(binary());
    let out = command.args(["journal", "dump", "--json", "--data"]).arg(data).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let records: Vec<serde_json::Value> = String::from_utf8(out.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let count = |event: &str, code: &str| {
        records.iter().filter(|record| record["event"] == event && record["code"] == code).count()
    };
    count("request", "00") - records.iter().filter(|record| record["event"] == "undone").count()
}

#[test]
fn an_approval_that_a_slow_reader_leaves_behind_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let switch = Switch::start(&data, &["links.acquirer-ascii.budget_ms=1000"]);
    let mut peer = switch.connect("acquirer-ascii");
    peer.receive_little();
    let frames: Vec<u8> = (1..=6_000)
        .flat_map(|stan| peer.frame("0100", &Purchase::new(&pan("411111", stan % 500), stan, 100).fields()))
        .collect();
    // The switch has room for all of it in its receive buffer, so that this does not wait for answers to be read.
    peer.send_raw(&frames);
    // Reads nothing for longer than the budget, then all.
    switch.let_pass(Duration::from_millis(1_500));
    let answers: Vec<Answer> = (0..6_000).map(|_| peer.receive().unwrap()).collect();
    let approved = answers.iter().filter(|answer| answer.code() == "00").count();
    let bytes: usize = answers.iter().filter(|answer| answer.code() == "00").map(|a| a.raw.len() + 2).sum();
    assert!(answers.iter().all(|answer| ["00", "91"].contains(&answer.code())));
    // What the kernel had taken counts as sent: a segment, what may wait unsent, and the peer's own buffer.
    assert!(approved > 0 && bytes < 256 << 10, "{approved} approved, {bytes} bytes");
    adds_up(&switch.get("/metrics").1);
    let undone = switch.metric("authswitch_undone_approvals_total{link=\"acquirer-ascii\"}").unwrap();
    assert!(undone >= 1.0, "{undone}");
    let (status, said) = switch.terminate();
    assert!(status.success() && said.contains(&format!(" undone={undone} withheld=0 ")), "{said}");
    assert!(said.contains("received=6000 answered=6000 "), "{said}");
    assert_eq!(standing(&data), approved, "the money that is held is the money that was said to be");
}

#[test]
fn a_stored_approval_that_a_slow_reader_leaves_behind_is_withheld() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let switch = Switch::start(&data, &["links.acquirer-ascii.budget_ms=1000"]);
    let mut peer = switch.connect("acquirer-ascii");
    peer.receive_little();
    let purchase = Purchase::new(&pan("411111", 9), 1, 100);
    wait_for("an approval", || (peer.ask("0100", &purchase.fields()).code() == "00").then_some(()));
    let asked = switch.metric("authswitch_received_frames_total{link=\"acquirer-ascii\"}").unwrap();
    peer.send_raw(&peer.frame("0101", &purchase.fields()).repeat(6_000));
    switch.let_pass(Duration::from_millis(1_500));
    peer.send("0800", &[(7, "1122093315"), (11, "999999"), (70, "301")]);
    let repeats = std::iter::from_fn(|| peer.receive()).take_while(|answer| answer.mti == "0110");
    let answered = repeats.inspect(|answer| assert_eq!(answer.code(), "00")).count();
    assert!(answered < 6_000, "the first answer stands: no other is sent late");
    let (received, withheld) = (asked as usize + 6_001, 6_000 - answered);
    let counted = switch.metric("authswitch_withheld_repeats_total{link=\"acquirer-ascii\"}");
    assert_eq!(counted, Some(withheld as f64));
    let told = switch.get("/refusals.json").1;
    for text in [
        "\"kind\":\"withheld-repeat\",\"mti\":\"0101\",\"stan\":\"000001\",\"rrn\":\"632609000001\"",
        "\"code\":null",
    ] {
        assert!(told.contains(text), "{text}: {told}");
    }
    adds_up(&switch.get("/metrics").1);
    let outcome = "authswitch_message_duration_seconds_count{link=\"acquirer-ascii\",mti=\"0101\",outcome=";
    assert_eq!(switch.metric(&format!("{outcome}\"withheld\"}}")), Some(withheld as f64));
    let (status, said) = switch.terminate();
    let line = format!("received={received} answered={} ", received - withheld);
    assert!(status.success() && said.contains(&line), "{line}{said}");
    assert!(said.contains(&format!(" undone=0 withheld={withheld} dropped=0 undelivered=0")), "{said}");
    assert_eq!(standing(&data), 1);
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
    // Refused for its content: no DE11.
    peer.send("0100", &Purchase::new(&pan("411111", 1), 1, 100).without(11).fields());
    wait_for("all to be answered", || {
        (switch.metric("authswitch_sent_answers_total{link=\"acquirer-ascii\"}") == Some(101.0)).then_some(())
    });
    adds_up(&switch.get("/metrics").1);
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
        "drained received=102 answered=101 budget_spent=0 undone=0 withheld=0 dropped=1 undelivered=0"
    );
    let (mut answers, mut refused) = (0, 0);
    while let Some(answer) = peer.receive() {
        match answer.code() {
            "00" => answers += 1,
            code => refused += usize::from(code == "30"),
        }
    }
    assert_eq!((answers, refused), (100, 1));
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
fn no_signal_ends_it_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut switch = Switch::start(&data, &[]);
    let mut peer = switch.connect("acquirer-ascii");
    for name in ["USR2", "ALRM", "VTALRM", "PROF", "IO", "XFSZ", "PIPE", "WINCH"] {
        let said = switch.log_text().matches("a signal that means nothing here").count();
        switch.signal(name);
        // XFSZ belongs to a write, which says so; the last two end no process.
        if !["XFSZ", "PIPE", "WINCH"].contains(&name) {
            wait_for(name, || {
                (switch.log_text().matches("a signal that means nothing here").count() > said).then_some(())
            });
            assert!(switch.log_text().contains(&format!("\"signal\":\"SIG{name}\"")), "{name}");
        }
        assert_eq!(
            peer.ask("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")]).code(),
            "00",
            "{name}"
        );
    }
    for (name, words) in [
        ("QUIT", "the switch is asked to end"),
        ("PWR", "the switch is asked to end"),
        ("XCPU", "the limit on processor time, RLIMIT_CPU"),
    ] {
        switch.signal(name);
        let (status, said) = switch.wait();
        assert!(status.success() && said.contains("drained"), "{name}: {status} {said}");
        let log = switch.log_text();
        assert!(log.contains(&format!("\"signal\":\"SIG{name}\"")) && log.contains(words), "{log}");
        switch = Switch::start(&data, &[]);
    }
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

#[test]
fn a_stop_during_recovery_ends_it_at_once_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let switch = Switch::start(&data, &[]);
    let card = pan("411111", 5);
    assert_eq!(
        switch.connect("acquirer-ascii").ask("0100", &Purchase::new(&card, 1, 100).fields()).code(),
        "00"
    );
    assert!(switch.terminate().0.success());
    // A disk that holds the recovery: at its first write, at a snapshot, at the journal.
    let held = folder.path().join("held");
    std::fs::write(&held, "").unwrap();
    let calls =
        [("write path=journal/lock", "TERM"), ("read path=.snap", "INT"), ("pread path=.seg", "TERM")];
    for (call, signal) in calls {
        let faults = format!("call={call} do=hold while={}", held.display());
        let log = folder.path().join(format!("{signal}.log"));
        let mut command = Switch::command(&data, &[]);
        faults::inject(&mut command, &faults, &folder.path().join("calls"));
        command.stdout(Stdio::piped()).stderr(std::fs::File::create(&log).unwrap());
        let child = command.spawn().unwrap();
        wait_for("the recovery", || {
            std::fs::read_to_string(&log).unwrap().contains("recovering").then_some(())
        });
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let (log, out) = (std::fs::read_to_string(&log).unwrap(), String::from_utf8(output.stdout).unwrap());
        assert!(output.status.success() && log.contains("stopped during recovery"), "{call}: {log}");
        assert!(out.starts_with("stopped during recovery") && !out.contains("ready"), "{out}");
    }
    let switch = Switch::start(&data, &[]);
    assert_eq!(
        switch.connect("acquirer-ascii").ask("0101", &Purchase::new(&card, 1, 100).fields()).code(),
        "00"
    );
}
