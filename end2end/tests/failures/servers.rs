//! MCP servers that are down, or send what nobody should believe: bounded, shown as text, nothing half imported.

use super::{
    hostile::{self, tool},
    rig::{Complete, Rig},
};
use anyhow::Result;
use end2end::console::Person;

async fn register(ada: &mut Person, rig: &Rig, name: &str, upstream: &str) -> Result<end2end::browser::Page> {
    let form = ada.see("/servers/new").await?.form("/servers")?;
    ada.try_send(form.fill("name", name)?.fill("resource", &rig.places.resource(name))?.fill("upstream", upstream)?).await
}

async fn nothing_registered(ada: &mut Person) -> Result<()> {
    let list = ada.see("/servers").await?;
    assert!(list.links_below("/t/acme/servers/srv_").is_empty(), "half a server is there: {}", list.text());
    Ok(())
}

#[tokio::test]
async fn a_server_that_cannot_be_read_is_not_registered() -> Result<()> {
    let rig = Rig::start().await?;
    let mut ada = rig.person("ada")?;
    let down = ports::Lease::take()?;
    let page = register(&mut ada, &rig, "down", &format!("http://127.0.0.1:{}/mcp", down.port())).await?;
    assert_eq!(page.status.as_u16(), 502, "{}", page.summary());
    nothing_registered(&mut ada).await?;

    let many = (0..100_000).map(|n| tool(&format!("tool-{n}"), "")).collect();
    let page = register(&mut ada, &rig, "many", &hostile::serve(many).await?).await?;
    assert_eq!(page.status.as_u16(), 502, "100,000 tools: {}", page.summary());
    nothing_registered(&mut ada).await?;

    let double = vec![tool("one", ""), tool("one", "again")];
    let page = register(&mut ada, &rig, "double", &hostile::serve(double).await?).await?;
    assert_eq!(page.status.as_u16(), 502, "two tools of one name: {}", page.summary());
    nothing_registered(&mut ada).await?;
    Ok(())
}

#[tokio::test]
async fn a_gateway_is_no_server() -> Result<()> {
    let (rig, Complete { mut ada, .. }) = Rig::complete().await?;
    // Beside what is registered, so nobody needs to be asked.
    let page = register(&mut ada, &rig, "swapped", &rig.places.resource("other")).await?;
    assert!(page.status.as_u16() == 422 && page.says("swapped"), "{}", page.text());
    // Elsewhere at the gateway, which says so itself.
    let page = register(&mut ada, &rig, "swapped", &format!("{}/elsewhere", rig.places.gateway)).await?;
    assert!(page.status.as_u16() == 502 && page.says("look swapped"), "{}", page.text());
    let form = page.form("/servers")?;
    assert_eq!((form.value("name"), form.value("upstream")), (Some("swapped"), Some(format!("{}/elsewhere", rig.places.gateway).as_str())));
    Ok(())
}

#[tokio::test]
async fn what_a_server_says_is_shown_as_text_and_bounded() -> Result<()> {
    let rig = Rig::start().await?;
    let mut ada = rig.person("ada")?;
    let script = "<script>alert(1)</script><img src=x onerror=alert(1)>\u{202e}gnihtemos\u{1b}[31m";
    let tools = vec![tool("plain", script), tool("long", &"long words ".repeat(100_000))];
    let page = register(&mut ada, &rig, "hostile", &hostile::serve(tools).await?).await?;
    assert!(page.status.is_success(), "{}", page.summary());
    assert!(!page.html.contains("<script>alert") && !page.html.contains("<img src=x"), "the server's words are markup");
    assert!(page.html.contains("&lt;script&gt;"), "the server's words are not shown: {}", page.text());
    assert!(!page.html.contains('\u{202e}') && !page.html.contains('\u{1b}'), "control characters reach the page");
    assert!(page.html.len() < 100_000, "{} bytes", page.html.len());
    for name in ["plain", "long"] {
        assert!(page.says(name), "{}", page.text());
    }
    Ok(())
}
