//! JSON as it is written: members in their order, keys as often as they stand there. What a map would forget is what parsers differ about.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use crate::choices::Choices;
use crate::edit::{LARGEST, extreme, variants, word};

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// Null, a truth value or a number, as it is written.
    Atom(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Tree>),
    /// An object, its keys not necessarily different.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Reads JSON; `None` for what is none.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Writes it without white space.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = String::new();
        self.write_to(&mut out);
        out
    }

    fn write_to(&self, out: &mut String) {
        match self {
            Self::Atom(atom) => out.push_str(atom),
            Self::Text(text) => out.push_str(&quoted(text)),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write_to(out);
                }
                out.push(']');
            }
            Self::Map(members) => {
                out.push('{');
                for (at, (key, item)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    out.push_str(&quoted(key));
                    out.push(':');
                    item.write_to(out);
                }
                out.push('}');
            }
        }
    }

    /// Its members, if it is an object.
    #[must_use]
    pub fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Map(members) => members,
            _ => &[],
        }
    }

    /// Whether some object in it has a key twice.
    #[must_use]
    pub fn has_a_key_twice(&self) -> bool {
        match self {
            Self::Map(members) => {
                let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
                keys.sort_unstable();
                keys.windows(2).any(|pair| pair[0] == pair[1]) || members.iter().any(|(_, item)| item.has_a_key_twice())
            }
            Self::List(items) => items.iter().any(Self::has_a_key_twice),
            Self::Atom(_) | Self::Text(_) => false,
        }
    }

    fn count(&self) -> usize {
        1 + match self {
            Self::Map(members) => members.iter().map(|(_, item)| item.count()).sum(),
            Self::List(items) => items.iter().map(Self::count).sum(),
            Self::Atom(_) | Self::Text(_) => 0,
        }
    }

    /// The value of that number, counted as they are written.
    fn nth(&mut self, left: &mut usize) -> Option<&mut Self> {
        if *left == 0 {
            return Some(self);
        }
        *left -= 1;
        match self {
            Self::Map(members) => members.iter_mut().find_map(|(_, item)| item.nth(left)),
            Self::List(items) => items.iter_mut().find_map(|item| item.nth(left)),
            Self::Atom(_) | Self::Text(_) => None,
        }
    }

    /// Changes one value or one key somewhere in it. `donor` is another document, pieces of which may turn up here.
    pub fn edit(&mut self, donor: Option<&Self>, choices: &mut Choices<'_>) {
        let mut at = choices.below(self.count());
        let Some(node) = self.nth(&mut at) else { return };
        match choices.below(8) {
            0 => *node = made_up(choices),
            1 => {
                if let Some(mut donor) = donor.cloned() {
                    let mut at = choices.below(donor.count());
                    if let Some(piece) = donor.nth(&mut at) {
                        *node = piece.clone();
                    }
                }
            }
            2 => node.wrap(choices),
            _ => match node {
                Self::Map(members) => edit_members(members, choices),
                Self::List(items) => edit_items(items, choices),
                Self::Text(text) => edit_text(text, choices),
                Self::Atom(atom) => *atom = extreme(choices).to_owned(),
            },
        }
    }

    /// Around it another array or object, or many.
    fn wrap(&mut self, choices: &mut Choices<'_>) {
        for _ in 0..*choices.pick(&[1, 1, 2, 130]) {
            let inner = std::mem::replace(self, Self::Atom("null".to_owned()));
            *self = match choices.below(2) {
                0 => Self::List(vec![inner]),
                _ => Self::Map(vec![("a".to_owned(), inner)]),
            };
        }
    }
}

