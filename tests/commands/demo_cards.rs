//! Demo cards are where they were asked for, are seen, and can be taken out.

use super::{printed, run, stderr, stdout};
use crate::harness::{Purchase, Switch, binary, pan};
use std::path::Path;
use std::process::Command;

/// A busy machine may take longer than the default budget.
const LINKS: &str = "[links.bank]\nlisten = \"127.0.0.1:0\"\ndialect = \"iso87-ascii\"\nbudget_ms = 60000\n\
    [admin]\nlisten = \"127.0.0.1:0\"\n";

/// `serve` with a settings file that names only links.
fn serve(folder: &Path, flags: &[&str]) -> Result<Switch, String> {
    std::fs::write(folder.join("links.toml"), LINKS).unwrap();
    let mut command = Command::new(binary());
    command.args(["serve", "--config", "links.toml", "--data", "data"]).args(flags).current_dir(folder);
    Switch::spawn(command, &folder.join("switch.log")).map_err(|(status, log)| {
        assert_eq!(status.code(), Some(2), "{log}");
        log
    })
}

fn code(switch: &Switch, card: u32, stan: u32) -> String {
    let mut peer = switch.connect("bank");
    peer.ask("0100", &Purchase::new(&pan("411111", card), stan, 1_000).fields()).code().to_owned()
}

/// What was logged of a start, by its level.
fn warnings(switch: &Switch) -> Vec<String> {
    let log = switch.log_text();
    log.lines().filter(|line| line.contains("\"WARN\"")).map(str::to_owned).collect()
}

#[test]
fn a_folder_is_made_only_where_that_is_asked_and_with_demo_cards_only_where_those_are() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let said = serve(folder, &[]).err().unwrap();
    assert!(
        said.contains("serve --init") && said.contains("serve --demo") && said.contains("cards import"),
        "{said}"
    );
    assert!(!folder.join("data").exists(), "a folder was made");
    let switch = serve(folder, &["--init"]).unwrap();
    assert_eq!(switch.metric("authswitch_cards "), Some(0.0));
    assert_eq!(switch.metric("authswitch_accounts "), Some(0.0));
    assert_eq!(code(&switch, 1, 1), "14");
    assert!(warnings(&switch).iter().any(|line| line.contains("no cards")), "{}", switch.log_text());
    assert!(!switch.log_text().contains("demo folder"), "{}", switch.log_text());
    assert!(switch.terminate().0.success());
    // What is there is opened as it is, asked for or not, but never becomes a demo.
    for flags in [&[][..], &["--init"]] {
        let switch = serve(folder, flags).unwrap();
        assert_eq!(code(&switch, 1, 2), "14");
        assert!(switch.terminate().0.success());
    }
    assert!(serve(folder, &["--demo"]).err().unwrap().contains("has no demo cards"));
}

#[test]
fn a_demo_folder_says_so_at_each_start_and_its_cards_can_be_taken_out() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    for (start, flags) in [(1, &["--demo"][..]), (2, &[]), (3, &["--demo"])] {
        let switch = serve(folder, flags).unwrap();
        let demo = |line: &&String| line.contains("a demo folder") && line.contains("\"demo_cards\":10055");
        assert_eq!(warnings(&switch).iter().filter(demo).count(), start, "{}", switch.log_text());
        assert!(switch.get("/").1.contains("DEMO FOLDER"));
        assert_eq!(code(&switch, start as u32, start as u32), "00");
        if start == 3 {
            let refused = run(folder, &["cards", "remove", "--program", "demo", "--data", "data"]);
            assert_eq!(refused.status.code(), Some(2));
            assert!(stderr(&refused).contains("a switch runs on this data folder"), "{}", stderr(&refused));
        }
        assert!(switch.terminate().0.success());
    }
    import_one(folder);
    let removed = printed(folder, &["cards", "remove", "--program", "demo", "--data", "data", "--json"]);
    let removed: serde_json::Value = serde_json::from_str(&removed).unwrap();
    assert_eq!(
        (&removed["cards"], &removed["accounts"], &removed["open_holds"]),
        (&10_055.into(), &10_055.into(), &3.into())
    );
    let again = printed(folder, &["cards", "remove", "--program", "demo", "--data", "data"]);
    assert!(again.starts_with("removed 0 cards of demo and 0 accounts from data; 0 open holds"), "{again}");
    // Twice, since the second start reads the snapshot that the first one wrote.
    for stan in [10, 20] {
        let switch = serve(folder, &[]).unwrap();
        assert_eq!(code(&switch, 1, stan), "14");
        let mut peer = switch.connect("bank");
        let own = Purchase::new("4111130000000003", stan + 1, 100).without(14);
        assert_eq!(peer.ask("0100", &own.fields()).code(), "00");
        // What was open ends as it would have.
        if stan == 10 {
            let first = Purchase::new(&pan("411111", 1), 1, 1_000);
            let reversal = Purchase::new(&pan("411111", 1), 12, 1_000).set(90, &first.as_original("0100"));
            assert_eq!(peer.ask("0420", &reversal.fields()).code(), "00");
        }
        let open = if stan == 10 { 3.0 } else { 4.0 };
        assert_eq!(switch.metric("authswitch_transactions_open "), Some(open));
        assert_eq!(
            (switch.metric("authswitch_cards "), switch.metric("authswitch_accounts ")),
            (Some(1.0), Some(1.0))
        );
        assert!(!switch.get("/").1.contains("DEMO FOLDER"));
        assert!(switch.terminate().0.success());
    }
    // What was decided while they were there is explained by what there was.
    let explained = printed(folder, &["explain", "--record", "1", "--data", "data"]);
    assert!(explained.contains("decided again it is the same"), "{explained}");
    assert!(serve(folder, &["--demo"]).err().unwrap().contains("has no demo cards"));
}

#[test]
fn only_the_cards_of_a_program_that_there_is_are_taken_out() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let nowhere = run(folder, &["cards", "remove", "--program", "demo", "--data", "data"]);
    assert!(nowhere.status.code() == Some(2) && !folder.join("data").exists(), "{}", stderr(&nowhere));
    import_one(folder);
    let unknown = run(folder, &["cards", "remove", "--program", "gold", "--data", "data"]);
    assert!(
        unknown.status.code() == Some(2) && stderr(&unknown).contains("no program gold"),
        "{}",
        stderr(&unknown)
    );
    let none = run(folder, &["cards", "remove", "--program", "demo", "--data", "data"]);
    assert!(none.status.success() && stdout(&none).starts_with("removed 0 cards"), "{}", stdout(&none));
    let own = printed(folder, &["cards", "remove", "--program", "standard", "--data", "data"]);
    assert!(own.starts_with("removed 1 card of standard and 1 account"), "{own}");
    // The number and the account's name are free again.
    import_one(folder);
    let switch = serve(folder, &[]).unwrap();
    let fields = Purchase::new("4111130000000003", 1, 100).without(14);
    assert_eq!(switch.connect("bank").ask("0100", &fields.fields()).code(), "00");
    assert_eq!(switch.metric("authswitch_cards "), Some(1.0));
    assert!(switch.terminate().0.success());
}

/// One card of a real program, in a named account.
fn import_one(folder: &Path) {
    let rows = "pan,expiry,status,program,account,currency,available\n\
        4111130000000003,3012,active,standard,A-1,840,100000\n";
    std::fs::write(folder.join("cards.csv"), rows).unwrap();
    printed(folder, &["cards", "import", "cards.csv", "--data", "data"]);
}
