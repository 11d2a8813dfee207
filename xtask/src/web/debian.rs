//! Debian's compiler for its browsers, and the wasm standard library built from Debian's sources, once per compiler.
//!
//! For machines that reach a Debian mirror but not Rust's download site. Nothing is written outside `target/web`.

use super::route::TARGET;
use crate::{process, tree};
use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const PACKAGES: [&str; 3] = ["rustc-web", "rust-web-src", "lld-22"];
const LINKERS: [&str; 4] = ["wasm-ld-22", "wasm-ld-23", "wasm-ld-21", "wasm-ld"];
const RUSTC: &str = "/usr/bin/rustc";
const SOURCES: &str = "/usr/lib/rustlib/src/rust/library";

/// A compiler beside the toolchain's, with everything it needs to make wasm.
pub struct Compiler {
    /// The program.
    pub rustc: PathBuf,
    /// What it calls itself, as `rustc 1.96.0 (...)`.
    pub version: String,
    /// The linker for wasm.
    pub linker: PathBuf,
    /// Holds the standard library for wasm, and nothing else.
    pub sysroot: PathBuf,
}

/// Finds the compiler, installs it when this is allowed, and builds its standard library when that is not there yet.
pub fn compiler() -> Result<Compiler> {
    if missing().is_some() && process::is_root() && tree::on_path(&["apt-get"]).is_some() {
        process::apt_install(&PACKAGES)?;
    }
    if let Some(what) = missing() {
        bail!(
            "the browser half needs the target {TARGET}. Either `rustup target add {TARGET}`, or on Debian \
             `apt-get install {}` as root ({what} is missing)",
            PACKAGES.join(" ")
        );
    }
    let linker = tree::on_path(&LINKERS).context("a linker was found a moment ago")?;
    let described = process::output(Command::new(RUSTC).arg("-vV"))?;
    let version = described.lines().next().unwrap_or_default().to_owned();
    let hash = format!("{:x}", Sha256::digest(&described));
    let sysroot = tree::root().join("target/web").join(format!("sysroot-{}", &hash[..16]));
    let compiler = Compiler { rustc: RUSTC.into(), version, linker, sysroot };
    if !library_dir(&compiler.sysroot).is_dir() {
        build_std(&compiler)?;
    }
    Ok(compiler)
}

fn missing() -> Option<&'static str> {
    if !Path::new(RUSTC).is_file() {
        Some("rustc-web")
    } else if !Path::new(SOURCES).is_dir() {
        Some("rust-web-src")
    } else if tree::on_path(&LINKERS).is_none() {
        Some("lld-22")
    } else {
        None
    }
}

fn library_dir(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TARGET).join("lib")
}

/// LTO in the profile makes the standard library carry bitcode; without it the islands' own LTO would fail later.
const EMPTY_CRATE: &str = r#"[package]
name = "std-for-wasm"
version = "0.0.0"
edition = "2024"

[lib]
path = "lib.rs"
crate-type = ["cdylib"]

[profile.release]
opt-level = "z"
lto = true
panic = "abort"

[workspace]
"#;

fn build_std(compiler: &Compiler) -> Result<()> {
    println!("web: building the standard library for {TARGET} with {}, once", compiler.version);
    let scratch = tempfile::Builder::new().prefix("std-").tempdir_in(created(&tree::root().join("target/web"))?)?;
    fs::write(scratch.path().join("Cargo.toml"), EMPTY_CRATE)?;
    fs::write(scratch.path().join("lib.rs"), "")?;
    let mut cargo = process::foreign_cargo();
    cargo
        .args(["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort", "--target-dir"])
        .arg(scratch.path().join("target"))
        .current_dir(scratch.path())
        .env("RUSTC", &compiler.rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        // Set, though empty: it replaces the flags of the configuration file that lies above the scratch folder.
        .env("CARGO_ENCODED_RUSTFLAGS", "")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &compiler.linker);
    process::run(&mut cargo)?;

    // Filled under another name and renamed, so that an interrupted build leaves nothing that looks finished.
    let half = scratch.path().join("sysroot");
    let library = library_dir(&half);
    fs::create_dir_all(&library)?;
    let mut copied = 0;
    for file in rlibs(&scratch.path().join("target").join(TARGET).join("release/deps"))? {
        let name = file.file_name().context("a file has a name")?;
        fs::copy(&file, library.join(name))?;
        copied += 1;
    }
    ensure!(copied > 0, "building the standard library left no .rlib");
    fs::rename(&half, &compiler.sysroot).with_context(|| format!("moving the library to {}", compiler.sysroot.display()))?;
    Ok(())
}

fn rlibs(dir: &Path) -> Result<Vec<PathBuf>> {
    Ok(tree::files_below(dir)?.into_iter().filter(|file| file.extension().is_some_and(|it| it == "rlib")).collect())
}

fn created(dir: &Path) -> Result<&Path> {
    fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    Ok(dir)
}
