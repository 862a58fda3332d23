//! The command `ltvd`: see `ltvd::cli`.

fn main() -> std::process::ExitCode {
    ltvd::cli::main()
}
