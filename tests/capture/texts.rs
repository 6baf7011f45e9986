//! Texts: hexadecimal in every form, dumps of every tool, logs. What is raw is not taken for text.

use super::{answer, framed, hex, read, read_with, sale};
use authswitch::traffic::capture::{Capture, Kind, Options, Origin};

fn check(input: &str, expected: &[(Origin, &[u8])], remarks: &[&str]) {
    let (pieces, said) = read(input.as_bytes());
    let found: Vec<_> = pieces.iter().map(|piece| (piece.origin, piece.bytes.as_slice())).collect();
    assert_eq!(found, expected, "{input:?}: {said:?}");
    assert_eq!(said, remarks, "{input:?}");
}

/// Digits in groups of so many bytes.
fn grouped(bytes: &[u8], size: usize, separator: &str, prefix: &str) -> String {
    bytes.chunks(size).map(|group| format!("{prefix}{}", hex(group))).collect::<Vec<_>>().join(separator)
}

#[test]
fn hexadecimal_alone() {
    let message = sale("iso87-bcd", "000007");
    let line =
        |text: String| (format!("# a comment\n\n{text}\n"), vec![(Origin::Line(3), message.as_slice())]);
    let table = [
        line(hex(&message)),
        line(hex(&message).to_uppercase()),
        line(format!("0x{}", hex(&message))),
        line(grouped(&message, 1, " ", "")),
        line(grouped(&message, 4, "  ", "")),
        line(grouped(&message, 1, ":", "")),
        line(grouped(&message, 1, "-", "")),
        line(grouped(&message, 1, ", ", "0x")),
        line(grouped(&message, 1, "", "\\x")),
        line(format!("\"{}\",", hex(&message))),
        line(format!("{} {}", hex(&message[..2]), hex(&message[2..]))),
    ];
    for (input, expected) in table {
        check(&input, &expected, &[]);
    }
    let two = format!("{}\r\n{}", hex(&message), hex(&message));
    check(&two, &[(Origin::Line(1), &message), (Origin::Line(2), &message)], &[]);
    check("30313\n", &[], &["line 1: an odd number of hexadecimal digits; passed over"]);
    check("", &[], &[]);
}

#[test]
fn hexadecimal_wrapped_over_lines() {
    let (first, second) = (sale("iso87-ascii", "000001"), sale("iso87-ascii", "000002"));
    for width in [30, 32, 16] {
        let wrapped = |message: &[u8]| grouped(message, width, "\n", "");
        let lines = first.len().div_ceil(width) as u64;
        let input = format!("{}\n{}\n", wrapped(&first), wrapped(&second));
        check(&input, &[(Origin::Line(1), &first), (Origin::Line(lines + 1), &second)], &[]);
        let (pieces, _) = read_with(input.as_bytes(), Options { one_a_line: true, timed: true });
        assert_eq!(pieces.len() as u64, 2 * lines, "told that each line is a message");
    }
}

#[test]
fn times_before_messages() {
    let message = sale("iso87-bcd", "000007");
    for (line, told, at_us) in [
        (format!("98765432 {}", hex(&message)), false, Some(98_765_432)),
        (format!("2500 {}", hex(&message)), true, Some(2500)),
        (format!("{} {}", hex(&message[..2]), hex(&message[2..])), false, None),
        (format!("2026-01-15T12:34:56.5Z {}", hex(&message)), true, Some(1_768_480_496_500_000)),
    ] {
        let (pieces, _) = read_with(line.as_bytes(), Options { one_a_line: told, timed: told });
        assert_eq!((pieces[0].bytes.as_slice(), pieces[0].at_us(0)), (message.as_slice(), at_us), "{line}");
    }
}

