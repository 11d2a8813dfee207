//! Enrolment, files, acknowledgements, decisions.

use super::caller::{Gateway, place};
use super::problem::Problem;
use super::push::Pushes;
use super::unpack::unpacked;
use crate::app::App;
use crate::connections::why_not_whole;
use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bundle::ceremony::SignatureFile;
use control::delivery::{Ack, Enrol, Progress, SignCandidate, decisions, files, sign_candidate};
use control::evidence::Shown;
use control::{Actor, Error};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use token::PublicJwk;

/// The largest JSON document that a gateway sends: an acknowledgement with the tools that it sees changed.
const LARGEST_JSON: usize = 64 * 1024;

async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    to_bytes(body, limit).await.map_err(|error| Error::invalid("body", why_not_whole(error, limit)).into())
}

async fn read_json<T: DeserializeOwned>(body: Body) -> Result<T, Problem> {
    let bytes = read(body, LARGEST_JSON).await?;
    // The error names a place and a type, never a value: a token may be among those.
    serde_json::from_slice(&bytes).map_err(|error| {
        Error::invalid("body", format!("it is not the JSON that belongs here (line {}, column {})", error.line(), error.column())).into()
    })
}

#[derive(Deserialize)]
struct Enrolment {
    token: String,
    name: String,
    public_key: PublicJwk,
}

/// `POST /enroll`: trades a token for an id. The token is what authenticates.
pub async fn enroll(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let (tenant, request_id) = place(&mut parts, &app).await?;
    let Enrolment { token, name, public_key } = read_json(body).await?;
    let cx = app.control().ctx(&tenant, Actor::Anonymous, &request_id).await?;
    let enrolled = control::delivery::enrol(app.control(), &cx, Enrol { token, name, public_key }).await?;
    let answer = json!({ "gateway_id": enrolled.gateway_id, "name": enrolled.name, "tenant": tenant, "root_sha256": enrolled.root_sha256 });
    Ok(([(CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// `GET /tuf/…`: a file of the repository. All but the timestamp are named by version or digest and never change.
pub async fn file(State(app): State<App>, Gateway(cx): Gateway, Path((_, path)): Path<(String, String)>) -> Result<Response, Problem> {
    let body = files::file(app.control(), &cx, &path).await?.ok_or(Error::NotFound)?;
    let keep = if path == "metadata/timestamp.json" { "no-store" } else { "private, max-age=31536000, immutable" };
    Ok(([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, keep)], body).into_response())
}

/// From so many watchers of a tenant on, a gateway that has acknowledged is not kept connected: it has a connection for news already, and
/// a second one that idles until the next news costs as much memory. Fewer keep theirs, which saves them a handshake.
const CROWD: usize = 1_000;

/// `POST /ack`: what the gateway has put in force. Answers with the checkpoint of the audit log that it is to witness, if there is one.
pub async fn ack(app: App, Gateway(cx): Gateway, request: Request, pushes: Pushes) -> Result<Response, Problem> {
    let ack: Ack = read_json(request.into_body()).await?;
    let shown = control::delivery::acknowledge(app.control(), &cx, ack).await?;
    let answer = |shown: Shown| Json(json!({ "checkpoint": shown.checkpoint, "proof": *shown.proof }));
    let mut response = shown.map_or_else(|| StatusCode::NO_CONTENT.into_response(), |shown| answer(shown).into_response());
    if pushes.watchers(&cx) > CROWD {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// `POST /candidates/{n}/signature`: a policy key's signature over what awaits it. Nothing else is taken, from whomever it comes.
pub async fn signature(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let (tenant, request_id) = place(&mut parts, &app).await?;
    let bytes = read(body, LARGEST_JSON).await?;
    let signature = SignatureFile::read(&bytes).map_err(|error| Error::invalid("body", error.to_string()))?;
    if signature.tenant != tenant || !parts.uri.path().ends_with(&format!("/candidates/{}/signature", signature.candidate)) {
        return Err(Error::invalid("body", "the signature is for another candidate").into());
    }
    let cx = app.control().ctx(&tenant, Actor::Anonymous, &request_id).await?;
    let number = signature.candidate;
    let sign = SignCandidate::from(signature);
    let awaits = match sign_candidate(app.control(), &cx, sign).await? {
        Progress::Live => 0,
        Progress::Awaits(more) => more,
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(json!({ "candidate": number, "awaits": awaits }))).into_response())
}

fn header<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, Problem> {
    headers.get(name).and_then(|value| value.to_str().ok()).ok_or_else(|| Error::invalid(name, "the header is missing").into())
}

/// `POST /decisions`: a batch of decisions, NDJSON, with gzip or without.
pub async fn decisions(State(app): State<App>, Gateway(cx): Gateway, headers: HeaderMap, request: Request) -> Result<StatusCode, Problem> {
    let seq = header(&headers, "x-writ-batch-seq")?.parse().map_err(|_| Error::invalid("x-writ-batch-seq", "give a number"))?;
    let prev = header(&headers, "x-writ-prev")?;
    let sent = read(request.into_body(), decisions::LARGEST_BATCH).await?;
    let body = match headers.get(CONTENT_ENCODING).map(|encoding| encoding.as_bytes()) {
        None | Some(b"identity") => sent,
        Some(b"gzip") => unpacked(&sent, decisions::LARGEST_BATCH)?.into(),
        Some(_) => return Err(Error::invalid("content-encoding", "send gzip, or nothing of the kind").into()),
    };
    let batch = decisions::Batch::read(seq, prev, &body)?;
    decisions::take(app.control(), &cx, batch).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::tests::Plane;
    use control::Ctx;

    #[tokio::test]
    async fn only_in_a_crowd_is_the_connection_of_an_acknowledgement_closed() {
        let plane = Plane::new().await;
        let (gw, pushes) = (plane.enrol("gw-1").await, Pushes::default());
        let cx = Ctx { actor: Actor::Gateway(gw.id().to_owned()), ..plane.host.clone() };
        let closes = async || {
            let body = json!({ "revocation_seq": 0, "timestamp": 0, "started_at": 1, "version": "0.1.0" }).to_string();
            let response = ack(plane.app.clone(), Gateway(cx.clone()), Request::new(Body::from(body)), pushes.clone()).await;
            response.map(|response| response.headers().get(CONNECTION).is_some_and(|connection| connection == "close")).ok()
        };
        let mut watchers: Vec<_> = (0..CROWD).map(|_| pushes.subscribe(&plane.app, &cx)).collect();
        assert_eq!(closes().await, Some(false));
        watchers.push(pushes.subscribe(&plane.app, &cx));
        assert_eq!(closes().await, Some(true));
        watchers.pop();
        assert_eq!(closes().await, Some(false));
    }
}
