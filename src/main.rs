//! The front door: arguments in, exit code out. No logic.

fn main() -> std::process::ExitCode {
    authswitch::cli::main()
}
