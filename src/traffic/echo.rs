//! A bare framed echo: what a switch of the same runtime shape costs when it does nothing. Every latency figure is
//! compared with it, so it stays this small. Knows where frames end, nothing else.

use crate::wire::frame::{Cutter, Framing};
use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};
use tokio_util::sync::CancellationToken;

/// The longest frame without its length, bytes; a longer one ends the connection.
/// How long after a refusal by the system the next connection is asked for.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);
const MAX_FRAME: usize = 64 * 1024;

/// A running echo server; it ends when this is dropped.
pub struct EchoServer {
    address: SocketAddr,
    stop: CancellationToken,
    threads: Vec<JoinHandle<()>>,
}

impl EchoServer {
    /// Listens, with one acceptor that deals connections to `workers` threads (0: one a core) in turn.
    pub fn start(listen: SocketAddr, workers: usize, framing: Framing) -> io::Result<EchoServer> {
        let listener = std::net::TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let workers = if workers == 0 { std::thread::available_parallelism()?.get() } else { workers };
        let stop = CancellationToken::new();
        let mut threads = Vec::new();
        let mut hands = Vec::new();
        for number in 0..workers {
            let (hand, connections) = unbounded_channel();
            hands.push(hand);
            let name = format!("echo-{number}");
            threads.push(spawn(name, stop.clone(), async move || work(connections, framing).await)?);
        }
        threads.push(spawn("echo-accept".to_owned(), stop.clone(), async move || {
            accept(listener, hands).await
        })?);
        Ok(EchoServer { address, stop, threads })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.stop.cancel();
        for thread in self.threads.drain(..) {
            // A worker that panicked has said so on stderr.
            let _ = thread.join();
        }
    }
}

/// A thread with a current-thread runtime, which runs a task until it ends or the server stops.
fn spawn<F>(name: String, stop: CancellationToken, task: F) -> io::Result<JoinHandle<()>>
where
    F: AsyncFnOnce() + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name(name).spawn(move || {
        LocalSet::new().block_on(&runtime, async {
            tokio::select! { _ = task() => {}, _ = stop.cancelled() => {} }
        });
    })
}

async fn accept(listener: std::net::TcpListener, hands: Vec<UnboundedSender<std::net::TcpStream>>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    for hand in hands.iter().cycle() {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, mostly: asking again at once would only keep a processor busy.
            tokio::time::sleep(ACCEPT_AGAIN).await;
            continue;
        };
        // The connection leaves this thread's reactor for the worker's.
        let Ok(stream) = stream.into_std() else { continue };
        if hand.send(stream).is_err() {
            return;
        }
    }
}

async fn work(mut connections: UnboundedReceiver<std::net::TcpStream>, framing: Framing) {
    while let Some(stream) = connections.recv().await {
        spawn_local(async move {
            // An error ends the connection, which is all there is to do about it.
            let _ = serve(stream, framing).await;
        });
    }
}

/// Reads into one buffer, cuts frames, and writes all of one read's answers in one write.
async fn serve(stream: std::net::TcpStream, framing: Framing) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = TcpStream::from_std(stream)?;
    let mut buffer = vec![0; framing.room(MAX_FRAME)];
    let mut cutter = Cutter::new(framing, MAX_FRAME);
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let mut whole = 0;
        while let Some(cut) = cutter.next(&buffer[whole..filled]).map_err(io::Error::other)? {
            whole += cut.next;
        }
        if whole > 0 {
            stream.write_all(&buffer[..whole]).await?;
            buffer.copy_within(whole..filled, 0);
            filled -= whole;
        }
    }
}
