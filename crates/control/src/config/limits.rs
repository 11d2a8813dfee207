//! How often may be called, and with which arguments: of one tool, and of everything by one principal.

use super::fingerprint;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use policy::{Limits, RateLimit};
use serde_json::{Value, json};
use store::{CallLimit, Reader, Tool};

/// `arguments_from` of a schema that is the reviewed definition's.
pub(super) const REVIEWED: &str = "reviewed";
/// `arguments_from` of a schema that a person wrote.
const OWN: &str = "own";
/// The largest schema, in bytes: it goes to every gateway.
pub const LARGEST_SCHEMA: usize = 16 * 1024;
/// The most calls a minute that a limit can allow.
pub const MOST_PER_MINUTE: u32 = 1_000_000;

/// What arguments of a tool have to satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments {
    /// Nothing: the server judges them.
    Any,
    /// The input schema of the definition that was reviewed.
    Reviewed,
    /// A JSON Schema (2020-12) of one's own.
    Own(String),
}

/// Checks that every gateway could enforce a schema: JSON, not too large, compilable, and nothing in it that would have to be fetched.
///
/// # Errors
/// [`Error::Invalid`] for the field `schema`.
pub fn check_schema(text: &str) -> Result<Value> {
    let wrong = |why: String| Error::invalid("schema", why);
    if text.len() > LARGEST_SCHEMA {
        return Err(wrong(format!("use at most {} KiB", LARGEST_SCHEMA / 1024)));
    }
    let schema: Value = serde_json::from_str(text).map_err(|error| wrong(format!("this is not JSON: {error}")))?;
    if !schema.is_object() {
        return Err(wrong("write an object, such as {\"type\": \"object\"}".to_owned()));
    }
    if let Some(reference) = foreign_reference(&schema) {
        return Err(wrong(format!(
            "`{reference}` lies elsewhere: gateways fetch nothing, so write it into `$defs` and refer to it by #/$defs/…"
        )));
    }
    policy::argument_schema::bounded(&schema).map_err(|error| wrong(error.to_string()))?;
    jsonschema::draft202012::new(&schema).map_err(|error| wrong(format!("gateways cannot enforce it: {error}")))?;
    Ok(schema)
}

/// A reference to another document, if there is one.
fn foreign_reference(schema: &Value) -> Option<&str> {
    match schema {
        Value::Object(members) => members.iter().find_map(|(key, value)| match (key.as_str(), value.as_str()) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Some(reference)) if !reference.starts_with('#') => Some(reference),
            _ => foreign_reference(value),
        }),
        Value::Array(items) => items.iter().find_map(foreign_reference),
        _ => None,
    }
}

/// A limit as a form gives it.
///
/// # Errors
/// [`Error::Invalid`] for `field`.
pub fn per_minute(field: &'static str, given: &str) -> Result<Option<u32>> {
    let given = given.trim();
    if given.is_empty() {
        return Ok(None);
    }
    let fits = given.parse().ok().filter(|limit| (1..=MOST_PER_MINUTE).contains(limit));
    fits.map(Some).ok_or_else(|| Error::invalid(field, format!("give a whole number from 1 to {MOST_PER_MINUTE}, or leave it empty")))
}

/// Bounds calls of one tool.
pub struct LimitTool {
    /// Which server.
    pub server: String,
    /// Which tool.
    pub tool: String,
    /// The version that the editor saw.
    pub version: i64,
    /// What arguments have to satisfy.
    pub arguments: Arguments,
    /// Calls a minute of one subject through one client; none: no limit of its own.
    pub per_minute: Option<u32>,
}

impl UseCase for LimitTool {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let mut tool = scene.db.get::<Tool>(&format!("{}/{}", self.server, self.tool)).await?.ok_or(Error::NotFound)?;
        if tool.version != self.version {
            return Err(Error::Changed(format!("{} was changed by somebody else", tool.name)));
        }
        let (from, schema) = match &self.arguments {
            Arguments::Any => (None, None),
            Arguments::Own(text) => (Some(OWN), Some(text.clone())),
            Arguments::Reviewed if tool.reviewed.as_ref() == Some(&tool.digest) => (Some(REVIEWED), Some(tool.input_schema.clone())),
            Arguments::Reviewed => {
                return Err(Error::invalid("arguments", "the definition is not reviewed as it is now: bind the tool first"));
            }
        };
        if let Some(text) = &schema {
            check_schema(text)?;
        }
        let state =
            |tool: &Tool| json!({ "arguments_from": tool.arguments_from, "arguments": tool.arguments, "per_minute": tool.per_minute });
        let before = state(&tool);
        tool.arguments_from = from.map(str::to_owned);
        tool.arguments = schema;
        tool.per_minute = self.per_minute.map(i64::from);
        tool.version += 1;
        let event = Event::new("tool.limit").on(&self.server).details(json!({ "tool": tool.name, "from": before, "to": state(&tool) }));
        scene.db.update(tool).await?;
        scene.db.touch_draft().await?;
        Ok(Done::new((), event))
    }
}

