//! An MCP client for the terminal, with the person's own browser: `cargo xtask client`.

use crate::ask;
use crate::mcp::{Called, Connecting, Connection, Identity};
use crate::oauth;
use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::Receiver;
use url::Url;

/// Where answers come to; on loopback any port of a registered redirect URI will do.
const CALLBACK: &str = "/callback";
/// No browser sends a longer head than this for an answer.
const LARGEST_HEAD: usize = 64 * 1024;
/// So many characters of an error are shown.
const LONGEST_ERROR: usize = 300;
const HELP: &str = "type the name of a tool to call it, with JSON arguments if you like; `tools`, `refresh`, `more SCOPE`, `quit`";

/// Connects to `url` as the client `client_id` and does what the lines say, until they end.
///
/// # Errors
/// When connecting fails; what a later line comes to is printed.
pub async fn talk(url: &str, client_id: &str, mut lines: Receiver<String>) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("listening for the browser")?;
    let redirect_uri = format!("http://127.0.0.1:{}{CALLBACK}", listener.local_addr()?.port());
    let begun = Connecting::begin(url, &Identity { client_id: client_id.to_owned(), redirect_uri }).await;
    let connecting = begun.map_err(|error| {
        anyhow!("{url} did not ask for a sign-in: is the demo running, and the server in the published policy? ({})", shortened(&error))
    })?;
    println!("{url} answers 401: {}", connecting.challenge);
    let callback = in_browser(&listener, &connecting.authorize).await?;
    let connection = connecting.finish(&callback).await?;
    println!("\nconnected, protocol revision {}", connection.revision());
    list(&connection).await;
    println!("{HELP}");
    while let Some(line) = asked(&mut lines).await? {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
        let done = match word {
            "quit" => return Ok(()),
            "help" => {
                println!("{HELP}");
                Ok(())
            }
            "tools" => {
                list(&connection).await;
                Ok(())
            }
            "refresh" => match connection.refresh().await {
                Ok(()) => held(&connection).await,
                Err(error) => Err(error),
            },
            "more" => more(&connection, &listener, rest.trim()).await,
            tool => call(&connection, tool, rest.trim()).await,
        };
        if let Err(error) = done {
            println!("error: {}", shortened(&error));
        }
    }
    Ok(())
}

/// An error in one line that can be read: the SDK's hold whole answers.
fn shortened(error: &anyhow::Error) -> String {
    let whole = format!("{error:#}").replace('\n', " ");
    let start: String = whole.chars().take(LONGEST_ERROR).collect();
    if start.len() < whole.len() { format!("{start}…") } else { start }
}

/// Which scopes the token holds now.
async fn held(connection: &Connection) -> Result<()> {
    let claims = oauth::claims(&connection.token().await?)?;
    println!("the token holds: {}", claims["scope"].as_str().unwrap_or("nothing"));
    Ok(())
}

/// The next line that says something.
async fn asked(lines: &mut Receiver<String>) -> Result<Option<String>> {
    loop {
        print!("> ");
        std::io::Write::flush(&mut std::io::stdout())?;
        match lines.recv().await {
            None => return Ok(None),
            Some(line) if line.trim().is_empty() => {}
            Some(line) => return Ok(Some(line.trim().to_owned())),
        }
    }
}

async fn list(connection: &Connection) {
    match connection.tools().await {
        Ok(tools) => println!("tools/list shows: {}", if tools.is_empty() { "nothing".to_owned() } else { tools.join(", ") }),
        Err(error) => println!("tools/list failed: {}", shortened(&error)),
    }
}

async fn call(connection: &Connection, tool: &str, arguments: &str) -> Result<()> {
    let arguments: Value =
        if arguments.is_empty() { ask::arguments(tool) } else { serde_json::from_str(arguments).context("the arguments")? };
    match connection.call(tool, arguments).await? {
        Called::Done(text) => println!("{text}"),
        Called::Forbidden(scope) => {
            println!("403 insufficient_scope: {scope} is missing");
            println!("where a role gives it, or once a request for it is approved: `more {scope}`, or `refresh`");
        }
        Called::Unauthorized => println!("401: the token is not taken any more"),
        Called::Refused(why) => println!("refused: {why}"),
    }
    Ok(())
}

async fn more(connection: &Connection, listener: &TcpListener, scope: &str) -> Result<()> {
    let authorize = connection.ask_more(scope).await?;
    let callback = in_browser(listener, &authorize).await?;
    connection.got_more(&callback).await?;
    held(connection).await
}

/// Has the person open the address, and waits for what their browser brings back.
async fn in_browser(listener: &TcpListener, authorize: &Url) -> Result<Url> {
    println!("\nopen this in your browser; there you can also sign in as somebody else:\n\n  {authorize}\n");
    println!("waiting for the browser; Ctrl-C gives up");
    let callback = answer(listener).await?;
    let value = |name: &str| callback.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    if let Some(error) = value("error") {
        let help = value("error_uri").map(|uri| format!("; see {uri}")).unwrap_or_default();
        bail!("{error}: {}{help}", value("error_description").unwrap_or_default());
    }
    Ok(callback)
}

/// The request that the browser makes of us in the end. Others, such as for an icon, are turned away.
async fn answer(listener: &TcpListener) -> Result<Url> {
    let base = Url::parse(&format!("http://{}", listener.local_addr()?))?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < LARGEST_HEAD {
            if stream.read_buf(&mut head).await? == 0 {
                break;
            }
        }
        let head = String::from_utf8_lossy(&head);
        let target = head.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()).filter(|target| target.starts_with('/'));
        let callback = target.and_then(|target| base.join(target).ok()).filter(|url| url.path() == CALLBACK);
        let (status, text) = match &callback {
            Some(url) if url.query_pairs().any(|(key, _)| key == "error") => {
                ("200 OK", "The client has its answer: it gets nothing. The terminal says why.")
            }
            Some(_) => ("200 OK", "The client has its answer. Go back to the terminal."),
            None => ("404 Not Found", "Nothing is here."),
        };
        let body =
            format!("HTTP/1.1 {status}\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        stream.write_all(body.as_bytes()).await?;
        stream.shutdown().await?;
        if let Some(callback) = callback {
            return Ok(callback);
        }
    }
}
