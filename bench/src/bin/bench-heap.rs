//! How much memory a gateway keeps to decide by, beside the JSON that it was made from. A process of its own: counting slows every
//! allocation, which no other figure should pay for, and what is resident shows in a process that has done nothing else.

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use enforce::{Active, Freshness};
use serde::Deserialize;
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::fs;
use std::path::PathBuf;

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Makes of a policy and a revocation list what a gateway enforces, and says how large that is, in bytes.
#[derive(Parser)]
struct Args {
    policy: PathBuf,
    revocations: PathBuf,
}

/// What the files say of themselves.
#[derive(Deserialize)]
struct Named {
    tenant: String,
    #[serde(alias = "seq")]
    version: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let (policy, list) = (fs::read_to_string(&args.policy)?, fs::read_to_string(&args.revocations)?);
    let (Named { tenant, version }, Named { version: seq, .. }) = (serde_json::from_str(&policy)?, serde_json::from_str(&list)?);
    let nothing = json!({ "tenant": tenant, "seq": 0, "entries": [] }).to_string();
    let build = |list, seq| Active::build(&tenant, (&policy, version, ""), (list, seq), Freshness::default());

    // First, while nothing was freed that could be used again.
    let before = resident()?;
    let active = build(&list, seq)?;
    let grown = resident()? - before;
    drop(active);

    let before = on_the_heap();
    let without = build(&nothing, 0)?;
    let of_policy = on_the_heap() - before;
    let with = without.with((&list, seq), Freshness::default())?;
    let of_list = on_the_heap() - before - of_policy;
    ensure!(with.revocations().seq() == seq, "another list");
    println!(
        "{}",
        json!({ "policy_json": policy.len(), "list_json": list.len(), "policy": of_policy, "list": of_list, "resident": grown })
    );
    Ok(())
}

/// Bytes that were asked for and not given back.
fn on_the_heap() -> usize {
    let stats = COUNTED.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Bytes of this process that are in memory, as the kernel counts them.
fn resident() -> Result<usize> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(kilobytes.trim().trim_end_matches(" kB").trim().parse::<usize>()? * 1024)
}
