//! `cargo xtask web`: the browser half. Islands to wasm and the script that starts them, named by their content.
//!
//! Result: `target/site/pkg/*` to be served below `/pkg/`, and `target/site/manifest.json`, a map from the logical name
//! (`start.js`, `islands.js`, `islands.wasm`) to the name of the file in `pkg`. The stylesheet is part of `writ` itself.

mod debian;
mod inputs;
mod islands;
mod route;
mod site;

use crate::tree;
use anyhow::Result;
use clap::Args;
use std::{path::PathBuf, time::Instant};

/// How to build the browser half.
#[derive(Args, Default)]
pub struct Options {
    /// Which compiler makes the wasm; without it, the toolchain's if it has the target or can get it, else Debian's.
    #[arg(long, value_enum)]
    pub compiler: Option<route::Choice>,
}

/// Builds what is not up to date and returns the folder of the site.
pub fn build(options: &Options) -> Result<PathBuf> {
    let started = Instant::now();
    let site = tree::root().join("target/site");
    let optimizer = islands::find_optimizer();
    let inputs = inputs::hash(optimizer.as_deref(), options.compiler)?;
    if site::is_current(&site, &inputs) {
        println!("web: up to date ({})", site.display());
        return Ok(site);
    }

    let route = route::find(options.compiler)?;
    println!("web: {}", route.described());
    let bindings = islands::build(&route, optimizer.as_deref())?;
    let parts = site::Parts { bindings, start: tree::root().join("app/web/start.js") };
    let sizes = site::write(&site, &parts, &inputs)?;
    for (file, bytes) in sizes {
        println!("web: {file} {bytes} bytes");
    }
    println!("web: built in {:.1} s ({})", started.elapsed().as_secs_f64(), site.display());
    Ok(site)
}
