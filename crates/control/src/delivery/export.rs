//! The repository as files, for gateways that follow a directory or a static web server.

use super::signing::Signing;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use bundle::{Activated, Next, Pin, Refused, Response, Role, Trusted, Update};
use serde_json::json;
use std::collections::BTreeMap;
use store::TufFile;

const HOUR: i64 = 60 * 60;
/// The longest that an export may be made to last, in seconds. Whoever carries files for longer carries old revocations.
pub const LONGEST_S: i64 = 30 * 24 * HOUR;

/// Every file of a tenant's repository at one moment, followed by our own client before anybody else follows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Path below the base and text, the timestamp last: whoever writes them in this order never shows a timestamp before what it stands for.
    pub files: Vec<(String, String)>,
    /// Version of the timestamp.
    pub timestamp: u64,
    /// Version of the policy that the last ring runs.
    pub policy_version: u64,
    /// Sequence of the revocation list.
    pub revocation_seq: u64,
    /// When freshness ends, Unix seconds: from then on gateways count as stale.
    pub fresh_until: i64,
    /// SHA-256 of the first root, hex: what a gateway pins.
    pub root_sha256: String,
}

/// The repository as it is: byte for byte what gateways get from the control plane.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::WriteFleet`]; [`Error::Refused`] before the first publish, or when what is signed has ended.
pub async fn export_repository(control: &Control, cx: &Ctx) -> Result<Exported> {
    cx.needs(Permission::WriteFleet)?;
    // One statement, so one state of the database.
    let files = control.read(cx).all::<TufFile>().await?;
    let mut files: BTreeMap<String, String> = files.into_iter().map(|file| (file.id, file.body)).collect();
    if !files.contains_key(&Role::Timestamp.path(0)) {
        return Err(Error::refused("nothing_published", "nothing was published yet: there is nothing that a gateway could follow"));
    }
    let first = files.get(&Role::Root.path(1)).ok_or_else(|| Error::internal("exporting the repository", "it has no first root"))?;
    let root_sha256 = bundle::sha256_hex(first.as_bytes());
    let activated = follow(&files, cx, &root_sha256).map_err(|refused| match refused {
        Refused::Expired { file, .. } => Error::refused(
            "repository_ended",
            format!("{file} has ended: gateways would refuse it. Start the control plane, which signs it anew, or give --valid-for"),
        ),
        other => Error::internal("following the repository that is to be exported", other),
    })?;
    let timestamp = files.remove_entry(&Role::Timestamp.path(0));
    Ok(Exported {
        timestamp: activated.timestamp,
        policy_version: activated.policy.version,
        revocation_seq: activated.revocation_seq,
        fresh_until: activated.fresh_until,
        files: files.into_iter().chain(timestamp).collect(),
        root_sha256,
    })
}

fn follow(files: &BTreeMap<String, String>, cx: &Ctx, root_sha256: &str) -> std::result::Result<Activated, Refused> {
    let pin =
        Pin { tenant: cx.tenant.to_string(), gateway: "export".to_owned(), root_sha256: root_sha256.to_owned(), labels: BTreeMap::new() };
    let trusted = Trusted::new(pin);
    let mut update = Update::start(&trusted, cx.now_s());
    let mut next = update.proceed()?;
    loop {
        match next {
            Next::Done(activated) => return Ok(*activated),
            Next::Fetch { path, .. } => {
                let body = files.get(&path).map(|text| text.clone().into_bytes());
                next = update.step(Response { path, body })?;
            }
        }
    }
}

/// Signs what is there anew, to last longer than usual: for files that are carried to where no control plane is.
///
/// Whoever can hold back what a connected gateway is sent could keep it on this timestamp for as long: that is the price, and why it is
/// audited.
pub struct SignForLong {
    /// Seconds from now.
    pub valid_for_s: i64,
}

impl UseCase for SignForLong {
    type Out = ();
    const NEEDS: Permission = Permission::WriteFleet;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        if !(HOUR..=LONGEST_S).contains(&self.valid_for_s) {
            return Err(Error::invalid("valid_for", "choose between 1 hour and 30 days"));
        }
        let until = scene.cx.now_s() + self.valid_for_s;
        let mut signing = Signing::open(scene).await?;
        if !signing.is_published() {
            return Err(Error::refused("nothing_published", "nothing was published yet: there is nothing that a gateway could follow"));
        }
        for role in [Role::Root, Role::Targets] {
            if signing.ends(role).is_none_or(|ends| ends < until) {
                let text = format!("the signatures of {role} end before that: renew them first, or choose a shorter time");
                return Err(Error::refused("ends_earlier", text));
            }
        }
        signing.last_until(until);
        signing.assign().await?;
        signing.revoke().await?;
        signing.seal().await?;
        Ok(Done::new((), Event::new("repository.sign_for_long").details(json!({ "until": until, "valid_for_s": self.valid_for_s }))).wake())
    }
}
