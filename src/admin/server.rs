//! The admin thread: accepts, limits, serves, stops. A slow or silent client costs a bounded buffer for a bounded
//! time, and never keeps the next one out: beyond the limit, the oldest connection makes room.

use super::routes;
use super::status::Status;
use crate::telemetry::Telemetry;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// What one client and all clients may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; one more closes the oldest.
    pub connections: usize,
    /// Bytes of a request's head; a longer one is refused. A request's body is never read. At least 8192.
    pub head_bytes: usize,
    /// How long a request's head may take, and how long a connection may idle.
    pub head_timeout: Duration,
    /// How long a connection lives: then the running answer is its last.
    pub lifetime: Duration,
    /// How long a running answer may then still take to be read.
    pub grace: Duration,
    /// Names under which it may be asked, beside addresses and `localhost`; in lower case.
    pub hosts: Vec<String>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 64,
            head_bytes: 16 << 10,
            head_timeout: Duration::from_secs(10),
            lifetime: Duration::from_secs(60),
            grace: Duration::from_secs(5),
            hosts: Vec::new(),
        }
    }
}

/// A running admin server. Dropping it stops it.
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Binds `listen` (port 0: any free one) and serves until stopped.
    ///
    /// # Errors
    /// The address cannot be bound, or the system refuses a thread.
    pub fn start(listen: SocketAddr, telemetry: Telemetry, status: Arc<dyn Status>) -> io::Result<Server> {
        Server::start_with(listen, telemetry, status, Limits::default())
    }

    /// As [`Server::start`], with other limits.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_with(
        listen: SocketAddr,
        telemetry: Telemetry,
        status: Arc<dyn Status>,
        limits: Limits,
    ) -> io::Result<Server> {
        let listener = std::net::TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new().name("admin".to_owned()).spawn(move || {
            let router = routes::router(telemetry, Arc::clone(&status), limits.hosts.clone());
            runtime.block_on(async move {
                // It ends with the runtime.
                tokio::spawn(beat(status));
                match TcpListener::from_std(listener) {
                    Ok(listener) => serve(listener, router, limits, stopped).await,
                    Err(error) => tracing::error!(%error, "admin server not started"),
                }
            });
        })?;
        Ok(Server { address, stop, thread: Some(thread) })
    }

    /// The address bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, leaves a moment to what is being answered, and ends.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook; there is nothing left to end.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a stop leaves to what is being answered: it must not wait for a client.
const LAST_ANSWERS: Duration = Duration::from_millis(250);
/// How often the status hears of this thread.
const BEAT: Duration = Duration::from_millis(100);

async fn beat(status: Arc<dyn Status>) {
    let mut interval = tokio::time::interval(BEAT);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        status.beat();
    }
}

async fn serve(
    listener: TcpListener,
    router: axum::Router,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.head_bytes.max(8 << 10))
        .max_headers(64);
    let mut failing = false;
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stop| *stop) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, mostly: give others the time to close some. Said once until it is over.
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "admin connections not accepted");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        failing = false;
        while tasks.try_join_next().is_some() {}
        open.retain(|task| !task.is_finished());
        if open.len() >= limits.connections.max(1)
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let connection = connection(http.clone(), stream, router.clone(), limits.clone(), stopped.clone());
        open.push_back(tasks.spawn(connection));
    }
    drop(listener);
    let all_done = async { while tasks.join_next().await.is_some() {} };
    // What is still being asked or read then is cut off with the runtime.
    let _ = tokio::time::timeout(LAST_ANSWERS, all_done).await;
}

async fn connection(
    http: http1::Builder,
    stream: TcpStream,
    router: axum::Router,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) {
    let served = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = std::pin::pin!(served);
    let ended = tokio::select! {
        _ = served.as_mut() => true,
        () = tokio::time::sleep(limits.lifetime) => false,
        _ = stopped.wait_for(|stop| *stop) => false,
    };
    if !ended {
        served.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(limits.grace, served).await;
    }
}
