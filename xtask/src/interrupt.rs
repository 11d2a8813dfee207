//! Ctrl-C and SIGTERM: noticed here, acted on by whoever waits, so that everything started is stopped again.

use anyhow::{Context as _, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From here on the signals no longer end this program; a second one does.
pub fn watch() -> Result<()> {
    let flag = ASKED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag unset and sets it, the second finds it set and ends the program.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(flag)).context("watching for signals")?;
        signal_hook::flag::register(signal, Arc::clone(flag)).context("watching for signals")?;
    }
    Ok(())
}

/// Whether somebody asked this program to stop.
pub fn asked() -> bool {
    ASKED.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// An error if somebody asked this program to stop.
pub fn check() -> Result<()> {
    if asked() {
        bail!("interrupted");
    }
    Ok(())
}
