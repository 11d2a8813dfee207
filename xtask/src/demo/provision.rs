//! The first run: secrets made on this machine, then the host's shell commands. Later runs keep everything.

use super::{commands, places::Places};
use crate::process;
use anyhow::{Context as _, Result};
use serde_json::json;
use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Makes what the first start needs, if this is the first. Writes the marker last: an interrupted first run is
/// recognised and starts over.
pub fn before_start(places: &Places) -> Result<()> {
    let marker = marker(places);
    let addresses = places.console() + " " + &places.idp() + " " + &places.gateway();
    if let Ok(made_for) = fs::read_to_string(&marker) {
        anyhow::ensure!(
            made_for == addresses,
            "{} was made for other ports ({made_for}); addresses are part of what it holds. Use those ports, another --data, or --reset",
            places.data.display()
        );
        return Ok(());
    }
    clear(places)?;
    println!("first run: preparing {}", places.data.display());
    let secret = random_hex()?;
    write_private(&commands::client_secret(places), &secret)?;
    let redirect = format!("{}/signin/callback", places.issuer());
    let clients = json!({ "clients": [{ "client_id": commands::CLIENT_ID, "client_secret": secret, "redirect_uris": [redirect],
        "post_logout_redirect_uris": [places.issuer()] }] });
    write_private(&commands::idp_config(places), &clients.to_string())?;
    for mut command in commands::first_run(places) {
        println!("  {}", as_typed(&process::shown(&command)));
        process::output(&mut command)?;
    }
    write_private(&marker, &addresses)
}

/// A new enrolment token, as long as the gateway has not exchanged one for a key of its own: a token lives for 15 minutes.
pub fn before_gateway(places: &Places) -> Result<()> {
    if gateway_identity(places).is_file() {
        return Ok(());
    }
    let mut command = commands::enrol_gateway(places);
    println!("  {}", as_typed(&process::shown(&command)));
    let token = process::output(&mut command)?;
    write_private(&commands::enrolment_token(places), token.trim())
}

/// The token is used up once the gateway has an identity.
pub fn after_gateway(places: &Places) -> Result<()> {
    let token = commands::enrolment_token(places);
    if token.is_file() && gateway_identity(places).is_file() {
        fs::remove_file(token)?;
    }
    Ok(())
}

/// What `writ-gateway` keeps of its enrolment.
fn gateway_identity(places: &Places) -> PathBuf {
    places.data("gateway").join("identity.json")
}

fn marker(places: &Places) -> PathBuf {
    places.data("made-for")
}

/// Removes the data of all parts, and nothing else that may lie in the folder.
pub fn clear(places: &Places) -> Result<()> {
    // The marker first: what an interrupted removal leaves must not look finished.
    let files = [marker(places), commands::client_secret(places), commands::idp_config(places), commands::enrolment_token(places)];
    for file in files.iter().filter(|file| file.exists()) {
        fs::remove_file(file).with_context(|| format!("removing {}", file.display()))?;
    }
    for folder in ["writ", "gateway", "idp", "logs"].map(|name| places.data(name)) {
        if folder.is_dir() {
            fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
        }
    }
    fs::create_dir_all(places.data("logs")).context("making the folder of the logs")
}

fn random_hex() -> Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)).context("reading randomness")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("writing {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("writing {}", path.display()))
}

/// The command with the program's name in place of its path.
fn as_typed(command: &str) -> String {
    let (program, rest) = command.split_once(' ').unwrap_or((command, ""));
    format!("{} {rest}", program.rsplit('/').next().unwrap_or(program))
}
