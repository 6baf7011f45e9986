//! Health and readiness ask each thread for its turns: one that stands is named, a machine that stood and a slow disk are not
//! taken for one.

use super::faults;
use super::harness::*;
use std::time::{Duration, Instant};

/// What `/healthz` and `/readyz` say.
fn health(switch: &Switch) -> [(u16, String); 2] {
    ["/healthz", "/readyz"].map(|page| switch.get(page))
}

fn codes(switch: &Switch) -> [u16; 2] {
    health(switch).map(|(code, _)| code)
}

#[test]
fn a_worker_that_stands_is_named_and_a_machine_that_stood_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let held = folder.path().join("held");
    let faults = format!("call=recvmsg do=hold while={}", held.display());
    let switch = Switch::start_with(&folder.path().join("data"), &["server.workers=2"], |command| {
        faults::inject(command, &faults, &folder.path().join("calls"));
    });
    assert_eq!(codes(&switch), [200, 200]);
    // A stop of everything is nobody's fault, also at the very moment at which it ends.
    switch.stand_still();
    outlast(Instant::now(), Duration::from_secs(11));
    switch.signal("CONT");
    for _ in 0..50 {
        assert_eq!(switch.get("/healthz").0, 200);
    }
    wait_for("readiness", || (codes(&switch) == [200, 200]).then_some(()));
    // One worker stands in the middle of a read.
    std::fs::write(&held, "").unwrap();
    let mut peer = switch.connect("acquirer-ascii");
    peer.send("0800", &[(7, "1122093315"), (11, "000001"), (70, "301")]);
    let words = "has made no turn for ";
    let unready = wait_for("unreadiness", || Some(health(&switch)).filter(|[_, (code, _)]| *code == 503));
    assert!(unready[1].1.contains("thread worker-") && unready[1].1.contains(words), "{unready:?}");
    let dead =
        wait_for("the end of its life", || Some(health(&switch)).filter(|[(code, _), _]| *code == 503));
    assert!(dead[0].1.contains("thread worker-") && dead[0].1.contains(words), "{dead:?}");
    std::fs::remove_file(&held).unwrap();
    assert_eq!(peer.receive().unwrap().fields[&11], "000001");
    wait_for("life", || (codes(&switch) == [200, 200]).then_some(()));
    assert!(switch.terminate().0.success());
}

#[test]
fn a_slow_disk_makes_unready_and_not_lifeless() {
    let folder = tempfile::tempdir().unwrap();
    let held = folder.path().join("held");
    let faults = format!("call=fdatasync path=.seg do=hold while={}", held.display());
    let switch = Switch::start_with(&folder.path().join("data"), &[], |command| {
        faults::inject(command, &faults, &folder.path().join("calls"));
    });
    let mut peer = switch.connect("acquirer-ascii");
    std::fs::write(&held, "").unwrap();
    peer.send("0100", &Purchase::new(&pan("411111", 1), 1, 100).fields());
    let ready = wait_for("unreadiness", || Some(health(&switch)).filter(|[_, (code, _)]| *code == 503));
    assert!(ready[1].1.contains("the disk has not taken the oldest record for 1"), "{ready:?}");
    // Longer than a thread may stand: it was 10 s already.
    outlast(Instant::now(), Duration::from_secs(3));
    assert_eq!(codes(&switch), [200, 503]);
    std::fs::remove_file(&held).unwrap();
    wait_for("readiness", || (codes(&switch) == [200, 200]).then_some(()));
    assert!(switch.terminate().0.success());
}

#[test]
fn a_stop_says_that_it_waits_for_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let held = folder.path().join("held");
    let faults = format!("call=fdatasync path=.seg do=hold while={}", held.display());
    let set = ["server.drain_timeout_ms=300"];
    let mut switch = Switch::start_with(&folder.path().join("data"), &set, |command| {
        faults::inject(command, &faults, &folder.path().join("calls"));
    });
    let mut peer = switch.connect("acquirer-ascii");
    std::fs::write(&held, "").unwrap();
    peer.send("0220", &Purchase::new(&pan("411111", 1), 1, 100).fields());
    wait_for("its record", || (switch.metric("authswitch_exposure_records") == Some(1.0)).then_some(()));
    switch.signal("TERM");
    let words = "the drain time-out has passed: the stop goes on to wait for the disk";
    let log = || std::fs::read_to_string(&switch.log).unwrap();
    wait_for("the words", || log().contains(words).then_some(()));
    outlast(Instant::now(), Duration::from_secs(1));
    assert_eq!(log().matches(words).count(), 1);
    std::fs::remove_file(&held).unwrap();
    let (status, said) = switch.wait();
    assert!(status.success() && said.contains("drained received=1 "), "{status} {said}");
    assert_eq!(std::fs::read_to_string(&switch.log).unwrap().matches(words).count(), 1);
}

#[test]
fn a_disk_that_fails_during_a_stop_ends_it_with_its_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let (held, broken) = (folder.path().join("held"), folder.path().join("broken"));
    let faults = format!(
        "call=fdatasync path=.seg do=hold while={};call=pwrite path=.seg do=EIO while={}",
        held.display(),
        broken.display()
    );
    let mut switch = Switch::start_with(&folder.path().join("data"), &[], |command| {
        faults::inject(command, &faults, &folder.path().join("calls"));
    });
    std::fs::write(&held, "").unwrap();
    // The first is written and waits for its sync, the second for the first.
    let [mut first, mut second] = [1, 2].map(|stan| {
        let mut peer = switch.connect("acquirer-ascii");
        peer.send("0220", &Purchase::new(&pan("411111", stan), stan, 100).fields());
        let exposed = f64::from(stan);
        wait_for("its record", || {
            (switch.metric("authswitch_exposure_records") == Some(exposed)).then_some(())
        });
        if stan == 1 {
            let writes = || faults::calls(&folder.path().join("calls")).into_iter();
            wait_for("its write", || writes().any(|call| call.name == "pwrite").then_some(()));
        }
        peer
    });
    std::fs::write(&broken, "").unwrap();
    switch.signal("TERM");
    wait_for("the drain", || switch.get("/readyz").1.contains("draining").then_some(()));
    std::fs::remove_file(&held).unwrap();
    assert_eq!(first.receive().unwrap().code(), "00");
    assert!(second.is_closed(), "nothing is answered that is not on the disk");
    let (status, said) = switch.wait();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.starts_with("drained received=2 answered=1 ") && said.contains("undelivered=1"), "{said}");
    let log = std::fs::read_to_string(&switch.log).unwrap();
    assert!(log.contains("the journal ends with record 1 of 2"), "{log}");
}
