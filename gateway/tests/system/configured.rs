//! The configuration file: what is wrong in it, and what it does.

use crate::world::World;
use gateway::config::file::parse;
use gateway::config::settings::documented;
use gateway::config::{Credential, MutualTls, TlsFiles, Upstream};
use http::StatusCode;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

fn problems(text: &str) -> Vec<String> {
    let parsed = parse(Path::new("gateway.toml"), text);
    parsed.and_then(|settings| settings.finish("gateway.toml")).expect_err(text).0.iter().map(ToString::to_string).collect()
}

#[test]
fn everything_wrong_is_said_at_once_with_line_and_remedy() {
    let text = r#"data = "data"
contrl_plane = "https://writ.example/t/acme"
listen = "here"
name = 7

[limits]
connections = -1
bodybytes = 10

[upstreams."http://127.0.0.1:7500/mcp/a"]
mtls = { cert = "a.pem" }
credential = { header = "host", file = "secret" }

[metric]
"#;
    assert_eq!(
        problems(text),
        [
            "gateway.toml:2: contrl_plane: there is no such setting; did you mean `control_plane`?",
            "gateway.toml:14: metric: there is no such setting; did you mean `metrics`?",
            "gateway.toml:8: limits.bodybytes: there is no such setting; did you mean `limits.body_bytes`?",
            "gateway.toml:3: listen: `here` is no address and port, such as 127.0.0.1:7500 or [::]:7500",
            "gateway.toml:4: name: write a text in quotes",
            "gateway.toml:7: limits.connections: give a whole number from 1 to 1000000",
            "gateway.toml:11: upstreams.\"http://127.0.0.1:7500/mcp/a\".mtls: set both `cert` and `key`",
            "gateway.toml:12: upstreams.\"http://127.0.0.1:7500/mcp/a\".credential.header: `host` means something else: use `authorization`, `x-api-key` or the like",
            "gateway.toml:12: upstreams.\"http://127.0.0.1:7500/mcp/a\".credential: set both `header` and `file`",
        ]
    );
    let broken = problems("a = = 1\nb = \"\n");
    assert!(broken.iter().any(|problem| problem.starts_with("gateway.toml:1: this is not TOML")), "{broken:?}");
    assert!(broken.iter().any(|problem| problem.starts_with("gateway.toml:2: this is not TOML")), "{broken:?}");
    let missing = problems("");
    assert!(
        missing.len() == 2 && missing[0].starts_with("gateway.toml: data: it is not set") && missing[1].contains("--control-plane"),
        "{missing:?}"
    );
}

#[test]
fn secrets_are_their_owner_s_and_files_are_looked_at_before_the_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let secret = dir.path().join("key");
    fs::write(&secret, "s3cr3t-value").expect("written");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).expect("set");
    let text = format!(
        "data = \"d\"\ncontrol_plane = \"http://c/t/acme\"\n[tls]\ncert = \"none.pem\"\nkey = \"none.pem\"\n[upstreams.\"http://127.0.0.1:7500/mcp/a\"]\ncredential = {{ header = \"x-api-key\", file = \"{}\" }}\n[upstreams.\"https://elsewhere/mcp\"]\nca = \"none.pem\"\n",
        secret.display()
    );
    let found = problems(&text);
    assert!(found.iter().any(|problem| problem.starts_with("gateway.toml:3: tls: none.pem cannot be read")), "{found:?}");
    assert!(found.iter().any(|problem| problem.contains("public_url") && problem.contains("https://")), "{found:?}");
    assert!(
        found.iter().any(|problem| problem.starts_with("gateway.toml:6:") && problem.contains("mode 644") && problem.contains("chmod 600")),
        "{found:?}"
    );
    assert!(
        found.iter().any(|problem| problem.starts_with("gateway.toml:8:") && problem.contains("begin with its public_url")),
        "{found:?}"
    );
    assert!(!found.iter().any(|problem| problem.contains("s3cr3t")), "{found:?}");
}

#[test]
fn each_setting_is_documented_as_it_is_read() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/gateway.md")).expect("the page");
    assert!(page.contains(&documented()), "docs/gateway.md, Settings, should be:\n{}", documented());
    // And what the page shows as an example is a configuration.
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    parse(Path::new("gateway.toml"), example).expect("the example is read");
}

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: PathBuf,
}

impl Authority {
    fn new(dir: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signs");
        fs::write(dir.join("ca.pem"), issuer.pem()).expect("written");
        Self { issuer, dir: dir.to_owned() }
    }

