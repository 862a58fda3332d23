//! The command `ltvd`: see `ltvd::cli`.

/// Much of what a webhook costs is small pieces of memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    ltvd::cli::main()
}
