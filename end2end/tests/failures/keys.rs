//! `docs/security/keys.md`, command by command: people with keys of their own, a policy key on another machine, every key replaced while a
//! gateway follows, and one that slept through several roots.
//!
//! The commands run as the page has them. What stands in for a person is added here: a passphrase file instead of the terminal, `--yes`
//! instead of an answer, and the values for `HEX`, `KEYID` and `N`. Making and signing run without the database: its place is not told them.

use super::rig::{Complete, Part, Rig};
use anyhow::{Context as _, Result, bail, ensure};
use end2end::{
    ask,
    console::{Person, delivery::CONVERGES_WITHIN, governance::Ask},
    mcp::{Connection, Identity},
    wait,
};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// A gateway asks for new roots at least once a minute.
const ROOTS_WITHIN: Duration = Duration::from_secs(90);
/// The control plane looks after keys every 20 seconds.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);

/// One block of commands of the page.
struct Block {
    section: String,
    commands: Vec<String>,
}

/// The page's blocks, in order.
fn blocks() -> Result<Vec<Block>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security/keys.md");
    let text = fs::read_to_string(&page).with_context(|| format!("reading {}", page.display()))?;
    let (mut blocks, mut section, mut open) = (Vec::<Block>::new(), String::new(), false);
    for line in text.lines() {
        match (open, line) {
            (false, "```sh") => {
                open = true;
                blocks.push(Block { section: section.clone(), commands: Vec::new() });
            }
            (true, "```") => open = false,
            (true, command) => blocks.last_mut().context("a command outside of a block")?.commands.push(command.to_owned()),
            (false, line) => {
                if let Some(title) = line.strip_prefix("## ") {
                    section = title.to_owned();
                }
            }
        }
    }
    ensure!(!open && blocks.len() > 15, "the page has {} blocks of commands", blocks.len());
    Ok(blocks)
}

/// The folder where people keep their keys, and what they know.
struct People<'r> {
    rig: &'r Rig,
    folder: PathBuf,
    /// SHA-256 of the first root, as the gateway pins it.
    root: String,
    /// Id of Anna's first key.
    anna: String,
    /// The live policy.
    live: u64,
}

impl People<'_> {
    /// Runs a command of the page and returns what it printed.
    fn run(&self, command: &str) -> Result<String> {
        let known = |word: String| match word.as_str() {
            "HEX" => self.root.clone(),
            "KEYID" => self.anna[..8].to_owned(),
            "N" => self.live.to_string(),
            _ => word,
        };
        let given: Vec<String> = words(command)?.into_iter().map(known).collect();
        let mut words = given.clone().into_iter();
        let program = words.next().context("an empty command")?;
        let words: Vec<String> = words.collect();
        let has = |word: &str| words.iter().any(|held| held == word);
        let signs = has("sign");
        let alone = signs || has("new");
        let mut command = match program.as_str() {
            "writ" => Command::new(&self.rig.places.writ),
            other => Command::new(other),
        };
        command.current_dir(&self.folder).args(&words).env_remove("WRIT_DATA").env_remove("WRIT_DATABASE_URL");
        if program == "writ" && (has("--key") || has("new")) {
            command.args(["--passphrase-file", "passphrase"]);
        }
        if signs {
            command.arg("--yes");
        }
        if !alone {
            command.env("WRIT_DATA", self.rig.path("writ")).env("WRIT_PUBLIC_URL", &self.rig.places.console);
        }
        let output = command.output().with_context(|| format!("running {given:?}"))?;
        let (printed, said) = (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr).into_owned());
        println!("$ {}\n{printed}", given.join(" "));
        if !output.status.success() {
            bail!("{given:?}: {said}");
        }
        Ok(printed)
    }

    fn all(&mut self, block: &Block) -> Result<String> {
        let mut printed = String::new();
        for command in &block.commands {
            let said = self.run(command)?;
            if command.contains("--out anna.key") {
                self.anna = field(&said, "key id")?;
            }
            printed.push_str(&said);
        }
        Ok(printed)
    }
}

/// The words of a command line; single quotes hold together.
fn words(line: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        match at % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    ensure!(line.matches('\'').count().is_multiple_of(2), "a quote is open in {line}");
    Ok(words)
}

/// What stands after a name at the beginning of a line.
fn field(text: &str, name: &str) -> Result<String> {
    let line = text.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name} in {text}"))?;
    Ok(line[name.len()..].trim().to_owned())
}

