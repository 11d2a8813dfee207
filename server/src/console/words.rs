//! From the use cases' types to the pages' words, and from forms to the use cases' types.

use app::components::{Choice, FieldError, FormErrors};
use app::words::Risk;
use control::config::{Edit, ServerView};
use control::{Ctx, Invalid};
use std::collections::{BTreeMap, BTreeSet};
use store::Scope;

pub(super) const fn risk(risk: policy::Risk) -> Risk {
    match risk {
        policy::Risk::Low => Risk::Low,
        policy::Risk::Moderate => Risk::Moderate,
        policy::Risk::High => Risk::High,
        policy::Risk::Critical => Risk::Critical,
    }
}

/// A stored risk; what nobody judged counts as the worst.
pub(super) fn judged(scope: Option<&Scope>) -> policy::Risk {
    scope.and_then(|scope| policy::Risk::parse(&scope.risk)).unwrap_or(policy::Risk::Critical)
}

/// What a person wrote about a scope; none for the sentence that stands in until somebody does.
pub(super) fn sentence(scope: Option<&Scope>) -> Option<String> {
    scope.filter(|scope| scope.sentence != format!("Use {}", scope.id)).map(|scope| scope.sentence.clone())
}

/// The page's errors.
pub(super) fn errors(invalid: &[Invalid]) -> FormErrors {
    FormErrors(invalid.iter().map(|invalid| FieldError { field: invalid.field.to_owned(), message: spoken(&invalid.reason) }).collect())
}

/// A reason as a sentence of its own. One that begins with a name or an address keeps its letters.
pub(super) fn spoken(reason: &str) -> String {
    let first = reason.split(' ').next().unwrap_or_default();
    let is_word = !first.is_empty() && first.chars().all(|letter| letter.is_ascii_lowercase());
    let begun = if is_word { format!("{}{}", reason[..1].to_uppercase(), &reason[1..]) } else { reason.to_owned() };
    if begun.ends_with(['.', '!', '?']) { begun } else { format!("{begun}.") }
}

/// One error beside one field.
pub(super) fn error(field: &str, message: impl Into<String>) -> FormErrors {
    FormErrors(vec![FieldError { field: field.to_owned(), message: spoken(&message.into()) }])
}

/// The lines of a text field, without those that are empty.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The scopes that a ceiling's field names, one a line; none when it is empty.
pub(super) fn ceiling(text: &str) -> Option<BTreeSet<String>> {
    let scopes: BTreeSet<String> = lines(text).into_iter().collect();
    (!scopes.is_empty()).then_some(scopes)
}

/// The other way round.
pub(super) fn joined<'a>(lines: impl IntoIterator<Item = &'a String>) -> String {
    lines.into_iter().map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// A name as value and label.
pub(super) fn choice(name: String) -> Choice {
    Choice::new(name.clone(), name)
}

/// How many, for a page.
pub(super) fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// A stored number that is never below zero.
pub(super) fn number(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

/// For each scope, the tools that need it, as `server · tool`.
pub(super) fn tools_by_scope(servers: &[ServerView]) -> BTreeMap<String, Vec<String>> {
    let mut by_scope: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for view in servers {
        for tool in view.tools.iter().filter(|view| view.tool.present == 1) {
            if let Some(scope) = &tool.tool.scope {
                by_scope.entry(scope.clone()).or_default().push(format!("{} · {}", view.server.name, tool.tool.name));
            }
        }
    }
    by_scope
}

/// Who saved something, for the one whose form came second: by name, or as themselves.
pub(super) fn who(edit: Option<&Edit>, cx: &Ctx) -> String {
    match edit {
        Some(edit) if edit.actor == cx.actor.id() => "You yourself, in another window,".to_owned(),
        Some(edit) => edit.by.clone(),
        None => "Somebody else".to_owned(),
    }
}

/// What somebody else saved while this form was open, beside each field where it is another than what was typed: (name, saved, typed).
pub(super) fn differences(by: &str, fields: &[(&str, &String, &String)]) -> FormErrors {
    let same = |saved: &str, typed: &str| lines(saved) == lines(typed);
    let said = |saved: &str| if saved.is_empty() { "nothing".to_owned() } else { format!("“{}”", lines(saved).join(", ")) };
    let differing = fields.iter().filter(|(_, saved, typed)| !same(saved, typed));
    let mut errors: Vec<FieldError> = differing
        .map(|(field, saved, _)| FieldError {
            field: (*field).to_owned(),
            message: format!("{by} saved {} here meanwhile. Save again to keep yours.", said(saved)),
        })
        .collect();
    if errors.is_empty() {
        let field = fields.first().map_or("", |field| field.0).to_owned();
        errors.push(FieldError { field, message: format!("{by} saved the same meanwhile.") });
    }
    FormErrors(errors)
}

/// A person as lists to choose from name them: two may have the same name.
pub(super) fn person(user: &store::User) -> String {
    match &user.email {
        Some(email) => format!("{} ({email})", user.name),
        None => user.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::spoken;

    #[test]
    fn reasons_become_sentences() {
        assert_eq!(spoken("say why"), "Say why.");
        assert_eq!(spoken("ftp://x: use https://"), "ftp://x: use https://.");
        assert_eq!(spoken("logs.read: it is empty"), "logs.read: it is empty.");
        assert_eq!(spoken("Already a sentence."), "Already a sentence.");
    }
}
