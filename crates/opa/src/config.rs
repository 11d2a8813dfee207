//! The configuration of an OPA that follows a tenant.

use std::fmt;

/// A key as a configuration pins it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedKey {
    /// Its id.
    pub id: String,
    /// SPKI PEM.
    pub pem: String,
}

/// What goes into the configuration; its text is YAML, ready for `opa run --server --config-file`.
///
/// Each bundle pins one key by `signing.keyid`: only that makes an OPA refuse a bundle without a signature. `persist` makes it keep what
/// it has verified, and refuse delta bundles, whose signatures no OPA checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    /// The OPA's name in the fleet.
    pub name: String,
    /// The tenant's slug: the scope of every signature.
    pub tenant: String,
    /// Where the bundle service is, without a slash at the end.
    pub service_url: String,
    /// Where the OPA finds its token. It reads the file for every request, so that the token can be replaced.
    pub token_path: String,
    /// Where the OPA keeps verified bundles.
    pub state_folder: String,
    /// Signs the policy.
    pub policy_key: PinnedKey,
    /// Signs revocations.
    pub revocations_key: PinnedKey,
}

/// For how long an OPA asks to be held, seconds. Below the minute after which proxies close what is idle.
pub const LONG_POLL_S: u64 = 50;

impl fmt::Display for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, tenant, service_url, token_path, state_folder, policy_key, revocations_key } = self;
        // A JSON string is a YAML string.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        writeln!(
            f,
            "# An OPA of tenant {tenant}, enrolled as {name}. Names of bundles and keys are part of the contract: do not change them."
        )?;
        writeln!(f, "services:\n  writ:\n    url: {}", quoted(service_url))?;
        writeln!(f, "    credentials:\n      bearer:\n        token_path: {}", quoted(token_path))?;
        writeln!(f, "\nkeys:")?;
        for key in [policy_key, revocations_key] {
            writeln!(f, "  {}:\n    algorithm: ES256\n    key: |", quoted(&key.id))?;
            for line in key.pem.lines() {
                writeln!(f, "      {line}")?;
            }
        }
        writeln!(f, "\nbundles:")?;
        for (lane, key) in [(crate::Lane::Policy, policy_key), (crate::Lane::Revocations, revocations_key)] {
            writeln!(f, "  {}:\n    service: writ\n    resource: bundles/{}", lane.bundle_name(), lane.as_str())?;
            writeln!(f, "    persist: true\n    polling:\n      long_polling_timeout_seconds: {LONG_POLL_S}")?;
            writeln!(f, "      min_delay_seconds: 5\n      max_delay_seconds: 15")?;
            writeln!(f, "    signing:\n      keyid: {}\n      scope: {}", quoted(&key.id), quoted(tenant))?;
        }
        writeln!(f, "\npersistence_directory: {}", quoted(state_folder))?;
        writeln!(f, "\nstatus:\n  service: writ")?;
        write!(f, "\ndecision_logs:\n  service: writ\n  reporting:\n    min_delay_seconds: 5\n    max_delay_seconds: 10\n")
    }
}
