//! The command `smog`, with the bundled suites.

fn main() -> std::process::ExitCode {
    smog_cli::main()
}
