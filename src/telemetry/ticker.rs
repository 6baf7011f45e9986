//! The thread that ticks: merges, and writes `.hlog` intervals, so that neither a worker nor a scrape does.

use super::Telemetry;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A running tick thread. Stopping or dropping it writes the last `.hlog` interval.
pub struct Ticker {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(super) fn start(telemetry: Telemetry, period: Duration) -> std::io::Result<Ticker> {
        let (stop, stopped) = mpsc::sync_channel::<()>(0);
        let thread = std::thread::Builder::new().name("telemetry".to_owned()).spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(period) {
                telemetry.tick(Instant::now());
            }
            telemetry.finish(Instant::now());
        })?;
        Ok(Ticker { stop: Some(stop), thread: Some(thread) })
    }

    /// Ticks a last time, writes the last interval, and waits for the thread to end.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // The thread sees the channel closed.
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook; there is nothing left to save.
            let _ = thread.join();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.end();
    }
}
