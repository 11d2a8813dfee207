//! `cargo xtask demo`: everything on loopback, each part a real process speaking its real protocol.

mod commands;
mod places;
mod ports;
mod provision;
mod requests;
mod supervisor;

use crate::{interrupt, process, tree, web};
use anyhow::{Context as _, Result, bail};
use clap::Args;
pub use commands::{BINARIES, environment};
pub use places::{Places, Ports, Wanted};
use requests::Requests;
use std::{
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};
use supervisor::{Part, Supervisor};
use tempfile::TempDir;

const TICK: Duration = Duration::from_millis(50);

/// How to run the demo.
#[derive(Args)]
pub struct Options {
    /// Play the story from sign-in to revocation, print each step, and stop. Starts over in a folder of its own, on free ports unless told
    /// otherwise, so that a demo may run meanwhile.
    #[arg(long)]
    walk: bool,
    /// Start over: remove the demo's data first.
    #[arg(long)]
    reset: bool,
    /// Where everything is kept between runs.
    #[arg(long, env = "WRIT_DEMO_DATA", default_value = "demo-data", value_name = "DIR")]
    data: PathBuf,
    /// Leave out the browser half: pages work without it, and it takes a while to build.
    #[arg(long)]
    without_web: bool,
    #[command(flatten)]
    ports: Wanted,
}

/// Builds, starts, and waits for Ctrl-C or for the end of the walk.
pub fn run(options: &Options) -> Result<()> {
    let leased = if options.walk { Some(Ports::leased()?) } else { None };
    let ports = match &leased {
        Some((free, _)) => options.ports.or(free),
        None => options.ports.or(&Ports::default()),
    };
    ports::check_free(&ports)?;
    let site = if options.without_web { None } else { Some(web::build(&web::Options::default())?) };
    build()?;
    let data = if options.walk { walk_data(&options.data) } else { options.data.clone() };
    let mut demo = Demo::start(&data, ports, site, options.reset || options.walk)?;
    if options.walk {
        return demo.walk();
    }
    demo.print_summary();
    demo.until_interrupted()
}

/// Beside the demo's own data, which the walk must not touch.
fn walk_data(data: &Path) -> PathBuf {
    let mut name = data.file_name().unwrap_or_default().to_owned();
    name.push("-walk");
    data.with_file_name(name)
}

/// Builds the programs of the demo, with cargo's own progress.
pub fn build() -> Result<()> {
    let mut cargo = process::cargo();
    // All default members and not just these programs: another selection would compile large dependencies once more.
    cargo.arg("build").current_dir(tree::root());
    process::run(&mut cargo)?;
    for (_, name) in commands::BINARIES {
        anyhow::ensure!(tree::binary(name).is_file(), "cargo built no {name}");
    }
    Ok(())
}

/// The demo while it runs. Dropping it stops every part.
pub struct Demo {
    supervisor: Supervisor,
    requests: Requests,
    places: Places,
    _socket_folder: TempDir,
}

impl Demo {
    /// Starts every part over this data.
    pub fn start(data: &Path, ports: Ports, site: Option<PathBuf>, reset: bool) -> Result<Self> {
        ports::check_free(&ports)?;
        // Not in the data folder: the path of a Unix socket has about 100 characters at most.
        let socket_folder = tempfile::Builder::new().prefix("writ-demo-").tempdir().context("making a folder for the control socket")?;
        let places = Places { ports, data: places::made(data)?, site, control_socket: socket_folder.path().join("control") };
        if reset {
            provision::clear(&places)?;
        }
        provision::before_start(&places)?;
        let requests = Requests::listen(&places.control_socket)?;
        let mut demo = Self { supervisor: Supervisor::new(places.clone()), requests, places, _socket_folder: socket_folder };
        for part in Part::ALL {
            if part == Part::Gateway {
                provision::before_gateway(&demo.places)?;
            }
            demo.supervisor.start(part)?;
            println!("started {} (log: {})", part.name(), demo.places.log(part.name()).display());
        }
        provision::after_gateway(&demo.places)?;
        Ok(demo)
    }

    /// Where everything is.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Plays the story; an error when a step differs.
    pub fn walk(&mut self) -> Result<()> {
        if !tree::binary(commands::WALK.1).is_file() {
            bail!("there is no walk to play: package {} has no binary {}", commands::WALK.0, commands::WALK.1);
        }
        self.attend(commands::walk(&self.places)).context("the walk did not go as it should")
    }

    /// Runs a program to its end while serving its requests to stop and start parts.
    pub fn attend(&mut self, mut command: Command) -> Result<()> {
        let shown = process::shown(&command);
        let mut child = command.spawn().with_context(|| format!("could not start `{shown}`"))?;
        loop {
            if let Some(status) = child.try_wait()? {
                anyhow::ensure!(status.success(), "`{shown}` failed ({status})");
                return Ok(());
            }
            let looked_after = interrupt::check().and_then(|()| self.look_after());
            if let Err(error) = looked_after {
                process::stop(&mut child, Duration::from_secs(5))?;
                return Err(error);
            }
            thread::sleep(TICK);
        }
    }

    fn look_after(&mut self) -> Result<()> {
        self.requests.serve_waiting(&mut self.supervisor)?;
        self.supervisor.check_running()
    }

    fn until_interrupted(&mut self) -> Result<()> {
        while !interrupt::asked() {
            self.look_after()?;
            thread::sleep(TICK);
        }
        println!("\nstopping");
        let asked = Instant::now();
        self.supervisor.stop_all();
        println!("stopped in {:.1} s; the data stays in {}", asked.elapsed().as_secs_f64(), self.places.data.display());
        Ok(())
    }

    fn print_summary(&self) {
        let places = &self.places;
        println!(
            "
  Writ runs.

  Console        {console}/t/acme
  Next           README.md, “Five minutes with it”: open the console and sign in as ada,
                 then Roles → Import.
  Sign in as     ada    IAM admin: connects, maps, publishes
                 dev    developer: logs.read, analytics.query
                 sam    on call, and approver of requests
                 olga   auditor
                 (no passwords: the demo identity provider lets you pick)

  MCP client     cargo xtask client CLIENT_ID, in another terminal, once you have
                 registered one with the redirect URI http://127.0.0.1/callback
  MCP servers    {incident}    to register as {gateway}/mcp/incident
                 {analytics}    to register as {gateway}/mcp/analytics

  Logs           {data}/logs
  Stop           Ctrl-C. The next run keeps the data; --reset starts over.
",
            console = places.console(),
            gateway = places.gateway(),
            incident = places.incident(),
            analytics = places.analytics(),
            data = places.data.display(),
        );
    }
}
