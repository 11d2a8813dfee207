//! A reverse proxy that does nothing: what any program between a client and an MCP server costs, made of what the gateway is made of. Bodies
//! stream both ways and connections are kept. A process of its own, as the gateway is.

use anyhow::{Context as _, Result};
use clap::Parser;
use gateway::config::TlsFiles;
use gateway::tls::Tls;
use http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use reqwest::redirect::Policy;
use reqwest::{Body, Client, Url};
use std::convert::Infallible;
use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

/// Forwards every request.
#[derive(Parser)]
struct Args {
    /// Where to, whatever path was asked for.
    #[arg(long)]
    upstream: Url,
    /// A certificate in PEM: then clients speak TLS.
    #[arg(long, requires = "key")]
    cert: Option<PathBuf>,
    /// Its key.
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Args { upstream, cert, key } = Args::parse();
    let files = cert.zip(key).map(|(cert, key)| TlsFiles { cert, key });
    let tls = files.map(Tls::new).transpose().map_err(|why| anyhow::anyhow!("tls: {why}"))?;
    // As the gateway's own: see there.
    let client = Client::builder().redirect(Policy::none()).no_proxy().build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await.context("taking in a connection")?;
        stream.set_nodelay(true)?;
        let (client, upstream, acceptor) = (client.clone(), upstream.clone(), tls.as_ref().map(Tls::acceptor));
        tokio::spawn(async move {
            match acceptor {
                None => serve(stream, client, upstream).await,
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => serve(stream, client, upstream).await,
                    Err(error) => eprintln!("a TLS handshake failed: {error}"),
                },
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, client: Client, upstream: Url) {
    let service = service_fn(move |request| forward(client.clone(), upstream.clone(), request));
    let mut http = http1::Builder::new();
    // Who is silent for long is let go, as by the gateway.
    if let Err(error) = http.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await
        && !error.is_timeout()
    {
        eprintln!("a connection ended: {error}");
    }
}

async fn forward(client: Client, upstream: Url, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (asked, body) = request.into_parts();
    let sent = client.request(asked.method, upstream).headers(end_to_end(asked.headers)).body(Body::wrap(body)).send().await;
    Ok(match sent {
        Ok(answer) => {
            let mut answer = Response::<Body>::from(answer);
            let headers = std::mem::take(answer.headers_mut());
            *answer.headers_mut() = end_to_end(headers);
            answer
        }
        Err(error) => {
            eprintln!("the server did not answer: {error}");
            let mut answer = Response::new(Body::default());
            *answer.status_mut() = StatusCode::BAD_GATEWAY;
            answer
        }
    })
}

/// Without those that are about one connection.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in [CONNECTION, HOST, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers
}
