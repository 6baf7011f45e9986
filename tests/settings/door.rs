//! Who may connect to a link, and under which names the operators' pages may be asked, as the settings say it.

use super::read;

#[test]
fn the_lines_of_a_network_tell_transactions_apart_by_the_same_fields() {
    let link = |name: &str, network: &str, key: &str| {
        format!(
            "[links.{name}]\nlisten = \"127.0.0.1:0\"\ndialect = \"iso87-ascii\"\nnetwork = \"{network}\"\nduplicate_key = {key}\n"
        )
    };
    let two = |one: &str, other: &str, key: &str| {
        read(&(link("one", one, "[2, 7, 11, 32]") + &link("two", other, key)), &[])
    };
    for (one, other) in [("net", "net"), ("", "one"), ("two", "")] {
        let error = two(one, other, "[2, 11, 41]").unwrap_err().to_string();
        let place = "site.toml:10:17: links.two.duplicate_key: not the same fields as [2, 7, 11, 32] of links.one.duplicate_key";
        assert!(error.starts_with(place) && error.contains("count twice"), "{error}");
        // In whatever order they are named.
        assert!(two(one, other, "[32, 11, 7, 2]").is_ok());
    }
    for (one, other) in [("", ""), ("net", ""), ("net", "other"), ("two", "one")] {
        assert!(two(one, other, "[2, 11, 41]").is_ok(), "{one} {other}");
    }
}

#[test]
fn a_link_that_strangers_can_reach_says_who_may_send_money() {
    let link = |listen: &str, more: &str| {
        format!("[links.one]\nlisten = \"{listen}\"\ndialect = \"iso87-ascii\"\n{more}\n")
    };
    for listen in
        ["0.0.0.0:7001", "[::]:7001", "192.0.2.1:7001", "[2001:db8::1]:7001", "[::ffff:192.0.2.1]:7001"]
    {
        let error = read(&link(listen, ""), &[]).unwrap_err().to_string();
        let place = format!("site.toml:2:10: links.one.listen: {listen} can be reached from other machines");
        assert!(error.starts_with(&place) && error.contains("`allow`"), "{error}");
        assert!(error.contains("require_sign_on = true"), "{error}");
        for more in [
            "require_sign_on = true",
            "allow = [\"192.0.2.0/24\"]",
            "allow = [\"2001:db8::/32\", \"192.0.2.7\"]",
            "allow = [\"0.0.0.0/0\"]",
        ] {
            assert!(read(&link(listen, more), &[]).is_ok(), "{listen} {more}");
        }
    }
    for listen in ["127.0.0.1:7001", "127.9.9.9:7001", "[::1]:7001", "[::ffff:127.0.0.1]:7001"] {
        assert!(read(&link(listen, ""), &[]).is_ok(), "{listen}");
    }
    // The permission of one link is not another's.
    let two = link("127.0.0.1:7001", "allow = [\"0.0.0.0/0\"]").replace("links.one", "links.acquirer-ascii");
    assert!(read(&format!("{two}{}", link("0.0.0.0:7002", "")), &[]).is_err());
    let row = |range: &str, reason: &str| {
        let error =
            read(&link("127.0.0.1:7001", &format!("allow = [\"{range}\"]")), &[]).unwrap_err().to_string();
        assert!(error.starts_with("site.toml:4:") && error.contains("links.one.allow: "), "{error}");
        assert!(error.contains(reason), "{error}");
    };
    for range in [
        "",
        "10.0.0.0/33",
        "10.0.0/8",
        "10.0.0.0/",
        "example.net",
        "10.0.0.1:8583",
        "[::1]",
        "2001:db8::/129",
    ] {
        row(range, "is not a range of addresses");
    }
    row("10.1.2.3/8", "address bits behind its prefix: \"10.0.0.0/8\", or \"10.1.2.3\" alone?");
    row("2001:db8::1/32", "\"2001:db8::/32\"");
    row("10.0.0.0/8\", \"10.0.0.0/8", "10.0.0.0/8 stands here twice");
    // What a range is called is what it is read as.
    let settings =
        read(&link("127.0.0.1:7001", "allow = [\"192.0.2.7/32\", \"::ffff:10.0.0.0/104\"]"), &[]).unwrap();
    let allow: Vec<String> = settings.links["one"].allow.iter().map(ToString::to_string).collect();
    assert_eq!(allow, ["192.0.2.7", "10.0.0.0/8"]);
}

#[test]
fn the_names_of_the_admin_server_are_names() {
    for host in ["https://switch", "switch:9583", "Switch", "", "a b"] {
        let error = read(&format!("[admin]\nhosts = [\"switch.internal\", \"{host}\"]\n"), &[])
            .unwrap_err()
            .to_string();
        let place = format!("site.toml:2:29: admin.hosts: {host:?} is not the name of a host");
        assert!(error.starts_with(&place), "{error}");
    }
    let settings = read("[admin]\nhosts = [\"switch.internal\", \"x_1\"]\n", &[]).unwrap();
    assert_eq!(settings.admin.hosts, ["switch.internal", "x_1"]);
}
