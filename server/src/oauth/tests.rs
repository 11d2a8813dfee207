//! The issuer as clients and browsers meet it, through the whole router.

use crate::app::App;
use crate::site::Site;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use control::delivery::Publish;
use control::signin::SaveSession;
use control::tenancy::CreateTenant;
use control::{Chance, Clock, Control, Ctx, Done, Event, MasterKey, Parts, Permission, Scene, UseCase, Vault, sha256_hex};
use outbound::http::{Guarded, Limits, Reach};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Client, Json, Role, Row, Scope, Server, Session, Settings, Store, Tool, User};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use url::Url;

const NOW_MS: i64 = 1_795_424_400_000;
const PUBLIC: &str = "http://127.0.0.1:7400";
const RESOURCE: &str = "http://127.0.0.1:7500/mcp/incident";
const CALLBACK: &str = "http://127.0.0.1:33418/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Still;

impl Clock for Still {
    fn now_ms(&self) -> i64 {
        NOW_MS
    }
}

struct Plant<R>(R);

impl<R: Row + Clone + 'static> UseCase for Plant<R> {
    type Out = ();
    const NEEDS: Permission = Permission::Anyone;

    async fn run(&self, scene: &Scene<'_>) -> control::Result<Done<()>> {
        scene.db.put(self.0.clone()).await?;
        Ok(Done::new((), Event::new("test.plant")))
    }
}

/// The issuer of `acme`, with a developer's browser.
struct Issuer {
    control: Control,
    router: Router,
    host: Ctx,
    cookie: String,
    _folder: TempDir,
}

