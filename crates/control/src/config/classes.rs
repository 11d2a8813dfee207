//! The classes that every tenant starts with.

use crate::error::Result;
use crate::scene::Scene;
use store::{Class, Json};

/// Adds them: `ide` for clients, `assistant` for agents. Neither has a bound of its own; roles and grants decide.
///
/// # Errors
/// When the database fails.
pub async fn defaults(scene: &Scene<'_>) -> Result<()> {
    for (kind, name) in [("client", "ide"), ("agent", "assistant")] {
        let row = Class { id: format!("{kind}/{name}"), kind: kind.to_owned(), name: name.to_owned(), ceiling: Json(None) };
        scene.db.insert(row).await?;
    }
    Ok(())
}
