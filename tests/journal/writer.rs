//! A process of its own that appends known records and says which are durable: the test program, started again.
#![allow(dead_code, clippy::unwrap_used)]

use crate::rows::{read, row, rows, small};
use authswitch::journal::{AppendError, Journal, OnFull, Options, Seq};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const FOLDER: &str = "JOURNAL_WRITER_FOLDER";
const LAST: &str = "JOURNAL_WRITER_LAST";
const STOP_ON_FULL: &str = "JOURNAL_WRITER_STOP_ON_FULL";

/// How long to wait for a process that should have spoken or ended by now.
const PATIENCE: Duration = Duration::from_secs(120);

/// The command that writes to `dir` until record `last` is durable. The test program must have a test named `writer`
/// that calls [`run`].
pub fn command(dir: &Path, last: Seq) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["writer", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, dir)
        .env(LAST, last.to_string());
    command
}

/// Lets the writer end the process when the disk is full.
pub fn stop_on_full(command: &mut Command) {
    command.env(STOP_ON_FULL, "1");
}

/// The process's part. Prints `found N` for what was there, `durable N` for what came to it, `busy`,
/// `full`, `exposed`, and at its end `closed N`.
pub fn run() {
    let dir = std::env::var_os(FOLDER).expect("started by `command`");
    let last: Seq = std::env::var(LAST).unwrap().parse().unwrap();
    let on_full = if std::env::var_os(STOP_ON_FULL).is_some() { OnFull::Stop } else { OnFull::Decline };
    let (found, tail) = read(Path::new(&dir), 1);
    assert_eq!(found, rows(1, tail.last));
    let mut said = tail.last;
    say(&format!("found {said}"));
    let options = Options { on_full, exposure_max_age: Duration::from_millis(100), ..small() };
    let journal = Journal::open(Path::new(&dir), tail, options).unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(1)
    });
    let mut state = "";
    while journal.durable() < last {
        let new = append_some(&journal, last);
        if new != state && !new.is_empty() {
            say(new);
        }
        state = new;
        if journal.durable() > said {
            said = journal.durable();
            say(&format!("durable {said}"));
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    say(&format!("closed {}", journal.close().unwrap()));
}

fn append_some(journal: &Journal, last: Seq) -> &'static str {
    for _ in 0..40 {
        if journal.appended() == last {
            break;
        }
        let (_, kind, time_us, body) = row(journal.appended() + 1);
        match journal.append(kind, &body, time_us) {
            Ok(_) => {}
            Err(AppendError::Full) => return "full",
            Err(AppendError::Busy) => return if journal.exposed() { "exposed" } else { "busy" },
            Err(e) => panic!("{e}"),
        }
    }
    if journal.exposed() { "exposed" } else { "" }
}

fn say(line: &str) {
    // One write a line: what a killed process said is whole.
    std::io::stdout().lock().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The test's side of a running writer.
pub struct Writer {
    pub process: Child,
    lines: Receiver<String>,
    stderr: ChildStderr,
    /// The last record it called durable.
    pub durable: Seq,
    /// All it said, without `durable`.
    pub said: Vec<String>,
}

impl Writer {
    pub fn start(mut command: Command) -> Writer {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).env("RUST_BACKTRACE", "0");
        let mut process = command.spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let stderr = process.stderr.take().unwrap();
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                if tell.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Writer { process, lines, stderr, durable: 0, said: Vec::new() }
    }

    /// Reads until a line satisfies `enough` or the process has closed its output: whether one did.
    pub fn read_until(&mut self, enough: impl Fn(&str) -> bool) -> bool {
        let begin = Instant::now();
        loop {
            let left = PATIENCE.checked_sub(begin.elapsed()).expect("the writer is stuck");
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(durable) = line.strip_prefix("durable ") {
                        self.durable = durable.parse().unwrap();
                    } else {
                        self.said.push(line.clone());
                    }
                    if enough(&line) {
                        return true;
                    }
                }
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Waits for its end: how it ended, and what it wrote to standard error.
    pub fn end(&mut self) -> (ExitStatus, String) {
        self.read_until(|_| false);
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
        (self.process.wait().unwrap(), stderr)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A test that failed leaves no process behind.
        let _ = self.process.kill().and_then(|()| self.process.wait().map(drop));
    }
}

/// All that was called durable is there, nothing else than a prefix of what was appended is, and one can go on.
pub fn check_recovery(dir: &Path, durable: Seq) -> Seq {
    let (found, tail) = read(dir, 1);
    assert_eq!(found, rows(1, tail.last));
    assert!(tail.last >= durable, "record {durable} was durable, the journal ends at {}", tail.last);
    tail.last
}
