//! The client against a stand-in over real sockets, with real keys (`demo::transit`), and against servers gone wrong.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc, time::Duration};

use axum::{Router, body::Bytes, http::StatusCode, routing::any};
use bundle::PublicKey;
use demo::transit::{Transit as Engine, serve};
use futures::FutureExt as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use url::Url;

use super::{KeyName, Settings, Transit, TransitError, Unfit};
use crate::http::{Limits, OutboundError};

const TOKEN: &str = "hvs.a-token-of-a-test";

struct World {
    folder: TempDir,
    engine: Engine,
    address: Url,
}

impl World {
    async fn new() -> Self {
        let (listener, address) = listen().await;
        let engine = Engine::new(TOKEN);
        tokio::spawn(serve(listener, engine.clone()));
        let world = Self { folder: tempfile::tempdir().expect("a folder"), engine, address };
        world.write_token(TOKEN, 0o600);
        world
    }

    fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    fn write_token(&self, token: &str, mode: u32) {
        fs::write(self.token_file(), format!("{token}\n")).expect("written");
        fs::set_permissions(self.token_file(), fs::Permissions::from_mode(mode)).expect("set");
    }

    fn settings(&self) -> Settings {
        Settings {
            address: self.address.clone(),
            token_file: self.token_file(),
            namespace: None,
            authorities: None,
            limits: Limits { total: Duration::from_secs(5), ..Limits::default() },
        }
    }

    fn client(&self) -> Transit {
        Transit::new(self.settings()).expect("a client")
    }
}

async fn listen() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = format!("http://{}", listener.local_addr().expect("has one"));
    (listener, Url::parse(&address).expect("a URL"))
}

fn name(text: &str) -> KeyName {
    KeyName::parse(text).expect("a name")
}

#[tokio::test]
async fn a_key_is_read_pinned_and_signs() {
    let world = World::new().await;
    let client = world.client();
    for path in ["transit/acme-timestamp", "team/a/transit/x_1.y"] {
        world.engine.make(path);
        let (pinned, pem) = client.public(&name(path)).await.expect("there");
        assert_eq!(pinned.to_string(), format!("{path}@1"));
        let public = PublicKey::from_pem(&pem).expect("as the rest of Writ reads it");
        // Also what is large, as a list of ten policies can be, and nothing at all.
        for message in [&b"message"[..], &[7; 400_000], b""] {
            let signature = client.sign(&pinned, message).await.expect("signs");
            assert!(public.verifies(message, &signature) && !public.verifies(b"another", &signature));
        }
    }
}

#[tokio::test]
async fn a_key_that_is_rotated_there_goes_on_as_it_was_here() {
    let world = World::new().await;
    let client = world.client();
    world.engine.make("transit/k");
    let (first, pem) = client.public(&name("transit/k")).await.expect("there");
    assert_eq!(world.engine.make("transit/k"), 2);
    let public = PublicKey::from_pem(&pem).expect("a key");
    assert!(public.verifies(b"m", &client.sign(&first, b"m").await.expect("signs")));
    assert_eq!(client.public(&first).await.expect("there"), (first.clone(), pem.clone()));
    let (second, other) = client.public(&name("transit/k")).await.expect("there");
    assert_eq!(second.to_string(), "transit/k@2");
    assert!(other != pem && !public.verifies(b"m", &client.sign(&second, b"m").await.expect("signs")));
}

#[tokio::test]
async fn the_token_is_read_again_and_a_namespace_is_named() {
    let world = World::new().await;
    let client = world.client();
    world.engine.make("transit/k");
    client.public(&name("transit/k")).await.expect("there");
    world.engine.takes("hvs.renewed");
    let refused = client.public(&name("transit/k")).await.expect_err("an old token");
    assert_eq!(refused, TransitError::Refused { status: 403, said: "permission denied".to_owned() });
    world.write_token("hvs.renewed", 0o640);
    client.public(&name("transit/k")).await.expect("the new one");
    world.engine.within("team-a");
    client.public(&name("transit/k")).await.expect_err("another namespace");
    let within = Transit::new(Settings { namespace: Some("team-a".to_owned()), ..world.settings() }).expect("a client");
    within.public(&name("transit/k")).await.expect("there");
}

