//! `mcp-client`: an MCP client for the terminal, on the official SDK. It knows the server's URL and its own client id, and finds the rest.

use clap::Parser;
use end2end::terminal;
use std::process::ExitCode;
use tokio::sync::mpsc;

#[derive(Parser)]
struct Arguments {
    /// The id that the administrator registered it with; its redirect URI is <http://127.0.0.1/callback>.
    #[arg(long)]
    client_id: String,
    /// The server, as clients call it: at the gateway.
    #[arg(long)]
    url: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { client_id, url } = Arguments::parse();
    let (said, lines) = mpsc::channel(1);
    // A thread of its own: reading from a terminal cannot be given up.
    std::thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).try_for_each(|line| said.blocking_send(line)));
    match terminal::talk(&url, &client_id, lines).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
