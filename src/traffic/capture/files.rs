//! Capture files, pcap and pcapng -> packets with their time and link type. Knows nothing of what is in a packet.

use super::MAX_BLOCK;
use super::remark::{Anomaly, Place, Remarks};
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, LegacyPcapReader, PcapBlockOwned, PcapError, PcapNGReader};
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Bytes of the file that are read at a time; grows to [`MAX_BLOCK`] where a packet needs it.
const BUFFER: usize = 1 << 18;
/// Interfaces of one section that are kept; more are no machine's.
const MAX_INTERFACES: usize = 4096;

/// One packet as the file has it.
pub(super) struct Packet<'a> {
    /// From 1, over all sections.
    pub number: u64,
    /// Microseconds since 1970 in UTC.
    pub at_us: Option<u64>,
    /// The link type's number.
    pub link: i32,
    pub data: &'a [u8],
    /// Its length on the wire.
    pub original: u64,
}

/// Fills what it is asked to fill, so that a pipe's short reads do not look like a short file.
struct Whole<R> {
    inner: R,
    failed: Rc<Cell<Option<io::Error>>>,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.inner.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // The file's library keeps no reason.
                    self.failed.set(Some(error));
                    return Err(io::ErrorKind::Other.into());
                }
            }
        }
        Ok(filled)
    }
}

#[derive(Clone, Copy)]
struct Interface {
    link: i32,
    snaplen: u32,
    /// Units of its time in a second.
    units: Option<u128>,
    offset_s: i64,
}

/// Reads a file and hands each packet to `each`, until that returns `false` or the file ends or is damaged; what
/// was read before damage counts.
///
/// # Errors
/// The input cannot be read.
pub(super) fn read_packets(
    input: impl Read,
    is_pcapng: bool,
    remarks: &mut Remarks,
    each: &mut dyn FnMut(&Packet<'_>, &mut Remarks) -> bool,
) -> io::Result<()> {
    let failed = Rc::new(Cell::new(None));
    let input = Whole { inner: input, failed: Rc::clone(&failed) };
    let mut file = File { interfaces: Vec::new(), big_endian: false, packets: 0 };
    let opened: Result<Box<dyn PcapReaderIterator + '_>, _> = if is_pcapng {
        PcapNGReader::new(BUFFER, input).map(|reader| Box::new(reader) as Box<dyn PcapReaderIterator>)
    } else {
        LegacyPcapReader::new(BUFFER, input).map(|reader| Box::new(reader) as Box<dyn PcapReaderIterator>)
    };
    match opened {
        Ok(mut reader) => file.read(&mut *reader, remarks, each),
        Err(PcapError::Incomplete(_)) => remarks.add(Place::Packet(1), Anomaly::FileCutShort),
        Err(_) => remarks.add(Place::Packet(1), Anomaly::FileDamaged),
    }
    match failed.take() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

struct File {
    /// Of the section.
    interfaces: Vec<Interface>,
    big_endian: bool,
    packets: u64,
}

impl File {
    fn read(
        &mut self,
        reader: &mut dyn PcapReaderIterator,
        remarks: &mut Remarks,
        each: &mut dyn FnMut(&Packet<'_>, &mut Remarks) -> bool,
    ) {
        let mut capacity = BUFFER;
        loop {
            let here = Place::Packet(self.packets + 1);
            let refill = match reader.next() {
                Ok((consumed, block)) => {
                    let goes_on = match self.packet(&block, remarks) {
                        Some(packet) => each(&packet, remarks),
                        None => true,
                    };
                    reader.consume(consumed);
                    if !goes_on {
                        return;
                    }
                    continue;
                }
                Err(PcapError::Eof) => return,
                Err(PcapError::Incomplete(_)) => true,
                Err(PcapError::BufferTooSmall) if capacity < MAX_BLOCK => {
                    capacity *= 2;
                    reader.grow(capacity)
                }
                Err(PcapError::BufferTooSmall) => return remarks.add(here, Anomaly::BlockTooLong),
                Err(PcapError::UnexpectedEof) => return remarks.add(here, Anomaly::FileCutShort),
                Err(_) => return remarks.add(here, Anomaly::FileDamaged),
            };
            if !refill || reader.refill().is_err() {
                return;
            }
        }
    }

    /// The packet in a block, if there is one.
    fn packet<'a>(&mut self, block: &'a PcapBlockOwned<'_>, remarks: &mut Remarks) -> Option<Packet<'a>> {
        let (interface, time, data, original) = match block {
            PcapBlockOwned::LegacyHeader(header) => {
                let units = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
                // The upper bits tell the length of a frame check sequence.
                let link = header.network.0 & 0xFFFF;
                self.interfaces =
                    vec![Interface { link, snaplen: header.snaplen, units: Some(units), offset_s: 0 }];
                return None;
            }
            PcapBlockOwned::NG(Block::SectionHeader(section)) => {
                self.interfaces.clear();
                self.big_endian = section.big_endian();
                return None;
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(described)) => {
                // The file's library reads this one number as little-endian always.
                let offset_s = described.if_tsoffset;
                let offset_s = if self.big_endian { offset_s.swap_bytes() } else { offset_s };
                if self.interfaces.len() < MAX_INTERFACES {
                    self.interfaces.push(Interface {
                        link: described.linktype.0,
                        snaplen: described.snaplen,
                        units: units_of(described.if_tsresol),
                        offset_s,
                    });
                }
                return None;
            }
            PcapBlockOwned::Legacy(record) => {
                let units = self.interfaces.first()?.units?;
                let time = u128::from(record.ts_sec) * units + u128::from(record.ts_usec);
                (0, Some(time), record.data, record.origlen)
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let time = u128::from(packet.ts_high) << 32 | u128::from(packet.ts_low);
                let data = packet.data.get(..packet.caplen as usize).unwrap_or(packet.data);
                (packet.if_id, Some(time), data, packet.origlen)
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                // Its captured length is not written: it is what the interface's snapshot length left.
                let snaplen = self.interfaces.first().map_or(0, |interface| interface.snaplen);
                let kept = if snaplen == 0 { packet.origlen } else { packet.origlen.min(snaplen) };
                let data = packet.data.get(..kept as usize).unwrap_or(packet.data);
                (0, None, data, packet.origlen)
            }
            PcapBlockOwned::NG(Block::Unknown(unknown)) if matches!(unknown.block_type, 2 | 0x0200_0000) => {
                self.packets += 1;
                remarks.add(Place::Packet(self.packets), Anomaly::ObsoleteBlock);
                return None;
            }
            PcapBlockOwned::NG(_) => return None,
        };
        self.packets += 1;
        let Some(interface) = self.interfaces.get(interface as usize) else {
            remarks.add(Place::Packet(self.packets), Anomaly::UnknownInterface);
            return None;
        };
        let at_us = time.and_then(|time| interface.micros(time));
        Some(Packet { number: self.packets, at_us, link: interface.link, data, original: original.into() })
    }
}

impl Interface {
    fn micros(&self, time: u128) -> Option<u64> {
        let whole = time.checked_mul(1_000_000)? / self.units?;
        u64::try_from(i128::try_from(whole).ok()?.checked_add(i128::from(self.offset_s) * 1_000_000)?).ok()
    }
}

/// Units a second of pcapng's `if_tsresol`: a power of ten, or of two where the highest bit is set.
fn units_of(resolution: u8) -> Option<u128> {
    let base: u128 = if resolution & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(u32::from(resolution & 0x7F))
}
