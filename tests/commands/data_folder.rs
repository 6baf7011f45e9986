//! A data folder of which something is missing is told in words and left as it is; nobody but its owner reads it; two
//! processes never write one.

use super::{printed, run, stderr, stdout};
use crate::harness::{Purchase, Switch, binary, pan};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A demo folder with two segments and a snapshot of the records in the first; then killed, so that the last are in the
/// journal alone.
fn used(data: &Path) {
    let set = ["journal.segment_mib=1", "snapshot.every_records=0"];
    let first = Switch::start(data, &set);
    purchases(&first, 0..20);
    assert!(first.terminate().0.success());
    let switch = Switch::start(data, &set);
    let noted = || fs::read_to_string(data.join("high-water")).unwrap_or_default();
    let mut from = 20;
    while segments(data).len() < 2 {
        purchases(&switch, from..from + 500);
        from += 500;
        // An advice is answered when it is on the disk, and so is all that came before it.
        let mut peer = switch.connect("acquirer-ascii");
        peer.send("0120", &Purchase::new(&pan("411111", 0), 900_000 + from, 100).fields());
        assert!(peer.receive().is_some());
    }
    let newest = segments(data).pop().unwrap();
    let first: u64 = newest.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    crate::harness::wait_for("the new segment to be noted", || {
        noted().contains(&format!("segment {first} ")).then_some(())
    });
    switch.kill();
}

fn purchases(switch: &Switch, stans: std::ops::Range<u32>) {
    let mut peer = switch.connect("acquirer-ascii");
    for stan in stans.clone() {
        peer.send("0100", &Purchase::new(&pan("411111", stan % 50), stan, 100).fields());
    }
    for _ in stans {
        assert!(peer.receive().is_some());
    }
}

fn segments(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|kind| kind == "seg")).collect();
    segments.sort();
    segments
}

/// Everything in a folder: path, mode, checksum.
fn everything(folder: &Path) -> Vec<(PathBuf, u32, u32)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let mode = fs::symlink_metadata(&path).unwrap().mode();
        if path.is_symlink() {
            found.push((path, mode, 0));
        } else if path.is_dir() {
            found.push((path.clone(), mode, 0));
            found.extend(everything(&path));
        } else if path.is_file() && fs::metadata(&path).unwrap().len() < 1 << 30 {
            found.push((path.clone(), mode, crc32c::crc32c(&fs::read(&path).unwrap())));
        } else {
            found.push((path, mode, 0));
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// What `serve` says of a folder that it does not open. Through a pipe, which never waits for a disk; one that is served after
/// all is ended after a while.
fn refused(place: &Path, flags: &[&str]) -> String {
    let ports = ["links.acquirer-ascii.listen", "links.acquirer-bcd.listen", "admin.listen"];
    let mut command = Command::new("timeout");
    command.arg("120").arg(binary()).args(["serve", "--data", "data"]).args(flags).current_dir(place);
    command.args(ports.iter().flat_map(|key| ["--set".to_owned(), format!("{key}=127.0.0.1:0")]));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{flags:?}: {}", stderr(&output));
    stderr(&output)
}

/// Makes something else of a file.
fn in_place_of(path: &Path, command: &str) {
    fs::remove_file(path).unwrap();
    let mut words = command.split(' ');
    let mut command = Command::new(words.next().unwrap());
    assert!(command.args(words).arg(path).status().unwrap().success());
}

/// What is done to a data folder, by name.
type Loss<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);

