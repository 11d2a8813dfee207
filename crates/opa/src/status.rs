//! What an OPA reports of itself: the body of `POST …/status` (`v1/plugins/status`, `v1/plugins/bundle/status.go`).
//!
//! Only our two bundles are looked at. Everything in here is the OPA's own word, printable at best.

use crate::lane::Lane;
use crate::revision::Revision;
use crate::words::printable;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The largest report that is read, in bytes. It may carry all metrics of a process.
pub const LARGEST: usize = 512 * 1024;

/// How an OPA stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// `OPA` and its version.
    pub software: String,
    /// How the two bundles stand; one that the OPA does not have is absent.
    pub lanes: BTreeMap<Lane, Standing>,
}

/// How one bundle stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The revision in force; `None` before the first, or for one that is not ours.
    pub active: Option<Revision>,
    /// Why the newest download is not in force: verification, parsing, compiling, roots. An answer that was no bundle at all (an
    /// HTTP error) is none.
    pub refused: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    labels: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    bundles: Option<BTreeMap<String, BundleStatus>>,
}

#[derive(Deserialize)]
struct BundleStatus {
    #[serde(default)]
    active_revision: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    /// A number, as text or not.
    #[serde(default)]
    http_code: serde_json::Value,
    #[serde(default)]
    errors: Option<Vec<serde_json::Value>>,
}

impl BundleStatus {
    fn standing(&self) -> Standing {
        let over_http = match &self.http_code {
            serde_json::Value::Null => false,
            serde_json::Value::String(code) => !code.is_empty(),
            _ => true,
        };
        let first = self.errors.iter().flatten().find_map(|error| error.get("message").and_then(|message| message.as_str()));
        let words = match first {
            Some(first) => format!("{}: {first}", self.message),
            None => self.message.clone(),
        };
        let refused = (!self.code.is_empty() && !over_http).then(|| printable(&words));
        Standing { active: Revision::parse(&self.active_revision), refused }
    }
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    /// What is wrong with it, without anything of its content.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        let wrong = |error: serde_json::Error| format!("it is not a status (line {}, column {})", error.line(), error.column());
        let document: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).map_err(wrong)?;
        let wire: Wire = serde_json::from_value(document.into()).map_err(wrong)?;
        let version = wire.labels.get("version").and_then(|version| version.as_str()).unwrap_or_default();
        let lanes = wire.bundles.unwrap_or_default();
        let lanes = lanes.iter().filter_map(|(name, status)| Some((Lane::of_bundle(name)?, status.standing()))).collect();
        Ok(Self { software: printable(format!("OPA {version}").trim_end()), lanes })
    }

    /// How one bundle stands.
    #[must_use]
    pub fn lane(&self, lane: Lane) -> Standing {
        self.lanes.get(&lane).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::LONGEST;

    #[test]
    fn an_acknowledgement() {
        let report = Report::read(
            br#"{"labels":{"id":"8f0e","version":"1.20.2"},
                 "bundles":{
                   "writ-policy":{"name":"writ-policy","type":"snapshot","active_revision":"policy-12-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f-1795424400",
                     "size":1234,"last_request":"2026-11-23T09:00:00Z","metrics":{"timer_rego_load_bundles_ns":1}},
                   "writ-revocations":{"name":"writ-revocations","active_revision":"revocations-3-1795424400"},
                   "another":{"name":"another","active_revision":"x","code":"bundle_error"}},
                 "plugins":{"bundle":{"state":"OK"}},"metrics":{"prometheus":{}}}"#,
        )
        .expect("a report");
        assert_eq!(report.software, "OPA 1.20.2");
        assert_eq!(
            report.lane(Lane::Policy).active,
            Some(Revision::Policy { version: 12, sha256: "0f".repeat(32), signed: 1_795_424_400 })
        );
        assert_eq!(report.lane(Lane::Revocations).active, Some(Revision::Revocations { seq: 3, signed: 1_795_424_400 }));
        assert_eq!(report.lanes.len(), 2);
        assert!(report.lanes.values().all(|standing| standing.refused.is_none()));
    }

    #[test]
    fn a_refusal_is_told_from_an_answer_that_was_no_bundle() {
        let refused = |status: &str| {
            let body = format!(r#"{{"bundles":{{"writ-policy":{status}}}}}"#);
            Report::read(body.as_bytes()).expect("a report").lane(Lane::Policy).refused
        };
        let signature = r#"{"code":"bundle_error","message":"scope mismatch"}"#;
        assert_eq!(refused(signature).as_deref(), Some("scope mismatch"));
        let compiling = r#"{"code":"bundle_error","message":"error(s) occurred while compiling module(s)","errors":[{"code":"rego_parse_error","message":"x"}]}"#;
        assert_eq!(refused(compiling).as_deref(), Some("error(s) occurred while compiling module(s): x"));
        for no_bundle in [
            r#"{"code":"bundle_error","message":"server replied with Not Found","http_code":"404"}"#,
            r#"{"code":"bundle_error","message":"server replied with Not Found","http_code":404}"#,
            r#"{"code":"","message":"","http_code":""}"#,
            "{}",
        ] {
            assert_eq!(refused(no_bundle), None, "{no_bundle}");
        }
    }

    #[test]
    fn what_is_kept_is_printable_and_short() {
        let long = format!("\\u001b[31m{}", "x".repeat(100_000));
        let body =
            format!(r#"{{"labels":{{"version":"{long}"}},"bundles":{{"writ-policy":{{"code":"bundle_error","message":"{long}"}}}}}}"#);
        let report = Report::read(body.as_bytes()).expect("a report");
        let refused = report.lane(Lane::Policy).refused.expect("refused");
        assert!(refused.starts_with("[31mx") && report.software.starts_with("OPA [31mx"));
        assert_eq!((refused.len(), report.software.len()), (LONGEST, LONGEST));
    }

    #[test]
    fn what_is_no_report_is_said_without_quoting_it() {
        for bad in ["", "[]", "{\"bundles\":[]}", "{\"bundles\":{\"writ-policy\":{\"code\":\"secret\",\"message\":7}}}", "\u{0}"] {
            let error = Report::read(bad.as_bytes()).expect_err(bad);
            assert!(!error.contains("secret"), "{error}");
        }
        assert_eq!(Report::read(b"{}"), Ok(Report { software: "OPA".into(), ..Report::default() }));
    }
}
