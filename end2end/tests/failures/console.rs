//! Malformed input, and two people who edit the same thing.

use super::rig::Rig;
use anyhow::Result;

#[tokio::test]
async fn a_malformed_role_file_is_refused_with_line_and_reason_and_nothing_is_imported() -> Result<()> {
    let rig = Rig::start().await?;
    let mut ada = rig.person("ada")?;
    for (yaml, line) in [
        ("roles:\n  developer: [logs.read\n", None),
        ("roles:\n  developer: [logs.read]\n  developer: [x]\n", Some("Line 3")),
        ("roles:\n  developer: [\"not a scope\"]\n", Some("Line 2")),
        ("rules:\n  developer: [logs.read]\n", Some("Line 1")),
        ("roles:\n  developer: logs.read\n", Some("Line 2")),
        ("", None),
    ] {
        let page = ada.preview_roles(yaml).await?;
        assert_eq!(page.status.as_u16(), 422, "{yaml:?}: {}", page.summary());
        assert!(page.says("Nothing was imported."), "{yaml:?}: {}", page.summary());
        assert!(page.says(line.unwrap_or("Nothing")), "{yaml:?}: {}", page.summary());
        // What was typed is kept.
        let kept = page.form("/roles/import")?.value("yaml").map(|text| text.replace("\r\n", "\n"));
        assert_eq!(kept.as_deref().map(str::trim_end), Some(yaml.trim_end()), "the text is gone");
    }
    assert_eq!(ada.role_scopes("developer").await?, None, "something was imported");
    Ok(())
}

#[tokio::test]
async fn the_second_of_two_admins_sees_the_difference_and_loses_nothing() -> Result<()> {
    let rig = Rig::start().await?;
    let (mut one, mut two) = (rig.person("ada")?, rig.person("ada")?);
    one.import_roles(end2end::walk::ROLE_FILE).await?;
    let first = one.see("/roles/sre/edit").await?.form("/roles/sre")?.fill("more_scopes", "pages.send")?;
    let second = two.see("/roles/sre/edit").await?.form("/roles/sre")?.fill("more_scopes", "metrics.read")?;
    one.send(first).await?;
    let conflict = two.try_send(second).await?;
    assert_eq!(conflict.status.as_u16(), 409, "{}", conflict.summary());
    assert!(conflict.says("pages.send") && conflict.says("metrics.read"), "the difference is not shown: {}", conflict.text());
    let kept = two.role_scopes("sre").await?.unwrap_or_default();
    assert!(kept.contains(&"pages.send".to_owned()) && !kept.contains(&"metrics.read".to_owned()), "{kept:?}");
    Ok(())
}