#[test]
fn a_folder_with_a_part_missing_is_told_and_left_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let whole = place.path().join("whole");
    used(&whole);
    let first = place.path().join("first");
    copy(&whole, &first);
    let remove =
        |path: PathBuf| if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    let losses: [Loss<'_>; 17] = [
        ("the key", &|data| remove(data.join("keys/data.key")), "keys/data.key is missing"),
        ("the folder of the key", &|data| remove(data.join("keys")), "keys/data.key is missing"),
        ("the last segment", &|data| remove(segments(data).pop().unwrap()), "the newest segment, is missing"),
        ("the first segment", &|data| remove(segments(data)[0].clone()), "record 21 is not there"),
        ("the journal", &|data| remove(data.join("journal")), "without its journal"),
        (
            "what is in the journal",
            &|data| {
                remove(data.join("journal"));
                fs::create_dir(data.join("journal")).unwrap();
            },
            "without its journal",
        ),
        ("the snapshots", &|data| remove(data.join("snapshot")), "no snapshot that says which cards"),
        (
            "journal and snapshots",
            &|data| {
                remove(data.join("journal"));
                remove(data.join("snapshot"));
            },
            "without its journal",
        ),
        (
            "all but the settings it has seen",
            &|data| {
                for part in ["journal", "snapshot", "high-water", "keys"] {
                    remove(data.join(part));
                }
            },
            "without its journal",
        ),
        (
            "all but a volume's own folder",
            &|data| {
                remove(data.to_owned());
                fs::create_dir_all(data.join("lost+found")).unwrap();
            },
            "no data folder",
        ),
        (
            "the folder itself: a file",
            &|data| {
                remove(data.to_owned());
                fs::write(data, "").unwrap();
            },
            "a file, where a folder belongs",
        ),
        (
            "the folder of the journal: a link to nothing",
            &|data| {
                remove(data.join("journal"));
                std::os::unix::fs::symlink("nowhere", data.join("journal")).unwrap();
            },
            "data/journal: a link to a folder that is not there",
        ),
        ("everything", &|data| remove(data.to_owned()), "no data folder"),
        (
            "a pipe in place of the key",
            &|data| in_place_of(&data.join("keys/data.key"), "mkfifo"),
            "neither a file nor a folder",
        ),
        (
            "a pipe in place of high-water",
            &|data| in_place_of(&data.join("high-water"), "mkfifo"),
            "neither a file nor a folder",
        ),
        (
            "a pipe in place of the last segment",
            &|data| in_place_of(&segments(data).pop().unwrap(), "mkfifo"),
            "neither a file nor a folder",
        ),
        (
            "gigabytes in place of the clock",
            &|data| in_place_of(&data.join("clock.json"), "truncate -s 4G"),
            "where a line belongs",
        ),
    ];
    let data = place.path().join("data");
    for (what, lose, words) in losses {
        let _ = fs::remove_dir_all(&data).or_else(|_| fs::remove_file(&data));
        copy(&whole, &data);
        lose(&data);
        let before = everything(&data);
        // Neither a switch nor an import makes up for what is missing, whatever they are asked to make.
        let flags: &[&[&str]] =
            if words == "no data folder" { &[&[]] } else { &[&[], &["--init"], &["--demo"]] };
        for flags in flags {
            let said = refused(place.path(), flags);
            assert!(said.contains(words), "without {what}: {said}");
        }
        let verified = run(place.path(), &["journal", "verify", "--data", "data"]);
        if what == "the last segment" {
            assert!(!verified.status.success() && stderr(&verified).contains(words), "{}", stdout(&verified));
        }
        let checked = run(place.path(), &["serve", "--check", "--data", "data"]);
        assert_eq!(checked.status.code(), Some(2), "without {what}: {}", stdout(&checked));
        // The lock's file says who tried last.
        let unlocked = |mut found: Vec<(PathBuf, u32, u32)>| {
            found.retain(|(path, ..)| !path.ends_with("journal/lock"));
            found
        };
        assert_eq!(unlocked(everything(&data)), unlocked(before), "without {what}");
    }
}

#[test]
fn a_file_where_a_folder_belongs_is_refused_by_its_name() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    assert!(Switch::start(&data, &[]).terminate().0.success());
    for folder in ["journal", "keys", "snapshot", "snapshot/origins", "versions", "hlog"] {
        let (folder, aside) = (data.join(folder), place.path().join("aside"));
        // That of the histograms may not be there yet.
        fs::create_dir_all(&folder).unwrap();
        fs::rename(&folder, &aside).unwrap();
        fs::write(&folder, "").unwrap();
        let said = refused(place.path(), &[]);
        let shown = folder.strip_prefix(place.path()).unwrap().display();
        assert!(said.contains(&format!("{shown}: a file, where a folder belongs")), "{said}");
        fs::remove_file(&folder).unwrap();
        fs::rename(&aside, &folder).unwrap();
    }
    assert!(Switch::start(&data, &[]).terminate().0.success());
}

