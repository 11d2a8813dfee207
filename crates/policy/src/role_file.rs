//! The role file: `roles: {developer: [logs.read, …]}` in YAML. Read whole or not at all; what is wrong is said with its line.

use crate::names::{valid_name, valid_scope};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Roles and the scopes they give.
pub type Roles = BTreeMap<String, BTreeSet<String>>;

/// The largest file that is read, in bytes.
pub const LARGEST: usize = 1 << 20;

/// Why anchors, aliases and tags are refused: what they stand for is not what stands there.
const PLAIN: &str = "write names and lists as they are, without anchors, aliases and tags";

/// What is wrong with a role file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Malformed {
    /// The line, from 1.
    pub line: usize,
    /// The reason, for the person who wrote the file.
    pub reason: String,
}

/// Reads a role file.
///
/// # Errors
/// The first thing that is wrong, with its line: YAML that does not parse, another shape than roles to lists of scopes, a name that is
/// not allowed or no string (`1`, `true`, `null` without quotes), a role or scope given twice, an anchor, an alias or a tag, or a file over [`LARGEST`].
pub fn parse(text: &str) -> Result<Roles, Malformed> {
    if text.len() > LARGEST {
        return Err(Malformed { line: 1, reason: format!("the file is larger than {} KiB", LARGEST / 1024) });
    }
    let mut reader = Reader { events: Parser::new_from_str(text), text };
    reader.expect("a YAML document", |e| matches!(e, Event::StreamStart))?;
    reader.expect("a document with the key `roles`", |e| matches!(e, Event::DocumentStart(_)))?;
    let roles = reader.document()?;
    reader.expect("nothing after the roles", |e| matches!(e, Event::DocumentEnd))?;
    reader.expect("one document only", |e| matches!(e, Event::StreamEnd))?;
    Ok(roles)
}

struct Reader<'t> {
    events: Parser<'t, saphyr_parser::StrInput<'t>>,
    text: &'t str,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Malformed> {
        match self.events.next() {
            Some(Ok((event, span))) => match &event {
                Event::Scalar(_, _, anchor, tag) if *anchor > 0 || tag.is_some() => Err(wrong(span, PLAIN.into())),
                Event::SequenceStart(anchor, tag, ..) | Event::MappingStart(anchor, tag, ..) if *anchor > 0 || tag.is_some() => {
                    Err(wrong(span, PLAIN.into()))
                }
                Event::Alias(..) => Err(wrong(span, PLAIN.into())),
                _ => Ok((event, span)),
            },
            Some(Err(error)) => Err(Malformed { line: error.marker().line().max(1), reason: error.info().to_owned() }),
            None => Err(Malformed { line: self.text.lines().count().max(1), reason: "the file ends too early".into() }),
        }
    }

    fn expect(&mut self, what: &str, is: impl FnOnce(&Event<'t>) -> bool) -> Result<(), Malformed> {
        let (event, span) = self.next()?;
        if is(&event) { Ok(()) } else { Err(wrong(span, format!("expected {what}"))) }
    }

    fn document(&mut self) -> Result<Roles, Malformed> {
        self.expect("a mapping with the key `roles`", |e| matches!(e, Event::MappingStart(..)))?;
        let mut roles = None;
        while let Some((key, span)) = self.key()? {
            if key != "roles" {
                return Err(wrong(span, format!("unknown key `{key}`: only `roles` is expected here")));
            }
            if roles.replace(self.roles()?).is_some() {
                return Err(wrong(span, "`roles` is given twice".into()));
            }
        }
        roles.ok_or_else(|| Malformed { line: 1, reason: "the key `roles` is missing".into() })
    }

    fn roles(&mut self) -> Result<Roles, Malformed> {
        self.expect("a mapping from role names to lists of scopes", |e| matches!(e, Event::MappingStart(..)))?;
        let mut roles = Roles::new();
        while let Some((role, span)) = self.key()? {
            valid_name(&role).map_err(|error| wrong(span, format!("the role name `{role}` is not allowed: {error}")))?;
            let scopes = self.scopes(&role)?;
            if roles.insert(role.clone(), scopes).is_some() {
                return Err(wrong(span, format!("the role `{role}` is given twice")));
            }
        }
        Ok(roles)
    }

    fn scopes(&mut self, role: &str) -> Result<BTreeSet<String>, Malformed> {
        self.expect(&format!("a list of scopes for the role `{role}`"), |e| matches!(e, Event::SequenceStart(..)))?;
        let mut scopes = BTreeSet::new();
        loop {
            let (scope, span) = match self.next()? {
                (Event::SequenceEnd, _) => return Ok(scopes),
                (Event::Scalar(scope, style, ..), span) => (text(scope, style, &span)?, span),
                (_, span) => return Err(wrong(span, format!("expected a scope name in the list of `{role}`"))),
            };
            valid_scope(&scope).map_err(|error| wrong(span, format!("the scope `{scope}` is not allowed: {error}")))?;
            if !scopes.insert(scope.clone()) {
                return Err(wrong(span, format!("the scope `{scope}` is given twice to `{role}`")));
            }
        }
    }

    /// The next key of a mapping, or `None` at its end.
    fn key(&mut self) -> Result<Option<(String, Span)>, Malformed> {
        match self.next()? {
            (Event::MappingEnd, _) => Ok(None),
            (Event::Scalar(key, style, ..), span) => Ok(Some((text(key, style, &span)?, span))),
            (_, span) => Err(wrong(span, "expected a name".into())),
        }
    }
}

