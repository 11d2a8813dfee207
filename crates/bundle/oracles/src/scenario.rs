//! One row of the attack table.

use crate::spoil::Spoil;
use crate::support::{NOW, follow};
use crate::words::{self, Words};
use anyhow::{Context as _, Result};
use bundle::{Files, Pin, Trusted};
use serde_json::json;
use std::fs;
use std::path::Path;

/// What a client is shown, one state of the server after another. All but the last are honest and accepted.
pub struct Scenario {
    /// What happens.
    pub name: &'static str,
    /// What our client knows from its enrolment.
    pub pin: Pin,
    /// States of the server.
    pub states: Vec<Files>,
    /// What becomes of the client's own files before the last one.
    pub spoil: Option<Spoil>,
    /// What our client says to the last one: nothing, or a code.
    pub expected: Result<(), &'static str>,
    /// Why `tough` decides otherwise, if it does.
    pub tough_differs: Option<&'static str>,
    /// Why python-tuf decides otherwise, if it does.
    pub python_differs: Option<&'static str>,
    /// Whether it is about time: others read the system's clock, which is turned off for everything else.
    pub about_time: bool,
}

impl Scenario {
    /// A file name made of its name.
    pub fn file_name(&self) -> String {
        self.name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
    }

    /// Whether `tough` is to accept.
    pub fn tough_accepts(&self) -> bool {
        self.expected.is_ok() != self.tough_differs.is_some()
    }

    /// Whether python-tuf is to accept.
    pub fn python_accepts(&self) -> bool {
        self.expected.is_ok() != self.python_differs.is_some()
    }

    /// What others call the reason for which ours refuses.
    pub fn words(&self) -> Words {
        words::of(self.expected.err().unwrap_or_default())
    }

    /// Who differs, and why.
    pub fn differences(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let tough = self.tough_differs.map(|why| ("tough", why));
        tough.into_iter().chain(self.python_differs.map(|why| ("python-tuf", why)))
    }

    /// Writes `0/`, `1/` … with the files of each state, and `scenario.json` for those who read it from other languages.
    pub fn write(&self, folder: &Path) -> Result<()> {
        for (at, state) in self.states.iter().enumerate() {
            for (path, bytes) in state {
                for path in [path.clone(), as_tough_names_it(path)] {
                    let path = folder.join(at.to_string()).join(path);
                    fs::create_dir_all(path.parent().context("it lies in a folder")?)?;
                    fs::write(path, bytes)?;
                }
            }
        }
        let about = json!({
            "name": self.name, "states": self.states.len(), "accepts": self.python_accepts(), "about_time": self.about_time, "now": NOW,
            "spoil": self.spoil.map(Spoil::name), "refused_as": self.words().python,
        });
        Ok(fs::write(folder.join("scenario.json"), about.to_string())?)
    }

    /// What our client says to the last state.
    pub fn follow(&self) -> Result<(), &'static str> {
        let mut trusted = Trusted::new(self.pin.clone());
        let (last, before) = self.states.split_last().expect("there is a state");
        let mut kept = Vec::new();
        for state in before {
            trusted = follow(&trusted, state, NOW).expect("an honest state").trusted;
            kept.push(trusted.kept());
        }
        // What is kept is verified again in between, as at every start.
        let mut newest = trusted.kept();
        if let Some(spoil) = self.spoil {
            let older = kept.first().and_then(|kept| kept.state.as_deref()).expect("it kept something");
            newest.state = newest.state.and_then(|state| spoil.state(state, older));
        }
        let (trusted, in_force, refused) = Trusted::restore(&self.pin, newest.borrowed(), NOW);
        let is_kept = !before.is_empty() && self.spoil.is_none();
        assert_eq!(in_force.is_some(), is_kept, "{}: what is spoilt is not enforced: {refused:?}", self.name);
        follow(&trusted, last, NOW).map(drop).map_err(|refused| match refused.code() {
            // Bytes that are served in full differ in length before they differ in digest; which of the two comes first is no matter.
            "length_mismatch" | "hash_mismatch" | "too_large" if self.expected == Err("length_or_hash") => "length_or_hash",
            code => code,
        })
    }
}

/// `targets/policy/<digest>.1.json` as `tough` looks for it: the digest before the whole name.
fn as_tough_names_it(path: &str) -> String {
    let Some((folder, file)) = path.strip_prefix("targets/").and_then(|rest| rest.split_once('/')) else { return path.to_owned() };
    match file.split_once('.') {
        Some((digest, name)) => format!("targets/{digest}.{folder}/{name}"),
        None => path.to_owned(),
    }
}
