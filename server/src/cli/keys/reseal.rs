//! `writ keys reseal`.

use super::super::tenant::explain;
use crate::compose::{self, DataArgs};
use crate::master;
use anyhow::{Result, ensure};
use clap::Args;
use std::path::PathBuf;

/// Seals everything in the database under another master key.
#[derive(Debug, Args)]
pub struct Reseal {
    #[command(flatten)]
    data: DataArgs,
    /// File with the new master key: 64 hex digits, readable by its owner only. Made when it is not there.
    #[arg(long, env = "WRIT_NEW_MASTER_KEY_FILE", value_name = "FILE")]
    new_master_key_file: PathBuf,
}

impl Reseal {
    /// Runs it.
    ///
    /// # Errors
    /// What was refused and why; nothing was changed then.
    pub(super) async fn run(self) -> Result<()> {
        let old_is_there = self.data.master_key_file.clone().unwrap_or_else(|| self.data.data.join("master.key")).exists();
        ensure!(old_is_there, "the old master key is missing; give it with --master-key-file");
        let (control, old) = compose::open(&self.data).await?;
        // On disk before anything is sealed under it.
        let new = master::load(&self.new_master_key_file, true)?;
        let tenants = control.reseal(&new).await.map_err(explain)?;
        let anew: u64 = tenants.iter().map(|(_, resealed)| resealed.anew).sum();
        let already: u64 = tenants.iter().map(|(_, resealed)| resealed.already).sum();
        match (anew, already) {
            (0, _) => println!("everything lies under the new master key already"),
            _ => println!("sealed {anew} secrets under the new master key, in all tenants: {}", tenants.len()),
        }
        println!("every control plane and every command needs it from now on: put {} in the place of", self.new_master_key_file.display());
        println!("{}, or give it with --master-key-file. Backups from before open with the old one only.", old.display());
        Ok(())
    }
}