/// A string; what YAML reads as something else when it stands without quotes is none.
fn text(written: Cow<'_, str>, style: ScalarStyle, span: &Span) -> Result<String, Malformed> {
    match what_else(&written) {
        Some(what) if style == ScalarStyle::Plain => {
            let shown = match &*written {
                // What is left empty is read as this.
                "" | "~" => "nothing (`~`)".to_owned(),
                written => format!("`{written}`"),
            };
            Err(wrong(*span, format!("{shown} is {what} in YAML, and a name is a string: write it in quotes if it is meant as one")))
        }
        _ => Ok(written.into_owned()),
    }
}

/// What a plain scalar is other than a string, by the core schema of YAML 1.2 (section 10.3.2).
fn what_else(plain: &str) -> Option<&'static str> {
    let all = |digits: &str, is: fn(&u8) -> bool| !digits.is_empty() && digits.bytes().all(|byte| is(&byte));
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let is_number = plain.strip_prefix("0o").is_some_and(|digits| all(digits, |byte| (b'0'..=b'7').contains(byte)))
        || plain.strip_prefix("0x").is_some_and(|digits| all(digits, u8::is_ascii_hexdigit))
        || matches!(unsigned, ".inf" | ".Inf" | ".INF")
        || matches!(plain, ".nan" | ".NaN" | ".NAN")
        // Rust reads `inf` and `nan` as numbers, which YAML takes for strings.
        || (unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') && unsigned.parse::<f64>().is_ok());
    match plain {
        "" | "~" | "null" | "Null" | "NULL" => Some("no value"),
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Some("a truth value"),
        _ if is_number => Some("a number"),
        _ => None,
    }
}

fn wrong(span: Span, reason: String) -> Malformed {
    Malformed { line: span.start.line().max(1), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_something_else_is_refused_with_its_line() {
        assert_eq!(parse("roles:\n  a: [x]\n  'b': [\"y\"]\n").expect("plain").len(), 2);
        for (line, text) in [
            (2, "roles:\n  a: &anchor [x]\n"),
            (2, "roles:\n  a: [&anchor x]\n"),
            (2, "roles:\n  a: !!seq [x]\n"),
            (2, "roles:\n  a: [!!str x]\n"),
            (2, "roles:\n  !role a: [x]\n"),
            (2, "roles:\n  &a b: [x]\n"),
        ] {
            let malformed = parse(text).expect_err(text);
            assert_eq!((malformed.line, malformed.reason.as_str()), (line, PLAIN), "{text}");
        }
        for (line, what, text) in [
            (2, "`1` is a number", "roles:\n  a: [1, true, null]\n"),
            (3, "`true` is a truth value", "roles:\n  a:\n    - true\n"),
            (2, "`null` is no value", "roles:\n  a: [x, null]\n"),
            (2, "nothing (`~`) is no value", "roles:\n  a: [~]\n"),
            (3, "nothing (`~`) is no value", "roles:\n  a:\n    -\n    - x\n"),
            (2, "`0x1F` is a number", "roles:\n  a: [0x1F]\n"),
            (2, "`-1.5e3` is a number", "roles:\n  a: [-1.5e3]\n"),
            (2, "`.inf` is a number", "roles:\n  a: [.inf]\n"),
            (2, "`7` is a number", "roles:\n  7: [x]\n"),
        ] {
            let malformed = parse(text).expect_err(text);
            assert_eq!(malformed.line, line, "{text}: {malformed}");
            assert!(malformed.reason.starts_with(what), "{text}: {malformed}");
        }
        // In quotes they are names like others, and so is what only begins like a number.
        let quoted = parse("roles:\n  a: [\"1\", 'true', 1.2.3, nan, inf, 0xg, 1st, nullable]\n").expect("strings");
        assert_eq!(quoted["a"].len(), 8);
        // An alias of nothing does not even parse.
        assert_eq!(parse("roles:\n  a: *none\n").expect_err("an alias").line, 2);
    }
}
