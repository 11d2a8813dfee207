//! The guard against real sockets.

use std::time::Duration;

use ::http::{Request, StatusCode};
use axum::{
    Router,
    body::{Body, Bytes},
    response::Redirect,
    routing::get,
};
use tokio::net::TcpListener;
use url::Url;

use super::{Guarded, Limits, OutboundError, Reach};

const LOOPBACK: Reach = Reach { allow_loopback: true, allow_private: false };

fn guarded(reach: Reach, limits: Limits) -> Guarded {
    Guarded::new(reach, limits).expect("builds")
}

async fn serve(router: Router) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}/", listener.local_addr().expect("has one"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Url::parse(&url).expect("a URL")
}

async fn get_from(http: &Guarded, url: &str) -> Result<StatusCode, OutboundError> {
    let request = Request::get(url).body(Vec::new()).expect("a request");
    http.call(request).await.map(|response| response.status())
}

#[tokio::test]
async fn a_plain_answer_comes_through() {
    let url = serve(Router::new().route("/", get(|| async { "[1]" }))).await;
    let http = guarded(LOOPBACK, Limits::default());
    assert_eq!(http.get_json::<Vec<u8>>(&url).await, Ok(vec![1]));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let inner = serve(Router::new().route("/", get(|| async { "[1]" }))).await;
    let to = inner.to_string();
    let url = serve(Router::new().route("/", get(move || async move { Redirect::temporary(&to) }))).await;
    let http = guarded(LOOPBACK, Limits::default());
    assert_eq!(http.get_json::<Vec<u8>>(&url).await, Err(OutboundError::BadStatus(307)));
}

#[tokio::test]
async fn large_answers_are_cut_off_whether_announced_or_not() {
    let streamed = || async {
        let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1024])));
        Body::from_stream(endless)
    };
    let router = Router::new().route("/known", get(|| async { vec![b' '; 5000] })).route("/endless", get(streamed));
    let url = serve(router).await;
    let http = guarded(LOOPBACK, Limits { body: 4096, ..Limits::default() });
    for path in ["known", "endless"] {
        let result = get_from(&http, url.join(path).expect("joins").as_str()).await;
        assert_eq!(result, Err(OutboundError::TooLarge { limit: 4096 }), "{path}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}/", listener.local_addr().expect("has one"));
    let http = guarded(LOOPBACK, Limits { total: Duration::from_millis(50), ..Limits::default() });
    assert_eq!(get_from(&http, &url).await, Err(OutboundError::TimedOut));
}

#[tokio::test]
async fn a_server_that_is_down_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}/", listener.local_addr().expect("has one"));
    drop(listener);
    let error = get_from(&guarded(LOOPBACK, Limits::default()), &url).await.expect_err("is down");
    assert_eq!(error.code(), "unreachable");
}

#[tokio::test]
async fn the_inside_is_out_of_reach_unless_allowed() {
    let nowhere = guarded(Reach::default(), Limits::default());
    for url in [
        "https://127.0.0.1:1/",
        "https://[::1]:1/",
        "https://2130706433:1/",
        "https://0x7f.1:1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:127.0.0.1]:1/",
        "https://[fd00:ec2::254]/",
        // This one only the resolver can see through.
        "https://localhost:1/",
    ] {
        assert_eq!(get_from(&nowhere, url).await, Err(OutboundError::RefusedAddress), "{url}");
    }
    let inside = guarded(Reach { allow_loopback: true, allow_private: true }, Limits::default());
    assert_eq!(get_from(&inside, "http://169.254.169.254/").await, Err(OutboundError::RefusedAddress));
    assert_eq!(get_from(&guarded(LOOPBACK, Limits::default()), "http://10.0.0.1/").await, Err(OutboundError::RefusedAddress));
}

#[tokio::test]
async fn plain_http_stays_inside() {
    let nowhere = guarded(Reach::default(), Limits::default());
    for url in ["http://127.0.0.1:1/", "http://1.1.1.1/"] {
        assert_eq!(get_from(&nowhere, url).await, Err(OutboundError::RefusedScheme("http".into())), "{url}");
    }
    let loopback = guarded(LOOPBACK, Limits::default());
    assert_eq!(get_from(&loopback, "http://1.1.1.1/").await, Err(OutboundError::RefusedAddress));
    for url in ["ftp://127.0.0.1/", "file:///etc/passwd"] {
        let url = Url::parse(url).expect("a URL");
        assert_eq!(loopback.check(&url), Err(OutboundError::RefusedScheme(url.scheme().into())));
    }
}
