//! The real binary in a folder of its own, and a plain client: what the end-to-end tests are written with.

#![allow(clippy::unwrap_used, dead_code, missing_docs)]

mod purchase;

use authswitch::wire::frame::{Framing, Kind, Lead};
use authswitch::wire::{Bitmap, Dialect, Message, Mti, Value};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

// Not every program of tests sends one.
#[allow(unused_imports)]
pub use purchase::{Purchase, pan};

/// Long enough on a busy machine; a hang ends here instead of nowhere.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What a busy machine could run into, out of the way; a test of one of these sets its own.
const UNHURRIED: [&str; 9] = [
    "links.acquirer-ascii.budget_ms=60000",
    "links.acquirer-bcd.budget_ms=60000",
    "links.acquirer-ascii.frame_timeout_ms=600000",
    "links.acquirer-bcd.frame_timeout_ms=600000",
    "links.acquirer-ascii.write_timeout_ms=600000",
    "links.acquirer-bcd.write_timeout_ms=600000",
    // A disk that falls behind would let answers overtake each other.
    "journal.exposure_max_ms=3600000",
    "server.drain_timeout_ms=600000",
    // What rules cost is measured at each load.
    "rules.budget_ns=10000000",
];

/// The program under test: the release build where `tests/run` names one, else this profile's.
pub fn binary() -> PathBuf {
    std::env::var_os("AUTHSWITCH_BIN").map_or_else(|| env!("CARGO_BIN_EXE_authswitch").into(), PathBuf::from)
}

/// A running `authswitch serve`.
pub struct Switch {
    pub child: Child,
    pub addresses: BTreeMap<String, SocketAddr>,
    stdout: BufReader<ChildStdout>,
    /// Where its standard error goes.
    pub log: PathBuf,
}

impl Switch {
    /// Starts it on free ports; `set` are further `--set` arguments.
    pub fn start(data: &Path, set: &[&str]) -> Switch {
        Switch::start_with(data, set, |_| {})
    }

    /// As [`Switch::start`], with a last word about the command: environment, limits.
    pub fn start_with(data: &Path, set: &[&str], prepare: impl FnOnce(&mut Command)) -> Switch {
        match Switch::try_start(data, set, prepare) {
            Ok(switch) => switch,
            Err((status, log)) => panic!("the switch ended with {status} before it was ready:\n{log}"),
        }
    }

    /// Starts it, or tells how it ended and what it said.
    pub fn try_start(
        data: &Path,
        set: &[&str],
        prepare: impl FnOnce(&mut Command),
    ) -> Result<Switch, (ExitStatus, String)> {
        let mut command = Switch::command(data, set);
        prepare(&mut command);
        Switch::spawn(command, &data.with_extension("log"))
    }

    /// The command that starts it on free ports.
    pub fn command(data: &Path, set: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(["serve", "--data"]).arg(data);
        // A new folder begins with the demo's cards; one that is there is opened as it is.
        if !data.join("snapshot").is_dir() {
            command.arg("--demo");
        }
        // No file of the working directory may matter.
        command.current_dir(data.parent().unwrap());
        let ports = ["links.acquirer-ascii.listen", "links.acquirer-bcd.listen", "admin.listen"];
        for key in ports {
            command.arg("--set").arg(format!("{key}=127.0.0.1:0"));
        }
        // As with the demo's own settings; tests of what is not verified set theirs.
        for proof in ["pin", "cvv", "cryptogram", "mac"] {
            command.arg("--set").arg(format!("verification.{proof}.require=ignored"));
        }
        for set in UNHURRIED.iter().chain(set) {
            command.arg("--set").arg(set);
        }
        command
    }

    /// Starts a `serve` with arguments of its own; what it logs is appended to `log`.
    pub fn spawn(command: Command, log: &Path) -> Result<Switch, (ExitStatus, String)> {
        let stderr = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        Switch::spawn_with(command, log, stderr.into())
    }

    /// As [`Switch::spawn`], with another standard error.
    pub fn spawn_with(
        mut command: Command,
        log: &Path,
        stderr: Stdio,
    ) -> Result<Switch, (ExitStatus, String)> {
        let log = log.to_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut addresses = BTreeMap::new();
        loop {
            let mut line = String::new();
            if stdout.read_line(&mut line).unwrap() == 0 {
                let status = child.wait().unwrap();
                return Err((status, std::fs::read_to_string(&log).unwrap_or_default()));
            }
            if line.trim() == "ready" {
                break;
            }
            let words: BTreeMap<_, _> =
                line.split_whitespace().filter_map(|word| word.split_once('=')).collect();
            addresses.insert(words["link"].to_owned(), words["addr"].parse().unwrap());
        }
        Ok(Switch { child, addresses, stdout, log })
    }