#[test]
fn dumps_of_every_tool() {
    // As `xxd`, `hexdump -C`, `od -A x -t x1z`, Wireshark and plain `hexdump` write the same 37 bytes.
    let bytes = b"0100 is no message, but these bytes.\n";
    let xxd = "\
00000000: 3031 3030 2069 7320 6e6f 206d 6573 7361  0100 is no messa
00000010: 6765 2c20 6275 7420 7468 6573 6520 6279  ge, but these by
00000020: 7465 732e 0a                             tes..
";
    let canonical = "\
00000000  30 31 30 30 20 69 73 20  6e 6f 20 6d 65 73 73 61  |0100 is no messa|
00000010  67 65 2c 20 62 75 74 20  74 68 65 73 65 20 62 79  |ge, but these by|
00000020  74 65 73 2e 0a                                    |tes..|
00000025
";
    let od = "\
000000 30 31 30 30 20 69 73 20 6e 6f 20 6d 65 73 73 61  >0100 is no messa<
000010 67 65 2c 20 62 75 74 20 74 68 65 73 65 20 62 79  >ge, but these by<
000020 74 65 73 2e 0a                                   >tes..<
000025
";
    let wireshark = "\
0000   30 31 30 30 20 69 73 20 6e 6f 20 6d 65 73 73 61   0100 is no messa
0010   67 65 2c 20 62 75 74 20 74 68 65 73 65 20 62 79   ge, but these by
0020   74 65 73 2e 0a                                    tes..
";
    for dump in [xxd, canonical, od, wireshark] {
        check(dump, &[(Origin::Dump(1), bytes)], &[]);
        let twice = format!("first:\n{dump}\nsecond:\n{dump}");
        let second = dump.lines().count() as u64 + 4;
        check(&twice, &[(Origin::Dump(2), bytes), (Origin::Dump(second), bytes)], &[]);
    }
    let octal = "0000000 41 42\n*\n0000020 43\n0000021\n";
    check(octal, &[(Origin::Dump(1), b"ABABABABABABABABC")], &[]);
    let hexdump = "0000000 4141 4141 4141 4141 4141 4141 4141 4141\n*\n0000100 4242\n0000102\n";
    check(hexdump, &[(Origin::Dump(1), &[&[b'A'; 256][..], b"BB"].concat())], &[]);
    let array = "unsigned char message[] = {\n  0x41, 0x42,\n  0x43, 0x44,\n  0x45\n};\n0x46\n";
    check(array, &[(Origin::Line(2), b"ABCDE"), (Origin::Line(6), b"F")], &[]);
    let words = "0000000 3130 3030 6920\n0000006\n";
    check(words, &[(Origin::Dump(1), b"0100 i")], &[]);
    let repeated =
        "00000000: 4141 4141 4141 4141 4141 4141 4141 4141  AAAAAAAAAAAAAAAA\n*\n00000030: 42  B\n";
    check(repeated, &[(Origin::Dump(1), &[&[b'A'; 48][..], b"B"].concat())], &[]);
    let missing = "00000000: 4141  AA\n00000010: 4242  BB\n";
    check(
        missing,
        &[(Origin::Dump(1), b"AA"), (Origin::Dump(2), b"BB")],
        &["line 2: the dump's row does not follow the one before; a new piece begins"],
    );
    let endless = "00000000: 4141  AA\n*\nffffffffffff0000: 42 B\n";
    assert!(read(endless.as_bytes()).0.iter().all(|piece| piece.bytes.len() < 32 << 20));
}

#[test]
fn packets_dumped_by_tcpdump() {
    use super::wiretap::{ACK, PSH, V4, ethernet, tcp};
    let message = framed(&sale("iso87-ascii", "000007"));
    let (front, back) = message.split_at(40);
    let packets =
        [tcp(V4.client, V4.server, 500, ACK | PSH, front), tcp(V4.client, V4.server, 540, ACK | PSH, back)];
    for link in ["ip", "ethernet"] {
        let mut text = String::new();
        for packet in &packets {
            let packet = if link == "ip" { packet.clone() } else { ethernet(packet, &[]) };
            text.push_str("12:34:56.000000 IP 10.0.0.1.40000 > 10.0.0.2.8583: Flags [P.], length 40\n");
            for (row, bytes) in packet.chunks(16).enumerate() {
                let printable: String = bytes
                    .iter()
                    .map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' })
                    .collect();
                text.push_str(&format!(
                    "\t0x{:04x}:  {:<39}  {printable}\n",
                    row * 16,
                    grouped(bytes, 2, " ", "")
                ));
            }
        }
        let (pieces, remarks) = read(text.as_bytes());
        assert_eq!(pieces.len(), 1, "{link}: {remarks:?}");
        assert_eq!(pieces[0].bytes, message, "{link}");
        assert_eq!(pieces[0].origin.to_string(), "10.0.0.1:40000 -> 10.0.0.2:8583");
    }
}

