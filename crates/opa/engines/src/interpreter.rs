//! regorus, with the two functions of an OPA that it lacks or that read a clock.

use crate::world::World;
use anyhow::{Context as _, Result};
use hmac::{Hmac, Mac as _};
use regorus::{Engine, Value};
use sha2::Sha256;

/// A prepared engine.
#[derive(Clone)]
pub struct Interpreter(Engine);

impl Interpreter {
    /// Over modules and data, at a time that stands still: `now_ns` in Unix nanoseconds.
    ///
    /// # Errors
    /// When a module does not parse.
    pub fn new(world: &World, now_ns: i64) -> Result<Self> {
        let mut engine = Engine::new();
        engine.set_rego_v0(false);
        // As in an OPA, where a function that cannot take its arguments is undefined.
        engine.set_strict_builtin_errors(false);
        engine.add_extension("time.now_ns".to_owned(), 0, Box::new(move |_: Vec<Value>| Ok(Value::from(now_ns))))?;
        engine.add_extension("crypto.hmac.sha256".to_owned(), 2, Box::new(|arguments: Vec<Value>| hmac(&arguments)))?;
        for (path, source) in &world.modules {
            engine.add_policy(path.clone(), source.clone()).with_context(|| format!("parsing {path}"))?;
        }
        engine.add_data(Value::from(world.data.clone()))?;
        Ok(Self(engine))
    }

    /// The value of a document, such as `data.writ.decision`, for this input.
    ///
    /// # Errors
    /// When it is undefined or cannot be evaluated.
    pub fn document(&mut self, path: &str, input: &serde_json::Value) -> Result<serde_json::Value> {
        self.0.set_input(Value::from(input.clone()));
        let results = self.0.eval_query(path.to_owned(), false)?;
        let value = &results.result.first().and_then(|result| result.expressions.first()).context("it is undefined")?.value;
        Ok(serde_json::from_str(&value.to_json_str()?)?)
    }
}

fn hmac(arguments: &[Value]) -> Result<Value> {
    let [text, key] = arguments else { anyhow::bail!("two strings are hashed") };
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_string()?.as_bytes())?;
    mac.update(text.as_string()?.as_bytes());
    Ok(Value::from(hex::encode(mac.finalize().into_bytes())))
}
