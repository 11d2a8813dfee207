//! Argument schemas, and how much work one can make for whoever checks a call against it.
//!
//! A schema that refers to itself under several alternatives (`anyOf` of ten arrays of itself) has a validator look at one value ten times,
//! at what lies in it a hundred times, and so on: a call of a few bytes keeps it busy for ever. Schemas come from the authors of MCP servers,
//! calls from anybody. So each schema is bounded before it comes into a policy: by counting, for the worst call there could be, how often
//! one value in it would be looked at.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A JSON Schema (2020-12) for the arguments of a tool, as text: a policy has thousands of which few are asked about, and as text a schema
/// takes far less memory than as a value. Equal schemas are equal texts, whatever order their members came in.
#[derive(Clone, PartialEq, Eq)]
pub struct ArgumentSchema {
    text: Box<str>,
    hash: u64,
}

impl ArgumentSchema {
    /// Compact JSON, members in order.
    pub const fn text(&self) -> &str {
        &self.text
    }

    /// As a value.
    pub fn value(&self) -> Value {
        // It was written from a value.
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl From<&Value> for ArgumentSchema {
    fn from(schema: &Value) -> Self {
        let text: Box<str> = in_order(schema).to_string().into();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { text, hash: hasher.finish() }
    }
}

impl From<Value> for ArgumentSchema {
    fn from(schema: Value) -> Self {
        Self::from(&schema)
    }
}

/// The same value with its members in order, whether or not maps keep theirs.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<&String, &Value> = members.iter().collect();
            Value::Object(members.into_iter().map(|(name, value)| (name.clone(), in_order(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(in_order).collect()),
        other => other.clone(),
    }
}

/// Of the hash that was taken when it was made: one can be long, and is looked up for each call.
impl Hash for ArgumentSchema {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl fmt::Debug for ArgumentSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for ArgumentSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ArgumentSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

/// The most that one value may be looked at. What people write has a few; independent unions multiply.
pub const MOST_LOOKS: u64 = 256;
/// How deep a message can be nested for those who read it: `serde_json`'s own bound.
const DEEPEST: usize = 128;
/// How many pairs of a schema and one that it applies to a child are followed.
const MOST_PAIRS: usize = 200_000;

/// Why a schema cannot be held against calls.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unbounded {
    /// It refers to something that is not in it.
    #[error("`{0}` is nothing in this schema: write what it refers to into `$defs`, and refer to it by #/$defs/…")]
    Reference(String),
    /// It refers to itself without going into the value.
    #[error("`{0}` leads back to where it stands, for ever")]
    Endless(String),
    /// A part of it names another dialect, in which other words count.
    #[error("`$schema` stands inside of the schema: all of it is JSON Schema 2020-12")]
    Dialect,
    /// Alternatives multiply.
    #[error(
        "checking a call could take for ever, as one value could have to be looked at more than {MOST_LOOKS} times: have fewer alternatives that all go into the same value, or alternatives that differ in their property names"
    )]
    TooMuch,
}

/// Whether the work of checking arguments against `schema` (JSON Schema 2020-12) is bounded.
///
/// # Errors
/// [`Unbounded`]: what stands against it.
pub fn bounded(schema: &Value) -> Result<(), Unbounded> {
    let mut places = Places { root: schema, documents: HashMap::new(), anchors: HashMap::new(), dynamic: HashMap::new() };
    places.note(schema, schema);
    let applied = Applied::all_of(schema, &places)?;
    looks(&applied)
}

/// How often one value could be looked at: for each schema by how many schemas its own value, then a child, then a child's child and so on.
/// Where several are applied to one child, their numbers at that depth add up; of different children the worst counts.
fn looks(applied: &[Applied]) -> Result<(), Unbounded> {
    let mut at_depth: Vec<u64> = applied.iter().map(|schema| schema.here).collect();
    for _ in 0..DEEPEST {
        let of = |child: &Vec<usize>| child.iter().fold(0_u64, |all, schema| all.saturating_add(at_depth[*schema]));
        let deeper: Vec<u64> = applied.iter().map(|schema| schema.below.iter().map(of).max().unwrap_or(0)).collect();
        if deeper.iter().any(|looks| *looks > MOST_LOOKS) {
            return Err(Unbounded::TooMuch);
        }
        if deeper == at_depth {
            break;
        }
        at_depth = deeper;
    }
    Ok(())
}

/// Where `#…` leads from, and to.
struct Places<'s> {
    root: &'s Value,
    /// The document that each schema stands in: itself or the nearest around it with an `$id`.
    documents: HashMap<*const Value, &'s Value>,
    /// By document and name.
    anchors: HashMap<(*const Value, &'s str), &'s Value>,
    /// By name, wherever they stand: which of them is meant depends on the way there.
    dynamic: HashMap<&'s str, Vec<&'s Value>>,
}

impl<'s> Places<'s> {
    fn note(&mut self, value: &'s Value, document: &'s Value) {
        match value {
            Value::Object(members) => {
                let document = if members.get("$id").is_some_and(Value::is_string) { value } else { document };
                self.documents.insert(value, document);
                for key in ["$anchor", "$dynamicAnchor"] {
                    if let Some(name) = members.get(key).and_then(Value::as_str) {
                        self.anchors.insert((document, name), value);
                    }
                }
                if let Some(name) = members.get("$dynamicAnchor").and_then(Value::as_str) {
                    self.dynamic.entry(name).or_default().push(value);
                }
                members.values().for_each(|value| self.note(value, document));
            }
            Value::Array(items) => items.iter().for_each(|value| self.note(value, document)),
            _ => {}
        }
    }

