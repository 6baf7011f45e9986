//! What bytes are that are no ISO 8583: protocols that peers speak by mistake, known by their first bytes. Must not know
//! what they go on with.

/// The protocol that `bytes` begin with, in words; `None` where they may be messages.
pub fn other_protocol(bytes: &[u8]) -> Option<&'static str> {
    // Of a record: its kind, the version's two bytes, two of length, and what is inside.
    match bytes {
        [22, 3, 0..=4, _, _, 1, ..] => return Some("TLS (a ClientHello)"),
        [22, 3, 0..=4, _, _, 2, ..] => return Some("TLS (a ServerHello)"),
        [20..=23, 3, 0..=4, high, _, ..] if *high <= 0x48 => return Some("TLS (a record)"),
        _ => {}
    }
    if is_http(bytes) {
        return Some("HTTP");
    }
    const BEGINNINGS: [(&[u8], &str); 3] = [
        (b"SSH-", "SSH"),
        (b"PROXY ", "the PROXY protocol of a load balancer"),
        (b"\r\n\r\n\0\r\nQUIT\n", "the PROXY protocol of a load balancer"),
    ];
    BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning)).map(|(_, name)| *name)
}

/// A request's method and target, an answer's version, or the preface of HTTP/2.
fn is_http(bytes: &[u8]) -> bool {
    const METHODS: [&str; 10] =
        ["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "PRI"];
    let is_request = METHODS.iter().any(|method| {
        let target = bytes.strip_prefix(method.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
        target.and_then(<[u8]>::first).is_some_and(|c| matches!(c, b'/' | b'*') || c.is_ascii_alphanumeric())
    });
    is_request || bytes.starts_with(b"HTTP/1.") || bytes.starts_with(b"HTTP/2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_protocols_are_known_by_their_first_bytes() {
        for (bytes, expected) in [
            (&b"\x16\x03\x01\x00\xC8\x01\x00\x00\xC4\x03\x03"[..], "TLS (a ClientHello)"),
            (b"\x16\x03\x03\x00\x5A\x02\x00", "TLS (a ServerHello)"),
            (b"\x15\x03\x03\x00\x02\x02\x28", "TLS (a record)"),
            (b"GET / HTTP/1.1\r\n\r\n", "HTTP"),
            (b"CONNECT proxy:8583 HTTP/1.1\r\n", "HTTP"),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP"),
            (b"HTTP/1.1 400 Bad Request", "HTTP"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
            (b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", "the PROXY protocol of a load balancer"),
            (b"\r\n\r\n\0\r\nQUIT\n\x21", "the PROXY protocol of a load balancer"),
        ] {
            assert_eq!(other_protocol(bytes), Some(expected), "{bytes:?}");
        }
        let messages: [&[u8]; 7] = [
            b"",
            b"0800822000000000000004000000000000001122093315000001301",
            b"\x00\x370800",
            // A Visa header, a length that begins with 22, words that are no request line.
            b"\x16\x01\x02\x00\x40\x00\x00\x00\x12\x34\x56",
            b"\x16\x03",
            b"GETX",
            b"ISO0260000500800",
        ];
        for bytes in messages {
            assert_eq!(other_protocol(bytes), None, "{bytes:?}");
        }
    }
}
