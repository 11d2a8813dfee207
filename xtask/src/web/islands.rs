//! From the crate `islands` to a wasm file with its bindings.

use super::route::{Route, TARGET};
use crate::{process, tree};
use anyhow::{Context as _, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Features that every browser with WebAssembly modules in scripts has. Named one by one: with `--all-features` the
/// optimiser writes an encoding that Chromium refuses.
const FEATURES: [&str; 8] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// The optimiser: npm's `binaryen` among the browser tests' packages, else one on `PATH`. Optional: without it the wasm
/// is a little larger.
pub fn find_optimizer() -> Option<PathBuf> {
    let own = tree::root().join("end2end/node_modules/.bin/wasm-opt");
    if own.is_file() { Some(own) } else { tree::on_path(&["wasm-opt"]) }
}

/// Compiles, binds and shrinks. Returns the folder with `islands.js` and `islands_bg.wasm`.
pub fn build(route: &Route, optimizer: Option<&Path>) -> Result<PathBuf> {
    let root = tree::root();
    let target_dir = root.join("target/web");
    let mut cargo = process::foreign_cargo();
    // The crate type is given here and not in the manifest: a library of mixed type silently skips LTO.
    cargo
        .args(["rustc", "--package", "islands", "--features", "hydrate", "--crate-type", "cdylib", "--profile", "web"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&target_dir)
        .current_dir(&root);
    route.apply(&mut cargo);
    process::run(&mut cargo)?;

    let wasm = target_dir.join(TARGET).join("web/islands.wasm");
    let bindings = target_dir.join("bindings");
    if bindings.is_dir() {
        fs::remove_dir_all(&bindings)?;
    }
    let mut bindgen = process::foreign_cargo();
    bindgen
        .args(["run", "--quiet", "--package", "xtask-web", "--target-dir"])
        .arg(&target_dir)
        .arg("--")
        .arg(&wasm)
        .arg(&bindings)
        .current_dir(&root);
    process::run(&mut bindgen)?;
    if let Some(optimizer) = optimizer {
        shrink(optimizer, &bindings.join("islands_bg.wasm"))?;
    }
    Ok(bindings)
}

fn shrink(optimizer: &Path, wasm: &Path) -> Result<()> {
    let small = wasm.with_extension("small");
    let mut command = Command::new(optimizer);
    command.arg("-Oz").args(FEATURES).arg(wasm).arg("--output").arg(&small);
    process::run(&mut command)?;
    fs::rename(&small, wasm).context("replacing the wasm by the smaller one")
}
