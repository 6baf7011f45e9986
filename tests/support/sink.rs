//! A journal in memory: keeps the bodies in order, and refuses on demand.

use authswitch::decision::Sink;
use authswitch::portfolio::{Portfolio, Record};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Takes records under its own lock, as the journal does.
#[derive(Default)]
pub struct MemorySink {
    entries: Mutex<Vec<(i64, Vec<u8>)>>,
    refuses: AtomicBool,
}

impl Sink for MemorySink {
    fn append(&self, body: &[u8], time_us: i64) -> Option<u64> {
        if self.refuses.load(Ordering::SeqCst) {
            return None;
        }
        let mut entries = self.entries.lock().unwrap();
        entries.push((time_us, body.to_vec()));
        Some(entries.len() as u64)
    }
}

impl MemorySink {
    /// From now on nothing is taken, or everything again.
    pub fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    /// All records, in order: the first has sequence 1.
    pub fn records(&self) -> Vec<Record> {
        self.records_from(0)
    }

    /// The same but for the first ones.
    pub fn records_from(&self, first: usize) -> Vec<Record> {
        let entries = self.entries.lock().unwrap();
        entries.iter().skip(first).map(|(_, body)| Record::decode(body).unwrap()).collect()
    }

    /// Applies the records after `floor` to a portfolio, as a restart does.
    pub fn replay_into(&self, portfolio: &Portfolio, floor: u64) {
        for (index, (time_us, body)) in self.entries.lock().unwrap().iter().enumerate() {
            let sequence = index as u64 + 1;
            if sequence > floor {
                let record = Record::decode(body).unwrap();
                assert_eq!(record.time_us, *time_us);
                portfolio.apply(&record, sequence);
            }
        }
    }
}
