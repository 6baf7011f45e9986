//! The front door: arguments in, exit code out. No logic.

#![deny(unsafe_code)]

mod allocator;

#[global_allocator]
static ALLOCATOR: allocator::HugePages = allocator::HugePages;

fn main() -> std::process::ExitCode {
    authswitch::cli::main()
}