#[test]
fn an_old_copy_of_the_journal_is_noticed_and_a_lost_second_place_is_written_anew() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let set = ["journal.segment_mib=1", "snapshot.every_records=0"];
    let switch = Switch::start(&data, &set);
    purchases(&switch, 0..20);
    assert!(switch.terminate().0.success());
    let old = place.path().join("old");
    copy(&data.join("journal"), &old);
    let switch = Switch::start(&data, &set);
    purchases(&switch, 20..40);
    assert!(switch.terminate().0.success());
    // The snapshot of the end is lost as well: nothing but the second place knows of record 40.
    let newest = fs::read_dir(data.join("snapshot")).unwrap().map(|entry| entry.unwrap().path());
    let newest = newest.filter(|path| path.extension().is_some_and(|kind| kind == "snap")).max().unwrap();
    fs::remove_file(newest).unwrap();
    let whole = place.path().join("whole");
    fs::rename(data.join("journal"), &whole).unwrap();
    copy(&old, &data.join("journal"));
    let said = refused(place.path(), &[]);
    let words = "record 40 was on the disk, but the journal ends with 20";
    assert!(said.contains(words), "{said}");
    let verified = run(place.path(), &["journal", "verify", "--data", "data"]);
    assert!(!verified.status.success() && stderr(&verified).contains(words), "{}", stdout(&verified));
    fs::remove_dir_all(data.join("journal")).unwrap();
    fs::rename(&whole, data.join("journal")).unwrap();
    for damage in
        [&|path: &Path| fs::remove_file(path).unwrap(), &|path: &Path| fs::write(path, "segm").unwrap()]
            as [&dyn Fn(&Path); 2]
    {
        damage(&data.join("high-water"));
        let switch = Switch::start(&data, &set);
        assert!(switch.log_text().contains("noted anew"), "{}", switch.log_text());
        assert!(switch.terminate().0.success());
        assert!(fs::read_to_string(data.join("high-water")).unwrap().starts_with("segment 1 record 40 "));
        fs::remove_file(data.with_extension("log")).unwrap();
    }
}

#[test]
fn parts_of_another_folder_are_not_taken_for_its_own() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let set = ["snapshot.every_records=0"];
    let serve = |data: &Path, stans: std::ops::Range<u32>| {
        let switch = Switch::start(data, &set);
        purchases(&switch, stans);
        assert!(switch.terminate().0.success());
    };
    // One folder and two copies of it that went other ways, one of them further; and one that has nothing to do with it.
    serve(&at("own"), 0..20);
    copy(&at("own"), &at("clone"));
    copy(&at("own"), &at("longer"));
    serve(&at("own"), 20..40);
    serve(&at("clone"), 120..140);
    serve(&at("longer"), 120..150);
    serve(&at("other"), 0..50);
    let data = at("data");
    let taken = |parts: &[&str], from: &str| {
        for part in parts {
            let _ = fs::remove_dir_all(data.join(part)).or_else(|_| fs::remove_file(data.join(part)));
            copy(&at(from).join(part), &data.join(part));
        }
    };
    let cases: [Loss<'_>; 5] = [
        ("snapshots", &|_| taken(&["snapshot"], "clone"), "the snapshot is of another journal"),
        ("journal", &|_| taken(&["journal"], "longer"), "the snapshot is of another journal"),
        ("journal of another key", &|_| taken(&["journal"], "other"), "the snapshot is of another journal"),
        (
            "journal and high-water",
            &|_| taken(&["journal", "high-water", "clock.json"], "other"),
            "the snapshot is of another journal",
        ),
        (
            "journal, where the last snapshot from before they parted is lost",
            &|data| {
                fs::remove_file(data.join(format!("snapshot/{:020}.snap", 40))).unwrap();
                taken(&["journal"], "longer");
            },
            "high-water is of another journal",
        ),
    ];
    for (what, take, words) in cases {
        let _ = fs::remove_dir_all(&data);
        copy(&at("own"), &data);
        take(&data);
        let before = everything(&data.join("journal")).len();
        let said = refused(place.path(), &[]);
        assert!(said.contains(words) && said.contains("nothing was changed"), "{what}: {said}");
        let checked = run(place.path(), &["serve", "--check", "--data", "data"]);
        assert_eq!(checked.status.code(), Some(2), "{what}: {}", stdout(&checked));
        assert_eq!(everything(&data.join("journal")).len(), before, "{what}");
    }
    // What belongs together is served.
    for name in ["own", "clone", "longer", "other"] {
        serve(&at(name), 200..201);
    }
}

