//! The `writ` binary: command line, composition root and the one route table.

use clap::Parser;
use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;
use writ::cli::Cli;

/// For SQLite too. Its settings are in `.cargo/config.toml`; the variable `MALLOC_CONF` overrides them.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Ten thousand watchers that are woken at once are more than a worker's own queue holds; the rest wait in the common one, which would be
/// looked at only now and then while acknowledgements of the first keep coming. So it has every other turn.
const COMMON_QUEUE_TURN: u32 = 2;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().global_queue_interval(COMMON_QUEUE_TURN).build();
    match runtime {
        Ok(runtime) => runtime.block_on(run()),
        Err(error) => {
            eprintln!("writ: starting the runtime: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _unheard = error.print();
            // Not clap's 2, which says of a revocation that it stands and is not confirmed everywhere.
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match writ::cli::run(cli).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("writ: {error:#}");
            ExitCode::FAILURE
        }
    }
}