    pub fn connect(&self, link: &str) -> Peer {
        let dialect = if link.contains("bcd") { "iso87-bcd" } else { "iso87-ascii" };
        Peer::connect(self.addresses[link], dialect)
    }

    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// Stops the process; returns when every thread of it stands still. It goes on with the signal CONT.
    pub fn stand_still(&self) {
        self.signal("STOP");
        wait_for("every thread to stand still", || {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
            let state = |task: std::fs::DirEntry| {
                let stat = std::fs::read_to_string(task.path().join("stat")).unwrap();
                stat.rsplit(')').next().unwrap().trim_start().chars().next()
            };
            tasks.map(Result::unwrap).all(|task| state(task) == Some('T')).then_some(())
        });
    }

    /// Returns when the switch's own clock has gone on by `time`: what was in it before is older by that.
    pub fn let_pass(&self, time: Duration) {
        let uptime_s = || -> f64 {
            let status: serde_json::Value = serde_json::from_str(&self.get("/status.json").1).unwrap();
            status["figures"]["uptime_s"].as_f64().unwrap()
        };
        let until_s = uptime_s() + time.as_secs_f64();
        wait_for("the switch's clock", || (uptime_s() > until_s).then_some(()));
    }

    /// SIGTERM; the exit status and what was printed after `ready`.
    pub fn terminate(mut self) -> (ExitStatus, String) {
        self.signal("TERM");
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The log: of a switch that answers all that it has said by now, since its lines leave by a thread of their own.
    pub fn log_text(&self) -> String {
        let mut left = 1_000;
        while left > 0 && self.log_waits().is_some_and(|bytes| bytes > 0.0) {
            left -= 1;
            std::thread::sleep(Duration::from_millis(5));
        }
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Bytes of the log that wait; none where nobody answers: it stands still or has ended.
    fn log_waits(&self) -> Option<f64> {
        let (_, metrics) = self.try_get("/metrics", Duration::from_secs(5)).ok()?;
        sample(&metrics, "authswitch_log_waiting_bytes ")
    }

    /// GET from the operators' HTTP: status code and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        self.try_get(path, PATIENCE).unwrap()
    }

    fn try_get(&self, path: &str, patience: Duration) -> std::io::Result<(u16, String)> {
        let mut stream = TcpStream::connect(self.addresses["admin"])?;
        stream.set_read_timeout(Some(patience))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let answered = text.split_once("\r\n\r\n");
        let (head, body) = answered.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        Ok((head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned()))
    }

    /// A sample's value from `/metrics`: the line that begins with `name`.
    pub fn metric(&self, name: &str) -> Option<f64> {
        sample(&self.get("/metrics").1, name)
    }
}

fn sample(metrics: &str, name: &str) -> Option<f64> {
    metrics.lines().find(|line| line.starts_with(name))?.rsplit(' ').next()?.parse().ok()
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Fields by number, in clear.
pub type Fields = BTreeMap<u8, String>;

/// A client of one connection.
pub struct Peer {
    pub stream: TcpStream,
    dialect: Arc<Dialect>,
    framing: Framing,
    buffer: Vec<u8>,
    /// What stood before the last answer's message.
    pub lead: Vec<u8>,
}

/// An answer: message type and fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub mti: String,
    pub fields: Fields,
    pub raw: Vec<u8>,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.fields.get(&39).map_or("", String::as_str)
    }
}

impl Peer {
    pub fn connect(address: SocketAddr, dialect: &str) -> Peer {
        Peer::connect_framed(address, dialect, "length2-be")
    }

    pub fn connect_framed(address: SocketAddr, dialect: &str, framing: &str) -> Peer {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (dialect, framing) = (Dialect::builtin(dialect).unwrap(), framing.parse().unwrap());
        Peer { stream, dialect, framing, buffer: Vec::new(), lead: Vec::new() }
    }

