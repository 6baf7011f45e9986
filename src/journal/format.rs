//! The bytes of a segment: its header and its records. Pure; must not know files.
//!
//! A segment is a header of 4096 bytes, then records, each padded with zeros to 8 bytes, then zeros to its end.
//! All numbers are little-endian.
//!
//! ```text
//! header   0 magic 8 | 8 version u32 | 12 header bytes u32 | 16 first sequence u64 | 24 previous chain u32 |
//!          28 zeros | 4092 CRC-32C of bytes 0..4092
//! record   0 crc u32 | 4 length u32 | 8 sequence u64 | 16 time_us i64 | 24 kind u8 | 25 version u8 |
//!          26 place in batch u16 | 28 body
//! ```
//!
//! A record's CRC covers all that follows it, length and padding included, and is seeded with the CRC of the record
//! before: the chain makes a record valid at its own place only. The length counts from the CRC to the end of the
//! body, so it is never zero: a zero length ends a segment. The place in the batch (saturating) tells recovery
//! which records were synced before this one was written.

use super::{Damage, Seq};

/// Bytes of a segment's header: a page of its own, so that no later write touches it.
pub(super) const HEADER_BYTES: usize = 4096;
/// Bytes of a record before its body.
pub(super) const HEAD_BYTES: usize = 28;
/// The longest body a record can have, in bytes.
pub const MAX_BODY_BYTES: usize = 65_536;
/// The longest record with its padding, in bytes.
pub(super) const MAX_RECORD_BYTES: usize = padded(HEAD_BYTES + MAX_BODY_BYTES);
/// The shortest record with its padding, in bytes.
pub(super) const MIN_RECORD_BYTES: usize = padded(HEAD_BYTES);

const MAGIC: [u8; 8] = *b"ASWJRNL1";
const VERSION: u32 = 1;
const RECORD_VERSION: u8 = 1;
const HEADER_CRC_AT: usize = HEADER_BYTES - 4;

