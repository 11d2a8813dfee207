//! The engine of the Open Policy Agent itself, in a process of its own.
//!
//! It comes as a shared library in a Python package; a script of some sixty lines drives it, so nothing here is unsafe. `cargo xtask test`
//! installs it and names it in [`VARIABLE`].

use crate::world::World;
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Names the library, `libopabridge.so`.
pub const VARIABLE: &str = "WRIT_OPA_ENGINE";

/// The library that was named; `None` where none was.
pub fn library() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// A running engine. It ends when it is dropped.
pub struct Genuine {
    process: Child,
    asked: ChildStdin,
    answered: BufReader<ChildStdout>,
}

impl Genuine {
    /// Over modules and data.
    ///
    /// # Errors
    /// When Python or the library cannot be started, or a module does not compile: with the engine's own words.
    pub fn new(library: &Path, world: &World) -> Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/oracle/engine.py");
        let mut process = Command::new("python3")
            .args([script.as_ref(), library.as_os_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting python3, which the genuine engine is driven by")?;
        let asked = process.stdin.take().context("the engine has no standard input")?;
        let answered = BufReader::new(process.stdout.take().context("the engine has no standard output")?);
        let mut engine = Self { process, asked, answered };
        engine.replace(world)?;
        Ok(engine)
    }

    /// Begins anew with other modules and data.
    ///
    /// # Errors
    /// When a module does not compile.
    pub fn replace(&mut self, world: &World) -> Result<()> {
        self.ask(&json!({ "new": { "modules": world.modules, "data": world.data } })).map(drop)
    }

    /// What a query binds `x` to, such as `x := data.writ.decision`; `None` where it is undefined.
    ///
    /// # Errors
    /// When the query is none, in the engine's own words.
    pub fn query(&mut self, query: &str, input: &Value) -> Result<Option<Value>> {
        let mut found = self.ask(&json!({ "query": query, "input": input }))?;
        Ok(found.get_mut(0).map(|bindings| bindings["x"].take()))
    }

    fn ask(&mut self, asked: &Value) -> Result<Value> {
        writeln!(self.asked, "{asked}").context("asking the engine")?;
        self.asked.flush()?;
        let mut line = String::new();
        if self.answered.read_line(&mut line)? == 0 {
            bail!("the engine ended: {:?}", self.process.wait()?);
        }
        let mut answer: Value = serde_json::from_str(&line).context("the engine's answer")?;
        match answer.get("error") {
            Some(error) => bail!("the engine: {}", error.as_str().unwrap_or_default()),
            None => Ok(answer["ok"].take()),
        }
    }
}

impl Drop for Genuine {
    fn drop(&mut self) {
        // It has nothing to lose.
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}
