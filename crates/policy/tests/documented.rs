//! The reason codes are an API: each is in the documentation with its remedy.

use policy::Reason;

#[test]
fn every_reason_is_documented_with_its_remedy() {
    let page = include_str!("../../../docs/clients.md");
    for reason in Reason::ALL {
        let (code, remedy) = (format!("| `{}` |", reason.code()), reason.remedy());
        assert!(page.contains(&code), "docs/clients.md does not name {}", reason.code());
        assert!(page.contains(remedy), "docs/clients.md has another remedy for {}", reason.code());
    }
}