/// A length rounded up to the records' alignment of 8 bytes.
pub(super) const fn padded(bytes: usize) -> usize {
    (bytes + 7) & !7
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

/// The header of the segment whose first record is `first` and whose predecessor ended with `chain`.
pub(super) fn header(first: Seq, chain: u32) -> Vec<u8> {
    let mut out = vec![0; HEADER_BYTES];
    out[0..8].copy_from_slice(&MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[12..16].copy_from_slice(&(HEADER_BYTES as u32).to_le_bytes());
    out[16..24].copy_from_slice(&first.to_le_bytes());
    out[24..28].copy_from_slice(&chain.to_le_bytes());
    let crc = crc32c::crc32c(&out[..HEADER_CRC_AT]);
    out[HEADER_CRC_AT..].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Reads a header of [`HEADER_BYTES`]: the chain value before the segment.
pub(super) fn read_header(bytes: &[u8], first: Seq) -> Result<u32, Damage> {
    if array(bytes, 0) != MAGIC {
        return Err(Damage::Magic);
    }
    let version = u32::from_le_bytes(array(bytes, 8));
    if version != VERSION {
        return Err(Damage::FormatVersion { found: version, known: VERSION });
    }
    if crc32c::crc32c(&bytes[..HEADER_CRC_AT]) != u32::from_le_bytes(array(bytes, HEADER_CRC_AT)) {
        return Err(Damage::HeaderChecksum);
    }
    let found = u64::from_le_bytes(array(bytes, 16));
    if found != first {
        return Err(Damage::HeaderSequence { found, named: first });
    }
    Ok(u32::from_le_bytes(array(bytes, 24)))
}

/// The chain value that the begin of a header names, where it goes so far. Nothing of it is verified.
pub(super) fn chain_in_begin(bytes: &[u8]) -> Option<u32> {
    (bytes.len() >= 28).then(|| u32::from_le_bytes(array(bytes, 24)))
}

/// What stands before a record's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub crc: u32,
    /// From the CRC to the end of the body, without padding.
    pub bytes: usize,
    pub seq: Seq,
    pub time_us: i64,
    pub kind: u8,
    version: u8,
    /// How many records of the same write stand before this one; saturates.
    pub place: u16,
}

impl Head {
    /// Reads the first [`HEAD_BYTES`] of `bytes`.
    pub(super) fn read(bytes: &[u8]) -> Head {
        Head {
            crc: u32::from_le_bytes(array(bytes, 0)),
            bytes: u32::from_le_bytes(array(bytes, 4)) as usize,
            seq: u64::from_le_bytes(array(bytes, 8)),
            time_us: i64::from_le_bytes(array(bytes, 16)),
            kind: bytes[24],
            version: bytes[25],
            place: u16::from_le_bytes(array(bytes, 26)),
        }
    }

    /// Whether the length is one a record can have.
    pub(super) fn has_length(&self) -> bool {
        (HEAD_BYTES..=HEAD_BYTES + MAX_BODY_BYTES).contains(&self.bytes)
    }

    /// Whether this could be a record written after `expected`, found `distance` bytes behind its place.
    pub(super) fn follows(&self, expected: Seq, distance: usize) -> bool {
        self.has_length()
            && self.version == RECORD_VERSION
            && self.seq > expected
            && self.seq - expected <= (distance / MIN_RECORD_BYTES) as u64
    }
}

/// What stands at a place where a record may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole, valid record; its padded size follows from its head.
    Record(Head),
    /// Zeros: the end of the records, if nothing but zeros follows.
    End,
    /// The bytes end before the record does.
    Partial,
    Damaged(Damage),
}

/// Judges the bytes at a place where record `seq` is expected after the chain value `chain`.
pub(super) fn read_record(bytes: &[u8], seq: Seq, chain: u32) -> Found {
    if bytes.len() < HEAD_BYTES {
        return Found::Partial;
    }
    let head = Head::read(bytes);
    if head.bytes == 0 {
        let zero = bytes[..HEAD_BYTES].iter().all(|&b| b == 0);
        return if zero { Found::End } else { Found::Damaged(Damage::Length { found: 0 }) };
    }
    if !head.has_length() {
        return Found::Damaged(Damage::Length { found: head.bytes as u64 });
    }
    let size = padded(head.bytes);
    if bytes.len() < size {
        return Found::Partial;
    }
    if crc32c::crc32c_append(chain, &bytes[4..size]) != head.crc {
        return Found::Damaged(Damage::Checksum { seq });
    }
    if head.seq != seq {
        return Found::Damaged(Damage::Sequence { found: head.seq, expected: seq });
    }
    if head.version != RECORD_VERSION {
        return Found::Damaged(Damage::FormatVersion {
            found: head.version.into(),
            known: RECORD_VERSION.into(),
        });
    }
    Found::Record(head)
}

/// What [`push_record`] writes beside the body.
pub(super) struct Stamp {
    pub chain: u32,
    pub seq: Seq,
    pub time_us: i64,
    pub kind: u8,
    pub place: u16,
}

/// Appends a record and gives its CRC, the next record's chain value. Allocates nothing when `out` has the room.
#[inline]
pub(super) fn push_record(out: &mut Vec<u8>, stamp: &Stamp, body: &[u8]) -> u32 {
    let start = out.len();
    let bytes = HEAD_BYTES + body.len();
    let mut head = [0; HEAD_BYTES];
    head[4..8].copy_from_slice(&(bytes as u32).to_le_bytes());
    head[8..16].copy_from_slice(&stamp.seq.to_le_bytes());
    head[16..24].copy_from_slice(&stamp.time_us.to_le_bytes());
    head[24] = stamp.kind;
    head[25] = RECORD_VERSION;
    head[26..28].copy_from_slice(&stamp.place.to_le_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(body);
    out.extend_from_slice(&[0; 8][..padded(bytes) - bytes]);
    let crc = crc32c::crc32c_append(stamp.chain, &out[start + 4..]);
    out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
    crc
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn record(chain: u32, seq: Seq, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        push_record(&mut out, &Stamp { chain, seq, time_us: -1, kind: 4, place: 3 }, body);
        out
    }

    #[test]
    fn a_record_reads_as_it_was_written() {
        for body in [&b""[..], b"1", b"12345678", &[0; 300], &[255; MAX_BODY_BYTES]] {
            let bytes = record(7, 9, body);
            assert_eq!(bytes.len() % 8, 0);
            let Found::Record(head) = read_record(&bytes, 9, 7) else { panic!("not read") };
            assert_eq!((head.seq, head.time_us, head.kind, head.place), (9, -1, 4, 3));
            assert_eq!(&bytes[HEAD_BYTES..head.bytes], body);
        }
    }

    #[test]
    fn every_change_of_any_byte_is_noticed() {
        for body in [&b"four"[..], b"some bytes of a body", &[0; 100]] {
            let good = record(7, 9, body);
            for at in 0..good.len() {
                for mask in 1..=255 {
                    let mut bad = good.clone();
                    bad[at] ^= mask;
                    let found = read_record(&bad, 9, 7);
                    assert!(!matches!(found, Found::Record(_) | Found::End), "byte {at} ^ {mask}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn a_record_is_valid_in_its_own_place_only() {
        let bytes = record(7, 9, b"body");
        assert_eq!(read_record(&bytes, 9, 8), Found::Damaged(Damage::Checksum { seq: 9 }));
        assert_eq!(read_record(&bytes, 10, 7), Found::Damaged(Damage::Sequence { found: 9, expected: 10 }));
    }

    #[test]
    fn a_record_without_its_end_is_partial() {
        let bytes = record(7, 9, b"some body");
        for end in 0..bytes.len() {
            assert_eq!(read_record(&bytes[..end], 9, 7), Found::Partial);
        }
    }

    #[test]
    fn only_zeros_are_an_end() {
        assert_eq!(read_record(&[0; 32], 9, 7), Found::End);
        for at in (0..HEAD_BYTES).filter(|at| !(4..8).contains(at)) {
            let mut bytes = [0; 32];
            bytes[at] = 1;
            assert_eq!(read_record(&bytes, 9, 7), Found::Damaged(Damage::Length { found: 0 }), "byte {at}");
        }
    }

    #[test]
    fn every_change_of_a_header_is_noticed() {
        let good = header(5, 77);
        assert_eq!(read_header(&good, 5), Ok(77));
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(read_header(&bad, 5).is_err(), "byte {at}");
        }
    }
}
