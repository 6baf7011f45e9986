//! The admin server over real sockets: what each page answers, and what a bad client cannot do.
#![allow(clippy::unwrap_used)]

mod connections;
mod hosts;

use authswitch::admin::{
    Connection, Exposure, Facts, Journal, Limits, Link, Readiness, Refusals, Server, State, Status, Suspicion,
};
use authswitch::telemetry::{Counter, Options, Outcome, Sample, Telemetry};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Long enough on a busy machine; a hang ends here instead of nowhere.
const PATIENCE: Duration = Duration::from_secs(120);

const EVIL: &str = "<script>alert(1)</script>\"'&";

struct Sampled {
    readiness: Mutex<Readiness>,
    alive: Mutex<Result<(), String>>,
}

impl Sampled {
    fn new(state: State, reason: &str) -> Arc<Sampled> {
        let readiness = Mutex::new(Readiness { state, reason: reason.to_owned() });
        Arc::new(Sampled { readiness, alive: Mutex::new(Ok(())) })
    }

    fn set(&self, state: State, reason: &str) {
        *self.readiness.lock().unwrap() = Readiness { state, reason: reason.to_owned() };
    }
}

impl Status for Sampled {
    fn alive(&self) -> Result<(), String> {
        self.alive.lock().unwrap().clone()
    }

    fn readiness(&self) -> Readiness {
        self.readiness.lock().unwrap().clone()
    }

    fn facts(&self) -> Facts {
        let link = |name: &str, port, dialect: &str, connections| Link {
            name: name.to_owned(),
            address: format!("127.0.0.1:{port}"),
            dialect: dialect.to_owned(),
            connections,
            max_connections: 256,
            suspicion: (port == 8584).then(|| Suspicion {
                time_us: 1_795_945_995_123_456,
                peer: "127.0.0.1:50004".to_owned(),
                likely: format!("framing length2-be+tpdu, dialect terminal {EVIL}"),
            }),
            turned_away: connections::turned_away(connections),
        };
        Facts {
            links: vec![
                link("acquirer-ascii", 8583, "iso87-ascii", 6),
                link("acquirer-bcd", 8584, "iso87-bcd", 2),
                link(EVIL, 8585, "iso87-bcd", 0),
            ],
            exposure: Exposure { records: 37, age_us: 410, max_records: 100_000, max_age_us: 1_000_000 },
            journal: Journal {
                state: "writing".to_owned(),
                healthy: true,
                appended: 1_204_377,
                durable: 1_204_340,
            },
            more: vec![
                ("cards".to_owned(), "10,042".to_owned()),
                ("accounts".to_owned(), "10,042".to_owned()),
                (EVIL.to_owned(), EVIL.to_owned()),
            ],
        }
    }

    fn connections(&self) -> Vec<Connection> {
        connections::all()
    }

    fn refusals(&self) -> Refusals {
        connections::refusals()
    }
}

fn telemetry() -> Telemetry {
    let links = ["acquirer-ascii", "acquirer-bcd", EVIL].map(str::to_owned).to_vec();
    let refusals = vec!["none", "expired-card", "insufficient-funds", "card-amount-limit"];
    Telemetry::new(Options { links, refusals, workers: 2, ..Options::default() })
}