struct Met {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Met {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Where it leads, with its query.
    fn leads_to(&self) -> (String, Vec<(String, String)>) {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        let base = Url::parse(PUBLIC).expect("a URL");
        let url = base.join(self.header(header::LOCATION)).expect("a location");
        let query = url.query_pairs().into_owned().collect();
        (url[..url::Position::AfterPath].to_owned(), query)
    }
}

fn value<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

impl Issuer {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Settings::Sqlite(folder.path().join("writ.db"))).await.expect("opens");
        let parts = Parts {
            clock: Arc::new(Still),
            chance: Chance::new(StdRng::seed_from_u64(1)),
            vault: Vault::new(&MasterKey::new([7; 32])).expect("a vault"),
            public_url: PUBLIC.to_owned(),
            key_service: None,
        };
        let control = Control::new(store, parts);
        let (host, ()) = control.create_tenant("acme", CreateTenant { name: "Acme".to_owned() }).await.expect("a tenant");
        control.create_tenant("beta", CreateTenant { name: "Beta".to_owned() }).await.expect("a tenant");
        let outbound = Guarded::new(Reach { allow_loopback: false, allow_private: false }, Limits::default()).expect("a client");
        let app = App::new(control.clone(), outbound, Site::load(None).expect("no site"), CancellationToken::new());
        let mut issuer = Self { control, router: crate::serve::service(app), host, cookie: String::new(), _folder: folder };
        issuer.furnish().await;
        issuer
    }

    async fn plant<R: Row + Clone + 'static>(&self, row: R) {
        self.control.run(&self.host, Plant(row)).await.expect("planted");
    }

    async fn furnish(&mut self) {
        let text = str::to_owned;
        self.plant(User {
            id: text("usr_dev"),
            issuer: text("http://127.0.0.1:7600"),
            subject: text("dev"),
            email: None,
            email_verified: 0,
            name: text("Dev"),
            groups: Json(vec![text("engineering")]),
            groups_ms: NOW_MS,
            signed_in_ms: NOW_MS,
            created_ms: NOW_MS,
        })
        .await;
        self.plant(Scope {
            id: text("logs.read"),
            sentence: text("Read production logs"),
            risk: text("low"),
            max_auth_age: None,
            acr: None,
            version: 1,
        })
        .await;
        let scopes = Json(["logs.read".to_owned()].into());
        self.plant(Role { id: text("developer"), scopes, version: 1, updated_ms: NOW_MS, updated_by: text("host") }).await;
        let (group_name, role) = (text("engineering"), text("developer"));
        self.plant(store::GroupRole { id: text("map_1"), group_name, role, created_ms: NOW_MS }).await;
        self.plant(Server {
            id: text("srv_1"),
            name: text("incident"),
            resource: text(RESOURCE),
            upstream: text("http://127.0.0.1:7701/mcp"),
            imported_ms: NOW_MS,
            created_ms: NOW_MS,
        })
        .await;
        self.plant(Tool {
            id: text("srv_1/logs.read"),
            server_id: text("srv_1"),
            name: text("logs.read"),
            description: String::new(),
            description_chars: None,
            description_unread: None,
            input_schema: text("{}"),
            annotations: text("{}"),
            digest: text("d1"),
            reviewed: Some(text("d1")),
            scope: Some(text("logs.read")),
            arguments: None,
            arguments_from: None,
            per_minute: None,
            present: 1,
            version: 1,
        })
        .await;
        self.plant(Client {
            id: text("cli_ide"),
            name: text("<b>IDE</b>"),
            redirect_uris: Json(vec![text("http://127.0.0.1/callback"), text("https://ide.example/callback")]),
            class: text("ide"),
            ceiling: Json(None),
            created_ms: NOW_MS,
        })
        .await;
        let draft = control::delivery::draft(&self.control, &self.host).await.expect("a draft").draft;
        self.control.run(&self.host, Publish { note: String::new(), expected_draft: draft }).await.expect("publishes");

        let secret = URL_SAFE_NO_PAD.encode([5; 16]);
        let data = json!({ "user": "usr_dev", "csrf": "the-token", "sid": "ses_1", "auth_ms": NOW_MS }).to_string();
        let row = Session {
            id: sha256_hex(&secret),
            user_id: Some(text("usr_dev")),
            data,
            idp_sid: None,
            sid: Some("ses_1".to_owned()),
            auth_ms: NOW_MS,
            seen_ms: NOW_MS,
            expires_ms: NOW_MS + 3_600_000,
        };
        self.control.keep(&self.host.tenant, SaveSession(row)).await.expect("a session");
        self.cookie = format!("writ-acme={secret}; writ-beta={secret}");
    }

    async fn send(&self, request: Request<Body>) -> Met {
        let response = self.router.clone().oneshot(request).await.expect("answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        Met { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    /// As a browser without a session.
    async fn get(&self, path: &str) -> Met {
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    /// As the developer's browser.
    async fn browse(&self, path: &str) -> Met {
        self.send(Request::get(path).header(header::COOKIE, &self.cookie).body(Body::empty()).expect("a request")).await
    }

    /// A form in the developer's browser.
    async fn submit(&self, path: &str, origin: &str, form: &[(&str, &str)]) -> Met {
        let request = Request::post(path).header(header::COOKIE, &self.cookie).header(header::ORIGIN, origin);
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(encoded(form))).expect("a request")).await
    }

    /// As a program.
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Met {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(encoded(form))).expect("a request")).await
    }

    /// The handle of a request that was kept.
    async fn handle(&self) -> String {
        self.handle_for(CALLBACK).await
    }

    async fn handle_for(&self, redirect_uri: &'static str) -> String {
        let mut asked = request();
        for (name, value) in &mut asked {
            if *name == "redirect_uri" {
                *value = redirect_uri;
            }
        }
        let (place, _) = self.get(&format!("/t/acme/authorize?{}", encoded(&asked))).await.leads_to();
        place.rsplit('/').next().expect("a handle").to_owned()
    }

    async fn code(&self) -> String {
        let handle = self.handle().await;
        let form = [("csrf", "the-token"), ("handle", handle.as_str()), ("decision", "allow"), ("shown", "logs.read")];
        let (_, query) = self.submit("/t/acme/authorize", PUBLIC, &form).await.leads_to();
        value(&query, "code").expect("a code").to_owned()
    }
}

