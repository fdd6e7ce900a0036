//! The `klachtd` binary: arguments, configuration, daemon or command, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // One cryptography provider for all TLS; the only error is that it was chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ExitCode::from(klachtd::cli::main())
}
