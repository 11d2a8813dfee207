//! Peers that stall, over real sockets. What they see of the end of a connection is what is waited for.

use super::hurried::{Hurried, TooSlow};
use super::{Limits, serve};
use crate::delivery::tests::{Gw, Plane};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::routing::get;
use futures::stream;
use hyper::body::Frame;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// As long as a test may take.
const LONG: Duration = Duration::from_secs(600);
/// As good as at once.
const SHORT: Duration = Duration::from_millis(40);
/// Nobody is cut off.
const PATIENT: Limits = Limits { connections: 1_000, head: LONG, body: LONG, write: LONG, stop: LONG };

struct Served {
    at: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Served {
    async fn new(router: Router, limits: Limits) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let (at, stop) = (listener.local_addr().expect("an address"), CancellationToken::new());
        Self { at, serving: tokio::spawn(serve(listener, router, limits, stop.clone())), stop }
    }

    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.at).await.expect("connects");
        stream.write_all(text.as_bytes()).await.expect("sends");
        stream
    }

    async fn opens_and_says_nothing(&self) -> TcpStream {
        TcpStream::connect(self.at).await.expect("connects")
    }
}

/// Everything until the other side ends the connection, by closing or by resetting it.
async fn to_the_end(mut stream: TcpStream) -> String {
    let mut all = Vec::new();
    let mut piece = [0; 8192];
    while let Ok(1..) = stream.read(&mut piece).await.inspect(|count| all.extend_from_slice(&piece[..*count])) {}
    String::from_utf8_lossy(&all).into_owned()
}

fn small() -> Router {
    Router::new().route("/", get(|| async { "here" }).post(|body: Result<Bytes, _>| async move { answered(body) }))
}

fn answered(body: Result<Bytes, axum::extract::rejection::BytesRejection>) -> String {
    body.map_or_else(|error| error.body_text(), |body| format!("{} bytes", body.len()))
}

const ASKS: &str = "GET / HTTP/1.1\r\nhost: here\r\n\r\n";
const LAST: &str = "GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_head_that_never_ends_is_cut() {
    let served = Served::new(small(), Limits { head: SHORT, ..PATIENT }).await;
    for begun in ["", "GET", "GET / HTTP/1.1\r\nhost: here\r\nx-more: "] {
        assert_eq!(to_the_end(served.send(begun).await).await, "", "{begun:?}");
    }
    // So is one who was answered and says nothing more.
    assert!(to_the_end(served.send(ASKS).await).await.ends_with("here"));
}

#[tokio::test]
async fn a_head_without_end_is_refused_before_it_fills_anything() {
    let served = Served::new(small(), PATIENT).await;
    let stream = served.send("GET / HTTP/1.1\r\nhost: here\r\n").await;
    let (mut from, mut to) = stream.into_split();
    let sending = tokio::spawn(async move { while to.write_all(b"x-more: and more of the same\r\n").await.is_ok() {} });
    let mut answer = Vec::new();
    let _cut = from.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    sending.await.expect("the connection has ended");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_cut() {
    let served = Served::new(small(), Limits { body: SHORT, ..PATIENT }).await;
    for begun in ["content-length: 9\r\n\r\nhalf", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", "content-length: 9\r\n\r\n"] {
        let answer = to_the_end(served.send(&format!("POST / HTTP/1.1\r\nhost: here\r\n{begun}")).await).await;
        assert!(answer.contains("did not come in time"), "{begun:?}: {answer}");
    }
    let whole = to_the_end(served.send("POST / HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: 5\r\n\r\nwhole").await).await;
    assert!(whole.ends_with("5 bytes"), "{whole}");
}

/// A body of given frames that then says nothing more.
struct Frames(Box<dyn Iterator<Item = Bytes> + Send>);

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.next().map_or(Poll::Pending, |data| Poll::Ready(Some(Ok(Frame::data(data)))))
    }
}

#[tokio::test]
async fn what_comes_buys_time_and_what_brings_nothing_does_not() {
    let hurried = |frames: Box<dyn Iterator<Item = Bytes> + Send>| Hurried::new(Frames(frames), Duration::ZERO);
    let error = axum::body::to_bytes(Body::new(hurried(Box::new(std::iter::repeat(Bytes::new())))), 1).await.expect_err("it never ends");
    assert_eq!(error.to_string(), TooSlow.to_string());
    // A megabyte may take 256 seconds.
    let mut body = Body::new(hurried(Box::new(std::iter::once(Bytes::from(vec![0; 1 << 20])))));
    let mut frame = async || std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx))).await;
    assert!(matches!(frame().await, Poll::Ready(Some(Ok(_)))));
    assert!(frame().await.is_pending());
    let mut nothing = Body::new(hurried(Box::new(std::iter::empty())));
    let first = std::future::poll_fn(|cx| Pin::new(&mut nothing).poll_frame(cx)).await;
    assert!(first.expect("an end").is_err());
}