#[test]
fn a_start_says_that_what_is_remembered_was_told_apart_by_other_fields() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let said = |key: &str| {
        let key = format!("links.acquirer-ascii.duplicate_key={key}");
        let switch = Switch::start(&data, &["snapshot.every_records=0", &key]);
        purchases(&switch, 0..1);
        let said = switch.log_text();
        assert!(switch.terminate().0.success());
        fs::remove_file(data.with_extension("log")).unwrap();
        said.lines().find(|line| line.contains("told apart by")).map(str::to_owned)
    };
    assert_eq!(said("[2, 7, 11, 32]"), None);
    let warned = said("[2, 11, 41]").unwrap();
    assert!(warned.contains("network acquirer-ascii") && warned.contains("[2, 7, 11, 32]"), "{warned}");
    // Said once: records are by the new key since. And not of an order.
    assert_eq!([said("[2, 11, 41]"), said("[41, 11, 2]")], [None, None]);
    assert!(said("[2, 7, 11, 32]").unwrap().contains("[2, 11, 41]"));
}

#[test]
fn two_processes_are_kept_apart_by_what_they_write() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("real");
    let switch = Switch::start(&data, &[]);
    purchases(&switch, 0..5);
    // No file in the folder is what keeps the second out, and no other path leads around it.
    fs::remove_file(data.join("journal/lock")).unwrap();
    let other = place.path().join("data");
    let ways: [(&str, &dyn Fn()); 4] = [
        ("by a link to the folder", &|| std::os::unix::fs::symlink(&data, &other).unwrap()),
        ("with a new journal folder in the old one's place", &|| {
            fs::rename(data.join("journal"), place.path().join("aside")).unwrap();
            copy(&place.path().join("aside"), &data.join("journal"));
            std::os::unix::fs::symlink(&data, &other).unwrap();
        }),
        ("by a folder of links to its parts", &|| {
            fs::remove_dir_all(data.join("journal")).unwrap();
            fs::rename(place.path().join("aside"), data.join("journal")).unwrap();
            fs::create_dir(&other).unwrap();
            for part in ["journal", "snapshot", "keys", "versions"] {
                std::os::unix::fs::symlink(data.join(part), other.join(part)).unwrap();
            }
        }),
        ("by a copy that shares its segments", &|| {
            let linked = Command::new("cp").arg("-al").args([&data, &other]).status().unwrap();
            assert!(linked.success());
        }),
    ];
    for (way, make) in ways {
        let _ = fs::remove_file(&other).or_else(|_| fs::remove_dir_all(&other));
        make();
        let said = refused(place.path(), &[]);
        assert!(said.contains("in use by another process"), "{way}: {said}");
        purchases(&switch, 0..5);
    }
    assert!(switch.terminate().0.success());
}

