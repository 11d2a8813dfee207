//! Bringing the table of keys in line with what was signed.

use crate::delivery::signing::{Signing, damaged, public, purpose};
use crate::error::Result;
use crate::scene::Scene;
use crate::tenancy::keys;
use bundle::Role;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Makes the keys active that the metadata lists for these roles, notes those that lie elsewhere, and ends all others, those that waited
/// for a root or a list that was never signed among them. Answers what changed, for the audit log.
pub(crate) async fn sync(scene: &Scene<'_>, signing: &mut Signing<'_>, roles: &[Role]) -> Result<Value> {
    let (mut began, mut ended) = (BTreeMap::<&str, Vec<String>>::new(), BTreeMap::<&str, Vec<String>>::new());
    let mut in_service = BTreeMap::<&str, String>::new();
    for role in roles {
        let Some(listed) = signing.repository().keys_of(*role).map_err(damaged)? else { continue };
        let rows: Vec<store::Key> =
            signing.keys().iter().filter(|key| key.purpose == purpose(*role) && key.ended_ms.is_none()).cloned().collect();
        for key in &listed.keys {
            let pem = key.to_pem();
            match rows.iter().find(|row| row.public == pem) {
                Some(row) if row.active == 1 => continue,
                Some(row) => {
                    if let Some(service) = keys::in_service(row) {
                        in_service.insert(role.name(), service.to_owned());
                    }
                    keys::activate(scene, row.clone()).await?;
                }
                None => drop(keys::add_elsewhere(scene, purpose(*role), pem).await?),
            }
            began.entry(role.name()).or_default().push(key.id().to_owned());
        }
        for row in rows {
            let key = public(&row)?;
            if !listed.keys.contains(&key) {
                let signed = row.active == 1;
                keys::end(scene, row, true).await?;
                if signed {
                    ended.entry(role.name()).or_default().push(key.id().to_owned());
                }
            }
        }
    }
    signing.reload_keys().await?;
    Ok(json!({ "began": began, "ended": ended, "in_service": in_service }))
}
