//! The story that must work, one file a step. Each step says what came of it and is compared with what should have.
//!
//! It can be told again over the same data: what is there already is used, what an earlier telling left behind is cleared first.

mod step1;
mod step2;
mod step3;
mod step4;
mod step5;
mod step6;
mod step7;
mod step8;
mod step9;
mod telling;

use crate::{agent::Agent, console::Person, console::servers::Server, mcp, places::Places};
use anyhow::{Context as _, Result};
use std::time::Instant;
pub use telling::Telling;

/// The article's role file.
pub const ROLE_FILE: &str = "roles:\n  developer: [logs.read, analytics.query]\n  sre: [logs.read, logs.debug.write, incidents.trigger]\n";
/// The IDE that people connect with.
pub const IDE: &str = "Walk IDE";
/// Another program of the same person.
pub const OTHER: &str = "Walk CLI";
/// Where both are answered.
pub const REDIRECT: &str = "http://127.0.0.1/callback";
/// The scope of the story.
pub const WANTED: &str = "incidents.trigger";

/// Who and what the story is about, as far as it has been told.
pub struct Story {
    /// Where everything is.
    pub places: Places,
    /// The IAM admin.
    pub ada: Person,
    /// The developer.
    pub dev: Person,
    /// The approver.
    pub sam: Person,
    /// The auditor.
    pub olga: Person,
    /// The server *incident*, from step 2.
    pub incident: Option<Server>,
    /// The IDE's client id, from step 3.
    pub ide: Option<String>,
    /// The developer's connection, from step 4.
    pub connection: Option<mcp::Connection>,
    /// The agent, from step 5.
    pub agent: Option<Agent>,
    /// The grant that is revoked, from step 6.
    pub grant: Option<String>,
    /// Its request.
    pub request: Option<String>,
    /// The token that held it when it was revoked, from step 6.
    pub token: Option<String>,
}

impl Story {
    /// At its beginning.
    ///
    /// # Errors
    /// When no browser can be made.
    pub fn new(places: Places) -> Result<Self> {
        let person = |username| Person::new(username, &places);
        Ok(Self {
            ada: person("ada")?,
            dev: person("dev")?,
            sam: person("sam")?,
            olga: person("olga")?,
            incident: None,
            ide: None,
            connection: None,
            agent: None,
            grant: None,
            request: None,
            token: None,
            places,
        })
    }

    fn resource(&self) -> String {
        self.places.resource("incident")
    }

    fn connection(&self) -> Result<&mcp::Connection> {
        self.connection.as_ref().context("step 4 did not get so far")
    }

    fn incident(&self) -> Result<Server> {
        self.incident.clone().context("step 2 did not get so far")
    }

    fn ide(&self) -> Result<String> {
        self.ide.clone().context("step 3 did not get so far")
    }

    fn grant(&self) -> Result<String> {
        self.grant.clone().context("step 6 did not get so far")
    }
}

/// Tells it, prints it, and returns in how many steps it differs.
pub async fn tell(places: Places) -> usize {
    let started = Instant::now();
    let mut story = match Story::new(places) {
        Ok(story) => story,
        Err(error) => {
            println!("the story could not begin: {error:#}");
            return STEPS;
        }
    };
    let mut differing = Vec::new();
    macro_rules! step {
        ($number:literal, $module:ident) => {
            let mut telling = Telling::begin($number, $module::TITLE);
            let result = $module::play(&mut story, &mut telling).await;
            if !telling.end(result) {
                differing.push($number);
            }
        };
    }
    step!(1, step1);
    step!(2, step2);
    step!(3, step3);
    step!(4, step4);
    step!(5, step5);
    step!(6, step6);
    step!(7, step7);
    step!(8, step8);
    step!(9, step9);
    let seconds = started.elapsed().as_secs();
    if differing.is_empty() {
        println!("\n{STEPS} of {STEPS} steps as told, in {seconds} s");
    } else {
        let names = differing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        println!("\n{} of {STEPS} steps as told, in {seconds} s; different: {names}", STEPS - differing.len());
    }
    differing.len()
}

const STEPS: usize = 9;

/// Makes what a newcomer finds ready, and prints what they need to connect.
///
/// # Errors
/// When a part of it is refused.
pub async fn set_up(places: &Places) -> Result<()> {
    let mut ada = Person::new("ada", places)?;
    ada.see("/home").await.context("signing in as ada")?;
    step2::roles_and_groups(&mut ada).await?;
    for (name, upstream, tools) in
        [("incident", &places.incident, &step2::TOOLS[..]), ("analytics", &places.analytics, &["analytics.query"][..])]
    {
        let server = ada.register_server(name, &places.resource(name), upstream).await?;
        for tool in tools {
            ada.bind(&server, tool, Some(tool)).await?;
        }
        println!("registered the MCP server {name} and bound its tools");
    }
    let client = ada.register_client("Demo client", REDIRECT).await?;
    let policy = ada.publish("set up for the demo").await?;
    ada.converged(&places.gateway_name).await?;
    println!("published policy {policy}, and {} runs it", places.gateway_name);
    println!("client id for an MCP client that is answered at {REDIRECT} (any port): {client}");
    Ok(())
}
