//! Runs wasm-bindgen: `xtask-web INPUT.wasm OUT_DIR` writes `islands.js` and `islands_bg.wasm`.

use anyhow::{Context as _, Result};
use std::env;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut arguments = env::args_os().skip(1);
    let input = arguments.next().context("the first argument is the wasm file")?;
    let folder = arguments.next().context("the second argument is the folder to write to")?;
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(input)
        .out_name("islands")
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)
}