#[tokio::test]
async fn a_token_that_everybody_may_read_or_that_is_none_is_not_sent() {
    let world = World::new().await;
    let client = world.client();
    let why = async || match client.public(&name("transit/k")).await {
        Err(TransitError::Token(why)) => why,
        other => panic!("{other:?}"),
    };
    world.write_token(TOKEN, 0o644);
    assert!(why().await.contains("chmod 600"));
    world.write_token("", 0o600);
    assert!(why().await.contains("is empty"));
    world.write_token("two\nlines", 0o600);
    assert!(why().await.contains("holds no token"));
    fs::remove_file(world.token_file()).expect("removed");
    assert!(why().await.contains("cannot be read"));
    assert!(!format!("{client:?}").contains("hvs."));
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let world = World::new().await;
    let client = world.client();
    world.engine.make("transit/k");
    for (asked, said) in [("transit/none", "there is no transit/none"), ("transit/k@2", "transit/k has no version 2")] {
        assert_eq!(client.public(&name(asked)).await, Err(TransitError::NoSuchKey(said.to_owned())));
    }
    let signing = |asked: &'static str| {
        let client = client.clone();
        async move { client.sign(&name(asked), b"m").await.expect_err("nothing to sign with").to_string() }
    };
    assert_eq!(signing("transit/none@1").await, "refused with status 400: signing key not found");
    assert_eq!(signing("transit/k@2").await, "refused with status 400: requested version for signing is not available");
    assert_eq!(signing("transit/k").await, "has no such key: transit/k names no version");
}