    /// Connects to a link from another address of this machine: any of 127.0.0.0/8 is one.
    pub fn connect_from(source: &str, address: SocketAddr) -> std::io::Result<Peer> {
        use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        bind(&socket, &SocketAddr::new(source.parse().unwrap(), 0))?;
        connect(&socket, &address)?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE))?;
        let (dialect, framing) = (Dialect::builtin("iso87-ascii").unwrap(), "length2-be".parse().unwrap());
        Ok(Peer { stream, dialect, framing, buffer: Vec::new(), lead: Vec::new() })
    }

    /// The same connection once more, for another thread.
    pub fn again(&self) -> Peer {
        Peer {
            stream: self.stream.try_clone().unwrap(),
            dialect: Arc::clone(&self.dialect),
            framing: self.framing,
            buffer: Vec::new(),
            lead: Vec::new(),
        }
    }

    /// From here on the kernel takes only a few answers that are not read.
    pub fn receive_little(&self) {
        rustix::net::sockopt::set_socket_recv_buffer_size(&self.stream, 4 << 10).unwrap();
    }

    /// The framed bytes of a message.
    pub fn frame(&self, mti: &str, fields: &[(u8, &str)]) -> Vec<u8> {
        let mut sorted = fields.to_vec();
        sorted.sort();
        let bytes: Vec<(u8, Option<Vec<u8>>)> =
            sorted.iter().map(|(de, text)| (*de, is_binary(*de).then(|| from_hex(text)))).collect();
        let own: Vec<(u8, Value<'_>)> = sorted
            .iter()
            .zip(&bytes)
            .map(|((de, text), (_, bytes))| match bytes {
                Some(bytes) => (*de, Value::Bytes(bytes)),
                None => (*de, Value::Text(text.as_bytes())),
            })
            .collect();
        let mut out = Vec::new();
        let mark = self.framing.begin(&mut out, Lead::Own);
        self.dialect.build(&mut out, to_mti(mti), None, Bitmap::default(), &own).unwrap();
        self.framing.finish(&mut out, mark).unwrap();
        out
    }

    pub fn send(&mut self, mti: &str, fields: &[(u8, &str)]) {
        let frame = self.frame(mti, fields);
        self.stream.write_all(&frame).unwrap();
    }

    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Returns when all that was sent is at the switch, where its kernel keeps it until it is read: acknowledged, that is.
    pub fn has_arrived(&self) {
        let ends = [self.stream.local_addr().unwrap(), self.stream.peer_addr().unwrap()];
        let [own, other] = ends.map(|end| format!(":{:04X}", end.port()));
        wait_for("what was sent to arrive", || {
            let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
            let rows = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            let row = rows.into_iter().find(|row| row[1].ends_with(&own) && row[2].ends_with(&other));
            row.expect("the connection is listed")[4].starts_with("00000000:").then_some(())
        });
    }

    /// The next answer; `None` when the switch has closed the connection.
    pub fn receive(&mut self) -> Option<Answer> {
        loop {
            if let Some(cut) = self.framing.next(&self.buffer, 65_535).unwrap() {
                assert_eq!(cut.kind, Kind::Message);
                let raw = self.buffer[cut.start..cut.end].to_vec();
                self.lead = self.buffer[..cut.start].to_vec();
                self.buffer.drain(..cut.next);
                return Some(self.read(raw));
            }
            let mut room = [0; 16 << 10];
            match self.stream.read(&mut room) {
                Ok(0) => return None,
                Ok(length) => self.buffer.extend_from_slice(&room[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no answer within {PATIENCE:?}: {error}"),
            }
        }
    }

    pub fn read(&self, raw: Vec<u8>) -> Answer {
        let mut message = Message::new();
        self.dialect.parse(&raw, &mut message).unwrap();
        let view = self.dialect.view(&raw, &message);
        let mut fields = Fields::new();
        let mut room = [0; 1024];
        for de in view.bitmap().iter().filter(|de| *de != 1) {
            let text = if is_binary(de) {
                view.bytes(de, &mut room).unwrap().iter().map(|byte| format!("{byte:02X}")).collect()
            } else {
                let text = view.digits(de, &mut [0; 64]).map(<[u8]>::to_vec);
                let text = text.or_else(|| view.text(de, &mut room).map(<[u8]>::to_vec)).unwrap();
                String::from_utf8(text).unwrap()
            };
            fields.insert(de, text);
        }
        Answer { mti: view.mti().to_string(), fields, raw }
    }

    /// The next bytes as they come, exactly so many.
    pub fn receive_raw(&mut self, length: usize) -> Vec<u8> {
        assert!(self.buffer.is_empty(), "bytes of an answer are waiting");
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// What comes next is exactly this, and then nothing before the answer to an echo test.
    pub fn rest_is(&mut self, bytes: &[u8]) {
        let probe = self.frame("0800", &[(7, "1122093315"), (11, "999999"), (70, "301")]);
        self.send_raw(&probe);
        while self.buffer.len() < bytes.len() {
            let mut room = [0; 1024];
            let length = self.stream.read(&mut room).unwrap();
            assert!(length > 0, "the connection was closed");
            self.buffer.extend_from_slice(&room[..length]);
        }
        let found: Vec<u8> = self.buffer.drain(..bytes.len()).collect();
        assert_eq!(found, bytes);
        assert_eq!(self.receive().unwrap().fields[&11], "999999");
    }

    /// Sends and waits for the answer.
    pub fn ask(&mut self, mti: &str, fields: &[(u8, &str)]) -> Answer {
        self.send(mti, fields);
        self.receive().expect("the connection was closed instead of an answer")
    }

    /// Whether the switch closes the connection (within the patience) without a further answer.
    pub fn is_closed(&mut self) -> bool {
        self.receive().is_none()
    }
}

fn is_binary(de: u8) -> bool {
    matches!(de, 52 | 55 | 64 | 96 | 128)
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

pub fn to_mti(text: &str) -> Mti {
    Mti::new(u16::from_str_radix(text, 16).unwrap()).unwrap()
}

/// Returns when more than `time` has passed since then by the clock of this machine, a stopped process's too.
pub fn outlast(since: Instant, time: Duration) {
    while since.elapsed() <= time {
        std::thread::sleep(time.saturating_sub(since.elapsed()));
    }
}

/// Waits until `done` gives something.
pub fn wait_for<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = done() {
            return found;
        }
        assert!(Instant::now() < end, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
