//! Answers that no record tells of: each has its line, its place among the refused messages, and is explained.

use super::harness::*;
use super::told::{address, connection, line_of, refusals};
use serde_json::Value;
use std::process::Command;

const ASCII: &str = "acquirer-ascii";
const MAC: &str = "0123456789ABCDEF";

/// A message, and what is told of it: kind, field, what was expected, what was found, code.
type Case = (&'static str, Purchase, [&'static str; 5]);

/// Settings, and what is refused under them without a record.
fn cases() -> Vec<(&'static [&'static str], Vec<Case>)> {
    let purchase = |stan| Purchase::new(&pan("411111", 1), stan, 1_000);
    let (mac, none) = ("a MAC that is verified", "one that nothing here verifies");
    let came: &[&str] =
        &["verification.mac.require=when-present", "verification.mac.when_unverified=decline"];
    let absent: &[&str] = &["verification.mac.require=required", "verification.mac.when_unverified=decline"];
    let stand_in: &[&str] =
        &["verification.mac.require=when-present", "verification.mac.when_unverified=stand-in"];
    vec![
        (
            came,
            vec![
                ("0100", purchase(1).set(64, MAC), ["mac-not-verified", "DE64", mac, none, "96"]),
                ("0200", purchase(2).set(128, MAC), ["mac-not-verified", "DE128", mac, none, "96"]),
                ("0120", purchase(3).set(64, MAC), ["mac-not-verified", "DE64", mac, none, "96"]),
                (
                    "0420",
                    purchase(4).set(90, &purchase(1).as_original("0100")).set(64, MAC),
                    ["mac-not-verified", "DE64", mac, none, "96"],
                ),
            ],
        ),
        (absent, vec![("0100", purchase(5), ["mac-not-verified", "DE64", mac, "none", "96"])]),
        (stand_in, vec![("0100", purchase(6).set(64, MAC), ["mac-not-verified", "DE64", mac, none, "96"])]),
        (
            &["links.acquirer-ascii.require_sign_on=true"],
            vec![("0100", purchase(7), ["not-signed-on", "", "a sign-on first", "none", "91"])],
        ),
        (
            &[],
            vec![(
                "0220",
                purchase(8).set(49, "392"),
                ["format-error", "DE4", "an amount that can be booked", "one in a currency", "30"],
            )],
        ),
    ]
}

#[test]
fn a_refusal_that_no_record_tells_of_is_told_all_the_same() {
    for (set, cases) in cases() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let switch = Switch::start(&data, set);
        let admin = switch.addresses["admin"].to_string();
        for (mti, purchase, [kind, field, expected, found, code]) in cases {
            // Each on a connection of its own: a kind is told once a connection.
            let mut peer = switch.connect(ASCII);
            let from = address(&peer);
            assert_eq!(peer.ask(mti, &purchase.fields()).code(), code, "{mti} {set:?}");
            let refused =
                wait_for(kind, || refusals(&switch).into_iter().find(|refused| refused["peer"] == from));
            let line = line_of(&switch, "message refused", &from);
            let said = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
            for told in [&refused, &line] {
                assert_eq!((said(told, "kind"), said(told, "mti")), (kind.into(), mti.into()), "{told}");
                assert_eq!((said(told, "field"), said(told, "code")), (field.into(), code.into()), "{told}");
                assert_eq!(said(told, "expected"), expected, "{told}");
                assert!(said(told, "found").starts_with(found), "{told}");
                assert!(!told.to_string().contains(MAC), "{told}");
            }
            let noted = |open: &Value| open["last_refusal"]["kind"] == kind;
            wait_for("the connection's", || connection(&switch, &from).filter(noted));
            let mut explain = Command::new(binary());
            explain
                .args(["explain", "--admin", &admin, "--rrn", &said(&refused, "rrn"), "--data"])
                .arg(&data);
            let is_told = |page: String| page.contains(kind) && !page.contains("Since the start nothing was");
            wait_for("the page", || is_told(switch.get("/").1).then_some(()));
            let explained = explain.current_dir(folder.path()).output().unwrap();
            let text = String::from_utf8(explained.stdout).unwrap();
            assert!(explained.status.success() && text.contains(kind) && text.contains(field), "{text}");
        }
    }
}
