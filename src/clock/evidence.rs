//! What is kept in the data folder of the time that was believed, so that the next start can tell a wrong wall clock.
//! One small file, replaced as a whole.

use super::guard::Reading;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Its file.
const FILE: &str = "clock.json";
const UNFINISHED: &str = "clock.tmp";

/// The time that was believed, and of which boot of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// As [`boot_id`]; empty where the system gives none.
    pub boot: String,
    /// Where the wall clock was believed to be right, by start or by word.
    pub anchor_wall_us: i64,
    /// The boot clock then.
    pub anchor_boot_us: i64,
    /// The time when this was written.
    pub time_us: i64,
    /// The boot clock then.
    pub boot_us: i64,
    /// The journal's last record by then.
    pub sequence: u64,
}

/// As the file has it: a digit that was changed would give holds back.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    evidence: Evidence,
    crc32c: String,
}

impl Kept {
    fn of(evidence: &Evidence) -> Result<Kept, serde_json::Error> {
        let crc = crc32c::crc32c(&serde_json::to_vec(evidence)?);
        Ok(Kept { evidence: evidence.clone(), crc32c: format!("{crc:08x}") })
    }

    fn checked(self) -> Result<Evidence, String> {
        let right = Kept::of(&self.evidence).is_ok_and(|kept| kept.crc32c == self.crc32c);
        if right { Ok(self.evidence) } else { Err("its checksum is wrong: it was changed".into()) }
    }
}

impl Evidence {
    /// Where the wall clock was believed to be right.
    pub fn anchor(&self) -> Reading {
        Reading { wall_us: self.anchor_wall_us, boot_us: self.anchor_boot_us }
    }

    /// What the data folder has; `None` where there is no such file yet.
    ///
    /// # Errors
    /// It is there and cannot be read; in words.
    pub fn read(data: &Path) -> Result<Option<Evidence>, String> {
        let path = data.join(FILE);
        let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        match fs::read(&path) {
            Ok(text) => {
                let kept: Kept = serde_json::from_slice(&text).map_err(|error| fail(&error))?;
                kept.checked().map(Some).map_err(|error| fail(&error))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fail(&error)),
        }
    }

    /// Puts it into the data folder, in place of what is there.
    ///
    /// # Errors
    /// What the disk says; what was there stays then.
    pub fn write(&self, data: &Path) -> std::io::Result<()> {
        let unfinished = data.join(UNFINISHED);
        let text = serde_json::to_vec(&Kept::of(self)?)?;
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        let written = file.write_all(&text).and_then(|()| file.sync_all());
        if let Err(error) = written.and_then(|()| fs::rename(&unfinished, data.join(FILE))) {
            // What a full disk left of it is in nobody's way.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        File::open(data)?.sync_all()
    }
}

/// Which boot of which machine this is: the kernel's boot id, and how far the boot clock is shifted for this process (a
/// container may have a time of its own). Empty where the system does not say.
pub fn boot_id() -> String {
    let Ok(id) = fs::read_to_string("/proc/sys/kernel/random/boot_id") else { return String::new() };
    let shifts = fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default();
    format!("{}{}", id.trim(), shift_of(&shifts))
}

/// Empty where the boot clock is the machine's.
fn shift_of(shifts: &str) -> String {
    let line = shifts.lines().find_map(|line| line.strip_prefix("boottime"));
    let numbers: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    if numbers.iter().all(|number| *number == "0") {
        String::new()
    } else {
        format!(" {}", numbers.join("."))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_was_written_or_an_error_in_words() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Evidence::read(folder.path()), Ok(None));
        let mut evidence = Evidence {
            boot: boot_id(),
            anchor_wall_us: 1,
            anchor_boot_us: 2,
            time_us: -3,
            boot_us: 4,
            sequence: 5,
        };
        for sequence in [5, u64::MAX] {
            evidence.sequence = sequence;
            evidence.write(folder.path()).unwrap();
            assert_eq!(Evidence::read(folder.path()).unwrap().as_ref(), Some(&evidence));
        }
        assert!(!folder.path().join(UNFINISHED).exists());
        let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
        for (from, to) in
            [("wall_us\":1,", "wall_us\":9,"), ("\"boot_us\":4,", "\"boot_us\":40,"), (":-3,", ":-4,")]
        {
            assert_eq!(text.matches(from).count(), 1, "{text}");
            fs::write(folder.path().join(FILE), text.replace(from, to)).unwrap();
            assert!(Evidence::read(folder.path()).unwrap_err().contains("checksum"), "{from}");
        }
        for text in ["", "{", "{}", "\0\0\0\0", "[1]"] {
            fs::write(folder.path().join(FILE), text).unwrap();
            assert!(Evidence::read(folder.path()).unwrap_err().contains(FILE), "{text}");
        }
    }

    #[test]
    fn a_boot_clock_of_its_own_is_another_boot() {
        let plain = "monotonic           0         0\nboottime            0         0\n";
        let shifted = "monotonic           0         0\nboottime       864000         7\n";
        assert_eq!([plain, shifted, ""].map(shift_of), ["", " 864000.7", ""]);
    }
}
