//! The provider as a client sees it.

use std::sync::Arc;

use super::{Config, keys::SigningKey, state::Idp};

fn idp() -> Arc<Idp> {
    let config = Config::new("http://127.0.0.1:1/").client("writ:s3cret:http://127.0.0.1:2/cb".parse().expect("parses"));
    Arc::new(Idp::new(config, SigningKey::load_or_generate(None).expect("a key")))
}

#[test]
fn the_issuer_has_no_trailing_slash() {
    assert_eq!(idp().issuer, "http://127.0.0.1:1");
}

#[test]
fn a_client_argument_needs_all_three_parts() {
    assert!("writ:secret".parse::<super::Client>().is_err());
    assert!("writ::http://127.0.0.1/".parse::<super::Client>().is_err());
    let client: super::Client = "writ:secret:http://127.0.0.1:7400/cb".parse().expect("parses");
    assert_eq!(client.redirect_uris, ["http://127.0.0.1:7400/cb"]);
}

#[test]
fn a_kept_key_is_private_and_stays_the_same() {
    use std::os::unix::fs::PermissionsExt;
    let dir = std::env::temp_dir().join(format!("demo-idp-{}", super::Entropy::system().token()));
    let first = SigningKey::load_or_generate(Some(&dir)).expect("makes");
    let second = SigningKey::load_or_generate(Some(&dir)).expect("reads");
    assert_eq!(first.jwk(), second.jwk());
    let mode = std::fs::metadata(dir.join("idp-signing-key.p8")).expect("is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::remove_dir_all(dir).expect("goes");
}

#[test]
fn other_addresses_than_loopback_are_refused() {
    assert!(super::only_loopback("127.0.0.1:7600".parse().expect("parses")).is_ok());
    assert!(super::only_loopback("0.0.0.0:7600".parse().expect("parses")).is_err());
    assert!(super::only_loopback("192.168.1.4:7600".parse().expect("parses")).is_err());
}

#[test]
fn one_click_signs_in_and_the_broken_ones_stand_apart() {
    let request = super::authorize::Request { client_id: "writ".into(), ..Default::default() };
    let page = super::pages::sign_in(&idp(), &request, None);
    let (good, wrong) = page.split_once("For trying what goes wrong").expect("both kinds");
    for (name, part) in [("ada", good), ("olga", good), ("mallory-nonce", wrong), ("nogroups", wrong), ("unverified", wrong)] {
        assert!(part.contains(&format!(r#"<button name="username" value="{name}">"#)), "{name}");
    }
}

#[test]
fn what_a_visitor_sends_is_shown_as_text() {
    let request = super::authorize::Request { client_id: "<script>".into(), ..Default::default() };
    let page = super::pages::sign_in(&idp(), &request, Some("\"><b>"));
    assert!(!page.contains("<script>") && !page.contains("<b>"));
    assert!(page.contains(r#"name="username""#) && page.contains(r#"role="alert""#));
}
