//! What is taken back or blocked, in the console and by the commands of `docs/revocation.md`: the very same token is denied at the gateway,
//! and nobody else's is.

use super::oauth::token_of;
use super::rig::{Complete, Part, Rig};
use anyhow::{Context as _, Result, ensure};
use end2end::console::Person;
use end2end::{ask, oauth};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

async fn call(rig: &Rig, token: &str) -> Result<String> {
    Ok(ask::tool(&rig.places.resource("incident"), token, "logs.read", ask::arguments("logs.read")).await?.shown())
}

async fn works(rig: &Rig, token: &str) -> Result<bool> {
    Ok(call(rig, token).await? == "works")
}

fn fact(token: &str, name: &str) -> Result<String> {
    oauth::claims(token)?[name].as_str().map(str::to_owned).with_context(|| format!("the token has no {name}"))
}

/// The page behind the link of this text on the event of issuing the token.
async fn offered(ada: &mut Person, token: &str, link: &str) -> Result<String> {
    let log = ada.audit_page(&[("object", &fact(token, "jti")?), ("action", "token.issue")]).await?;
    let (_, event) = log.links_below("/t/acme/audit/evt_").into_iter().next().context("the token was issued without an event")?;
    let page = ada.see(event.path().trim_start_matches("/t/acme")).await?;
    let target = page.link(link)?;
    Ok(format!("{}?{}", target.path().trim_start_matches("/t/acme"), target.query().unwrap_or_default()))
}

/// Takes back what the page is about, and waits until the gateway has confirmed.
async fn take_back(ada: &mut Person, path: &str, says: &[&str]) -> Result<()> {
    let page = ada.see(path).await?;
    for text in says {
        ensure!(page.says(text), "{text:?} is not said: {}", page.text());
    }
    let receipt = ada.send(page.form("/take-back")?.fill("reason", "laptop stolen")?).await?;
    let seq = receipt.url.path().rsplit('/').next().and_then(|seq| seq.parse().ok()).with_context(|| receipt.summary())?;
    ada.receipt(seq, "gw-1").await.map(drop)
}

#[tokio::test]
async fn a_sign_in_and_a_person_are_taken_back_from_where_an_admin_finds_them() -> Result<()> {
    let (rig, Complete { mut ada, client, .. }) = Rig::complete().await?;
    let (mut dev, mut elsewhere, mut sam) = (rig.person("dev")?, rig.person("dev")?, rig.person("sam")?);
    let sams = token_of(&rig, &mut sam, &client).await?;
    let (first, other) = (token_of(&rig, &mut dev, &client).await?, token_of(&rig, &mut elsewhere, &client).await?);
    for token in [&sams, &first, &other] {
        ensure!(works(&rig, token).await?, "before anything was taken back");
    }

    let path = offered(&mut ada, &first, "Take this sign-in back…").await?;
    take_back(&mut ada, &path, &["a sign-in of Dev", "They may sign in again", "1 at most"]).await?;
    assert_eq!(call(&rig, &first).await?, "401 invalid_token (session_revoked)");
    ensure!(works(&rig, &other).await?, "another sign-in of the same person");
    // The browser of that sign-in is signed out, and the one who holds it may sign in again.
    let again = token_of(&rig, &mut dev, &client).await?;
    ensure!(fact(&again, "sid")? != fact(&first, "sid")?, "the session in the browser goes on");
    ensure!(works(&rig, &again).await?, "signed in again");

    let user = fact(&again, "sub")?;
    let person = ada.see(&format!("/people/{user}")).await?.link("Sign out everywhere…")?;
    let path = format!("/take-back?{}", person.query().unwrap_or_default());
    take_back(&mut ada, &path, &["They may sign in again", "block the person", "3 at most"]).await?;
    for token in [&other, &again] {
        assert_eq!(call(&rig, token).await?, "401 invalid_token (subject_revoked)");
    }
    let back = token_of(&rig, &mut dev, &client).await?;
    ensure!(works(&rig, &back).await? && works(&rig, &sams).await?, "who signed in again, and who was never meant");

    // A token alone, and the connection that it is of.
    let path = offered(&mut ada, &back, "Take this token back…").await?;
    take_back(&mut ada, &path, &["a token of Dev", "Its client gets another by itself"]).await?;
    assert_eq!(call(&rig, &back).await?, "401 invalid_token (token_revoked)");
    let path = offered(&mut ada, &sams, "Take this connection back…").await?;
    take_back(&mut ada, &path, &["a connection of Sam", "through Test IDE"]).await?;
    assert_eq!(call(&rig, &sams).await?, "401 invalid_token (lineage_revoked)");

    let mistyped = ada.see("/take-back?kind=token&subject=tok_mistyped").await?;
    ensure!(mistyped.says("Nothing is known by this identifier."), "{}", mistyped.text());
    Ok(())
}

