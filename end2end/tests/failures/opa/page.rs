//! `docs/opa.md`, block by block: its commands run as they stand there, its question is asked with a real token, and its example of a
//! policy of one's own runs in OPA's own engine where `WRIT_OPA_ENGINE` names it.
//!
//! Two paths of an OPA's machine are made ones of this machine in the printed configuration; all else is left as it is printed.

use super::{POLICY, REVOCATIONS, follow, input, token};
use crate::rig::{Complete, Rig};
use anyhow::{Context as _, Result, ensure};
use end2end::{
    console::{Person, delivery::CONVERGES_WITHIN},
    wait,
};
use opa_engines::{Genuine, Interpreter, genuine, world::World};
use opa_peer::{Client, config::Config};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// A block of the page: what is between two fences.
struct Block {
    language: String,
    text: String,
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn blocks() -> Result<Vec<Block>> {
    let page = fs::read_to_string(docs().join("opa.md"))?;
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { language: language.to_owned(), text: text.join("\n") });
        }
    }
    ensure!(blocks.len() > 5, "the page has {} blocks", blocks.len());
    Ok(blocks)
}

fn of(blocks: &[Block], language: &str) -> Vec<String> {
    blocks.iter().filter(|block| block.language == language).map(|block| block.text.clone()).collect()
}

/// Whoever types what the page says.
struct Reader<'r> {
    rig: &'r Rig,
    folder: PathBuf,
}

impl Reader<'_> {
    /// Runs a block of commands in the folder.
    fn run(&self, commands: &str) -> Result<()> {
        let programs = self.rig.places.writ.parent().context("the program lies in a folder")?;
        let path = env::join_paths(std::iter::once(programs.to_owned()).chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())))?;
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", commands]).current_dir(&self.folder).env("PATH", path);
        let output = shell.env("WRIT_DATA", self.rig.path("writ")).env("WRIT_PUBLIC_URL", &self.rig.places.console).output()?;
        ensure!(output.status.success(), "{commands}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// The configuration as printed, with this machine's places for the token and for the state.
    fn configuration(&self) -> Result<Config> {
        let text = fs::read_to_string(self.folder.join("opa.yaml"))?;
        let place = |name: &str| self.folder.join(name).to_str().map(str::to_owned).context("a folder's name is text");
        for path in ["\"/etc/opa/writ.token\"", "\"/var/lib/opa\""] {
            ensure!(text.matches(path).count() == 1, "{path} is not in the configuration: {text}");
        }
        let text = text.replace("/etc/opa/writ.token", &place("opa-eu-1.token")?);
        Config::read(&text.replace("/var/lib/opa", &place("state")?))
    }

    fn token(&self) -> Result<String> {
        Ok(fs::read_to_string(self.folder.join("opa-eu-1.token"))?)
    }

    fn put(&self, token: &str) -> Result<()> {
        Ok(fs::write(self.folder.join("opa-eu-1.token"), token)?)
    }
}