/// What the gateway says of its kept state.
fn status(rig: &Rig, name: &str) -> Result<String> {
    let gateway = rig.places.writ.with_file_name("writ-gateway");
    let output = Command::new(gateway).args(["status", "--data"]).arg(rig.path("gateway")).output()?;
    field(&String::from_utf8(output.stdout)?, name)
}

async fn root_is(rig: &Rig, version: u64) -> Result<()> {
    wait::until(&format!("the gateway trusts root {version}"), ROOTS_WITHIN, async || {
        Ok((status(rig, "root version")? == version.to_string()).then_some(()))
    })
    .await
}

async fn token(rig: &Rig, client: &str) -> Result<String> {
    let mut dev = rig.person("dev")?;
    let identity = Identity { client_id: client.to_owned(), redirect_uri: "http://127.0.0.1:33418/callback".to_owned() };
    let (connection, _) = Connection::open(&rig.places.resource("incident"), &identity, &mut dev.browser, dev.username).await?;
    connection.token().await
}

async fn call(rig: &Rig, token: &str) -> Result<ask::Answer> {
    ask::tool(&rig.places.resource("incident"), token, "logs.read", ask::arguments("logs.read")).await
}

/// A grant is made and taken back, and the gateway confirms it: the revocations' lane works.
pub(super) async fn revokes(rig: &Rig, ada: &mut Person, server: &str, client: &str) -> Result<()> {
    let (mut dev, mut sam) = (rig.person("dev")?, rig.person("sam")?);
    let ask = Ask { server, scope: "incidents.trigger", client, duration_s: 3600, reason: "INC-1042" };
    let request = dev.request(ask).await?;
    let grant = sam.approve(&request, "go on").await?;
    let seq = ada.revoke(&grant, "over").await?;
    ada.receipt(seq, "gw-1").await.map(drop)
}

/// The new master key in the place of the old one, which opens nothing any more.
async fn resealed(rig: &mut Rig, folder: &Path) -> Result<()> {
    let listen = ["serve", "--listen", "127.0.0.1:0"];
    let (refused, list) = (rig.try_writ(&listen)?, rig.try_writ(&["keys", "list", "--tenant", "acme"])?);
    for output in [refused, list] {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("do not open with the master key"), "{said}");
    }
    fs::rename(folder.join("new-master.key"), rig.path("writ").join("master.key"))?;
    rig.start_part(Part::Writ).await
}

