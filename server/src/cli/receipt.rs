//! Waiting for gateways to confirm, and saying who has.

use super::tenant::explain;
use anyhow::Result;
use app::instant::{Instant, duration};
use clap::Args;
use control::governance::{self, Receipt};
use control::{Control, Ctx};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;

/// What the process exits with when not every gateway has confirmed.
const UNCONFIRMED: u8 = 2;
/// How often the database is asked: confirmations come in at another process.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How to answer.
#[derive(Debug, Args)]
pub struct Wait {
    /// How long to wait for gateways to confirm: `500ms`, `10s`, `2m`. It ends as soon as all have.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    wait: Duration,
    /// Answer as JSON, on one line.
    #[arg(long)]
    pub json: bool,
}

/// `500ms`, `10s`, `2m`.
fn time(text: &str) -> Result<Duration, String> {
    let at = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let wrong = || format!("{text:?} is not a time like 500ms, 10s or 2m");
    let number: u64 = text[..at].parse().map_err(|_| wrong())?;
    match &text[at..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

/// Waits, says who has confirmed, and answers what to exit with: 0 when all have, 2 otherwise. `told` is what the JSON holds besides.
///
/// # Errors
/// When the database fails. What was entered stays entered.
pub async fn tell(control: &Control, cx: &Ctx, seq: i64, wait: &Wait, mut told: Value) -> Result<ExitCode> {
    let found = settled(control, cx, seq, wait.wait).await?;
    if wait.json {
        told["receipt"] = written(&found);
        println!("{told}");
    } else {
        print!("{}", said(&found, cx.now_ms));
    }
    Ok(if open(&found) == 0 { ExitCode::SUCCESS } else { ExitCode::from(UNCONFIRMED) })
}

fn open(found: &Receipt) -> usize {
    found.gateways.iter().filter(|gateway| gateway.after_ms.is_none()).count()
}

async fn settled(control: &Control, cx: &Ctx, seq: i64, patience: Duration) -> Result<Receipt> {
    let patience = tokio::time::sleep(patience);
    tokio::pin!(patience);
    loop {
        let found = governance::receipt(control, cx, seq).await.map_err(explain)?;
        if open(&found) == 0 || patience.is_elapsed() {
            return Ok(found);
        }
        tokio::select! {
            () = &mut patience => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

fn written(found: &Receipt) -> Value {
    let gateways = found.gateways.iter().map(|gateway| {
        json!({
            "name": gateway.name, "confirmed": gateway.after_ms.is_some(), "after_ms": gateway.after_ms, "policy": gateway.policy_version,
            "seen_ms": gateway.seen_ms, "error": gateway.error,
        })
    });
    json!({
        "seq": found.seq, "revocation": found.revocation.id, "lifts": found.lifts, "at_ms": found.at_ms, "all_confirmed": open(found) == 0,
        "exposed_until_s": found.exposed_until_s.filter(|_| open(found) > 0), "gateways": gateways.collect::<Vec<_>>(),
    })
}

fn said(found: &Receipt, now_ms: i64) -> String {
    let mut lines = format!("revocation {}{}\n", found.seq, if found.lifts { ", which lifts a block" } else { "" });
    for gateway in &found.gateways {
        let state = match (gateway.after_ms, &gateway.error, gateway.seen_ms) {
            (Some(after), _, _) => format!("confirmed after {after} ms"),
            (None, Some(error), _) => format!("unconfirmed: refuses what it was sent: {error}"),
            (None, None, Some(seen)) => format!("unconfirmed: last heard of {} before", duration((now_ms - seen) / 1000)),
            (None, None, None) => "unconfirmed: has never reported".to_owned(),
        };
        lines += &format!("  {}  {state}\n", gateway.name);
    }
    let all = found.gateways.len();
    lines += &match (all, open(found), found.exposed_until_s) {
        (0, _, _) => "no gateway is enrolled: there is nobody to confirm it, and nobody who would let calls through\n".to_owned(),
        (_, 0, _) => format!("all {all} confirmed\n"),
        (_, open, Some(until)) => {
            format!("{} of {all} confirmed; the others may allow it until {}\n", all - open, Instant::from_s(until).text)
        }
        (_, open, None) => format!("{} of {all} confirmed\n", all - open),
    };
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(time("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "10", "s", "1.5s", "10 s", "-1s", "99999999999999999999s", "1h"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