/// Bounds all calls of each principal.
pub struct EditLimits {
    /// What is to hold.
    pub limits: Limits,
    /// [`limits_version`] of what the editor saw.
    pub version: u64,
}

impl UseCase for EditLimits {
    type Out = ();
    const NEEDS: Permission = Permission::WriteConfig;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let before = read(&scene.db).await?;
        if limits_version(&before) != self.version {
            return Err(Error::Changed("the limits were changed by somebody else".to_owned()));
        }
        for (id, limit) in named(&self.limits) {
            let per_minute = limit.map(|limit| i64::from(limit.per_minute));
            match (scene.db.get::<CallLimit>(id).await?, per_minute) {
                (Some(row), Some(per_minute)) => {
                    scene.db.update(CallLimit { per_minute, ..row }).await?;
                }
                (None, Some(per_minute)) => {
                    scene.db.insert(CallLimit { id: id.to_owned(), per_minute }).await?;
                }
                (Some(row), None) => {
                    scene.db.delete::<CallLimit>(&row.id).await?;
                }
                (None, None) => {}
            }
        }
        scene.db.touch_draft().await?;
        Ok(Done::new((), Event::new("limits.edit").details(json!({ "from": before, "to": self.limits }))))
    }
}

fn named(limits: &Limits) -> [(&'static str, Option<RateLimit>); 3] {
    [("subject", limits.subject), ("client", limits.client), ("agent", limits.agent)]
}

/// Tells states of the limits apart.
pub fn limits_version(limits: &Limits) -> u64 {
    fingerprint(&json!(limits))
}

/// The limits as the rows have them.
pub(crate) async fn read(db: &Reader<'_>) -> Result<Limits> {
    let mut limits = Limits::default();
    for row in db.all::<CallLimit>().await? {
        let of = match row.id.as_str() {
            "subject" => &mut limits.subject,
            "client" => &mut limits.client,
            "agent" => &mut limits.agent,
            other => return Err(Error::internal("reading the limits", format!("{other:?} is nobody's limit"))),
        };
        *of = Some(rate(row.per_minute)?);
    }
    Ok(limits)
}

/// A limit as a row has it.
pub(crate) fn rate(per_minute: i64) -> Result<RateLimit> {
    let per_minute = u32::try_from(per_minute).ok().filter(|limit| *limit > 0);
    per_minute.map(|per_minute| RateLimit { per_minute }).ok_or_else(|| Error::internal("reading a limit", "it is out of range"))
}

/// The limits on all calls of each principal.
///
/// # Errors
/// [`Error::Forbidden`] without [`Permission::ReadConfig`].
pub async fn limits(control: &Control, cx: &Ctx) -> Result<Limits> {
    cx.needs(Permission::ReadConfig)?;
    read(&control.read(cx)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_every_gateway_could_enforce_is_a_schema() {
        for good in [r##"{"type":"object","properties":{"q":{"$ref":"#/$defs/q"}},"$defs":{"q":{"maxLength":3}}}"##, "{}"] {
            check_schema(good).expect(good);
        }
        let large = format!("{{\"description\":\"{}\"}}", "x".repeat(LARGEST_SCHEMA));
        for (bad, why) in [
            ("", "not JSON"),
            ("[]", "write an object"),
            (r#"{"type":"no such type"}"#, "cannot enforce"),
            (r#"{"pattern":"("}"#, "cannot enforce"),
            (r#"{"allOf":[{"$ref":"https://evil.example/s.json"}]}"#, "lies elsewhere"),
            (r#"{"properties":{"a":{"$dynamicRef":"other.json#x"}}}"#, "lies elsewhere"),
            (large.as_str(), "16 KiB"),
        ] {
            let Err(Error::Invalid(invalid)) = check_schema(bad) else { panic!("{bad}") };
            assert!(invalid[0].field == "schema" && invalid[0].reason.contains(why), "{bad}: {}", invalid[0].reason);
        }
    }

    #[test]
    fn a_limit_is_a_positive_number_or_absent() {
        assert_eq!(per_minute("x", " ").expect("none"), None);
        assert_eq!(per_minute("x", " 60 ").expect("a limit"), Some(60));
        for bad in ["0", "-1", "1.5", "many", "1000001"] {
            assert!(matches!(per_minute("x", bad), Err(Error::Invalid(_))), "{bad}");
        }
    }
}
