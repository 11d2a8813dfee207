//! Bare pages.

use super::{HOSTILE, Sample, bare, s};
use app::{
    pages::{consent, error, signin},
    words::{Risk, Trust},
};

fn scope(name: &str, sentence: &str, risk: Risk) -> consent::Scope {
    consent::Scope { name: name.into(), sentence: sentence.into(), risk }
}

fn consent(client_name: &str, trust: Trust) -> consent::Model {
    consent::Model {
        action: "/t/acme/authorize".into(),
        client_name: client_name.into(),
        client_id: "cli_01k9w3zj4q8m2v7r5t6y1x0abc".into(),
        trust,
        redirect_host: "127.0.0.1:33418".into(),
        redirect_is_loopback: true,
        person: "Dev Moreau".into(),
        switch_href: "/t/acme/signin/go".into(),
        server_name: "incident".into(),
        resource: "http://127.0.0.1:7500/mcp/incident".into(),
        scopes: vec![scope("logs.read", "Read production logs", Risk::Moderate)],
        withheld: s(&["logs.debug.write"]),
        held: vec![scope("logs.debug.write", "Raise the log level of a running service", Risk::High)],
        later: vec![scope("incidents.trigger", "Open an incident and page the on-call team", Risk::High)],
        token_life_s: 900,
        refresh: true,
        hidden: vec![("client_id", "cli_01k9".into()), ("state", HOSTILE.into())],
    }
}

/// Adds them.
pub fn add(out: &mut Vec<Sample>) {
    bare(out, "signin", "Sign in", || {
        signin::start(signin::Start {
            tenant_name: "Acme".into(),
            idp_name: Some("Okta".into()),
            continue_href: "/t/acme/signin?return_to=%2Ft%2Facme%2Fhome".into(),
        })
    });
    bare(out, "signin-none", "Sign in", || {
        signin::start(signin::Start { tenant_name: "Acme".into(), idp_name: None, continue_href: String::new() })
    });
    bare(out, "signed-out", "Signed out", || signin::signed_out(signin::SignedOut { signin_href: "/t/acme/signin".into() }));
    bare(out, "signin-failure", "Not signed in", || {
        signin::failure(signin::Failure {
            code: "email_unverified".into(),
            title: "Your e-mail address is not verified".into(),
            meaning: "Okta says that nobody has checked dev@acme.example. Writ links accounts by verified addresses only.".into(),
            remedy: s(&[
                "Open the confirmation mail from Okta and follow its link.",
                "Then sign in again. If there is no such mail, ask your directory's administrator.",
            ]),
            reference: "req_01k9w3zj4q8m2v7r5t6y1x0abc".into(),
            retry_href: Some("/t/acme/signin".into()),
        })
    });
    bare(out, "consent", "Allow Code IDE?", || consent::view(consent("Code IDE", Trust::Registered)));
    bare(out, "consent-hostile", "Allow?", || consent::view(consent(HOSTILE, Trust::SelfAsserted)));
    bare(out, "consent-refused", "Nothing for Code IDE", || {
        consent::refused(consent::Refused {
            action: "/t/acme/authorize".into(),
            handle: "aut_1".into(),
            client_name: "Code IDE".into(),
            person: "Ada Lindqvist".into(),
            why: "no role and no grant of yours gives any of these scopes".into(),
            switch_href: "/t/acme/signin/go".into(),
            ask_href: "/t/acme/requests/new".into(),
        })
    });
    bare(out, "oauth-error", "Error", || {
        error::oauth(error::OAuth {
            error: "invalid_request".into(),
            description: "The redirect URI is not one that this client registered".into(),
            client_id: Some("cli_01k9w3zj4q8m2v7r5t6y1x0abc".into()),
            redirect_uri: Some(format!("https://evil.example/{HOSTILE}")),
            request_id: "req_01k9w4".into(),
        })
    });
    bare(out, "error-404", "Not found", || error::view(error::Model::not_found("req_01k9w4")));
    bare(out, "error-403", "Forbidden", || {
        error::view(error::Model {
            back: Some(("/t/acme/home".into(), "Home".into())),
            ..error::Model::forbidden(&["Owner", "IAM admin"], "req_01k9w4")
        })
    });
    bare(out, "error-409", "Conflict", || error::view(error::Model::conflict("Sam Okafor changed it a moment before you.", "req_01k9w4")));
    bare(out, "error-503", "Error", || {
        let detail = "Nothing was changed, and gateways go on as before. The key for revocations lies in a key management service, which did not answer in time. Try again; if it lasts, whoever runs this installation finds the cause in its log, and can give the role a key that lies here: writ keys rotate --role revocations.";
        error::view(error::Model::not_signed(detail, "req_01k9w4"))
    });
    bare(out, "error-500", "Error", || error::view(error::Model::internal("req_01k9w4")));
}
