//! Plays many worlds of the simulator, optimised: `cargo bench --bench simulation -- --seeds 0..10000 --steps 1000`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../tests/simulation/worlds.rs"]
mod worlds;

fn main() {
    std::process::exit(worlds::run::main(std::env::args().skip(1)));
}
