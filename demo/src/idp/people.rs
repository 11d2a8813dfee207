//! Who can sign in, and who misbehaves.

use serde::Deserialize;

/// Authentication context classes on offer, weakest first (names after NIST SP 800-63's assurance levels).
pub const ACR_VALUES: [&str; 2] = ["aal1", "aal2"];

/// A person of the directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// What one types into the form; `sub` is made from it.
    pub username: String,
    /// The name shown.
    pub name: String,
    /// The e-mail address, if any.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether the address was verified.
    #[serde(default = "yes")]
    pub email_verified: bool,
    /// Directory groups; `null` leaves the claim out of the ID token.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// What is wrong with this person's ID tokens, on purpose.
    #[serde(default)]
    pub fault: Option<Fault>,
}

fn yes() -> bool {
    true
}

impl Person {
    /// The stable subject identifier.
    pub fn subject(&self) -> String {
        format!("demo|{}", self.username)
    }

    /// Whether something is wrong with this person's sign-ins on purpose, so that they should not be let in.
    pub fn is_trial(&self) -> bool {
        self.fault.is_some() || self.groups.is_none() || !self.email_verified
    }

    fn new(username: &str, name: &str, groups: &[&str]) -> Self {
        Self {
            username: username.into(),
            name: name.into(),
            email: Some(format!("{username}@acme.example")),
            email_verified: true,
            groups: Some(groups.iter().map(|group| (*group).into()).collect()),
            fault: None,
        }
    }

    fn with_fault(username: &str, name: &str, fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::new(username, name, &["engineering"]) }
    }
}

/// A way in which an ID token can be wrong.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// `iss` names another provider.
    WrongIssuer,
    /// `nonce` is not the one of the request.
    WrongNonce,
    /// `aud` names another client.
    WrongAudience,
    /// `exp` lies an hour back.
    Expired,
    /// The signature does not match.
    BadSignature,
}

/// The people of the demo company, and those that test a relying party.
pub fn built_in() -> Vec<Person> {
    vec![
        Person::new("ada", "Ada (IAM admin)", &["iam-admins"]),
        Person::new("dev", "Dev (developer)", &["engineering"]),
        Person::new("sam", "Sam (SRE, approver)", &["sre"]),
        Person::new("olga", "Olga (auditor)", &["audit"]),
        Person { groups: None, ..Person::new("nogroups", "Nora (no groups claim)", &[]) },
        Person { email_verified: false, ..Person::new("unverified", "Uma (e-mail not verified)", &["engineering"]) },
        Person::with_fault("mallory-issuer", "Mallory (wrong issuer)", Fault::WrongIssuer),
        Person::with_fault("mallory-nonce", "Mallory (wrong nonce)", Fault::WrongNonce),
        Person::with_fault("mallory-audience", "Mallory (wrong audience)", Fault::WrongAudience),
        Person::with_fault("mallory-expired", "Mallory (expired token)", Fault::Expired),
        Person::with_fault("mallory-sig", "Mallory (bad signature)", Fault::BadSignature),
    ]
}
