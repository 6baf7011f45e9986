//! Ranges and contradictions: what a type alone cannot refuse. Everything wrong is reported at once.
//! Must not know how settings are written down.

use super::layers::{Node, SETS, Value};
use super::problem::{Problem, SettingsError};
use super::{Link, Settings, reader};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
};

/// The largest amount in a limit, in minor units: fifteen digits, so that sums stay far from 2^63.
const MAX_AMOUNT: i64 = 999_999_999_999_999;
/// A link's number is one byte in samples and records, and each link has its own histograms.
const MAX_LINKS: usize = 64;
/// What may tell one transaction from every other: fields that repeats carry unchanged.
const KEY_FIELDS: [u8; 9] = [2, 7, 11, 12, 13, 32, 37, 41, 42];
/// Track data, PIN block, chip data, and the MACs, which belong to one message only: never echoed.
const NEVER_ECHOED: [u8; 8] = [35, 36, 45, 52, 53, 55, 64, 128];

/// Every whole number among the settings and what it may be; `*` stands for a name. The manual says the
/// same in words, and a test compares the two.
const RANGES: [(&str, RangeInclusive<i64>); 40] = [
    ("server.workers", 0..=256),
    ("server.drain_timeout_ms", 0..=600_000),
    ("log.lines_per_second", 1..=100_000),
    ("telemetry.hlog_interval_s", 1..=86_400),
    ("journal.segment_mib", 1..=4_096),
    ("journal.commit_interval_us", 10..=1_000_000),
    ("journal.buffer_mib", 1..=1_024),
    ("journal.exposure_max_records", 1..=100_000_000),
    ("journal.exposure_max_ms", 1..=3_600_000),
    ("snapshot.every_records", 0..=1_000_000_000_000),
    ("clock.max_step_s", 1..=3_600),
    ("clock.max_gap_hours", 1..=8_760),
    ("transactions.max", 1..=100_000_000),
    ("transactions.window_hours", 1..=8_760),
    ("counters.max", 0..=50_000_000),
    ("holds.authorization_days", 1..=365),
    ("holds.preauthorization_days", 1..=365),
    ("rules.budget_ns", 100..=10_000_000),
    ("programs.*.*.amount_per_transaction", 0..=MAX_AMOUNT),
    ("programs.*.*.amount_per_day", 0..=MAX_AMOUNT),
    ("programs.*.*.amount_per_month", 0..=MAX_AMOUNT),
    ("programs.*.*.count_per_day", 0..=1_000_000),
    ("programs.*.*.count_per_month", 0..=1_000_000),
    ("programs.*.*.cash_amount_per_transaction", 0..=MAX_AMOUNT),
    ("programs.*.*.cash_amount_per_day", 0..=MAX_AMOUNT),
    ("programs.*.*.cash_count_per_day", 0..=1_000_000),
    ("links.*.max_frame_bytes", 1..=65_535),
    ("links.*.receive_buffer_kib", 16..=65_536),
    ("links.*.budget_ms", 1..=60_000),
    ("links.*.stand_in_ms", 0..=60_000),
    ("links.*.max_connections", 1..=65_535),
    ("links.*.max_connections_per_address", 0..=65_535),
    ("links.*.max_in_flight", 1..=1_000_000),
    ("links.*.idle_timeout_s", 1..=86_400),
    ("links.*.frame_timeout_ms", 1..=600_000),
    ("links.*.write_timeout_ms", 1..=600_000),
    ("links.*.max_refused_per_s", 0..=1_000_000),
    ("links.*.duplicate_key", 2..=128),
    ("links.*.echo.*", 2..=127),
    ("links.*.mandatory.*", 2..=192),
];

const NAME: &str = "a name must be 1 to 32 of the characters a-z, 0-9 and hyphen";

fn is_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(legal)
}

/// The endings of keys, and what they count.
const UNITS: [(&str, &str); 9] = [
    ("_ns", " nanoseconds"),
    ("_us", " microseconds"),
    ("_ms", " milliseconds"),
    ("_s", " seconds"),
    ("_hours", " hours"),
    ("_days", " days"),
    ("_kib", " kibibytes"),
    ("_mib", " mebibytes"),
    ("_bytes", " bytes"),
];