/// A second of traffic as a switch under steady load has it; `seed` moves it.
fn record(telemetry: &Telemetry, seed: u64, messages: u64) {
    let recorder = telemetry.recorder(seed as usize);
    for number in 0..messages {
        let noise = (number + seed * 7_919).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let tail = match noise % 2_000 {
            0 => 2_500_000 + noise % 900_000,
            1..20 => 180_000 + noise % 90_000,
            _ => (noise % 64).pow(2) * 3,
        };
        let (mti, outcome, code, refusal) = match noise / 7 % 100 {
            0..82 => (0x0100, Outcome::Approved, *b"00", 0),
            82..86 => (0x0100, Outcome::Declined, *b"51", 2),
            86..88 => (0x0100, Outcome::Declined, *b"61", 3),
            88..90 => (0x0100, Outcome::Declined, *b"54", 1),
            90..94 => (0x0200, Outcome::Approved, *b"00", 0),
            94..97 => (0x0420, Outcome::Accepted, *b"00", 0),
            97..98 => (0x0101, Outcome::Duplicate, *b"00", 0),
            _ => (0x0800, Outcome::Accepted, *b"00", 0),
        };
        let part = |share: u64| share * (900 + noise % 200) / 1_000;
        let durable = if mti == 0x0420 { part(250_000) } else { 0 };
        let (decide, write) = (part(620) + tail / 50, part(5_100) + tail / 4);
        let stage_ns = [part(6_000) + tail, part(165), decide, part(95), part(130), durable, write];
        let mut batch = recorder.batch();
        batch.message(&Sample {
            link: (noise / 3 % 5 / 3) as u8,
            mti,
            outcome,
            code,
            refusal,
            total_ns: stage_ns.iter().sum(),
            stage_ns,
        });
        batch.count((noise % 2) as u8, Counter::FramesIn, 1);
        if number % 40 == 0 {
            telemetry.observe_durable(190 + noise % 160);
        }
    }
    let mut batch = recorder.batch();
    batch.count(1, Counter::Unreadable, 3);
    batch.count(1, Counter::IdleClosed, 1);
}

fn server(state: State, reason: &str) -> (Server, Telemetry, Arc<Sampled>) {
    let (telemetry, status) = (telemetry(), Sampled::new(state, reason));
    let server = Server::start("127.0.0.1:0".parse().unwrap(), telemetry.clone(), status.clone()).unwrap();
    (server, telemetry, status)
}

struct Answer {
    code: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_str(&self.body).unwrap()
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    // A hang shows as an error instead of a test that never ends.
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn request(address: SocketAddr, head: &str) -> Answer {
    let mut stream = connect(address);
    stream.write_all(format!("{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { code, head: head.to_owned(), body: body.to_owned() }
}

/// Asks until it is answered: on a busy machine a head may take longer than a limit that is made short for the test.
fn get_at_last(address: SocketAddr, path: &str) -> Answer {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut stream = connect(address);
        let mut text = String::new();
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let asked = stream.write_all(head.as_bytes()).and_then(|()| stream.read_to_string(&mut text));
        if let (Ok(_), Some((head, body))) = (asked, text.split_once("\r\n\r\n")) {
            let code = head.split(' ').nth(1).unwrap().parse().unwrap();
            return Answer { code, head: head.to_owned(), body: body.to_owned() };
        }
        assert!(Instant::now() < end, "not answered within {PATIENCE:?}");
    }
}

fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, &format!("GET {path} HTTP/1.1"))
}

#[test]
fn readiness_follows_the_state_and_says_why() {
    let (server, _, status) = server(State::Starting, "recovering the journal");
    for (state, name, code) in [
        (State::Starting, "starting", 503),
        (State::Ready, "ready", 200),
        (State::Degraded, "degraded", 503),
        (State::Draining, "draining", 503),
    ] {
        status.set(state, "because");
        let answer = get(server.address(), "/readyz");
        assert_eq!(answer.code, code, "{name}");
        let expected = serde_json::json!({ "ready": code == 200, "state": name, "reason": "because" });
        assert_eq!(answer.json(), expected);
        assert_eq!(get(server.address(), "/healthz").code, 200, "alive while {name}");
    }
}

#[test]
fn health_fails_only_when_the_status_says_so() {
    let (server, _, status) = server(State::Ready, "");
    assert_eq!(get(server.address(), "/healthz").json(), serde_json::json!({ "alive": true }));
    *status.alive.lock().unwrap() = Err("a worker is stuck".to_owned());
    let answer = get(server.address(), "/healthz");
    assert_eq!((answer.code, answer.json()["reason"].as_str()), (503, Some("a worker is stuck")));
}