/// A server that answers everything so.
async fn answering(status: u16, body: impl Into<Bytes>) -> (World, Transit) {
    let (listener, address) = listen().await;
    let (status, body) = (StatusCode::from_u16(status).expect("a status"), body.into());
    let router = Router::new().fallback(any(move || async move { (status, body) }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let world = World { address, ..World::new().await };
    let client = world.client();
    (world, client)
}

#[tokio::test]
async fn whatever_a_server_gone_wrong_answers_is_an_error_in_words() {
    let rsa = r#"{"data":{"type":"rsa-2048","latest_version":1,"keys":{"1":{"public_key":"x"}}}}"#;
    let symmetric = r#"{"data":{"type":"ecdsa-p256","latest_version":1,"keys":{"1":1442851412}}}"#;
    let other_version = r#"{"data":{"signature":"vault:v2:MEUC"}}"#;
    let no_base64 = r#"{"data":{"signature":"vault:v1:%%"}}"#;
    let list = r#"{"data":["ecdsa-p256",1,{"1":["x"]}]}"#;
    let in_a_list = r#"[{"signature":"vault:v1:MEUC"}]"#;
    let no_version = r#"{"data":{"type":"ecdsa-p256","latest_version":0,"keys":{"0":{"public_key":"x"}}}}"#;
    let cases: [(u16, &str, &str, &str); 15] = [
        (200, "<html>maintenance</html>", "something unexpected", "something unexpected"),
        (200, "{}", "something unexpected", "something unexpected"),
        (200, rsa, "type rsa-2048", "something unexpected"),
        (200, symmetric, "something unexpected", "something unexpected"),
        (200, list, "something unexpected", "something unexpected"),
        (200, in_a_list, "something unexpected", "something unexpected"),
        (200, no_version, "something unexpected", "something unexpected"),
        (200, other_version, "something unexpected", "vault:v1:"),
        (200, no_base64, "something unexpected", "something unexpected"),
        (307, "", "active node", "active node"),
        (403, r#"{"errors":["permission denied"]}"#, "refused with status 403: permission denied", "permission denied"),
        (404, r#"{"errors":[]}"#, "no transit/k", "no transit/k"),
        (429, r#"{"errors":["rate"]}"#, "answered with status 429: rate", "answered with status 429: rate"),
        (503, r#"{"errors":["Vault is sealed"]}"#, "answered with status 503: Vault is sealed", "Vault is sealed"),
        (502, "<html>bad gateway</html>", "it said nothing that can be read", "status 502"),
    ];
    for (status, body, read, signed) in cases {
        let (_world, client) = answering(status, body).await;
        let found = client.public(&name("transit/k")).await.expect_err(body).to_string();
        assert!(found.contains(read), "{status} {body}: {found}");
        let found = client.sign(&name("transit/k@1"), b"m").await.expect_err(body).to_string();
        assert!(found.contains(signed), "{status} {body}: {found}");
        assert!(!found.contains(TOKEN));
    }
    // What it says is shown, and does nothing else.
    let (_world, client) = answering(400, format!(r#"{{"errors":["a\u0007{}"]}}"#, "x".repeat(5000))).await;
    let said = client.sign(&name("transit/k@1"), b"m").await.expect_err("refused").to_string();
    assert!(said.contains("a<U+0007>x") && said.len() < 500, "{said}");
    let (_world, client) = answering(200, vec![b' '; 2 << 20]).await;
    let large = client.public(&name("transit/k")).await;
    assert!(matches!(large, Err(TransitError::Http(OutboundError::TooLarge { .. }))), "{large:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let (listener, address) = listen().await;
    let world = World { address, ..World::new().await };
    let limits = Limits { total: Duration::from_millis(50), ..Limits::default() };
    let client = Transit::new(Settings { limits, ..world.settings() }).expect("a client");
    assert_eq!(client.sign(&name("transit/k@1"), b"m").await, Err(TransitError::Http(OutboundError::TimedOut)));
    drop(listener);
    let down = client.sign(&name("transit/k@1"), b"m").await.expect_err("nobody there");
    assert!(matches!(down, TransitError::Http(OutboundError::Unreachable(_))), "{down:?}");
}

#[tokio::test]
async fn only_addresses_that_are_safe_to_send_a_token_to_are_taken() {
    let world = World::new().await;
    let taken = |address: &str| {
        let address = Url::parse(address).expect("a URL");
        Transit::new(Settings { address, ..world.settings() }).is_ok()
    };
    for address in [
        "https://vault.example:8200",
        "https://10.0.0.1",
        "https://127.0.0.1:8200",
        "http://127.0.0.1:8200",
        "http://localhost:8200",
        "http://[::1]:8200",
    ] {
        assert!(taken(address), "{address}");
    }
    for address in [
        "http://vault.example:8200",
        "http://10.0.0.1:8200",
        "ftp://127.0.0.1",
        "https://user:secret@vault.example",
        "https://vault.example/v1",
        "https://vault.example?x=1",
        "https://169.254.169.254",
    ] {
        assert!(!taken(address), "{address}");
    }
    let unfit = |settings| Transit::new(settings).expect_err("unfit");
    assert_eq!(unfit(Settings { authorities: Some(b"no certificates".to_vec()), ..world.settings() }), Unfit::Authorities);
    assert_eq!(unfit(Settings { namespace: Some("a\nb".to_owned()), ..world.settings() }), Unfit::Namespace);
}

/// A listener behind TLS.
struct Secure(TcpListener, TlsAcceptor);

impl axum::serve::Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.0.accept().await.expect("accepts");
            // Who does not trust us goes away again.
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

#[tokio::test]
async fn behind_tls_the_given_authority_is_trusted_and_no_other() {
    let (ours, another) = (authority(), authority());
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters").signed_by(&key, &ours).expect("signed");
    let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private).expect("a certificate");
    let (listener, plain) = listen().await;
    let world = World::new().await;
    world.engine.make("transit/k");
    let router = world.engine.router();
    let secure = Secure(listener, TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move { axum::serve(secure, router).await }.map(drop));
    let address = Url::parse(&format!("https://localhost:{}", plain.port().expect("a port"))).expect("a URL");
    let client = |pem: Option<String>| {
        let settings = Settings { address: address.clone(), authorities: pem.map(String::into_bytes), ..world.settings() };
        Transit::new(settings).expect("a client")
    };
    client(Some(ours.pem())).public(&name("transit/k")).await.expect("trusted");
    for stranger in [Some(another.pem()), None] {
        let refused = client(stranger).public(&name("transit/k")).await;
        assert!(matches!(refused, Err(TransitError::Http(OutboundError::Unreachable(_)))), "{refused:?}");
    }
}