/// The tree as settings, or everything that is wrong with it.
pub(super) fn settings(tree: &Node) -> Result<Settings, SettingsError> {
    let mut problems = Vec::new();
    ranges(tree, &mut Vec::new(), &mut problems);
    let settings: Option<Settings> = match reader::read(tree) {
        Ok(settings) => Some(settings),
        Err(problem) => {
            if !problems.iter().any(|other| problem.same_place(other)) {
                problems.push(*problem);
            }
            None
        }
    };
    let Some(settings) = settings.filter(|_| problems.is_empty()) else { return Err(problems.into()) };
    let mut check = Check { tree, problems };
    check.names(&settings);
    check.networks(&settings);
    check.listeners(&settings);
    for (name, link) in &settings.links {
        check.link(name, link);
    }
    for (name, program) in &settings.programs {
        let at = |key| ["programs", name.as_str(), key];
        check.lists(&at("mcc_allow"), &program.mcc_allow, &at("mcc_deny"), &program.mcc_deny);
        check.lists(&at("country_allow"), &program.country_allow, &at("country_deny"), &program.country_deny);
    }
    if check.problems.is_empty() { Ok(settings) } else { Err(check.problems.into()) }
}

/// Checks every number for which there is a range. Unknown keys and other types are the reader's.
fn ranges<'a>(node: &'a Node, path: &mut Vec<&'a str>, problems: &mut Vec<Problem>) {
    if let Some(table) = node.table() {
        for (key, child) in table {
            path.push(key);
            ranges(child, path, problems);
            path.pop();
        }
        return;
    }
    let Some((_, range)) = RANGES.iter().find(|(pattern, _)| matches(pattern, path)) else { return };
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    for item in items {
        let found = match &item.value {
            Value::Integer(number) if range.contains(number) => continue,
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => format!("the text {text:?}"),
            Value::Flag(flag) => flag.to_string(),
            Value::List(_) => "a list".into(),
            Value::Table(_) => "a table".into(),
            Value::Foreign(name) => (*name).into(),
        };
        let key = path.last().copied().unwrap_or_default();
        let unit = UNITS.iter().find(|(ending, _)| key.ends_with(ending)).map_or("", |(_, unit)| unit);
        let reason = format!("must be {} to {}{unit}, not {found}", range.start(), range.end());
        problems.push(item.origin.at_value(path.join("."), reason));
    }
}

fn matches(pattern: &str, path: &[&str]) -> bool {
    let mut parts = pattern.split('.');
    path.iter().all(|key| parts.next().is_some_and(|part| part == "*" || part == *key))
        && parts.next().is_none()
}

