//! What a newcomer meets: the terminal's client, in a browser in which somebody else is signed in.

use super::rig::{Rig, binary};
use anyhow::{Context as _, Result};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// The client at work.
struct Terminal {
    child: Child,
    said: ChildStdin,
    lines: UnboundedReceiver<String>,
}

impl Terminal {
    fn open(url: &str, client: &str) -> Result<Self> {
        let mut command = Command::new(binary("mcp-client")?);
        command.args(["--client-id", client, "--url", url]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("starting the client")?;
        let (said, stdout) = (child.stdin.take().context("its input")?, child.stdout.take().context("its output")?);
        let (seen, lines) = unbounded_channel();
        std::thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| seen.send(line)));
        Ok(Self { child, said, lines })
    }

    fn say(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.said, "{line}")?)
    }

    /// The next line that contains this.
    async fn line_with(&mut self, text: &str) -> Result<String> {
        timeout(PATIENCE, async {
            while let Some(line) = self.lines.recv().await {
                if line.contains(text) {
                    return Ok(line);
                }
            }
            anyhow::bail!("it ended without saying {text:?}")
        })
        .await
        .with_context(|| format!("it never said {text:?}"))?
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[tokio::test]
async fn a_client_is_connected_by_whoever_it_is_for_though_another_is_signed_in() -> Result<()> {
    let (rig, made) = Rig::complete().await?;
    let mut browser = made.ada.browser;
    let mut client = Terminal::open(&rig.places.resource("incident"), &made.client)?;
    client.line_with("answers 401").await?;
    let authorize = client.line_with("/authorize?").await?;
    // Ada administers and has no role: she is told so, as herself.
    let refused = browser.page(authorize.trim()).await?.ok()?;
    assert!(refused.heading().starts_with("Nothing here for"), "{}", refused.summary());
    assert!(refused.says("Signed in as Ada") && refused.says("No role and no grant of yours"), "{}", refused.summary());
    let provider = browser.follow(&refused, "Sign in as somebody else").await?.page()?;
    let form = provider.forms("/authorize").into_iter().find(|form| form.value("username").is_some()).context("a form that asks who")?;
    let consent = browser.submit(form.fill("username", "dev")?).await?.page()?.ok()?;
    assert!(consent.says("Signed in as Dev"), "{}", consent.summary());
    consent.link("Not you?")?;
    let done = browser.submit(consent.form("/authorize")?.press("decision", "allow")?).await?.page()?;
    assert!(done.says("The client has its answer"), "{}", done.summary());

    client.line_with("connected").await?;
    assert!(client.line_with("tools/list shows").await?.ends_with(": logs.read"));
    client.say("logs.read")?;
    client.line_with("checkout").await?;
    client.say("incidents.trigger")?;
    client.line_with("403 insufficient_scope: incidents.trigger is missing").await?;
    client.say("quit")?;
    assert!(client.child.wait()?.success());
    Ok(())
}

#[tokio::test]
async fn a_client_whose_person_says_no_says_why_it_ends() -> Result<()> {
    let (rig, made) = Rig::complete().await?;
    let mut browser = made.ada.browser;
    let mut client = Terminal::open(&rig.places.resource("incident"), &made.client)?;
    let authorize = client.line_with("/authorize?").await?;
    let refused = browser.page(authorize.trim()).await?.ok()?;
    let done = browser.submit(refused.form("/authorize")?.press("decision", "back")?).await?.page()?;
    assert!(done.says("The client has its answer"), "{}", done.summary());
    assert!(!client.child.wait()?.success());
    Ok(())
}
