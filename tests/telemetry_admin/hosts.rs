//! A request under a foreign name is refused on every page, before it is served anything.

use super::{Sampled, connect, telemetry};
use authswitch::admin::{Limits, Server, State};
use std::io::{Read, Write};

fn answer(server: &Server, head: &str) -> String {
    let mut stream = connect(server.address());
    stream.write_all(head.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_foreign_host_is_refused_on_every_page() {
    let limits = Limits { hosts: vec!["switch.internal".into()], ..Limits::default() };
    let any = "127.0.0.1:0".parse().unwrap();
    let server = Server::start_with(any, telemetry(), Sampled::new(State::Ready, ""), limits).unwrap();
    let own = server.address().to_string();
    for page in
        ["/", "/status.json", "/connections.json", "/refusals.json", "/metrics", "/healthz", "/readyz"]
    {
        for host in [own.as_str(), "localhost:9583", "10.0.0.9", "[::1]:9583", "Switch.Internal:9583"] {
            let text =
                answer(&server, &format!("GET {page} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
            assert!(text.starts_with("HTTP/1.1 200 "), "{page} {host}: {text}");
        }
        for host in ["evil.example", "evil.example:9583", "127.0.0.1.evil.example", "other.internal", ""] {
            let text =
                answer(&server, &format!("GET {page} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
            assert!(
                text.starts_with("HTTP/1.1 421 ") && text.contains("admin.hosts"),
                "{page} {host}: {text}"
            );
            assert!(
                !text.contains("authswitch_") && text.contains("x-content-type-options"),
                "{page} {host}: {text}"
            );
        }
        let no_browser = answer(&server, &format!("GET {page} HTTP/1.0\r\n\r\n"));
        assert!(no_browser.starts_with("HTTP/1.0 200 "), "{page}: {no_browser}");
    }
    let unknown = answer(&server, "GET /x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert!(unknown.starts_with("HTTP/1.1 421 "), "{unknown}");
}