fn edit_members(members: &mut Vec<(String, Tree)>, choices: &mut Choices<'_>) {
    let (at, other) = (choices.below(members.len()), choices.below(members.len()));
    let kind = choices.below(7);
    if members.is_empty() {
        return members.push((word(choices).to_owned(), made_up(choices)));
    }
    match kind {
        // The same key again, with the same value, another member's, or one made up; before or behind.
        0 | 1 => {
            let key = if kind == 0 { members[at].0.clone() } else { in_another_case(&members[at].0, choices) };
            let value = if choices.below(2) == 0 { members[other].1.clone() } else { made_up(choices) };
            let place = choices.below(members.len() + 1);
            members.insert(place, (key, value));
        }
        2 => members[at].0 = in_another_case(&members[at].0, choices),
        3 => members[at].0 = word(choices).to_owned(),
        4 => drop(members.remove(at)),
        5 => {
            let value = members[other].1.clone();
            let before = std::mem::replace(&mut members[at].1, value);
            members[other].1 = before;
        }
        _ => members.push((word(choices).to_owned(), made_up(choices))),
    }
}

fn edit_items(items: &mut Vec<Tree>, choices: &mut Choices<'_>) {
    let (at, other) = (choices.below(items.len()), choices.below(items.len()));
    let kind = choices.below(4);
    if items.is_empty() {
        return items.push(made_up(choices));
    }
    match kind {
        0 => items.swap(at, other),
        1 => drop(items.remove(at)),
        2 => {
            let (item, times) = (items[at].clone(), *choices.pick(&[1, 2, 20, 200]));
            let most = LARGEST / item.write().len().max(1);
            items.extend(std::iter::repeat_n(item, times.min(most)));
        }
        _ => items.insert(at, made_up(choices)),
    }
}

fn edit_text(text: &mut String, choices: &mut Choices<'_>) {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let at = *choices.pick(&places);
    match choices.below(6) {
        0 => text.insert_str(at, word(choices)),
        1 => text.truncate(at),
        2 => *text = in_another_case(text, choices),
        3 => *text = text.repeat((*choices.pick(&[0, 2, 50, 1_000])).min(LARGEST / text.len().max(1))),
        4 => *text = extreme(choices).to_owned(),
        _ => drop(text.pop()),
    }
}

/// The text with one letter in another case, or with all.
fn in_another_case(text: &str, choices: &mut Choices<'_>) -> String {
    let letters: Vec<usize> = text.char_indices().filter(|(_, letter)| letter.is_ascii_alphabetic()).map(|(at, _)| at).collect();
    if letters.is_empty() || choices.below(4) == 3 {
        return text.to_uppercase();
    }
    let at = *choices.pick(&letters);
    let letter = char::from(text.as_bytes()[at]);
    format!("{}{}{}", &text[..at], choices.pick(&variants(letter)), &text[at + 1..])
}

fn made_up(choices: &mut Choices<'_>) -> Tree {
    match choices.below(6) {
        0 => Tree::Atom((*choices.pick(&["null", "true", "false"])).to_owned()),
        1 => Tree::Atom(Some(extreme(choices)).filter(|number| !number.starts_with("00")).unwrap_or("7").to_owned()),
        2 => Tree::Text(word(choices).to_owned()),
        3 => Tree::Text(String::new()),
        4 => Tree::List(Vec::new()),
        _ => Tree::Map(Vec::new()),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Atom(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Atom(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Atom(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Atom(Number::from_f64(value).map_or_else(|| "null".to_owned(), |number| number.to_string())))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Atom("null".to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Tree::Map(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_as_it_was() {
        for text in [r#"{"b":1,"a":[true,null,-2.5,"x\n"],"b":{}}"#, "[]", "\"\"", "18446744073709551615"] {
            assert_eq!(Tree::read(text.as_bytes()).expect("JSON").write(), text);
        }
        assert_eq!(Tree::read(b"{"), None);
        let twice = |text: &str| Tree::read(text.as_bytes()).expect("JSON").has_a_key_twice();
        assert!(twice(r#"{"x":[{"b":1,"a":2,"b":3}]}"#) && !twice(r#"{"x":[{"b":1},{"b":1}]}"#));
    }
}