#[test]
fn a_data_folder_is_its_owners_alone() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let loose = |data: &Path| -> Vec<PathBuf> {
        let found = everything(data).into_iter().filter(|(_, mode, _)| mode & 0o077 != 0);
        let own = (fs::metadata(data).unwrap().mode() & 0o077 != 0).then(|| data.to_owned());
        found.map(|(path, ..)| path).chain(own).collect()
    };
    let start = || {
        Switch::start_with(&data, &["telemetry.hlog_interval_s=1", "journal.segment_mib=1"], |command| {
            let mut loose = Command::new("sh");
            loose
                .args(["-c", "umask 000; exec \"$0\" \"$@\""])
                .arg(command.get_program())
                .args(command.get_args());
            loose.current_dir(command.get_current_dir().unwrap());
            *command = loose;
        })
    };
    let switch = start();
    purchases(&switch, 0..20);
    assert!(switch.terminate().0.success());
    assert!(data.join("hlog").is_dir() && data.join("versions").is_dir());
    assert_eq!(loose(&data), [] as [PathBuf; 0]);
    let import =
        "umask 000; \"$0\" cards import --example > cards.csv && \"$0\" cards import cards.csv --data data";
    let imported =
        Command::new("sh").args(["-c", import]).arg(binary()).current_dir(place.path()).output().unwrap();
    assert!(imported.status.success(), "{}", stderr(&imported));
    assert_eq!(loose(&data), [] as [PathBuf; 0]);
    // What another program made looser is tightened, and said; a key that others could read is an error.
    for (path, mode) in [("", 0o755), ("journal", 0o777), ("versions", 0o755), ("high-water", 0o644)] {
        fs::set_permissions(data.join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    let switch = start();
    assert!(switch.log_text().contains("others had rights in the data folder"), "{}", switch.log_text());
    assert!(switch.terminate().0.success());
    assert_eq!(loose(&data), [] as [PathBuf; 0]);
    fs::set_permissions(data.join("keys/data.key"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(refused(place.path(), &[]).contains("chmod 600"));
}

#[test]
fn an_import_says_that_it_made_the_folder() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("cards.csv"), printed(place.path(), &["cards", "import", "--example"]))
        .unwrap();
    let import = ["cards", "import", "cards.csv", "--data", "data"];
    let first = run(place.path(), &import);
    assert!(first.status.success(), "{}", stderr(&first));
    assert!(stderr(&first).contains("made the data folder data: there was none"), "{}", stderr(&first));
    let again = run(place.path(), &import);
    assert!(again.status.success() && !stderr(&again).contains("made the data folder"), "{}", stderr(&again));
}

#[test]
fn a_journal_that_is_taken_away_while_it_is_written_is_told_at_once_until_it_is_back() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let switch = Switch::start(&data, &["journal.segment_mib=1"]);
    assert!(data.join("high-water").exists(), "noted before anything is acknowledged");
    purchases(&switch, 0..5);
    assert_eq!(switch.get("/readyz").0, 200);
    let ready = |wanted: u16| {
        crate::harness::wait_for("readiness to change", || {
            Some(switch.get("/readyz")).filter(|(status, _)| *status == wanted).map(|(_, words)| words)
        })
    };
    let told = |words: &str| switch.log_text().matches(words).count();
    let (gone, back) = ("is gone from the folder", "is back in the folder, with what was stored meanwhile");
    let (journal, aside) = (data.join("journal"), place.path().join("aside"));
    let newest = segments(&data).pop().unwrap();
    // The folder, and the file alone.
    for (nth, taken) in [(1, &journal), (2, &newest)] {
        fs::rename(taken, &aside).unwrap();
        assert!(ready(503).contains("is gone from the data folder"));
        purchases(&switch, 1_000 * nth..1_000 * nth + 5);
        assert_eq!((told(gone), told(back)), (nth as usize, nth as usize - 1));
        fs::rename(&aside, taken).unwrap();
        ready(200);
        assert_eq!((told(gone), told(back)), (nth as usize, nth as usize));
    }
    // A copy is not what is written to; nor does a segment that is begun behind it make up for it.
    fs::rename(&newest, &aside).unwrap();
    fs::copy(&aside, &newest).unwrap();
    ready(503);
    let mut stan = 10_000;
    while segments(&data).len() < 2 {
        purchases(&switch, stan..stan + 500);
        stan += 500;
    }
    // Longer than one look.
    switch.let_pass(std::time::Duration::from_secs(2));
    ready(503);
    assert_eq!((told(gone), told(back)), (3, 2));
    fs::rename(&aside, &newest).unwrap();
    ready(200);
    assert_eq!((told(gone), told(back)), (3, 3));
}