/// The page's commands, words apart; what stands in quotes is one word.
fn commands() -> Result<Vec<Vec<String>>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/revocation.md"))?;
    let lines = text.lines().filter_map(|line| line.strip_prefix("writ "));
    let words = |line: &str| {
        let parts = line.split('"').enumerate();
        let words = parts.flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        });
        words.collect::<Vec<String>>()
    };
    Ok(lines.map(words).collect())
}

/// The system, and two people with a token each.
struct Scene {
    rig: Rig,
    client: String,
    dev: Person,
    devs: String,
    sams: String,
}

impl Scene {
    /// Runs a command on this test's tenant: what it exited with and printed.
    fn run(&self, command: &[String]) -> Result<(i32, String)> {
        let places = BTreeMap::from([
            ("ses_01kb3y", fact(&self.devs, "sid")?),
            ("lin_01kb3y", fact(&self.devs, "lineage")?),
            ("tok_01kb3y", fact(&self.devs, "jti")?),
            ("cli_01kb3y", self.client.clone()),
        ]);
        let words: Vec<&str> = command.iter().map(|word| places.get(word.as_str()).map_or(word.as_str(), String::as_str)).collect();
        let output = self.rig.try_writ(&words)?;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        Ok((output.status.code().context("it was ended by a signal")?, said))
    }

    /// What the two are answered.
    async fn answers(&self) -> Result<[String; 2]> {
        Ok([call(&self.rig, &self.devs).await?, call(&self.rig, &self.sams).await?])
    }
}

