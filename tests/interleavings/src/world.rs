//! A desk that tasks share, a journal behind one of shuttle's locks, and what must hold when all tasks are done.

use crate::support::{DAY_US, FUNDS, NOON, Plan, SECRET, pan, policy, purchase};
use authswitch::decision::{Desk, Lateness, LinkTerms, Sink, Standing};
use authswitch::message::Request;
use authswitch::portfolio::{Portfolio, Record, snapshot};
use authswitch::vault::DataKey;
use shuttle::sync::{Arc, Mutex};
use shuttle::thread::{self, JoinHandle};
use std::path::PathBuf;

/// Keeps the bodies, under a lock that is taken last.
#[derive(Default)]
struct Journal(Mutex<Vec<(i64, Vec<u8>)>>);

impl Sink for Journal {
    fn append(&self, body: &[u8], time_us: i64) -> Option<u64> {
        let mut bodies = self.0.lock().unwrap();
        bodies.push((time_us, body.to_vec()));
        Some(bodies.len() as u64)
    }
}

struct Shared {
    plan: Plan,
    desk: Desk,
    journal: Journal,
    terms: LinkTerms,
    /// The floor of a snapshot that was written.
    floor: Mutex<Option<u64>>,
    folder: tempfile::TempDir,
}

pub struct World(Arc<Shared>);

impl World {
    pub fn new() -> World {
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let plan = Plan::default();
        World(Arc::new(Shared {
            desk: Desk::new(std::sync::Arc::new(plan.build()), Standing::plain(policy(), 1)),
            plan,
            journal: Journal::default(),
            terms: LinkTerms::default(),
            floor: Mutex::new(None),
            folder: folder.unwrap(),
        }))
    }

    pub fn purchase(&self, card: u64, stan: u32, amount_minor: i64) -> Request {
        Request { pan: Some(pan(card)), amount_minor, ..purchase(stan) }
    }

    /// An approved pre-authorization of 50.
    pub fn open(&self, card: u64, stan: u32) -> Request {
        let request = Request { preauthorization: true, ..self.purchase(card, stan, 50) };
        assert!(self.0.decide(&request));
        request
    }

    /// A task that sends these messages one after the other.
    pub fn sends(&self, messages: &[Request]) -> JoinHandle<()> {
        let (shared, messages) = (self.0.clone(), messages.to_vec());
        thread::spawn(move || {
            for message in &messages {
                shared.decide(message);
            }
        })
    }

    /// A task that ends all holds.
    pub fn expires(&self) -> JoinHandle<()> {
        let shared = self.0.clone();
        thread::spawn(move || {
            shared.desk.expire_holds(NOON + 40 * DAY_US, &shared.journal);
        })
    }

    /// A task that writes a snapshot.
    pub fn snapshots(&self) -> JoinHandle<()> {
        let shared = self.0.clone();
        thread::spawn(move || {
            let floor = shared.journal.0.lock().unwrap().len() as u64;
            snapshot::write(&shared.desk.portfolio, &key(), &shared.snapshot(), floor, NOON).unwrap();
            *shared.floor.lock().unwrap() = Some(floor);
        })
    }

    pub fn finish<const N: usize>(&self, tasks: [JoinHandle<()>; N]) {
        for task in tasks {
            task.join().unwrap();
        }
    }

    /// What an account holds and has posted.
    pub fn account(&self, id: u32) -> (i64, i64) {
        let state = *self.0.desk.portfolio.account(id).unwrap().state.lock();
        (state.held_minor, state.posted_minor)
    }

    /// What must hold now that all is quiet.
    pub fn judge(&self) {
        let Shared { desk, plan, .. } = &*self.0;
        let live = &desk.portfolio;
        let mut sums = vec![(0, 0); plan.accounts.len()];
        live.table.visit(|shard| {
            for found in shard.iter() {
                if let Some(sum) = sums.get_mut(found.account as usize) {
                    *sum = (sum.0 + found.held_minor, sum.1 + found.posted_minor);
                }
            }
        });
        for (account, sum) in live.accounts().iter().zip(sums) {
            let state = *account.state.lock();
            assert_eq!(
                (state.held_minor, state.posted_minor),
                sum,
                "I6: the account is the sum of its parts"
            );
            assert!(state.available_minor() >= 0, "I6: nothing is overspent");
            assert_eq!(state.available_minor() + sum.0 + sum.1, FUNDS, "money is conserved");
        }
        let replayed = plan.build();
        self.0.replay_into(&replayed, 0);
        assert_eq!(replayed.state_hash(), live.state_hash(), "I9: the records lead to the live state");
        if let Some(floor) = *self.0.floor.lock().unwrap() {
            let mut read = Portfolio::new(plan.programs.clone(), plan.table, SECRET);
            snapshot::read(&mut read, &key(), &self.0.snapshot()).unwrap();
            self.0.replay_into(&read, floor);
            assert_eq!(read.state_hash(), live.state_hash(), "I9: so do a snapshot and the records after it");
        }
    }
}

impl Shared {
    fn decide(&self, request: &Request) -> bool {
        self.desk.decide(request, &self.terms, NOON, Lateness::InTime, &self.journal).code.is_approval()
    }

    fn snapshot(&self) -> PathBuf {
        self.folder.path().join("world.snap")
    }

    fn replay_into(&self, portfolio: &Portfolio, floor: u64) {
        for (body, sequence) in self.journal.0.lock().unwrap().iter().map(|(_, body)| body).zip(1..) {
            if sequence > floor {
                portfolio.apply(&Record::decode(body).unwrap(), sequence);
            }
        }
    }
}

fn key() -> DataKey {
    DataKey::from_hex(&"5a".repeat(32)).unwrap()
}
