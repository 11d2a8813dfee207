//! Taking a part of the system away and bringing it back, through whoever started it. One line a connection: see `xtask/src/demo/requests.rs`.

use crate::places::Places;
use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
};

/// Asks for `stop`, `start`, `restart` or `kill` of a part and waits until that is done.
///
/// # Errors
/// When there is no supervisor, or it could not.
pub async fn ask(places: &Places, verb: &str, part: &str) -> Result<()> {
    let path = places.control.as_ref().context("nobody to ask: give --control, the supervisor's socket")?;
    let mut stream = UnixStream::connect(path).await.with_context(|| format!("connecting to the supervisor at {}", path.display()))?;
    stream.write_all(format!("{verb} {part}\n").as_bytes()).await?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await?;
    match answer.trim() {
        "ok" => Ok(()),
        other => bail!("the supervisor could not {verb} {part}: {other}"),
    }
}
