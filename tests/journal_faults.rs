//! A disk that fails: what is said durable stays so, a failed sync ends the process (I13), a full disk refuses and
//! recovers. The calls fail by `faults/disk_faults.c`; the last tests run into the real end of a small file system.
#![allow(clippy::unwrap_used)]

mod faults;
#[path = "journal/rows.rs"]
mod rows;
#[path = "journal/writer.rs"]
mod writer;

use authswitch::journal::Seq;
use faults::{Call, calls};
use rows::segments;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use writer::{Writer, check_recovery, command};

#[test]
#[ignore = "the process that the other tests start"]
fn writer() {
    writer::run();
}

struct Rig {
    dir: TempDir,
}

impl Rig {
    fn new() -> Rig {
        Rig { dir: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// A file whose being there keeps a fault alive.
    fn marker(&self) -> PathBuf {
        let marker = self.dir.path().join("marker");
        fs::write(&marker, "").unwrap();
        marker
    }

    fn command(&self, last: Seq, faults: &str) -> Command {
        let mut command = command(&self.folder(), last);
        let _ = fs::remove_file(self.log());
        faults::inject(&mut command, faults, &self.log());
        command
    }

    /// Runs a writer, which writes until it dies of a fault: the record it called durable last, and what it said of
    /// its end.
    fn run_to_death(&self, faults: &str) -> (Seq, String) {
        let mut writer = Writer::start(self.command(Seq::MAX, faults));
        let (status, stderr) = writer.end();
        assert_eq!(status.code(), Some(1), "{faults}: {stderr}");
        check_recovery(&self.folder(), writer.durable);
        (writer.durable, stderr)
    }

    /// Runs a writer without faults to the end: what it logged.
    fn run_well(&self, last: Seq, faults: &str) -> Vec<Call> {
        let mut writer = Writer::start(self.command(last, faults));
        let (status, stderr) = writer.end();
        assert!(status.success(), "{status} {stderr}");
        assert!(writer.said.contains(&format!("closed {last}")), "{:?}", writer.said);
        assert_eq!(check_recovery(&self.folder(), writer.durable), last);
        calls(&self.log())
    }
}

#[test]
fn a_failed_sync_ends_the_process_and_is_not_retried() {
    let rig = Rig::new();
    let mut durable = 0;
    for nth in [1, 2, 3, 4, 5, 8, 13, 21] {
        let (said, stderr) = rig.run_to_death(&format!("call=fdatasync path=/journal nth={nth} do=EIO"));
        let calls = calls(&rig.log());
        let failed = calls.iter().find(|c| c.result == -1).unwrap();
        let after: Vec<&Call> = calls.iter().skip_while(|c| c.result != -1).skip(1).collect();
        // Nothing of the file itself is tried again. Segments are prepared beside the one that is written: what the other
        // thread was in the middle of, a batch or the begin of a segment, may still be synced.
        assert!(after.iter().all(|call| call.path != failed.path), "{nth}: {after:?}");
        let is_prepared = |call: &Call| call.path.extension().is_some_and(|extension| extension == "tmp");
        let synced = |call: &&&Call| call.name == "fdatasync";
        let most = if is_prepared(failed) { 2 } else { 1 };
        assert!(after.iter().filter(synced).count() <= most, "{nth}: {after:?}");
        let own = |call: &&&Call| is_prepared(call) == is_prepared(failed) && !is_prepared(call);
        assert_eq!(after.iter().filter(synced).filter(own).count(), 0, "{nth}: {after:?}");
        let name = failed.path.file_name().unwrap().to_str().unwrap();
        for part in [name, "syncing segment", "not retried", "Input/output error"] {
            assert!(stderr.contains(part), "{nth}: no {part:?} in {stderr}");
        }
        durable = check_recovery(&rig.folder(), durable.max(said));
    }
    assert!(durable > 0, "{durable}");
    rig.run_well(durable + 500, "path=/journal");
}

#[test]
fn a_restart_writes_the_last_batch_again() {
    let rig = Rig::new();
    rig.run_to_death("call=fdatasync path=.seg nth=9 do=EIO");
    let before = calls(&rig.log());
    let failed = before.iter().position(|c| c.result == -1).unwrap();
    let unsynced = &before[failed - 1];
    assert_eq!(unsynced.name, "pwrite");
    // Before anything else these bytes go to the disk again: the cache may hold them and the disk not.
    let last = check_recovery(&rig.folder(), 0) + 500;
    let after = rig.run_well(last, "path=.seg");
    assert_eq!(&after[0], unsynced);
    assert_eq!((after[1].name.as_str(), &after[1].path, after[1].result), ("fdatasync", &unsynced.path, 0));
}

#[test]
fn a_failed_write_ends_the_process() {
    let rig = Rig::new();
    for nth in [3, 4, 9] {
        let (_, stderr) = rig.run_to_death(&format!("call=pwrite path=.seg nth={nth} do=EIO"));
        let segment = segments(&rig.folder()).pop().unwrap();
        for part in
            [segment.file_name().unwrap().to_str().unwrap(), "writing", "at byte", "Input/output error"]
        {
            assert!(stderr.contains(part), "{nth}: no {part:?} in {stderr}");
        }
    }
    let durable = check_recovery(&rig.folder(), 0);
    rig.run_well(durable + 500, "path=/journal");
}

#[test]
fn a_short_write_is_continued() {
    let rig = Rig::new();
    let faults: Vec<String> =
        (1..16).map(|nth| format!("call=pwrite path=.seg nth={nth} do=short")).collect();
    let calls = rig.run_well(2000, &faults.join(";"));
    assert!(calls.iter().any(|c| c.name == "pwrite" && c.result < c.length as i64));
}

/// The disk is full for the `nth` such call and those after it until the marker goes.
fn check_full(call: &str, path: &str, nth: u32, error: &str) {
    let rig = Rig::new();
    let marker = rig.marker();
    let faults = format!("call={call} path={path} nth={nth} do={error} while={}", marker.display());
    let began = Instant::now();
    let mut writer = Writer::start(rig.command(4000, &faults));
    assert!(writer.read_until(|line| line == "full"), "{call}: {:?}", writer.end());
    // It lives on, refusing, through more than one attempt of its own: about one a second, however long that takes.
    let tried = || calls(&rig.log()).iter().filter(|c| c.name == call && c.result == -1).count() as u64;
    while tried() < 2 {
        assert!(began.elapsed() < Duration::from_secs(120), "{call}: not tried again");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(writer.process.try_wait().unwrap().is_none());
    let (tried, seconds) = (tried(), began.elapsed().as_secs());
    assert!(tried <= 3 + seconds, "{call}: tried {tried} times in {seconds} s");
    let refused_at = writer.durable;
    fs::remove_file(marker).unwrap();
    let (status, stderr) = writer.end();
    assert!(status.success(), "{call}: {status} {stderr}");
    assert!(refused_at < 4000);
    assert_eq!(check_recovery(&rig.folder(), writer.durable), 4000);
}

#[test]
fn a_full_disk_refuses_records_until_there_is_space() {
    check_full("fallocate", "next.tmp", 2, "ENOSPC");
    check_full("fallocate", "next.tmp", 3, "EDQUOT");
    check_full("pwrite", ".seg", 3, "ENOSPC");
}

#[test]
fn a_full_disk_at_the_first_start_is_an_error() {
    let rig = Rig::new();
    let mut writer = Writer::start(rig.command(10, "call=fallocate path=next.tmp do=ENOSPC"));
    let (status, stderr) = writer.end();
    assert!(!status.success());
    assert!(stderr.contains("No space left on device") || stderr.contains("StorageFull"), "{stderr}");
    assert_eq!(rig.run_well(10, "path=/journal").iter().filter(|c| c.result < 0).count(), 0);
}

#[test]
fn a_full_disk_stops_the_process_where_the_settings_say_so() {
    let rig = Rig::new();
    let mut command = rig.command(4000, "call=fallocate path=next.tmp nth=3 do=ENOSPC");
    writer::stop_on_full(&mut command);
    let mut writer = Writer::start(command);
    let (status, stderr) = writer.end();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("no space for the next segment"), "{stderr}");
    check_recovery(&rig.folder(), writer.durable);
    rig.run_well(4000, "path=/journal");
}

#[test]
fn without_fallocate_segments_are_filled_with_zeros() {
    let rig = Rig::new();
    let always = rig.marker();
    let faults = format!("call=fallocate path=/journal do=EOPNOTSUPP while={}", always.display());
    let calls = rig.run_well(3000, &faults);
    assert!(calls.iter().any(|c| c.name == "fallocate" && c.result == -1));
    let sizes: Vec<u64> = segments(&rig.folder()).iter().map(|s| s.metadata().unwrap().len()).collect();
    assert!(sizes.len() > 2 && sizes.iter().all(|&size| size == rows::SEGMENT_BYTES), "{sizes:?}");
}

#[test]
fn a_slow_sync_shows_as_exposure() {
    let rig = Rig::new();
    let marker = rig.marker();
    let faults = format!("call=fdatasync path=.seg nth=3 do=hold while={}", marker.display());
    let mut writer = Writer::start(rig.command(2000, &faults));
    assert!(writer.read_until(|line| line == "exposed"), "{:?}", writer.end());
    fs::remove_file(marker).unwrap();
    assert!(writer.end().0.success());
    assert_eq!(check_recovery(&rig.folder(), writer.durable), 2000);
}

/// A command that runs `script` with a file system of its own, of `bytes`, mounted on `dir`, and an end that comes
/// with it. Mounting needs a user namespace, which plain users have on most systems, or root.
fn on_small_disk(dir: &Path, bytes: u64, writer: &Command) -> Command {
    let possible = |arguments: &[&str]| {
        let probe =
            Command::new("unshare").args(arguments).args(["mount", "-t", "tmpfs", "tmpfs"]).arg(dir).output();
        probe.is_ok_and(|output| output.status.success())
    };
    let arguments: &[&str] = if possible(&["-rm"]) {
        &["-rm"]
    } else {
        // No skipping: a disk that is full is promised to be survived, so it must be seen.
        assert!(
            possible(&["-m"]),
            "this test mounts a tmpfs: it needs user namespaces (unshare -rm) or root"
        );
        &["-m"]
    };
    // The ballast goes away when the test closes the process's input: then there is space again.
    let script = format!(
        "mount -t tmpfs -o size={bytes} tmpfs \"$0\" && head -c 400000 /dev/zero > \"$0/ballast\" && \
         {{ (cat; rm \"$0/ballast\") <&3 >/dev/null & \"$@\" 3<&-; status=$?; wait; \
         cp -r \"$0/journal\" \"$0.saved\"; exit $status; }} 3<&0"
    );
    let mut command = Command::new("unshare");
    command
        .args(arguments)
        .args(["sh", "-c", &script])
        .arg(dir)
        .arg(writer.get_program())
        .args(writer.get_args());
    for (name, value) in writer.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command.stdin(std::process::Stdio::piped());
    command
}

#[test]
fn the_real_end_of_a_disk_is_survived() {
    let rig = Rig::new();
    let disk = rig.dir.path().join("disk");
    fs::create_dir(&disk).unwrap();
    // Room for five segments of 128 KiB beside the ballast; 4000 records need more.
    let journal = command(&disk.join("journal"), 3500);
    let mut writer = Writer::start(on_small_disk(&disk, 1_100_000, &journal));
    assert!(writer.read_until(|line| line == "full"), "{:?}", writer.end());
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(writer.process.try_wait().unwrap().is_none());
    assert!(writer.durable < 3500);
    drop(writer.process.stdin.take());
    let (status, stderr) = writer.end();
    assert!(status.success(), "{status} {stderr}");
    assert_eq!(check_recovery(&disk.with_extension("saved"), writer.durable), 3500);
}
