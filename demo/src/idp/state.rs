//! What the provider remembers: codes and access tokens, for minutes, in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Client, Clock, Config, Entropy, Person, keys::SigningKey};

/// How long a code may wait to be redeemed, in seconds.
pub(super) const CODE_LIFE: i64 = 60;
/// How long ID and access tokens live, in seconds.
pub(super) const TOKEN_LIFE: i64 = 300;

/// What a code stands for.
pub(super) struct Code {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) nonce: Option<String>,
    pub(super) acr: &'static str,
    pub(super) person: Person,
    pub(super) auth_time: i64,
    pub(super) expires: i64,
}

struct Access {
    person: Person,
    expires: i64,
}

pub(super) struct Idp {
    pub(super) issuer: String,
    pub(super) clients: Vec<Client>,
    pub(super) people: Vec<Person>,
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
    pub(super) key: SigningKey,
    codes: Mutex<HashMap<String, Code>>,
    access: Mutex<HashMap<String, Access>>,
}

impl Idp {
    pub(super) fn new(config: Config, key: SigningKey) -> Self {
        Self {
            issuer: config.issuer.trim_end_matches('/').into(),
            clients: config.clients,
            people: config.people,
            clock: config.clock,
            entropy: config.entropy,
            key,
            codes: Mutex::default(),
            access: Mutex::default(),
        }
    }

    pub(super) fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.client_id == id)
    }

    pub(super) fn person(&self, username: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.username == username.trim())
    }

    pub(super) fn remember_code(&self, code: Code) -> String {
        let value = self.entropy.token();
        let now = self.clock.now();
        let mut codes = lock(&self.codes);
        codes.retain(|_, kept| now < kept.expires);
        codes.insert(value.clone(), code);
        value
    }

    /// Takes the code out: whatever comes of it, it works no second time.
    pub(super) fn take_code(&self, value: &str) -> Option<Code> {
        let now = self.clock.now();
        lock(&self.codes).remove(value).filter(|code| now < code.expires)
    }

    pub(super) fn remember_access(&self, person: Person) -> String {
        let value = self.entropy.token();
        let now = self.clock.now();
        let mut access = lock(&self.access);
        access.retain(|_, kept| now < kept.expires);
        access.insert(value.clone(), Access { person, expires: now + TOKEN_LIFE });
        value
    }

    pub(super) fn access(&self, token: &str) -> Option<Person> {
        let now = self.clock.now();
        lock(&self.access).get(token).filter(|kept| now < kept.expires).map(|kept| kept.person.clone())
    }
}

/// The maps are whole after any panic: each change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