    fn found(&self, from: &'s Value, reference: &str) -> Result<&'s Value, Unbounded> {
        let unknown = || Unbounded::Reference(reference.to_owned());
        let document = *self.documents.get(&std::ptr::from_ref(from)).ok_or_else(unknown)?;
        let fragment = reference.strip_prefix('#').ok_or_else(unknown)?;
        let found = match fragment {
            "" => Some(document),
            pointer if pointer.starts_with('/') => document.pointer(&percent_decoded(pointer)),
            anchor => self.anchors.get(&(std::ptr::from_ref(document), anchor)).copied(),
        };
        found.ok_or_else(unknown)
    }
}

/// What a URI fragment stands for (RFC 3986 section 2.1); what is no encoding stays as it is.
fn percent_decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).filter(|_| *first == b'%');
        match digits.and_then(|digits| hex::decode(digits).ok()).as_deref() {
            Some([byte]) => {
                bytes.push(*byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A schema with all that it applies.
struct Applied {
    /// How many schemas look at the same value, itself included.
    here: u64,
    /// For each child that is told from others, and once for all that are not: the schemas that look at it, by number.
    below: Vec<Vec<usize>>,
}

impl Applied {
    /// The schema and all that it ever applies.
    fn all_of(root: &Value, places: &Places<'_>) -> Result<Vec<Self>, Unbounded> {
        let mut found = vec![root];
        let mut numbers = HashMap::from([(std::ptr::from_ref(root), 0)]);
        let (mut all, mut pairs) = (Vec::new(), 0);
        while let Some(schema) = found.get(all.len()).copied() {
            let mut gathered = Gathered::default();
            gathered.gather(schema, places, &mut Vec::new())?;
            let mut number = |schema| {
                *numbers.entry(std::ptr::from_ref::<Value>(schema)).or_insert_with(|| {
                    found.push(schema);
                    found.len() - 1
                })
            };
            let below: Vec<Vec<usize>> =
                gathered.by_child().into_iter().map(|schemas| schemas.into_iter().map(&mut number).collect()).collect();
            pairs += below.iter().map(Vec::len).sum::<usize>();
            if pairs > MOST_PAIRS {
                return Err(Unbounded::TooMuch);
            }
            all.push(Self { here: gathered.here, below });
        }
        Ok(all)
    }
}

/// What one schema applies, with everything that it applies to its own value.
#[derive(Default)]
struct Gathered<'s> {
    here: u64,
    properties: BTreeMap<&'s str, Vec<&'s Value>>,
    /// For members that the schema beside it does not name.
    others: Vec<(BTreeSet<&'s str>, &'s Value)>,
    every_member: Vec<&'s Value>,
    items: BTreeMap<usize, Vec<&'s Value>>,
    /// For items from this place on: after those that the schema beside it places.
    later_items: Vec<(usize, &'s Value)>,
    every_item: Vec<&'s Value>,
}

impl<'s> Gathered<'s> {
    fn gather(&mut self, schema: &'s Value, places: &Places<'s>, path: &mut Vec<*const Value>) -> Result<(), Unbounded> {
        self.here += 1;
        if self.here > MOST_LOOKS {
            return Err(Unbounded::TooMuch);
        }
        // A truth value is a schema, too.
        let Some(members) = schema.as_object() else { return Ok(()) };
        if members.contains_key("$schema") && !std::ptr::eq(schema, places.root) {
            return Err(Unbounded::Dialect);
        }
        path.push(schema);
        // What is left unevaluated is known only after everything beside it was evaluated once more.
        let times = if members.contains_key("unevaluatedProperties") || members.contains_key("unevaluatedItems") { 2 } else { 1 };
        for key in ["$ref", "$dynamicRef"] {
            let Some(reference) = members.get(key).and_then(Value::as_str) else { continue };
            let dynamic = reference.strip_prefix('#').filter(|_| key == "$dynamicRef").and_then(|name| places.dynamic.get(name));
            let targets = match dynamic {
                Some(any_of_them) => any_of_them.clone(),
                None => vec![places.found(schema, reference)?],
            };
            for target in targets {
                if path.contains(&std::ptr::from_ref(target)) {
                    return Err(Unbounded::Endless(reference.to_owned()));
                }
                for _ in 0..times {
                    self.gather(target, places, path)?;
                }
            }
        }
        let alternatives = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|key| members.get(key)?.as_array()).flatten();
        // `dependencies` is of older drafts, and validators still heed it. Its lists of names are no schemas.
        let dependent = ["dependentSchemas", "dependencies"].into_iter().filter_map(|key| members.get(key)?.as_object());
        let dependent = dependent.flat_map(|schemas| schemas.values()).filter(|schema| !schema.is_array());
        let single = ["not", "if", "then", "else"].into_iter().filter_map(|key| members.get(key));
        for applied in alternatives.chain(dependent).chain(single) {
            for _ in 0..times {
                self.gather(applied, places, path)?;
            }
        }
        path.pop();

        let named = members.get("properties").and_then(Value::as_object);
        for (name, schema) in named.into_iter().flatten() {
            self.properties.entry(name).or_default().push(schema);
        }
        if let Some(others) = members.get("additionalProperties") {
            self.others.push((named.into_iter().flat_map(|named| named.keys().map(String::as_str)).collect(), others));
        }
        // Which names a pattern fits is not asked: it could fit all.
        let patterns = members.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(|schemas| schemas.values());
        self.every_member.extend(patterns.chain(["unevaluatedProperties", "propertyNames"].into_iter().filter_map(|key| members.get(key))));
        let placed = members.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (at, schema) in placed.iter().enumerate() {
            self.items.entry(at).or_default().push(schema);
        }
        self.later_items.extend(members.get("items").map(|schema| (placed.len(), schema)));
        self.every_item.extend(["contains", "unevaluatedItems"].into_iter().filter_map(|key| members.get(key)));
        Ok(())
    }

    /// What looks at each child that is named, and at one that is not.
    fn by_child(&self) -> Vec<Vec<&'s Value>> {
        let members = self.properties.iter().map(|(name, schemas)| [schemas.as_slice(), &self.others(Some(name))].concat());
        let items = self.items.iter().map(|(at, schemas)| [schemas.as_slice(), &self.later(*at)].concat());
        members.chain(items).chain([self.others(None), self.later(usize::MAX)]).collect()
    }

    /// What looks at the item at this place because of no place of its own.
    fn later(&self, at: usize) -> Vec<&'s Value> {
        let later = self.later_items.iter().filter(|(from, _)| *from <= at).map(|(_, schema)| *schema);
        later.chain(self.every_item.iter().copied()).collect()
    }

    /// What looks at a member because of no name, or of another.
    fn others(&self, name: Option<&str>) -> Vec<&'s Value> {
        let others = self.others.iter().filter(|(named, _)| name.is_none_or(|name| !named.contains(name)));
        others.map(|(_, schema)| *schema).chain(self.every_member.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_people_write_is_bounded() {
        let filter = json!({"$defs": {"filter": {"anyOf": [
            {"properties": {"and": {"type": "array", "items": {"$ref": "#/$defs/filter"}}}},
            {"properties": {"or": {"type": "array", "items": {"$ref": "#/$defs/filter"}}}},
            {"properties": {"not": {"$ref": "#/$defs/filter"}}},
            {"properties": {"field": {"type": "string"}, "equals": true}},
        ]}}, "properties": {"where": {"$ref": "#/$defs/filter"}}});
        for schema in [
            json!(true),
            json!({"type": "object", "required": ["a"], "additionalProperties": false, "properties": {"a": {"type": "string"}}}),
            json!({"$ref": "#/$defs/list", "$defs": {"list": {"properties": {"next": {"$ref": "#/$defs/list"}}}}}),
            json!({"$id": "https://example.com/tree", "$dynamicAnchor": "node", "properties": {"children": {"items": {"$dynamicRef": "#node"}}}}),
            json!({"$defs": {"a b": {"$anchor": "x"}}, "allOf": [{"$ref": "#x"}, {"$ref": "#/$defs/a%20b"}]}),
            json!({"properties": {"a": {"oneOf": [{"enum": [1]}, {"if": {"const": 2}, "then": {}, "else": {"not": {}}}]}}, "propertyNames": {"minLength": 1}}),
            json!({"prefixItems": [{"$ref": "#"}, {"$ref": "#"}], "items": {"$ref": "#"}}),
            json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "dependencies": {"a": ["b"]}}),
            json!({"properties": {"child": {"$ref": "#"}}, "patternProperties": {"^x-": true}, "unevaluatedProperties": false}),
            filter,
        ] {
            assert_eq!(bounded(&schema), Ok(()), "{schema}");
        }
    }

