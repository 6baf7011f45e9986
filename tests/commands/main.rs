//! The commands as a user meets them: pipes that close, journals that are being written, data folders and settings.
#![allow(clippy::unwrap_used)]

#[path = "../harness/mod.rs"]
mod harness;

mod beside;
mod data_folder;
mod demo_cards;
mod dump;
mod pipes;
mod settings;

use harness::{Purchase, Switch, binary, pan};
use std::path::Path;
use std::process::{Command, Output};

/// Runs the program to its end, in a folder where no file of the working directory matters.
fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(binary()).args(args).current_dir(folder).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a run prints, which must end well.
fn printed(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    assert!(output.status.success(), "{args:?}: {}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

/// A folder whose journal has one purchase for each of these: link, demo card, STAN, amount in cents; then a clean stop.
fn journal_of(data: &Path, purchases: &[(&str, u32, u32, u64)], set: &[&str]) {
    let switch = Switch::start(data, set);
    for (link, card, stan, amount) in purchases {
        switch.connect(link).ask("0100", &Purchase::new(&pan("411111", *card), *stan, *amount).fields());
    }
    assert!(switch.terminate().0.success());
}
