//! What signals mean to a running switch: none ends it without a word. Must not know how it drains or reloads.

use std::sync::Arc;
use std::task::Poll;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Drain, and end.
    End,
    /// Read settings and rules again.
    Reload,
    /// Take the wall clock's word for the time.
    BelieveClock,
    /// Nothing: it is told, and the switch goes on.
    Nothing,
}

/// Every signal whose usual effect is to end a process and that can be caught, save those that say that the process itself is
/// broken, and SIGPIPE, which is ignored.
const MEANINGS: [(&str, rustix::process::Signal, Wish); 16] = {
    use rustix::process::Signal;
    [
        ("SIGTERM", Signal::TERM, Wish::End),
        ("SIGINT", Signal::INT, Wish::End),
        ("SIGQUIT", Signal::QUIT, Wish::End),
        ("SIGXCPU", Signal::XCPU, Wish::End),
        ("SIGPWR", Signal::POWER, Wish::End),
        ("SIGHUP", Signal::HUP, Wish::Reload),
        ("SIGUSR1", Signal::USR1, Wish::BelieveClock),
        ("SIGUSR2", Signal::USR2, Wish::Nothing),
        ("SIGTSTP", Signal::TSTP, Wish::Nothing),
        ("SIGTTIN", Signal::TTIN, Wish::Nothing),
        ("SIGTTOU", Signal::TTOU, Wish::Nothing),
        ("SIGSTKFLT", Signal::STKFLT, Wish::Nothing),
        ("SIGALRM", Signal::ALARM, Wish::Nothing),
        ("SIGVTALRM", Signal::VTALARM, Wish::Nothing),
        ("SIGPROF", Signal::PROF, Wish::Nothing),
        ("SIGIO", Signal::IO, Wish::Nothing),
    ]
};

/// The signals that came and were not asked for yet.
pub(super) struct Signals(Vec<(&'static str, Wish, Signal)>);

impl Signals {
    /// From now on signals wait to be asked for. Within a runtime.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub(super) fn catch() -> std::io::Result<Signals> {
        let catch = |(name, number, wish): (_, rustix::process::Signal, _)| {
            Ok((name, wish, signal(SignalKind::from_raw(number.as_raw()))?))
        };
        MEANINGS.into_iter().map(catch).collect::<std::io::Result<_>>().map(Signals)
    }

    /// Waits for the next one, and says in the log what it does.
    pub(super) async fn next(&mut self) -> Wish {
        self.next_of(|_| true).await
    }

    /// Waits for one that asks for the end; others go on waiting to be asked for.
    pub(super) async fn end(&mut self) {
        self.next_of(|wish| wish == Wish::End).await;
    }

    async fn next_of(&mut self, is_asked: fn(Wish) -> bool) -> Wish {
        let (name, wish) = std::future::poll_fn(|cx| {
            let asked = self.0.iter_mut().filter(|(_, wish, _)| is_asked(*wish));
            let mut came = asked.filter_map(|(name, wish, signal)| match signal.poll_recv(cx) {
                Poll::Ready(_) => Some((*name, *wish)),
                Poll::Pending => None,
            });
            came.next().map_or(Poll::Pending, Poll::Ready)
        })
        .await;
        match wish {
            Wish::End if name == "SIGXCPU" => {
                tracing::error!(
                    signal = name,
                    "the limit on processor time, RLIMIT_CPU (`ulimit -t`), is reached: the switch ends before the system kills it"
                );
            }
            Wish::End => tracing::info!(signal = name, "the switch is asked to end"),
            Wish::Reload | Wish::BelieveClock => {}
            Wish::Nothing => {
                tracing::warn!(signal = name, "a signal that means nothing here; the switch goes on")
            }
        }
        wish
    }
}

/// SIGXFSZ comes where a file would grow over RLIMIT_FSIZE. From now on it does not end the process: the write fails, and whoever
/// writes says so.
pub(super) fn outlive_file_size_limit() {
    // Where the handler is refused the signal ends the process, as before.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
}
