//! Under which names the admin server may be asked. A web page can have its own name turned to any address (DNS rebinding) and then
//! read what answers there as its own: so only addresses, `localhost` and the names of the settings are served.

use axum::extract::Request;
use axum::http::header;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The names of the settings, in lower case.
pub(super) struct Hosts(pub(super) Vec<String>);

impl Hosts {
    /// The name under which a request asks, if that is not one of this server's. One without any is no browser's.
    pub(super) fn foreign(&self, request: &Request) -> Option<String> {
        let asked = request
            .headers()
            .get_all(header::HOST)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        let of_uri = request.uri().authority().map(|authority| authority.as_str().into());
        asked.chain(of_uri).find(|host| !self.is_own(host)).map(|host| host.into_owned())
    }

    fn is_own(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        let in_brackets = || name.strip_prefix('[')?.strip_suffix(']');
        name == "localhost"
            || name.parse::<Ipv4Addr>().is_ok()
            || in_brackets().is_some_and(|name| name.parse::<Ipv6Addr>().is_ok())
            || self.0.iter().any(|own| own == name)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn addresses_localhost_and_names_of_the_settings_are_its_own() {
        let hosts = Hosts(vec!["authswitch.payments.svc".into()]);
        for (host, own) in [
            ("127.0.0.1", true),
            ("127.0.0.1:9583", true),
            ("10.1.2.3:80", true),
            ("[::1]", true),
            ("[2001:db8::7]:9583", true),
            ("localhost", true),
            ("LocalHost:9583", true),
            ("localhost.:9583", true),
            ("authswitch.payments.svc", true),
            ("Authswitch.Payments.SVC:9583", true),
            ("evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("evil.example:9583", false),
            ("localhost.evil.example", false),
            ("authswitch.payments.svc.evil.example", false),
            ("payments.svc", false),
            ("[evil.example]", false),
            ("[::1", false),
            ("::1", false),
            ("user@localhost", false),
            ("127.0.0.1:", true),
            ("0x7f.1", false),
            ("", false),
            (":9583", false),
        ] {
            let request = Request::get("/metrics").header("host", host).body(Body::empty()).unwrap();
            assert_eq!(hosts.foreign(&request).is_none(), own, "{host:?}");
        }
        let request = |uri: &str, hosts: &[&str]| {
            let request = hosts.iter().fold(Request::get(uri), |request, host| request.header("host", *host));
            request.body(Body::empty()).unwrap()
        };
        for (uri, names, own) in [
            ("/", &[][..], true),
            ("/", &["localhost", "evil.example"], false),
            ("http://evil.example/", &["localhost"], false),
            ("http://127.0.0.1:9583/", &["127.0.0.1:9583"], true),
        ] {
            assert_eq!(hosts.foreign(&request(uri, names)).is_none(), own, "{uri} {names:?}");
        }
    }
}
