//! The front door: arguments in, exit code out. No logic.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    authswitch::cli::main()
}
