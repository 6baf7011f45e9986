//! A switch made for tests: it answers as told, and writes down what it received.

#![allow(dead_code)]

use authswitch::traffic::{Endpoint, replay::Target};
use authswitch::wire::frame::{Framing, Kind, Lead};
use authswitch::wire::{Bitmap, Dialect, Message, Mti, Value, View};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What to do with a message.
pub enum Reply {
    /// Answer with this response code.
    Code([u8; 2]),
    /// Answer with this response code after everything stood still for a while.
    Stall(Duration, [u8; 2]),
    /// Answer twice.
    Twice([u8; 2]),
    /// Do not answer.
    Nothing,
    /// Send these messages, whatever they are.
    Messages(Vec<Vec<u8>>),
    /// Send these messages and close the connection.
    Parting(Vec<Vec<u8>>),
}

/// A message as it was received: its connection, from 0, its type and fields as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub connection: u64,
    pub mti: String,
    pub fields: BTreeMap<u8, String>,
}

impl Received {
    pub fn text(&self, de: u8) -> &str {
        self.fields.get(&de).map_or("", String::as_str)
    }

    /// What a repeat shares with its original.
    pub fn key(&self) -> [String; 4] {
        [2, 7, 11, 32].map(|de| self.text(de).to_owned())
    }
}

type Decide = dyn Fn(u64, View<'_>) -> Reply + Send + Sync;

/// Listens with one dialect; every connection has its thread, which ends with the connection.
pub struct FakeSwitch {
    pub address: SocketAddr,
    pub received: Arc<Mutex<Vec<Received>>>,
    pub dialect: Arc<Dialect>,
    pub framing: Framing,
}

impl FakeSwitch {
    /// `decide` gets the message's number, from 0, and the message.
    pub fn start(
        dialect: &str,
        decide: impl Fn(u64, View<'_>) -> Reply + Send + Sync + 'static,
    ) -> FakeSwitch {
        FakeSwitch::start_framed(dialect, Framing::LENGTH2_BE, decide)
    }

    /// As [`FakeSwitch::start`], with frames of another kind.
    pub fn start_framed(
        dialect: &str,
        framing: Framing,
        decide: impl Fn(u64, View<'_>) -> Reply + Send + Sync + 'static,
    ) -> FakeSwitch {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let dialect = Dialect::builtin(dialect).unwrap();
        let decide: Arc<Decide> = Arc::new(decide);
        let numbers = Arc::new(AtomicU64::new(0));
        let (log, spoken) = (received.clone(), dialect.clone());
        std::thread::spawn(move || {
            for (connection, stream) in (0..).zip(listener.incoming().flatten()) {
                let (log, spoken, decide, numbers) =
                    (log.clone(), spoken.clone(), decide.clone(), numbers.clone());
                std::thread::spawn(move || {
                    serve((connection, stream), framing, &spoken, &*decide, &numbers, &log)
                });
            }
        });
        FakeSwitch { address, received, dialect, framing }
    }

    /// Approves everything.
    pub fn approving(dialect: &str) -> FakeSwitch {
        FakeSwitch::start(dialect, |_, _| Reply::Code(*b"00"))
    }

    /// This switch as the target of every link.
    pub fn target(&self) -> Target {
        let (address, dialect, framing) = (self.address, self.dialect.clone(), self.framing);
        let endpoint = Endpoint { link: String::new(), address, dialect, framing };
        Target { name: "switch".to_owned(), endpoints: vec![endpoint], echo: false }
    }
}

fn serve(
    (connection, mut stream): (u64, TcpStream),
    framing: Framing,
    dialect: &Dialect,
    decide: &Decide,
    numbers: &AtomicU64,
    log: &Mutex<Vec<Received>>,
) {
    let mut buffer = Vec::new();
    let mut chunk = vec![0; 65_536];
    let mut message = Message::new();
    while let Ok(bytes @ 1..) = stream.read(&mut chunk) {
        buffer.extend_from_slice(&chunk[..bytes]);
        let mut out = Vec::new();
        while let Some(cut) = framing.next(&buffer, 65_535).unwrap() {
            assert_eq!(cut.kind, Kind::Message);
            let frame: Vec<u8> = buffer[cut.start..cut.end].to_vec();
            let lead: Vec<u8> = buffer.drain(..cut.next).take(cut.start).collect();
            let lead = Lead::Answer { request: &lead, wrong_de: 0 };
            dialect.parse(&frame, &mut message).unwrap();
            let view = dialect.view(&frame, &message);
            log.lock().unwrap().push(receive(connection, view));
            match decide(numbers.fetch_add(1, Ordering::Relaxed), view) {
                Reply::Code(code) => answer(&mut out, framing, lead, view, code),
                Reply::Stall(time, code) => {
                    std::thread::sleep(time);
                    answer(&mut out, framing, lead, view, code);
                }
                Reply::Twice(code) => (0..2).for_each(|_| answer(&mut out, framing, lead, view, code)),
                Reply::Nothing => {}
                Reply::Messages(messages) => send(&mut out, framing, lead, &messages),
                Reply::Parting(messages) => {
                    send(&mut out, framing, lead, &messages);
                    let _ = stream.write_all(&out);
                    return;
                }
            }
        }
        if stream.write_all(&out).is_err() {
            return;
        }
    }
}

fn send(out: &mut Vec<u8>, framing: Framing, lead: Lead<'_>, messages: &[Vec<u8>]) {
    for message in messages {
        let mark = framing.begin(out, lead);
        out.extend_from_slice(message);
        framing.finish(out, mark).unwrap();
    }
}

fn receive(connection: u64, view: View<'_>) -> Received {
    let mut buffer = [0; 1024];
    let fields = view.bitmap().iter().map(|de| {
        let text = view.text(de, &mut buffer).map(|text| String::from_utf8_lossy(text).into_owned());
        (de, text.unwrap_or_else(|| format!("{:02X?}", view.data(de).unwrap())))
    });
    Received { connection, mti: view.mti().to_string(), fields: fields.collect() }
}

/// A message of these fields in the dialect of another.
pub fn message(like: View<'_>, mti: u16, fields: &[(u8, &str)]) -> Vec<u8> {
    let own: Vec<_> = fields.iter().map(|(de, text)| (*de, Value::Text(text.as_bytes()))).collect();
    let mut out = Vec::new();
    like.dialect().build(&mut out, Mti::new(mti).unwrap(), None, Bitmap::default(), &own).unwrap();
    out
}

/// The answer to a message: `echo` as it has them, and `own`.
pub fn answer_of(view: View<'_>, mti: Mti, echo: &[u8], own: &[(u8, &str)]) -> Vec<u8> {
    let mut echoed = Bitmap::default();
    echo.iter().for_each(|de| echoed.insert(*de));
    let own: Vec<_> = own.iter().map(|(de, text)| (*de, Value::Text(text.as_bytes()))).collect();
    let mut out = Vec::new();
    view.dialect().build(&mut out, mti, Some(view), echoed, &own).unwrap();
    out
}

fn answer(out: &mut Vec<u8>, framing: Framing, lead: Lead<'_>, view: View<'_>, code: [u8; 2]) {
    let mut echo = Bitmap::default();
    [2, 3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 70].into_iter().for_each(|de| echo.insert(de));
    let mark = framing.begin(out, lead);
    let own = [(39, Value::Text(&code))];
    view.dialect().build(out, view.mti().response(), Some(view), echo, &own).unwrap();
    framing.finish(out, mark).unwrap();
}