    #[test]
    fn alternatives_of_itself_are_too_much() {
        let arrays = |count| vec![json!({"type": "array", "items": {"$ref": "#"}}); count];
        let level =
            |n: usize| json!({"anyOf": [{"properties": {"a": {"$ref": format!("#/$defs/l{}", n + 1)}}}], "unevaluatedProperties": false});
        let mut levels: serde_json::Map<String, Value> = (0..40).map(|n| (format!("l{n}"), level(n))).collect();
        levels.insert("l40".to_owned(), json!(true));
        for schema in [
            json!({"anyOf": arrays(2)}),
            json!({"properties": {"a": {"$ref": "#"}}, "patternProperties": {"^a": {"$ref": "#"}}}),
            json!({"additionalProperties": {"$ref": "#"}, "unevaluatedProperties": {"$ref": "#"}}),
            json!({"items": {"$ref": "#"}, "contains": {"$ref": "#"}}),
            json!({"prefixItems": [{"$ref": "#"}], "allOf": [{"items": {"$ref": "#"}}]}),
            json!({"$dynamicAnchor": "x", "properties": {"a": {"allOf": [{"$dynamicRef": "#x"}, {"$dynamicRef": "#x"}]}}}),
            json!({"properties": {"a": {"anyOf": vec![json!({"properties": {"b": {"anyOf": vec![json!({}); 20]}}}); 20]}}}),
            json!({"anyOf": vec![json!(true); 300]}),
            json!({"anyOf": [{"properties": {"a": {"$ref": "#"}}, "dependencies": {"a": {"properties": {"a": {"$ref": "#"}}}}}]}),
            json!({"$defs": levels, "$ref": "#/$defs/l0"}),
        ] {
            assert_eq!(bounded(&schema), Err(Unbounded::TooMuch), "{schema}");
        }
    }

    #[test]
    fn what_leads_nowhere_or_in_a_circle_is_refused() {
        for reference in ["#", "#/allOf/0"] {
            let endless = Unbounded::Endless(reference.to_owned());
            assert_eq!(bounded(&json!({"allOf": [{"$ref": reference}]})), Err(endless));
        }
        let round = json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"});
        assert_eq!(bounded(&round), Err(Unbounded::Endless("#/$defs/a".to_owned())));
        for reference in ["#/$defs/none", "#none", "https://example.com/other", "other"] {
            assert_eq!(bounded(&json!({"items": {"$ref": reference}})), Err(Unbounded::Reference(reference.to_owned())));
        }
        let older = json!({"items": {"$schema": "http://json-schema.org/draft-07/schema#", "items": [true]}});
        assert_eq!(bounded(&older), Err(Unbounded::Dialect));
        // Inside of a document of its own the root is another.
        assert!(bounded(&json!({"$defs": {"a": {"$id": "b", "items": {"$ref": "#/$defs/a"}}}, "items": {"$ref": "#/$defs/a"}})).is_err());
    }
}