#[test]
fn messages_within_logs() {
    let (request, response) = (sale("iso87-bcd", "000007"), answer("iso87-bcd", "000007", "51"));
    let (asked, told) = (hex(&request), hex(&response));
    let spaced = grouped(&request, 1, " ", "");
    let behind_length = hex(&framed(&request));
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let input = [
        "2026-01-15T12:34:56Z INFO nothing here, 8583 and 0100 are no messages".to_owned(),
        format!("2026-01-15T12:34:56.789Z DEBUG trace={id} in {asked} out {told}"),
        format!(
            "{{\"ts\":\"2026-01-15 12:34:57,5\",\"trace\":\"{id}\",\"raw\":\"{asked}\",\"answer\":\"0x{told}\"}}"
        ),
        format!("12:34:58 received {} bytes: {spaced}", request.len()),
        format!("[main] len {behind_length} <<"),
        format!("<log><msg>{asked}</msg></log>"),
        format!("digest {id}{id}"),
    ];
    let (pieces, remarks) = read(input.join("\n").as_bytes());
    let found: Vec<_> = pieces.iter().map(|piece| (piece.origin.to_string(), piece.bytes.clone())).collect();
    let column = |line: usize, text: &str| input[line].find(text).unwrap() + 1;
    let place = |line: usize, text: &str| format!("line {}, character {}", line + 1, column(line, text));
    let expected = [
        (place(1, &asked), request.clone()),
        (place(1, &told), response.clone()),
        (place(2, &asked), request.clone()),
        (place(2, &format!("0x{told}")), response.clone()),
        (place(3, &spaced), request.clone()),
        (place(4, &behind_length), framed(&request)),
        (place(5, &asked), request.clone()),
    ];
    assert_eq!(found, expected);
    assert_eq!(remarks, ["line 7: 32 bytes in hexadecimal do not begin like a message; passed over"]);
    assert_eq!(pieces[0].at_us(0), Some(1_768_480_496_789_000));
    assert_eq!(pieces[2].at_us(0), Some(1_768_480_497_500_000));
    assert_eq!(pieces[4].at_us(0), None);
}

#[test]
fn what_is_raw_is_no_text() {
    let (ascii, bcd) = (sale("iso87-ascii", "000007"), sale("iso87-bcd", "000007"));
    let letters = super::message("iso87-ascii", 0x0100, &[(11, "000007"), (41, "TERM 001")]);
    let four_digits = [format!("{:04}", letters.len()).as_bytes(), &letters].concat();
    for (bytes, kind) in [
        (bcd, Kind::Bytes),
        (framed(&ascii), Kind::Bytes),
        (letters, Kind::Bytes),
        (four_digits, Kind::Bytes),
        // Digits alone can be either; as before, they are taken for hexadecimal.
        (ascii, Kind::Text),
    ] {
        assert_eq!(Capture::open(bytes.as_slice(), Options::default()).unwrap().kind(), kind);
        if kind == Kind::Bytes {
            let (pieces, _) = read(&bytes);
            assert_eq!((pieces.len(), pieces[0].origin, &pieces[0].bytes), (1, Origin::Input, &bytes));
        }
    }
}

#[test]
fn lines_are_yielded_as_they_come() {
    // A pipe that stays open: the second line is not there when the first is asked for.
    let (reader, mut writer) = std::io::pipe().unwrap();
    let message = sale("iso87-bcd", "000007");
    let line = format!("{}\n", hex(&message));
    std::io::Write::write_all(&mut writer, line.as_bytes()).unwrap();
    let mut capture =
        Capture::open(std::io::BufReader::new(reader), Options { one_a_line: true, timed: true }).unwrap();
    assert_eq!(capture.next_piece().unwrap().unwrap().origin, Origin::Line(1));
    std::io::Write::write_all(&mut writer, line.as_bytes()).unwrap();
    assert_eq!(capture.next_piece().unwrap().unwrap().origin, Origin::Line(2));
    drop(writer);
    assert!(capture.next_piece().unwrap().is_none());
}
