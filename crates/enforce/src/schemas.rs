//! Argument schemas, compiled.

use crate::active::Unusable;
use crate::generations::Generations;
use jsonschema::{ValidationError, Validator};
use policy::{ArgumentSchema, PolicySet};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Compiled schemas remembered at least; twice as many at the most. Compiled, one is far larger than its text.
const REMEMBERED: usize = 256;

/// The schemas of one policy, each of which was seen to compile. Those that calls are held against stay compiled, as far as there is room.
#[derive(Debug)]
pub(crate) struct Schemas(Mutex<Generations<ArgumentSchema, Arc<Validator>>>);

impl Schemas {
    /// Of this policy.
    ///
    /// # Errors
    /// [`Unusable::Schema`] for one that does not compile, or that checking a call against could take for ever.
    pub(crate) fn of(set: &PolicySet) -> Result<Self, Unusable> {
        let (mut seen, mut remembered) = (HashSet::new(), Generations::new(REMEMBERED));
        for server in set.servers.values() {
            for (tool, schema) in server.tools.iter().filter_map(|(name, tool)| Some((name, tool.arguments.as_ref()?))) {
                if !seen.insert(schema) {
                    continue;
                }
                let unusable = |why: String| Unusable::Schema { tool: format!("{tool} on {}", server.name), why };
                // Whoever signed it: a call must not keep the gateway busy.
                policy::argument_schema::bounded(&schema.value()).map_err(|error| unusable(error.to_string()))?;
                let compiled = compile(schema).map_err(|error| unusable(error.to_string()))?;
                if remembered.len() < REMEMBERED {
                    remembered.insert(schema.clone(), Arc::new(compiled));
                }
            }
        }
        Ok(Self(Mutex::new(remembered)))
    }

    /// The schema, if it is compiled already.
    pub(crate) fn at_hand(&self, schema: &ArgumentSchema) -> Option<Arc<Validator>> {
        self.remembered().get(schema)
    }

    /// The schema, compiled; none for one that does not compile, which is none of the policy's.
    pub(crate) fn compiled(&self, schema: &ArgumentSchema) -> Option<Arc<Validator>> {
        if let Some(compiled) = self.at_hand(schema) {
            return Some(compiled);
        }
        // Not under the lock: others' calls go on meanwhile.
        let compiled = Arc::new(compile(schema).ok()?);
        self.remembered().insert(schema.clone(), Arc::clone(&compiled));
        Some(compiled)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Generations<ArgumentSchema, Arc<Validator>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn compile(schema: &ArgumentSchema) -> Result<Validator, ValidationError<'static>> {
    jsonschema::draft202012::new(&schema.value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::{McpServer, Tool};
    use serde_json::json;

    /// A policy with so many tools, each with a schema of its own.
    fn policy(tools: usize) -> PolicySet {
        let tool = |n: usize| {
            let arguments = ArgumentSchema::from(json!({ "properties": { "n": { "maximum": n } } }));
            (format!("tool-{n}").into(), Tool { scope: None, digest: None, arguments: Some(arguments), limit: None })
        };
        let server = McpServer { name: "many".into(), upstream: String::new(), tools: (0..tools).map(tool).collect() };
        PolicySet { servers: [("https://many.example/mcp".to_owned(), server)].into(), ..PolicySet::default() }
    }

    #[test]
    fn however_many_there_are_each_is_held_against_calls_and_few_are_remembered() {
        let set = policy(3 * REMEMBERED);
        let schemas = Schemas::of(&set).expect("all compile");
        assert_eq!(schemas.remembered().len(), REMEMBERED);
        for tool in set
            .servers
            .values()
            .flat_map(|server| server.tools.values())
            .chain(set.servers.values().flat_map(|server| server.tools.values()))
        {
            let schema = tool.arguments.as_ref().expect("each has one");
            let most = schema.value()["properties"]["n"]["maximum"].as_u64().expect("a number");
            let compiled = schemas.compiled(schema).expect("compiles");
            assert!(compiled.is_valid(&json!({ "n": most })) && !compiled.is_valid(&json!({ "n": most + 1 })), "{schema:?}");
            assert!(schemas.remembered().len() <= 2 * REMEMBERED);
        }
        // What is asked for again and again is not compiled again.
        let first = set.servers.values().flat_map(|server| server.tools.values()).next().and_then(|tool| tool.arguments.as_ref());
        let first = first.expect("there is one");
        assert!(Arc::ptr_eq(&schemas.compiled(first).expect("compiles"), &schemas.compiled(first).expect("compiles")));
    }

    #[test]
    fn one_that_cannot_be_used_is_said_by_the_name_of_its_tool() {
        let mut set = policy(REMEMBERED + 2);
        for (wrong, why) in [(json!({ "type": "no such type" }), "no such type"), (json!({ "$ref": "#" }), "for ever")] {
            let tools = &mut set.servers.values_mut().next().expect("a server").tools;
            tools.get_mut("tool-99").expect("a tool").arguments = Some(wrong.into());
            let refused = Schemas::of(&set).expect_err("it cannot be used");
            assert_eq!(refused.code(), "schema_unusable");
            assert!(refused.to_string().contains("tool-99 on many") && refused.to_string().contains(why), "{refused}");
        }
    }
}