    /// Certificate and key for a name, as files.
    fn issue(&self, file: &str, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(vec![name.to_owned()]).expect("parameters").signed_by(&key, &self.issuer).expect("signs");
        let (cert, key_path) = (self.dir.join(format!("{file}.pem")), self.dir.join(format!("{file}.key")));
        fs::write(&cert, certificate.pem()).expect("written");
        fs::write(&key_path, key.serialize_pem()).expect("written");
        fs::set_permissions(&key_path, fs::Permissions::from_mode(0o600)).expect("set");
        (cert, key_path)
    }
}

#[tokio::test]
async fn clients_are_served_over_tls_with_a_certificate_that_can_be_renewed() {
    let dir = tempfile::tempdir().expect("a directory");
    let authority = Authority::new(dir.path());
    let (cert, key) = authority.issue("listener", "127.0.0.1");
    let world = World::started(|world| {
        world.over_tls();
        world.settings.tls = Some(TlsFiles { cert, key });
        let ca = reqwest::Certificate::from_pem(authority.issuer.pem().as_bytes()).expect("a certificate");
        world.http = reqwest::Client::builder().no_proxy().tls_certs_only([ca]).build().expect("a client");
    })
    .await;
    let reply = world.call(&world.sam(), "logs.read").await;
    assert_eq!(reply.status, StatusCode::OK);
    // Who speaks plain HTTP gets nothing.
    let plain = reqwest::Client::builder().no_proxy().build().expect("a client");
    assert!(plain.get(format!("http://{}/healthz", world.address())).send().await.is_err());
}

#[tokio::test]
async fn an_upstream_is_shown_a_certificate_and_a_credential_that_follows_its_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let authority = Authority::new(dir.path());
    let (server_cert, server_key) = authority.issue("server", "127.0.0.1");
    let (cert, key) = authority.issue("gateway", "gateway.internal");
    let secret = dir.path().join("secret");
    fs::write(&secret, "Bearer first\n").expect("written");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("set");

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let upstream = format!("https://{}/mcp", listener.local_addr().expect("an address"));
    let file = secret.clone();
    let world = World::started(|world| {
        tokio::spawn(serve_mutual_tls(listener, server_cert, server_key, dir.path().join("ca.pem"), world.upstream.router()));
        world.policy.servers.values_mut().for_each(|server| server.upstream.clone_from(&upstream));
        let settings = Upstream {
            ca: Some(dir.path().join("ca.pem")),
            mtls: Some(MutualTls { cert, key }),
            credential: Some(Credential { header: http::header::AUTHORIZATION, file }),
            ..Upstream::default()
        };
        world.settings.upstreams.insert(world.resource(), settings);
    })
    .await;
    assert_eq!(world.call(&world.sam(), "logs.read").await.status, StatusCode::OK);
    let (seen, _) = world.upstream.last();
    assert_eq!(seen["authorization"], "Bearer first");
    assert!(seen["writ-assertion"].to_str().is_ok_and(|assertion| assertion.split('.').count() == 3));
    let replaced = dir.path().join("secret.new");
    fs::write(&replaced, "Bearer second").expect("written");
    fs::set_permissions(&replaced, fs::Permissions::from_mode(0o600)).expect("set");
    fs::rename(&replaced, &secret).expect("replaced");
    world.now.fetch_add(2, std::sync::atomic::Ordering::Relaxed);
    world.call(&world.sam(), "logs.read").await;
    assert_eq!(world.upstream.last().0["authorization"], "Bearer second");
}

/// Serves whoever shows a certificate of the authority's, and nobody else.
async fn serve_mutual_tls(listener: TcpListener, cert: PathBuf, key: PathBuf, ca: PathBuf, router: axum::Router) {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let read = |path: &Path| CertificateDer::pem_file_iter(path).expect("a file").collect::<Result<Vec<_>, _>>().expect("certificates");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    read(&ca).into_iter().for_each(|certificate| roots.add(certificate).expect("an authority"));
    let clients =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().expect("a verifier");
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config =
        config.with_client_cert_verifier(clients).with_single_cert(read(&cert), PrivateKeyDer::from_pem_file(&key).expect("a key"));
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config.expect("a configuration")));
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let (acceptor, service) = (acceptor.clone(), hyper_util::service::TowerToHyperService::new(router.clone()));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let io = hyper_util::rt::TokioIo::new(stream);
            // Clients hang up as they like.
            let _ended = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        });
    }
}