fn encoded(form: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

fn request() -> Vec<(&'static str, &'static str)> {
    vec![
        ("response_type", "code"),
        ("client_id", "cli_ide"),
        ("redirect_uri", CALLBACK),
        ("scope", "logs.read"),
        ("state", "a b&c=\u{fc}"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", RESOURCE),
    ]
}

#[tokio::test]
async fn metadata_is_found_in_three_places_and_tells_the_truth() {
    let issuer = Issuer::new().await;
    let places = [
        "/.well-known/oauth-authorization-server/t/acme",
        "/.well-known/openid-configuration/t/acme",
        "/t/acme/.well-known/openid-configuration",
    ];
    for place in places {
        let met = issuer.get(place).await;
        assert_eq!(met.status, StatusCode::OK, "{place}");
        let document = met.json();
        assert_eq!(document["issuer"], format!("{PUBLIC}/t/acme"));
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
        assert_eq!(document["scopes_supported"], json!(["logs.read"]));
        for endpoint in ["authorization_endpoint", "token_endpoint", "jwks_uri", "revocation_endpoint"] {
            let url = document[endpoint].as_str().expect("an endpoint");
            let path = url.strip_prefix(PUBLIC).expect("at our own address");
            let there = if endpoint.ends_with("uri") || endpoint.starts_with("auth") {
                issuer.get(path).await
            } else {
                issuer.post(path, &[]).await
            };
            assert_ne!(there.status, StatusCode::NOT_FOUND, "{url}");
        }
    }
    let key = issuer.get("/t/acme/jwks").await.json()["keys"][0].clone();
    assert_eq!((key["alg"].as_str(), key["use"].as_str(), key.get("d")), (Some("ES256"), Some("sig"), None));
    for missing in ["/.well-known/oauth-authorization-server/t/none", "/t/none/jwks", "/t/none/authorize"] {
        assert_eq!(issuer.get(missing).await.status, StatusCode::NOT_FOUND, "{missing}");
    }
}

#[tokio::test]
async fn a_person_is_asked_and_the_client_gets_tokens() {
    let issuer = Issuer::new().await;
    let place = format!("/t/acme/authorize/{}", issuer.handle().await);
    // A stranger signs in first and comes back to the handle, which says nothing of the request.
    let (signin, query) = issuer.get(&place).await.leads_to();
    assert_eq!((signin.as_str(), value(&query, "return_to")), ("http://127.0.0.1:7400/t/acme/signin", Some(place.as_str())));

    let page = issuer.browse(&place).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for shown in ["127.0.0.1:33418", "Read production logs", "&lt;b&gt;IDE", "the-token"] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    let csp = page.header(header::CONTENT_SECURITY_POLICY);
    assert!(csp.contains("form-action 'self' http://127.0.0.1:33418;"), "{csp}");

    let handle = place.rsplit('/').next().expect("a handle");
    let form = [("csrf", "the-token"), ("handle", handle), ("decision", "allow"), ("shown", "logs.read")];
    let (callback, query) = issuer.submit("/t/acme/authorize", PUBLIC, &form).await.leads_to();
    assert_eq!(callback, CALLBACK);
    assert_eq!((value(&query, "state"), value(&query, "iss")), (Some("a b&c=\u{fc}"), Some("http://127.0.0.1:7400/t/acme")));
    let code = value(&query, "code").expect("a code");

    let form = [("grant_type", "authorization_code"), ("client_id", "cli_ide"), ("code", code), ("code_verifier", VERIFIER)];
    let met = issuer.post("/t/acme/token", &form).await;
    assert_eq!((met.status, met.header(header::CACHE_CONTROL)), (StatusCode::OK, "no-store"), "{}", met.body);
    let answer = met.json();
    assert_eq!(
        (answer["token_type"].as_str(), answer["expires_in"].as_i64(), answer["scope"].as_str()),
        (Some("Bearer"), Some(3600), Some("logs.read"))
    );
    assert!(answer.get("issued_token_type").is_none());

    // The second time nobody is asked, unless it is on loopback; and the answered handle is of no use.
    let native = issuer.browse(&format!("/t/acme/authorize/{}", issuer.handle().await)).await;
    assert!(native.status == StatusCode::OK && native.body.contains("Read production logs"), "{}", native.body);
    let again = issuer.browse(&format!("/t/acme/authorize/{}", issuer.handle_for("https://ide.example/callback").await)).await.leads_to();
    assert!(value(&again.1, "code").is_some());
    assert_eq!(issuer.browse(&place).await.status, StatusCode::BAD_REQUEST);

    let refresh = answer["refresh_token"].as_str().expect("a refresh token");
    assert_eq!(issuer.post("/t/acme/revoke", &[("client_id", "cli_ide"), ("token", refresh)]).await.status, StatusCode::OK);
    let dead = issuer.post("/t/acme/token", &[("grant_type", "refresh_token"), ("client_id", "cli_ide"), ("refresh_token", refresh)]).await;
    assert_eq!(dead.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn consent_is_given_by_our_own_page_only() {
    let issuer = Issuer::new().await;
    let handle = issuer.handle().await;
    let good = [("csrf", "the-token"), ("handle", handle.as_str()), ("decision", "allow"), ("shown", "logs.read")];
    assert_eq!(issuer.submit("/t/acme/authorize", "https://evil.example", &good).await.status, StatusCode::FORBIDDEN);
    for csrf in ["", "another"] {
        let mut form = good;
        form[0] = ("csrf", csrf);
        assert_eq!(issuer.submit("/t/acme/authorize", PUBLIC, &form).await.status, StatusCode::FORBIDDEN, "{csrf}");
    }
    let mut form = good;
    form[2] = ("decision", "perhaps");
    assert_eq!(issuer.submit("/t/acme/authorize", PUBLIC, &form).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    // A session of one tenant is nothing at another.
    let (place, _) = issuer.browse(&format!("/t/beta/authorize/{handle}")).await.leads_to();
    assert_eq!(place, "http://127.0.0.1:7400/t/beta/signin");
    let mut form = good;
    form[2] = ("decision", "deny");
    let (place, query) = issuer.submit("/t/acme/authorize", PUBLIC, &form).await.leads_to();
    assert_eq!((place.as_str(), value(&query, "error"), value(&query, "code")), (CALLBACK, Some("access_denied"), None));
    assert!(value(&query, "iss").is_some());
}

#[tokio::test]
async fn whoever_can_give_a_client_nothing_is_told_and_may_be_somebody_else() {
    let issuer = Issuer::new().await;
    let role = Role { id: "developer".to_owned(), scopes: Json([].into()), version: 2, updated_ms: NOW_MS, updated_by: "host".to_owned() };
    issuer.plant(role).await;
    let draft = control::delivery::draft(&issuer.control, &issuer.host).await.expect("a draft").draft;
    issuer.control.run(&issuer.host, Publish { note: String::new(), expected_draft: draft }).await.expect("publishes");
    let handle = issuer.handle().await;
    let place = format!("/t/acme/authorize/{handle}");
    let page = issuer.browse(&place).await;
    assert_eq!(page.status, StatusCode::OK);
    for shown in ["Signed in as", "Dev", "No role and no grant of yours gives any of these scopes.", "&lt;b&gt;IDE", "/t/acme/requests/new"]
    {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    let back = encoded(&[("return_to", place.as_str()), ("prompt", "select_account")]).replace('&', "&amp;");
    assert!(page.body.contains(&format!("/t/acme/signin/go?{back}")), "{}", page.body);
    // Back to the client with what it is told, once, and nothing else whatever is sent.
    for decision in ["back", "allow"] {
        let handle = issuer.handle().await;
        let form = [("csrf", "the-token"), ("handle", handle.as_str()), ("decision", decision), ("shown", "logs.read")];
        let (callback, query) = issuer.submit("/t/acme/authorize", PUBLIC, &form).await.leads_to();
        assert_eq!(
            (callback.as_str(), value(&query, "error"), value(&query, "code")),
            (CALLBACK, Some("access_denied"), None),
            "{decision}"
        );
        assert!(value(&query, "error_uri").is_some_and(|uri| uri.ends_with("/t/acme/requests/new")));
    }
}

#[tokio::test]
async fn nobody_is_sent_where_the_client_did_not_register() {
    let issuer = Issuer::new().await;
    for (name, bad) in [
        ("client_id", "cli_none"),
        ("redirect_uri", "https://evil.example/callback"),
        ("redirect_uri", "http://127.0.0.1:33418@evil.example/callback"),
        ("redirect_uri", "javascript:alert(1)"),
        ("redirect_uri", ""),
        ("state", "with\0nul"),
    ] {
        let mut asked = request();
        asked.retain(|(found, _)| *found != name);
        asked.push((name, bad));
        let met = issuer.browse(&format!("/t/acme/authorize?{}", encoded(&asked))).await;
        assert_eq!((met.status, met.header(header::LOCATION)), (StatusCode::BAD_REQUEST, ""), "{name}={bad}");
        assert!(!met.body.contains("href=\"javascript") && !met.body.contains("href=\"https://evil"), "{}", met.body);
    }
    for twice in ["client_id", "redirect_uri"] {
        let met = issuer.browse(&format!("/t/acme/authorize?{}&{twice}=x", encoded(&request()))).await;
        assert_eq!(met.status, StatusCode::BAD_REQUEST, "{twice}");
    }
    for twice in ["state", "scope", "code_challenge", "code_challenge_method", "response_type"] {
        let (place, query) = issuer.browse(&format!("/t/acme/authorize?{}&{twice}=x", encoded(&request()))).await.leads_to();
        assert_eq!((place.as_str(), value(&query, "error")), (CALLBACK, Some("invalid_request")), "{twice}");
    }
}

#[tokio::test]
async fn the_token_endpoint_takes_one_of_each_and_nothing_odd() {
    let issuer = Issuer::new().await;
    let code = issuer.code().await;
    let good = vec![("grant_type", "authorization_code"), ("client_id", "cli_ide"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
    let with = |name: &'static str, bad: &'static str| {
        let mut form = good.clone();
        form.push((name, bad));
        form
    };
    let without = |name: &str| good.iter().filter(|(found, _)| *found != name).copied().collect::<Vec<_>>();
    let exchange = vec![
        ("grant_type", super::token::TOKEN_EXCHANGE),
        ("client_id", "cli_ide"),
        ("subject_token", "x"),
        ("subject_token_type", control::oauth::ACCESS_TOKEN_TYPE),
        ("actor_token", "y"),
        ("actor_token_type", control::oauth::JWT_TYPE),
    ];
    let exchange_without = |name: &str| exchange.iter().filter(|(found, _)| *found != name).copied().collect::<Vec<_>>();
    let exchange_with = |name: &'static str, value: &'static str| {
        let mut form = exchange_without(name);
        form.push((name, value));
        form
    };
    let table = [
        (vec![], StatusCode::BAD_REQUEST, "invalid_request"),
        (without("grant_type"), StatusCode::BAD_REQUEST, "invalid_request"),
        (without("client_id"), StatusCode::BAD_REQUEST, "invalid_request"),
        (without("code"), StatusCode::BAD_REQUEST, "invalid_request"),
        (without("code_verifier"), StatusCode::BAD_REQUEST, "invalid_request"),
        (with("code", "again"), StatusCode::BAD_REQUEST, "invalid_request"),
        (with("grant_type", "refresh_token"), StatusCode::BAD_REQUEST, "invalid_request"),
        (with("client_id", "cli_ide"), StatusCode::BAD_REQUEST, "invalid_request"),
        (with("resource", "http://127.0.0.1:7500/mcp/other"), StatusCode::BAD_REQUEST, "invalid_target"),
        (with("client_secret", "x"), StatusCode::UNAUTHORIZED, "invalid_client"),
        (with("client_assertion", "x"), StatusCode::UNAUTHORIZED, "invalid_client"),
        (with("odd", "a\0b"), StatusCode::BAD_REQUEST, "invalid_request"),
        (vec![("grant_type", "password"), ("client_id", "cli_ide")], StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        (vec![("grant_type", "client_credentials")], StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        (exchange_without("subject_token"), StatusCode::BAD_REQUEST, "invalid_request"),
        (exchange_without("subject_token_type"), StatusCode::BAD_REQUEST, "invalid_request"),
        (exchange_without("actor_token"), StatusCode::BAD_REQUEST, "invalid_request"),
        (exchange_without("actor_token_type"), StatusCode::BAD_REQUEST, "invalid_request"),
        (exchange_with("subject_token_type", control::oauth::JWT_TYPE), StatusCode::BAD_REQUEST, "invalid_request"),
        (exchange_with("actor_token_type", control::oauth::ACCESS_TOKEN_TYPE), StatusCode::BAD_REQUEST, "invalid_request"),
        (exchange_with("requested_token_type", control::oauth::JWT_TYPE), StatusCode::BAD_REQUEST, "invalid_request"),
        (exchange_with("audience", RESOURCE), StatusCode::BAD_REQUEST, "invalid_target"),
        (exchange.clone(), StatusCode::BAD_REQUEST, "invalid_grant"),
    ];
    for (form, status, error) in table {
        let met = issuer.post("/t/acme/token", &form).await;
        assert_eq!((met.status, met.json()["error"].as_str()), (status, Some(error)), "{form:?}: {}", met.body);
        assert_eq!((met.header(header::CACHE_CONTROL), met.header(header::CONTENT_TYPE)), ("no-store", "application/json"), "{form:?}");
    }
    let json = Request::post("/t/acme/token").header(header::CONTENT_TYPE, "application/json").body(Body::from("{}")).expect("a request");
    assert_eq!(issuer.send(json).await.json()["error"], "invalid_request");
    let basic = Request::post("/t/acme/token").header(header::AUTHORIZATION, "Basic eDp5");
    let basic =
        basic.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(Body::from(encoded(&good))).expect("a request");
    let met = issuer.send(basic).await;
    assert_eq!((met.status, met.header(header::WWW_AUTHENTICATE)), (StatusCode::UNAUTHORIZED, "Basic realm=\"oauth\""));
    // Another tenant's issuer knows neither the client nor the code.
    assert_eq!(issuer.post("/t/beta/token", &good).await.json()["error"], "invalid_client");
    // None of it has used the code up.
    assert_eq!(issuer.post("/t/acme/token", &good).await.status, StatusCode::OK);
}