fn names(object: &Value) -> BTreeSet<&str> {
    object.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

fn world(opa: &Client) -> World {
    World { modules: opa.store.modules(), data: opa.store.data() }
}

#[tokio::test]
async fn everything_on_the_page_for_users_of_an_opa_is_so() -> Result<()> {
    let (rig, Complete { mut ada, client, .. }) = Rig::complete().await?;
    let reader = Reader { rig: &rig, folder: rig.path("page") };
    fs::create_dir(&reader.folder)?;
    let blocks = blocks()?;
    let commands = <[String; 5]>::try_from(of(&blocks, "sh")).map_err(|held| anyhow::anyhow!("the page has other commands: {held:?}"))?;
    let [start, replace, at_once, again, remove] = commands;

    reader.run(&start)?;
    let mut opa = Client::start(reader.configuration()?)?;
    for bundle in [POLICY, REVOCATIONS] {
        follow(&mut opa, bundle).await?;
    }
    assert_eq!(opa.report().await?, StatusCode::OK);
    ada.converged("opa-eu-1").await?;

    let [question, answer] = <[String; 2]>::try_from(of(&blocks, "json")).map_err(|_| anyhow::anyhow!("a question and its answer"))?;
    let (question, mut answer): (Value, Value) = (serde_json::from_str(&question)?, serde_json::from_str(&answer)?);
    let (access_token, claims) = token(&rig, &client, "dev").await?;
    // Claims that a token has on occasion only are not on the page.
    let always = names(&claims).into_iter().filter(|name| !["acr", "amr", "auth_time", "grants"].contains(name)).collect::<BTreeSet<_>>();
    assert_eq!(names(&question["input"]["token"]), always);
    let asked = input(&rig, &claims, question["input"]["tool"].as_str().context("the page asks for a tool")?);
    assert_eq!(names(&question["input"]), names(&asked));
    let decided = super::decision(&opa, &asked)?;
    // The tool of the test is another than that of the page.
    let digest = "/obligations/0/sha256";
    let owed = decided.pointer(digest).context("the definition is to be checked")?;
    *answer["result"].pointer_mut(digest).context("the page shows a digest")? = owed.clone();
    assert_eq!(decided, answer["result"]);
    let now = i64::try_from(end2end::clock::now().as_nanos())?;
    let listed = Interpreter::new(&world(&opa), now)?.document("data.writ.listing", &asked)?;
    assert_eq!(listed, json!({ "tools": ["logs.read"] }));
    if let Some(library) = genuine::library() {
        the_policy_of_ones_own(&library, &rig, &opa, &access_token, &mut ada).await?;
    }

    let first = reader.token()?;
    reader.run(&replace)?;
    let second = reader.token()?;
    reader.put(&first)?;
    assert_eq!(opa.report().await?, StatusCode::OK, "the first one works until the second is used");
    reader.put(&second)?;
    assert_eq!(opa.report().await?, StatusCode::OK);
    reader.put(&first)?;
    assert_eq!(opa.report().await?, StatusCode::UNAUTHORIZED);
    reader.put(&second)?;
    reader.run(&at_once)?;
    let third = reader.token()?;
    reader.put(&second)?;
    assert_eq!(opa.report().await?, StatusCode::UNAUTHORIZED, "it was to stop at once");
    reader.put(&third)?;
    assert_eq!(opa.report().await?, StatusCode::OK);

    let before = reader.configuration()?;
    reader.run(&again)?;
    assert_eq!((reader.configuration()?, reader.token()?), (before, third), "no key was replaced, and no token is told again");
    reader.run(&remove)?;
    assert_eq!(opa.report().await?, StatusCode::UNAUTHORIZED);
    Ok(())
}

/// `examples/opa`: the token is verified by the policy's keys, and only then anything is allowed.
async fn the_policy_of_ones_own(library: &Path, rig: &Rig, opa: &Client, access_token: &str, ada: &mut Person) -> Result<()> {
    let mut world = world(opa);
    for name in ["authz.rego", "mask.rego"] {
        world.modules.push((name.to_owned(), fs::read_to_string(docs().join("examples/opa").join(name))?));
    }
    let mut engine = Genuine::new(library, &world)?;
    let resource = rig.places.resource("incident");
    let asked = |token: &str, resource: &str, tool: &str| json!({ "access_token": token, "resource": resource, "method": "tools/call", "tool": tool });
    let mut answer = |input: &Value| engine.query("x := data.app.authz", input)?.context("it is undefined");

    let input = asked(access_token, &resource, "logs.read");
    let allowed = answer(&input)?;
    assert_eq!((&allowed["allow"], &allowed["reason"], &allowed["tools"]), (&json!(true), &json!("allowed"), &json!(["logs.read"])));
    assert_eq!(allowed["obligations"], allowed["writ"]["decision"]["obligations"]);
    let denied = answer(&asked(access_token, &resource, "incidents.trigger"))?;
    assert_eq!((&denied["allow"], &denied["reason"]), (&json!(false), &json!("scope_not_held")));

    let [header, payload, signature] =
        <[&str; 3]>::try_from(access_token.split('.').collect::<Vec<_>>()).map_err(|_| anyhow::anyhow!("three parts"))?;
    let part = |value: &Value| super::encode(&value.to_string());
    let (head, claims) = (super::decoded(header)?, super::decoded(payload)?);
    let with = |value: &Value, name: &str, changed: Value| {
        let mut changed_value = value.clone();
        changed_value[name] = changed;
        part(&changed_value)
    };
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    for (what, forged) in [
        ("another subject", format!("{header}.{}.{signature}", with(&claims, "sub", json!("usr_other")))),
        ("another signature", format!("{header}.{payload}.{first}{}", &signature[1..])),
        ("no signature", format!("{}.{payload}.", with(&head, "alg", json!("none")))),
        ("another type", format!("{}.{payload}.{signature}", with(&head, "typ", json!("JWT")))),
        ("another issuer", format!("{header}.{}.{signature}", with(&claims, "iss", json!("https://elsewhere.example")))),
        ("another algorithm", format!("{}.{payload}.{signature}", with(&head, "alg", json!("HS256")))),
        ("nothing", String::new()),
        ("no token", "a.b.c".to_owned()),
    ] {
        let refused = match answer(&asked(&forged, &resource, "logs.read")) {
            // What is no token at all ends the question here, and is undefined in an OPA: a denial both ways.
            Err(error) if error.to_string().contains("eval_builtin_error: io.jwt.decode:") && forged.len() < 10 => continue,
            other => other.with_context(|| what.to_owned())?,
        };
        assert_eq!((&refused["allow"], &refused["reason"]), (&json!(false), &json!("invalid_token")), "{what}: {refused}");
        assert!(refused.get("claims").is_none() && refused.get("writ").is_none(), "{what}: {refused}");
    }
    let elsewhere = answer(&asked(access_token, &rig.places.resource("another"), "logs.read"))?;
    assert_eq!((&elsewhere["allow"], &elsewhere["reason"]), (&json!(false), &json!("invalid_token")));
    let mask = engine.query("x := data.system.log.mask", &json!({}))?.context("there is no mask")?;
    assert_eq!(mask, json!(["/input/access_token"]));

    // What the OPA then logs is in the audit log as if it had been asked directly.
    let mut event = opa.event("decision-of-my-own", "2026-11-23T09:00:00Z", &input, &allowed);
    event["path"] = json!("app/authz");
    event["input"].as_object_mut().context("an object")?.remove("access_token");
    event["erased"] = mask;
    let (status, body) = opa.log(&[event]).await?;
    assert_eq!(status, StatusCode::OK, "{body}");
    wait::until("the decision is in the audit log", CONVERGES_WITHIN, async || {
        let logged = ada.audit(&[("action", "mcp.call")]).await?;
        Ok(logged.iter().any(|event| event.what.contains("logs.read")).then_some(()))
    })
    .await
}
