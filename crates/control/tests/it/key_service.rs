//! A key management service in memory, with real keys: it signs, or misbehaves as a test wants it to. What speaks to a service over a socket is
//! tested where it lives, in `crates/outbound`.

use bundle::{Key, Signer};
use control::{KeyService, Reference, ServiceError, ServiceKey};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How it answers a question for a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Answers {
    #[default]
    Well,
    /// It is not there.
    Down,
    /// It takes the question and never says anything.
    Never,
    /// What it says is no signature.
    Rubbish,
    /// It signs with another key than it was asked to.
    WithAnotherKey,
    /// It signs something else.
    SomethingElse,
    /// Its policy does not allow it.
    Refuses,
}

/// A handle; all handles are of one service.
#[derive(Clone, Default)]
pub struct Service(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    keys: HashMap<String, Key>,
    answers: Answers,
    asked: Vec<String>,
    meanwhile: Option<Meanwhile>,
}

/// What happens elsewhere while the service works on an answer.
pub type Meanwhile = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

impl Service {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("nobody panicked")
    }

    pub fn answers(&self, answers: Answers) {
        self.state().answers = answers;
    }

    /// The references of the keys that it was asked to sign with since this was asked last.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state().asked)
    }

    /// Has this happen while it works on each answer from now on; nothing with none.
    pub fn meanwhile(&self, what: Option<Meanwhile>) {
        self.state().meanwhile = what;
    }

    /// Forgets a key, as somebody with rights there can.
    pub fn forget(&self, pinned: &str) {
        self.state().keys.remove(pinned).expect("was there");
    }
}

impl KeyService for Service {
    fn key<'a>(&'a self, reference: &'a Reference) -> BoxFuture<'a, Result<ServiceKey, ServiceError>> {
        let mut state = self.state();
        let pinned = format!("{reference}@1");
        let answer = match reference.parts() {
            ("test", name) if name != "unknown" => {
                let key = state.keys.entry(pinned.clone()).or_insert_with(|| Key::generate().expect("randomness"));
                Ok(ServiceKey { reference: Reference::parse(&pinned).expect("a reference"), public: key.public().clone() })
            }
            _ => Err(ServiceError::NoSuchKey("there is none of that name".to_owned())),
        };
        async { answer }.boxed()
    }

    fn sign<'a>(&'a self, reference: &'a Reference, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, ServiceError>> {
        let mut state = self.state();
        state.asked.push(reference.as_str().to_owned());
        let Some(key) = state.keys.get(reference.as_str()) else {
            return async { Err(ServiceError::NoSuchKey("it is gone".to_owned())) }.boxed();
        };
        let signed = |key: &Key, message: &[u8]| Ok(key.sign(message).expect("signs"));
        let answer = match state.answers {
            Answers::Well => signed(key, message),
            Answers::Down => Err(ServiceError::Failed("could not be reached".to_owned())),
            Answers::Never => return std::future::pending().boxed(),
            Answers::Rubbish => Ok(b"<html>maintenance</html>".to_vec()),
            Answers::WithAnotherKey => signed(&Key::generate().expect("randomness"), message),
            Answers::SomethingElse => signed(key, b"something else"),
            Answers::Refuses => Err(ServiceError::Refused("permission denied".to_owned())),
        };
        // Others come in between, as they do while a real one works.
        let meanwhile = state.meanwhile.clone();
        async move {
            match meanwhile {
                Some(what) => what().await,
                None => tokio::task::yield_now().await,
            }
            answer
        }
        .boxed()
    }

    fn patience(&self) -> Duration {
        // Long for whoever waits for a turn, which six times this bounds; a service that never answers is given up after it.
        if self.state().answers == Answers::Never { Duration::from_millis(20) } else { Duration::from_secs(20) }
    }
}