// The commands block, and what stands before the control plane has to go on meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_ceremonies_and_rotations_hold_while_a_gateway_follows() -> Result<()> {
    let (mut rig, Complete { mut ada, server, client }) = Rig::complete().await?;
    let folder = rig.path("people");
    fs::create_dir(&folder)?;
    fs::write(folder.join("passphrase"), "a passphrase of people\n")?;
    fs::set_permissions(folder.join("passphrase"), fs::Permissions::from_mode(0o600))?;
    let (root, live) = (status(&rig, "root sha256")?, ada.live_policy().await?.context("nothing is live")?);
    let mut known = (root, String::new(), live);
    let mut held = token(&rig, &client).await?;
    let mut asleep = false;
    let mut done = Vec::new();
    for (at, block) in blocks()?.into_iter().enumerate() {
        let first = at == 0 || done.last() != Some(&block.section);
        match (block.section.as_str(), first) {
            // While the gateway is away, four roots come and go.
            ("Replace a key", true) => {
                rig.kill(Part::Gateway)?;
                asleep = true;
            }
            ("Sign what awaits the policy key", true) => {
                ada.import_roles("roles:\n  developer: [logs.read, analytics.query, signed.elsewhere]\n").await?;
                let form = ada.draft().await?.form("/draft/publish")?.fill("note", "signed elsewhere")?;
                let page = ada.send(form).await?;
                ensure!(page.says("awaits its signature"), "publishing led to {}", page.summary());
                assert_eq!(ada.live_policy().await?, Some(known.2), "what was not signed is live");
                let home = ada.see("/home").await?;
                ensure!(home.says("awaits its signature"), "home does not say so: {}", home.summary());
            }
            _ => {}
        }
        // The one command that wants the control plane stopped.
        let reseals = block.commands[0].contains("keys reseal");
        if reseals {
            rig.kill(Part::Writ)?;
        }
        let mut people = People { rig: &rig, folder: folder.clone(), root: known.0, anna: known.1, live: known.2 };
        let printed = people.all(&block)?;
        let again = if reseals { people.all(&block)? } else { String::new() };
        known = (people.root, people.anna, people.live);
        if reseals {
            assert!(printed.contains("secrets under the new master key"), "{printed}");
            assert!(again.contains("already"), "{again}");
            resealed(&mut rig, &folder).await?;
            // The identity provider's secret and the token key are among what was sealed anew.
            held = token(&rig, &client).await?;
            revokes(&rig, &mut ada, &server, &client).await?;
            assert!(ada.see("/audit?action=key.reseal").await?.says("under another master key"));
        }
        let command = block.commands[0].clone();
        if asleep && command.contains("--role assignment") {
            rig.start_part(Part::Gateway).await?;
            asleep = false;
            root_is(&rig, 7).await.context("a gateway that slept through four roots")?;
        }
        let now = ada.live_policy().await?.context("nothing is live")?;
        match command.as_str() {
            said if said.contains("writ sign --candidate candidate.json") => {
                assert!(now > known.2, "policy {now} after {}", known.2);
                assert_eq!(ada.converged("gw-1").await?.policy, Some(now));
                // Another policy key is reason enough to look for new roots at once.
                root_is(&rig, 3).await?;
            }
            said if said.contains("--role assignment") && !said.contains("--compromised") => {
                ada.converged("gw-1").await?;
                revokes(&rig, &mut ada, &server, &client).await?;
            }
            said if said.ends_with("--role token") => {
                let new = field(&printed, "new token key:")?;
                wait::until("the new token key signs", SETTLES_WITHIN, async || {
                    let keys = rig.writ(&["keys", "list", "--tenant", "acme"])?;
                    Ok(keys.lines().any(|line| line.contains(&new) && line.ends_with("database, signs")).then_some(()))
                })
                .await?;
                // Nobody notices: what was issued before works, and so does what is issued now.
                let fresh = token(&rig, &client).await?;
                for (whose, token) in [("an old token", &held), ("a new token", &fresh)] {
                    let answer = call(&rig, token).await?;
                    assert!(answer.worked(), "{whose}: {}", answer.shown());
                }
                held = fresh;
            }
            said if said.ends_with("--role audit-log") => {
                let export = rig.path("export.ndjson");
                fs::write(&export, ada.export(&[]).await?)?;
                // The key that was trusted before the change, as the list has it.
                let keys = rig.writ(&["keys", "list", "--tenant", "acme"])?;
                let mut logs =
                    keys.lines().filter_map(|line| line.trim().starts_with("writ/acme+").then(|| line.trim().split(' ').next()).flatten());
                let (new, old) = (logs.next().context("no key")?, logs.next().context("no older key")?);
                for key in [new, old] {
                    let verified = Command::new(&rig.places.writ).args(["audit", "verify", "--key", key]).arg(&export).output()?;
                    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
                    assert!(verified.status.success() && said.starts_with("whole: "), "{key}: {said}");
                }
            }
            said if said.contains("keys floor") => {
                ada.converged("gw-1").await?;
            }
            said if said.contains("--role token --compromised") => {
                ada.converged("gw-1").await?;
                let answer = call(&rig, &held).await?;
                assert_eq!(answer.status.as_u16(), 401, "a token of the stolen key: {}", answer.shown());
                held = token(&rig, &client).await?;
                let answer = call(&rig, &held).await?;
                assert!(answer.worked(), "a token of the new key: {}", answer.shown());
            }
            _ => {}
        }
        known.2 = ada.live_policy().await?.context("nothing is live")?;
        done.push(block.section);
    }
    // After all of it: another policy, another revocation, and the gateway after a restart.
    revokes(&rig, &mut ada, &server, &client).await?;
    rig.kill(Part::Gateway)?;
    rig.start_part(Part::Gateway).await?;
    root_is(&rig, 9).await?;
    assert_eq!(ada.converged("gw-1").await?.policy, Some(known.2));
    assert!(call(&rig, &held).await?.worked());
    assert!(!folder.join("writ-data").exists(), "making or signing opened a database");
    let keys = ada.see("/keys").await?;
    for said in ["Elsewhere", "Database", "2 of 4"] {
        assert!(keys.says(said), "{said} is not on the page of keys: {}", keys.text());
    }
    let signed = ada.audit(&[("action", "candidate.sign")]).await?.len();
    assert!(signed >= 6, "{signed} signatures are in the audit log");
    Ok(())
}