#[test]
fn metrics_come_in_the_format_asked_for() {
    let (server, telemetry, _) = server(State::Ready, "");
    record(&telemetry, 1, 1_000);
    let classic = get(server.address(), "/metrics");
    assert_eq!(classic.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(
        classic.body.contains("\n# TYPE authswitch_answers_total counter\n")
            && !classic.body.contains("# EOF")
    );
    let accept =
        "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    let openmetrics = request(server.address(), accept);
    assert_eq!(
        openmetrics.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert!(openmetrics.body.contains("\n# TYPE authswitch_answers counter\n"));
    assert!(openmetrics.body.ends_with("# EOF\n"));
}

#[test]
fn the_page_shows_the_numbers_and_nothing_unescaped() {
    let (server, telemetry, status) = server(State::Degraded, EVIL);
    record(&telemetry, 1, 5_000);
    let page = get(server.address(), "/");
    assert_eq!((page.code, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    for expected in
        ["degraded", "127.0.0.1:8583", "iso87-bcd", "1,204,377", "37 of 100,000", "3 unreadable", "10,042"]
    {
        assert!(page.body.contains(expected), "{expected}");
    }
    assert!(!page.body.contains("alert(1)</script>") && page.body.contains("&lt;script&gt;alert(1)"));
    // Nothing is loaded from anywhere: the only addresses are the page's own links and the drawn icon.
    let mut rest = page.body.as_str();
    while let Some((_, after)) = rest.split_once("href=\"") {
        let (target, after) = after.split_once('"').unwrap();
        assert!(
            ["metrics", "status.json", "connections.json", "refusals.json", "healthz", "readyz"]
                .contains(&target)
                || target.starts_with("data:image/"),
            "{target}"
        );
        rest = after;
    }
    assert!(!page.body.contains("src=") && !page.body.contains("style=\"") && !page.body.contains("@import"));
    status.set(State::Ready, "answering");
    assert!(get(server.address(), "/").body.contains("<strong>ready</strong>"));
}

#[test]
fn the_page_allows_its_own_style_and_script_only() {
    let (server, _, _) = server(State::Ready, "");
    let (one, two) = (get(server.address(), "/"), get(server.address(), "/"));
    let nonce = |page: &Answer| {
        let policy = page.header("content-security-policy").unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        let nonce = policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        assert!(page.body.contains(&format!("<script nonce=\"{nonce}\">")), "{policy}");
        assert!(page.body.contains(&format!("<style nonce=\"{nonce}\">")), "{policy}");
        nonce
    };
    assert_ne!(nonce(&one), nonce(&two));
    for path in ["/", "/metrics", "/healthz", "/readyz", "/status.json", "/nowhere"] {
        let answer = get(server.address(), path);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert!(
            answer.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"),
            "{path}"
        );
    }
}

#[test]
fn the_json_holds_what_the_page_shows() {
    let (server, telemetry, _) = server(State::Ready, "answering");
    record(&telemetry, 1, 5_000);
    let status = get(server.address(), "/status.json").json();
    assert_eq!(status["readiness"]["state"], "ready");
    assert_eq!(status["facts"]["exposure"]["records"], 37);
    let links = status["figures"]["links"].as_array().unwrap();
    assert_eq!(links.len(), 3, "the unused link `unknown` is not listed");
    let sum: u64 = links.iter().map(|link| link["since_start"]["count"].as_u64().unwrap()).sum();
    assert_eq!(sum, 5_000);
    assert!(links[0]["approval_ratio"].as_f64().unwrap() > 0.8);
    let whole = status["figures"]["since_start"]["rows"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (whole["name"].as_str(), whole["percentiles"]["count"].as_u64()),
        (Some("end to end"), Some(5_000))
    );
}

#[test]
fn other_pages_and_methods_are_refused() {
    let (server, _, _) = server(State::Ready, "");
    assert_eq!(get(server.address(), "/etc/passwd").code, 404);
    assert_eq!(request(server.address(), "POST /metrics HTTP/1.1\r\nContent-Length: 0").code, 405);
    let head = request(server.address(), "HEAD /metrics HTTP/1.1");
    assert_eq!((head.code, head.body.as_str()), (200, ""));
}

#[test]
fn a_head_without_end_is_refused() {
    let (server, _, _) = server(State::Ready, "");
    let mut stream = connect(server.address());
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").unwrap();
    let line = format!("X: {}\r\n", "x".repeat(1_000));
    let mut sent = 0;
    while sent < 1 << 20 && stream.write_all(line.as_bytes()).is_ok() {
        sent += line.len();
    }
    let mut answer = Vec::new();
    // The refusal, or a reset that outran it.
    let refused = match stream.read_to_end(&mut answer) {
        Ok(_) => answer.starts_with(b"HTTP/1.1 431"),
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    };
    assert!(refused, "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn silent_clients_are_closed_and_keep_nobody_out() {
    let limits = Limits { connections: 3, head_timeout: Duration::from_millis(300), ..Limits::default() };
    let address = "127.0.0.1:0".parse().unwrap();
    let server = Server::start_with(address, telemetry(), Sampled::new(State::Ready, ""), limits).unwrap();
    let mut silent: Vec<_> = (0..10).map(|_| connect(server.address())).collect();
    assert_eq!(get_at_last(server.address(), "/healthz").code, 200, "served although all places are taken");
    for stream in &mut silent {
        let _ = stream.write_all(b"G");
        let closed = match stream.read(&mut [0; 512]) {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        };
        assert!(closed);
    }
}

/// Whether the system still has a connection of these two ends, and neither has closed it.
fn is_established(server: SocketAddr, client: SocketAddr) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let (server, client) = (format!(":{:04X}", server.port()), format!(":{:04X}", client.port()));
    table.lines().any(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        words[1].ends_with(&server) && words[2].ends_with(&client) && words[3] == "01"
    })
}

#[test]
fn a_scraper_that_does_not_read_is_cut_off() {
    let limits = Limits {
        lifetime: Duration::from_millis(200),
        grace: Duration::from_millis(200),
        ..Limits::default()
    };
    let telemetry = telemetry();
    record(&telemetry, 1, 5_000);
    let address = "127.0.0.1:0".parse().unwrap();
    let server = Server::start_with(address, telemetry, Sampled::new(State::Ready, ""), limits).unwrap();
    let mut slow = connect(server.address());
    // Enough pages to fill every buffer between the two.
    let pages = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200);
    slow.write_all(pages.as_bytes()).unwrap();
    for _ in 0..20 {
        assert_eq!(get_at_last(server.address(), "/healthz").code, 200);
    }
    let end = Instant::now() + PATIENCE;
    while is_established(server.address(), slow.local_addr().unwrap()) {
        assert!(Instant::now() < end, "not cut off within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (mut read, mut buffer) = (0, vec![0; 1 << 16]);
    while let Ok(count @ 1..) = slow.read(&mut buffer) {
        read += count;
    }
    let page = get_at_last(server.address(), "/metrics").body.len();
    assert!(read < 150 * page, "{read} bytes of 200 pages of {page}");
}

#[test]
fn a_stop_ends_connections_and_frees_the_address() {
    // Nothing else than the stop ends the connection.
    let hour = Duration::from_secs(3600);
    let limits = Limits { head_timeout: hour, lifetime: hour, grace: hour, ..Limits::default() };
    let any = "127.0.0.1:0".parse().unwrap();
    let server = Server::start_with(any, telemetry(), Sampled::new(State::Ready, ""), limits).unwrap();
    let address = server.address();
    let mut idle = connect(address);
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut buffer = [0; 4_096];
    assert!(idle.read(&mut buffer).unwrap() > 0);
    // One that has not asked yet, one that asks without end, and one that does not read what it asked for.
    let _silent = connect(address);
    let mut asking = connect(address);
    asking.write_all(b"GET /metrics HTTP/1.1\r\nX: ").unwrap();
    let mut unread = connect(address);
    unread.write_all("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200).as_bytes()).unwrap();
    // Served after them, so that all three have been accepted.
    assert_eq!(get(address, "/healthz").code, 200);
    let (tell, stopped) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        server.stop();
        tell.send(()).unwrap();
    });
    stopped.recv_timeout(PATIENCE).expect("no client holds it up");
    assert_eq!(idle.read(&mut buffer).unwrap(), 0);
    assert!(TcpStream::connect(address).is_err());
    std::net::TcpListener::bind(address).unwrap();
}

#[test]
fn an_address_in_use_is_an_error() {
    let (server, telemetry, status) = server(State::Ready, "");
    let error = Server::start(server.address(), telemetry, status).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[test]
fn a_page_without_any_number_is_whole() {
    let (server, _, _) = server(State::Starting, "recovering");
    let page = get(server.address(), "/");
    assert!(page.body.ends_with("</html>") && !page.body.contains("NaN") && page.body.contains("None yet."));
}
