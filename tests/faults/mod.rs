//! Runs a process whose disk calls fail as a test wants; see `disk_faults.c` for what can be asked.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The shared object to name in `LD_PRELOAD`, built on the first call.
pub fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/disk_faults.c");
        let built = folder.join(format!("disk_faults.{}.so", std::process::id()));
        let shim = folder.join("disk_faults.so");
        let mut cc = Command::new("cc");
        cc.args(["-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o"]).arg(&built).arg(source);
        assert!(cc.status().unwrap().success(), "{cc:?}");
        // Other test programs may build it at the same time: each puts a whole one in place.
        std::fs::rename(&built, &shim).unwrap();
        shim
    })
}

/// Lets `command` run with these faults (the text of `DISK_FAULTS`) and logs its calls on the named paths to `log`.
pub fn inject(command: &mut Command, faults: &str, log: &Path) {
    command.env("LD_PRELOAD", shim()).env("DISK_FAULTS", faults).env("DISK_FAULTS_LOG", log);
}

/// One logged call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub name: String,
    pub path: PathBuf,
    pub offset: u64,
    pub length: u64,
    pub result: i64,
}

/// The calls logged so far.
pub fn calls(log: &Path) -> Vec<Call> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines()
        .map(|line| {
            let mut words = line.split(' ');
            let mut next = || words.next().unwrap();
            Call {
                name: next().into(),
                path: next().into(),
                offset: next().parse().unwrap(),
                length: next().parse().unwrap(),
                result: next().parse().unwrap(),
            }
        })
        .collect()
}