/// The console's way: the file is downloaded, signed, and its signature pasted.
// The commands block, and what stands before the control plane has to go on meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_goes_through_the_console_and_a_wrong_signature_does_not() -> Result<()> {
    let (rig, Complete { mut ada, .. }) = Rig::complete().await?;
    let folder = rig.path("people");
    fs::create_dir(&folder)?;
    fs::write(folder.join("passphrase"), "a passphrase of people\n")?;
    fs::set_permissions(folder.join("passphrase"), fs::Permissions::from_mode(0o600))?;
    let live = ada.live_policy().await?.context("nothing is live")?;
    let people = People { rig: &rig, folder: folder.clone(), root: status(&rig, "root sha256")?, anna: String::new(), live };
    for command in [
        "writ keys new --out policy.key",
        "writ keys new --out other.key",
        "writ keys root propose --tenant acme --elsewhere targets=policy.key.pub --out root.json",
        "writ keys root sign root.json --root-sha256 HEX --key policy.key",
        "writ keys root submit --tenant acme root.json",
    ] {
        people.run(command)?;
    }
    // Replayed, and signed by a key that has no say.
    let open = folder.join("open.key");
    fs::copy(folder.join("other.key"), &open)?;
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644))?;
    for (command, said) in [
        ("writ keys root submit --tenant acme root.json", "another state"),
        ("writ keys root sign root.json --root-sha256 HEX --key other.key", "may sign nothing"),
        ("writ keys root sign root.json --root-sha256 HEX --key open.key", "chmod 600"),
        // Nobody compares the digest of the root for whom nobody looks.
        ("writ keys root sign root.json --key policy.key", "--root-sha256"),
        ("writ keys root sign root.json --root-sha256 00 --key policy.key", "64 hex digits"),
        ("writ keys root sign root.json --root passphrase --key policy.key", "fingerprint"),
        ("writ keys new --out policy.key", "is not overwritten"),
        ("writ keys root propose --tenant acme --out root.json", "is there already"),
        ("writ keys root propose --tenant acme --threshold root=3 --out more.json", "3 signatures of 1 keys"),
        ("writ keys root propose --tenant acme --add root=root.json --out more.json", "not a P-256 public key"),
        ("writ sign --candidate root.json --root-sha256 HEX --key policy.key", "writ-candidate/1"),
        ("writ candidate export --tenant acme --out nothing.json", "nothing awaits"),
    ] {
        let refused = people.run(command).expect_err(command).to_string();
        assert!(refused.contains(said), "{command}: {refused}");
    }
    ada.import_roles("roles:\n  developer: [logs.read, analytics.query, signed.elsewhere]\n").await?;
    let form = ada.draft().await?.form("/draft/publish")?.fill("note", "through the console")?;
    ada.send(form).await?;
    let draft = ada.draft().await?;
    let file = ada.visit("/draft/candidate").await?;
    assert!(file.headers.get("content-disposition").is_some(), "{:?}", file.headers);
    fs::write(folder.join("candidate.json"), &file.html)?;
    // Somebody changed the configuration on the way: the policy does not come out of it.
    fs::write(folder.join("tampered.json"), file.html.replace("signed.elsewhere\"", "signed.somewhere\""))?;
    let refused = people.run("writ sign --candidate tampered.json --root-sha256 HEX --key policy.key").expect_err("tampered").to_string();
    assert!(refused.contains("not what the configuration compiles to") || refused.contains("more or other changes"), "{refused}");
    let printed = people.run("writ sign --candidate candidate.json --root-sha256 HEX --key policy.key")?;
    assert!(printed.contains("+ Role developer gains signed.elsewhere"), "{printed}");
    assert!(printed.contains("also signs the bundle for OPAs of policy"), "{printed}");
    let signature = fs::read_to_string(folder.join("candidate.signature.json"))?;
    assert!(signature.contains("\"for_opas\""), "{signature}");

    let wrong = signature.replace("\"sig\": \"30", "\"sig\": \"31");
    let page = ada.try_send(draft.form("/draft/candidate/signature")?.fill("signature", &wrong)?).await?;
    assert_eq!(page.status.as_u16(), 422, "{}", page.summary());
    assert_eq!(ada.live_policy().await?, Some(live));
    let page = ada.send(draft.form("/draft/candidate/signature")?.fill("signature", &signature)?).await?;
    assert!(page.url.path().ends_with("/bundles"), "{}", page.summary());
    assert_eq!(ada.converged("gw-1").await?.policy, Some(live + 1));
    // What was taken once is not taken again, from whomever it comes.
    let replayed = people.run("writ candidate submit --tenant acme candidate.signature.json").expect_err("replayed").to_string();
    assert!(replayed.contains("awaits no signature"), "{replayed}");
    wait::until("the gateway reports no error", CONVERGES_WITHIN, async || {
        Ok(ada.fleet().await?.rows.iter().all(|row| row.error.is_none()).then_some(()))
    })
    .await
}
