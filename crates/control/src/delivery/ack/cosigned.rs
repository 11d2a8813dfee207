//! Whether a gateway cosigned this tenant's audit log.

use super::Witnessed;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::evidence::checkpoint_text;
use ::evidence::CosignerKey;
use store::GatewayWitness;

/// What a gateway's word as a witness comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cosigned {
    /// Nothing new, or nothing that can be held against this log.
    Nothing,
    /// A good signature over a checkpoint of this log.
    Good {
        /// In note form.
        key: String,
        /// Entries.
        size: i64,
        /// The signature line.
        line: String,
        /// When, Unix seconds.
        time_s: i64,
    },
    /// Something that a sound gateway does not say.
    Bad {
        /// Stable code.
        code: &'static str,
        /// For the operator.
        text: &'static str,
    },
}

/// Judges it. A gateway keeps the key that it showed first: another one under the same identity is somebody else's.
pub(super) async fn judge(
    control: &Control,
    cx: &Ctx,
    gateway: &str,
    before: &GatewayWitness,
    said: Option<&Witnessed>,
) -> Result<Cosigned> {
    let Some(Witnessed { key: text, size, cosignature: Some(line) }) = said else { return Ok(Cosigned::Nothing) };
    if before.key.as_ref().is_some_and(|held| held != text) {
        return Ok(Cosigned::Bad { code: "witness_key_changed", text: "it cosigns the audit log with another key than before" });
    }
    if before.cosignature.as_ref() == Some(line) {
        return Ok(Cosigned::Nothing);
    }
    let named = format!("writ/{}/{}", cx.tenant, gateway);
    let bad = Cosigned::Bad { code: "bad_cosignature", text: "what it signed as a witness is not this tenant's audit log" };
    let Some(key) = CosignerKey::parse(text).ok().filter(|key| key.name() == named) else { return Ok(bad) };
    // A checkpoint that is unknown here is nothing to judge it by: a restored backup does not have the newest ones.
    let Some(signed) = checkpoint_text(control, cx, *size).await? else { return Ok(Cosigned::Nothing) };
    let (Ok(time), Ok(size)) = (key.verify(&signed, line), i64::try_from(*size)) else { return Ok(bad) };
    let time_s = i64::try_from(time).unwrap_or(i64::MAX);
    Ok(Cosigned::Good { key: text.clone(), size, line: line.clone(), time_s })
}
