//! `authswitch echo`.

use crate::traffic::echo::EchoServer;
use crate::wire::frame::Framing;
use std::net::SocketAddr;
use std::process::ExitCode;

/// A bare framed echo server: the floor every latency figure is compared with.
#[derive(clap::Args)]
#[command(after_help = "Example:
  authswitch echo --listen 127.0.0.1:9000 &
  authswitch replay demo.jsonl.gz --to 127.0.0.1:9000 --to-echo --rate 10000 --duration 10s")]
pub(super) struct Args {
    /// Address to listen on; port 0 takes a free one, which is printed.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// Threads that serve connections; 0 is one a core.
    #[arg(long, default_value_t = 0)]
    workers: usize,
    /// How messages are told apart; --help lists the words
    #[arg(long, default_value = "length2-be", long_help = super::framing::help())]
    framing: Framing,
}

pub(super) fn run(args: Args) -> ExitCode {
    let server = match EchoServer::start(args.listen, args.workers, args.framing) {
        Ok(server) => server,
        Err(error) => return super::replay::usage(&format!("cannot listen on {}: {error}", args.listen)),
    };
    outln!("listening addr={}", server.address());
    if let Err(error) = super::replay::wait_for_signal() {
        return super::replay::usage(&format!("cannot wait for signals: {error}"));
    }
    drop(server);
    ExitCode::SUCCESS
}
