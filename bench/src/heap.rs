//! What a gateway keeps to decide by, beside its JSON: measured in a process of its own, on the large policy.

use crate::decide::{policy, revocations};
use crate::report::{Figure, Report};
use anyhow::{Context as _, Result, ensure};
use policy::PolicySet;
use serde::Deserialize;
use serde_json::json;
use std::fs;
use std::process::Command;

/// Bytes, as `bench-heap` counts them.
#[derive(Deserialize)]
struct Kept {
    policy_json: f64,
    list_json: f64,
    policy: f64,
    list: f64,
    resident: f64,
}

/// Adds both figures.
pub fn measure(report: &mut Report) -> Result<()> {
    let plain = policy();
    let mut checked = plain.clone();
    for (n, tool) in checked.servers.values_mut().flat_map(|server| server.tools.values_mut()).enumerate() {
        let properties =
            json!({ "service": { "type": "string" }, "since_minutes": { "type": "integer", "minimum": 1, "maximum": 1_440 + n } });
        let schema = json!({ "type": "object", "properties": properties, "required": ["service"], "additionalProperties": false });
        tool.arguments = Some(schema.into());
    }
    add(report, "memory to decide by", "no argument schemas", &kept(&plain)?);
    add(
        report,
        "memory to decide by, with schemas",
        "an argument schema of its own for each tool, of which 256 are compiled",
        &kept(&checked)?,
    );
    Ok(())
}

fn kept(policy: &PolicySet) -> Result<Kept> {
    let folder = tempfile::tempdir()?;
    let (of_policy, of_list) = (folder.path().join("policy.json"), folder.path().join("revocations.json"));
    fs::write(&of_policy, serde_json::to_vec(policy)?)?;
    fs::write(&of_list, serde_json::to_vec(&revocations())?)?;
    let program = std::env::current_exe()?.with_file_name("bench-heap");
    let output = Command::new(&program).args([&of_policy, &of_list]).output().with_context(|| format!("running {}", program.display()))?;
    ensure!(output.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn add(report: &mut Report, what: &'static str, which: &str, kept: &Kept) {
    let Kept { policy_json, list_json, policy, list, resident } = kept;
    let (ratio, mb) = (policy / policy_json, |bytes: &f64| bytes / 1e6);
    let how = format!(
        "heap of the compiled policy by its JSON, 1,000 roles, 10,000 tools, {which}: {:.2} MB by {:.2} MB; the list of 10,000 revocations {:.2} MB by {:.2} MB, ratio {:.2}; resident memory grows by {:.2} MB for both, ratio {:.2}",
        mb(policy),
        mb(policy_json),
        mb(list),
        mb(list_json),
        list / list_json,
        mb(resident),
        resident / (policy_json + list_json),
    );
    report.add(Figure { what, unit: "× the JSON", median: ratio, p99: None, budget: "≤ 3× the JSON", met: Some(ratio <= 3.0), how });
}