// A command that waits for the gateway keeps this thread, and what stands between the two needs another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_commands_do_what_it_says() -> Result<()> {
    let (rig, Complete { mut ada, client, .. }) = Rig::complete().await?;
    let mut dev = rig.person("dev")?;
    let (devs, sams) = (token_of(&rig, &mut dev, &client).await?, token_of(&rig, &mut rig.person("sam")?, &client).await?);
    let mut scene = Scene { rig, client, dev, devs, sams };
    let denied = |reason: &str, status: u16, error: &str| format!("{status} {error} ({reason})");
    let token_gone = |reason: &str| [denied(reason, 401, "invalid_token"), "works".to_owned()];
    let works = ["works".to_owned(), "works".to_owned()];
    let mut answers_after = Vec::new();
    for command in commands()? {
        let (code, said) = scene.run(&command)?;
        assert_eq!(code, 0, "writ {}: {said}", command.join(" "));
        let json = command.contains(&"--json".to_owned());
        if json {
            let told: Value = serde_json::from_str(&said).with_context(|| said.clone())?;
            assert_eq!(
                (&told["receipt"]["all_confirmed"], &told["receipt"]["gateways"][0]["name"]),
                (&true.into(), &"gw-1".into()),
                "{told}"
            );
            ensure!(told["receipt"]["gateways"][0]["after_ms"].is_i64() && told["receipt"]["exposed_until_s"].is_null(), "{told}");
        } else if !command.contains(&"--dry-run".to_owned()) {
            ensure!(said.contains("gw-1  confirmed after ") && said.contains("all 1 confirmed"), "{said}");
        }
        let kind = command.iter().find(|word| word.starts_with("--") && *word != "--tenant").context("no kind")?.clone();
        answers_after.push((command[0].clone(), kind.clone(), scene.answers().await?));
        // What was taken back is had again by signing in.
        if ["--subject", "--session", "--lineage", "--token"].contains(&kind.as_str()) {
            scene.devs = token_of(&scene.rig, &mut scene.dev, &scene.client).await?;
            assert_eq!(scene.answers().await?, works, "after {}", command.join(" "));
        }
    }
    let all = |reason: &str| answers_after.iter().find(|(_, _, answers)| answers[1].contains(reason)).map(|(_, kind, _)| kind.as_str());
    assert_eq!((all("client_blocked"), all("tenant_blocked")), (Some("--client"), Some("--everything")), "{answers_after:?}");
    let of = |verb: &str, kind: &str, nth: usize| {
        let mut found = answers_after.iter().filter(|(done, of, _)| done == verb && of == kind);
        found.nth(nth).map(|(_, _, answers)| answers.clone()).with_context(|| format!("no {verb} {kind}"))
    };
    assert_eq!(of("revoke", "--subject", 0)?, works, "only looked");
    assert_eq!(of("revoke", "--subject", 1)?, token_gone("subject_revoked"));
    assert_eq!(of("revoke", "--session", 0)?, token_gone("session_revoked"));
    assert_eq!(of("revoke", "--lineage", 0)?, token_gone("lineage_revoked"));
    assert_eq!(of("revoke", "--token", 0)?, token_gone("token_revoked"));
    let role = of("revoke", "--role", 0)?;
    ensure!(role[0].contains("role_scope_blocked") && role[1] == "works", "{role:?}");
    for kind in ["--client", "--role", "--everything"] {
        assert_eq!(of("lift", kind, 0)?, works, "{kind}");
    }

    // All of it is in the log, as done by the host.
    let log = ada.audit(&[("action", "revocation.")]).await?;
    assert_eq!(log.len(), answers_after.len() - 1, "{log:?}");
    ensure!(log.iter().all(|event| event.who.contains("the host's shell")), "{log:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_not_confirmed_is_named_and_what_is_refused_changes_nothing() -> Result<()> {
    let (mut rig, Complete { mut ada, client, .. }) = Rig::complete().await?;
    let run = |rig: &Rig, line: &str| -> Result<(Option<i32>, String, String)> {
        let output = rig.try_writ(&line.split(' ').collect::<Vec<_>>())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
    };
    for (wrong, says) in [
        ("revoke --tenant acme --subject nobody --reason x --yes", "nobody in this tenant"),
        ("revoke --tenant acme --client cli_none --reason x --yes", "there is no such thing"),
        ("revoke --tenant acme --token tok_1 --reason x", "nothing was changed: nobody is there to answer"),
        ("revoke --tenant acme --token tok_1 --session ses_1 --reason x --yes", "cannot be used with"),
        ("revoke --tenant acme --role sre --reason x --yes", "--scope"),
        ("revoke --tenant acme --reason x --yes", "required"),
        ("revoke --tenant acme --token tok_1 --yes", "--reason"),
        ("revoke --tenant nowhere --token tok_1 --reason x --yes", "there is no tenant nowhere"),
        ("lift --tenant acme --everything --reason x", "no block stands"),
        ("lift --tenant acme --token tok_1 --reason x", "unexpected argument"),
    ] {
        let (code, _, said) = run(&rig, wrong)?;
        assert_eq!(code, Some(1), "{wrong}: {said}");
        ensure!(said.contains(says), "{wrong}: {said}");
    }
    assert_eq!(ada.audit(&[("action", "revocation.")]).await?.len(), 0);

    rig.kill(Part::Gateway)?;
    let (code, told, said) = run(&rig, &format!("revoke --tenant acme --client {client} --reason x --yes --wait 100ms --json"))?;
    assert_eq!(code, Some(2), "{told}{said}");
    let told: Value = serde_json::from_str(&told)?;
    let receipt = &told["receipt"];
    assert_eq!((&receipt["all_confirmed"], &receipt["gateways"][0]["confirmed"]), (&false.into(), &false.into()), "{told}");
    let until = receipt["exposed_until_s"].as_i64().context("nothing says until when")?;
    let now = end2end::clock::seconds();
    ensure!((now + 3500..=now + 3600).contains(&until), "{until} is not within the life of a token from {now}");
    let (code, said, _) = run(&rig, &format!("lift --tenant acme --client {client} --reason x --wait 0s"))?;
    ensure!(code == Some(2) && said.contains("gw-1  unconfirmed: last heard of") && said.contains("0 of 1 confirmed"), "{code:?} {said}");

    // It comes back, and the next command hears of it.
    rig.start_part(Part::Gateway).await?;
    let (code, said, _) = run(&rig, &format!("revoke --tenant acme --client {client} --reason x --yes --wait 30s"))?;
    ensure!(code == Some(0) && said.contains("all 1 confirmed"), "{code:?} {said}");
    Ok(())
}