#[tokio::test]
async fn a_body_without_end_is_refused_when_it_is_too_large() {
    let plane = Plane::new().await;
    let served = Served::new(plane.router.clone(), PATIENT).await;
    for path in ["delivery/enroll", "token", "revoke", "delivery/candidates/1/signature"] {
        let head = format!(
            "POST /t/acme/{path} HTTP/1.1\r\nhost: here\r\ncontent-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        let (mut from, mut to) = served.send(&head).await.into_split();
        let chunk = format!("1000\r\n{}\r\n", "a".repeat(0x1000));
        let sending = tokio::spawn(async move { while to.write_all(chunk.as_bytes()).await.is_ok() {} });
        let mut answer = vec![0; 12];
        if from.read_exact(&mut answer).await.is_ok() {
            assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 400", "{path}");
        }
        // The answer may be lost with the connection, since it ends while more is on the way. That it ends is the point.
        let mut rest = Vec::new();
        let _ended = from.read_to_end(&mut rest).await;
        sending.await.expect("the connection has ended");
    }
}

#[tokio::test]
async fn whoever_takes_nothing_of_an_answer_is_cut() {
    let (dropped, mut is_dropped) = mpsc::channel::<()>(1);
    let endless = move || {
        let held = dropped.clone();
        async move {
            Body::from_stream(stream::repeat_with(move || {
                let _held = &held;
                Ok::<_, std::io::Error>(Bytes::from_static(&[b'a'; 65_536]))
            }))
        }
    };
    let served = Served::new(Router::new().route("/", get(endless)), Limits { write: SHORT, ..PATIENT }).await;
    let mut stalled = served.send(ASKS).await;
    stalled.read_exact(&mut [0; 4096]).await.expect("the answer has begun");
    // The router that holds the other end goes with the server; what is left then is what the answer under way holds.
    served.stop.cancel();
    assert!(is_dropped.recv().await.is_none(), "the answer is let go although the peer is still there");
    served.serving.await.expect("ends");
    drop(stalled);
}

/// A watcher's request, written out.
fn watches(gw: &Gw) -> String {
    format!("GET /t/acme/delivery/watch?timestamp=0 HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {}\r\n\r\n", gw.assertion())
}

#[tokio::test]
async fn watchers_that_never_read_keep_nobody_from_the_news_and_the_process_from_no_end() {
    let plane = Plane::new().await;
    let (deaf, hears) = (plane.enrol("gw-1").await, plane.enrol("gw-2").await);
    let served = Served::new(plane.router.clone(), Limits { write: SHORT, stop: SHORT, ..PATIENT }).await;
    let mut never_read = Vec::new();
    for _ in 0..50 {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(1).expect("a small buffer");
        let mut stream = socket.connect(served.at).await.expect("connects");
        // Several requests in one go, each of which is answered with all that there is, so that answers pile up.
        stream.write_all(watches(&deaf).repeat(8).as_bytes()).await.expect("sends");
        never_read.push(stream);
    }
    let mut watcher = served.send(&watches(&hears)).await;
    plane.publish().await;
    let mut head = [0; 15];
    watcher.read_exact(&mut head).await.expect("has the news");
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    plane.ending.cancel();
    served.stop.cancel();
    served.serving.await.expect("ends although they never read");
    drop(never_read);
}

#[tokio::test]
async fn connections_that_say_nothing_keep_nobody_out() {
    // As long as there are places, they take none from others.
    let served = Served::new(small(), PATIENT).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(served.opens_and_says_nothing().await);
    }
    assert!(to_the_end(served.send(LAST).await).await.ends_with("here"));
    // When all are taken, the next waits until one of them had its time.
    let served = Served::new(small(), Limits { connections: 200, head: SHORT, ..PATIENT }).await;
    for _ in 0..200 {
        silent.push(served.opens_and_says_nothing().await);
    }
    assert!(to_the_end(served.send(LAST).await).await.ends_with("here"));
    for stream in silent.drain(200..) {
        assert_eq!(to_the_end(stream).await, "");
    }
}

#[tokio::test]
async fn the_end_waits_for_requests_under_way_and_not_for_those_who_stall() {
    let (arrived, mut arrives) = mpsc::channel(1);
    let (go, may_go) = tokio::sync::watch::channel(false);
    let slow = move || {
        let (arrived, mut may_go) = (arrived.clone(), may_go.clone());
        async move {
            arrived.send(()).await.expect("is waited for");
            may_go.wait_for(|go| *go).await.expect("may go");
            "done"
        }
    };
    let router = small().route("/slow", get(slow));
    let served = Served::new(router.clone(), PATIENT).await;
    let under_way = served.send("GET /slow HTTP/1.1\r\nhost: here\r\n\r\n").await;
    arrives.recv().await.expect("it is under way");
    served.stop.cancel();
    go.send_replace(true);
    assert!(to_the_end(under_way).await.ends_with("done"));
    served.serving.await.expect("ends");

    go.send_replace(false);
    let served = Served::new(router, Limits { stop: SHORT, ..PATIENT }).await;
    let stalls = served.send("GET /slow HTTP/1.1\r\nhost: here\r\n\r\n").await;
    arrives.recv().await.expect("it is under way");
    served.stop.cancel();
    served.serving.await.expect("ends although one request does not");
    drop(stalls);
}