struct Check<'a> {
    tree: &'a Node,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn refuse_key(&mut self, path: &[&str], reason: String) {
        self.problems.push(self.tree.nearest(path).origin.at_key(path.join("."), reason));
    }

    fn refuse_value(&mut self, path: &[&str], reason: String) {
        self.problems.push(self.tree.nearest(path).origin.at_value(path.join("."), reason));
    }

    /// Points at the list's item, not at the whole list.
    fn refuse_item(&mut self, path: &[&str], index: usize, reason: String) {
        let list = self.tree.nearest(path);
        let origin = match &list.value {
            Value::List(items) => items.get(index).map_or(&list.origin, |item| &item.origin),
            _ => &list.origin,
        };
        self.problems.push(origin.at_value(path.join("."), reason));
    }

    /// Names of links and programs: they become metric labels, and columns of files.
    fn names(&mut self, settings: &Settings) {
        let sets: [Vec<&String>; 2] = [settings.links.keys().collect(), settings.programs.keys().collect()];
        for (set, names) in SETS.into_iter().zip(sets) {
            for name in names {
                if !is_name(name) {
                    self.refuse_key(&[set, name], NAME.to_owned());
                }
            }
        }
        for (name, link) in settings.links.iter().filter(|(_, link)| !link.network.is_empty()) {
            if !is_name(&link.network) {
                self.refuse_value(&["links", name, "network"], NAME.to_owned());
            }
        }
        match settings.links.len() {
            0 => self.refuse_value(&["links"], "there must be at least one link".to_owned()),
            count if count > MAX_LINKS => {
                self.refuse_key(&["links"], format!("at most {MAX_LINKS} links, not {count}"));
            }
            _ => {}
        }
    }

    /// The lines of a network tell its transactions apart by the same fields: else what is sent again by another counts twice.
    fn networks(&mut self, settings: &Settings) {
        let mut keys: BTreeMap<&str, (&str, Vec<u8>)> = BTreeMap::new();
        for (name, link) in &settings.links {
            let key = link.key_fields();
            let (first, known) = keys.entry(link.network_name(name)).or_insert_with(|| (name, key.clone()));
            if *known != key {
                let reason = format!(
                    "not the same fields as {known:?} of links.{first}.duplicate_key, which is a line of the same network: what is sent \
                     again by the other line would count twice"
                );
                self.refuse_value(&["links", name, "duplicate_key"], reason);
            }
        }
    }

    /// No two listeners on one address; port 0 is a different port each time.
    fn listeners(&mut self, settings: &Settings) {
        self.repeated(&["admin", "hosts"], &settings.admin.hosts);
        for (index, host) in settings.admin.hosts.iter().enumerate() {
            let legal =
                |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_');
            if host.is_empty() || !host.bytes().all(legal) {
                let reason =
                    format!("{host:?} is not the name of a host: a-z, 0-9, hyphens and points, no port");
                self.refuse_item(&["admin", "hosts"], index, reason);
            }
        }
        let mut taken = vec![("admin.listen".to_owned(), settings.admin.listen)];
        for (name, link) in &settings.links {
            let other = taken.iter().find(|(_, address)| collide(*address, link.listen));
            if let Some((key, address)) = other {
                let reason = format!("{} is taken: {key} is {address}", link.listen);
                self.refuse_value(&["links", name, "listen"], reason);
            }
            taken.push((format!("links.{name}.listen"), link.listen));
        }
    }

    fn link(&mut self, name: &str, link: &Link) {
        let at = |key| ["links", name, key];
        if link.dialect.trim().is_empty() {
            self.refuse_value(&at("dialect"), "must not be empty".to_owned());
        }
        self.repeated(&at("allow"), &link.allow);
        if link.is_open_to_strangers() && link.allow.is_empty() && !link.require_sign_on {
            let reason = format!(
                "{} can be reached from other machines, and nothing says who may send money here: name those who connect \
                 in `allow`, e.g. [\"192.0.2.0/24\"], or demand a sign-on (`require_sign_on = true`); allow = \
                 [\"0.0.0.0/0\", \"::/0\"] says everybody",
                link.listen
            );
            self.refuse_value(&at("listen"), reason);
        }
        for (index, de) in link.duplicate_key.iter().enumerate() {
            if !KEY_FIELDS.contains(de) {
                let allowed = KEY_FIELDS.map(|de| de.to_string()).join(", ");
                self.refuse_item(
                    &at("duplicate_key"),
                    index,
                    format!("DE {de} cannot be in a key: only {allowed} can"),
                );
            }
        }
        if !link.duplicate_key.contains(&11) {
            let reason = "must contain 11, the trace number that each transaction has anew".to_owned();
            self.refuse_value(&at("duplicate_key"), reason);
        }
        self.repeated(&at("duplicate_key"), &link.duplicate_key);
        for (answer, list) in link.echo.lists() {
            let at = ["links", name, "echo", answer];
            for (index, de) in list.iter().enumerate().filter(|(_, de)| NEVER_ECHOED.contains(de)) {
                self.refuse_item(&at, index, format!("DE {de} is never echoed"));
            }
            self.repeated(&at, list);
        }
        for (message, list) in link.mandatory.lists() {
            self.repeated(&["links", name, "mandatory", message], list);
        }
    }

    /// An allow list and a deny list: no entry twice, none in both.
    fn lists<T: Ord + Display>(&mut self, allow_at: &[&str], allow: &[T], deny_at: &[&str], deny: &[T]) {
        self.repeated(allow_at, allow);
        self.repeated(deny_at, deny);
        for (index, entry) in deny.iter().enumerate().filter(|(_, entry)| allow.contains(entry)) {
            self.refuse_item(deny_at, index, format!("{entry} is in {} too", allow_at.join(".")));
        }
    }

    fn repeated<T: Ord + Display>(&mut self, path: &[&str], list: &[T]) {
        let mut seen = BTreeSet::new();
        for (index, entry) in list.iter().enumerate() {
            if !seen.insert(entry) {
                self.refuse_item(path, index, format!("{entry} stands here twice"));
            }
        }
    }
}

/// Whether two listeners cannot both have their address: the same port, and one address covers the other.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let covers = |a: IpAddr, b: IpAddr| a == b || (a.is_unspecified() && (a.is_ipv6() || b.is_ipv4()));
    a.port() != 0 && a.port() == b.port() && (covers(a.ip(), b.ip()) || covers(b.ip(), a.ip()))
}
