//! Sockets, links, deadlines, drain. Decides nothing about money.
//!
//! One acceptor thread hands each connection to one of the workers, for life. A worker is a thread with a runtime of
//! its own: read, cut, parse, decide, build, write, without handing a message to anybody. `corridor` is the way of
//! one message and knows no socket; `connection` knows sockets and time; `monitor` is what it tells of itself.

mod arrival;
mod clock;
mod system;
pub use crate::clock::Ticks;

mod door;
pub use door::{Door, TurnedAway};

mod link;
pub use link::{Link, LinkOptions};

mod sink;
pub use sink::JournalSink;

mod corridor;
pub use corridor::{Corridor, Session};

mod passed;
pub use passed::{Passed, Undo, Way};

mod batch;
mod deadline;
mod fair;

mod receipt;
pub use receipt::Receipt;

mod pace;
pub use pace::{LeftOut, Pace};

mod refused;
pub use refused::{Refusals, Refused, Told, Unserved, Why, mti_text};

mod connections;
pub use connections::{ConnectionCell, Connections, OpenConnection};

mod monitor;
pub use monitor::{Likely, Monitor, Suspicion};

mod observer;
pub use observer::{CloseReason, Left, Observer};

mod inlet;

mod connection;

mod worker;

mod pulse;
pub use pulse::{Beat, Pulse};

mod server;
pub use server::{Server, ServerOptions, StartError};
