//! Whoever answers slowly, without end, or not at all (TUF 1.0, sections 1.5.2 "slow retrieval" and "endless data"): what is in force stays
//! in force, nothing is read beyond what a file may hold, and following goes on with whoever answers next.

use crate::control::NOW;
use crate::world::World;
use gateway::clock::{Clock, Random};
use gateway::config::Repository;
use gateway::following::{Files, Source};
use gateway::link::{Link, Patience, client};
use http::StatusCode;
use policy::Target;
use rand::SeedableRng as _;
use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use token::SigningKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// It has the files.
    Honest,
    /// It takes the request and says nothing.
    Silent,
    /// The head of the answer never ends.
    Head,
    /// The body arrives byte by byte.
    Trickle,
    /// The body never ends, and arrives as fast as it can.
    Endless,
}

const EVIL: [Manner; 4] = [Manner::Silent, Manner::Head, Manner::Trickle, Manner::Endless];
const IMPATIENT: Patience = Patience { watch: Duration::from_millis(300), request: Duration::from_millis(300) };

struct Server {
    url: String,
    manner: Arc<Mutex<Manner>>,
    files: Arc<Mutex<bundle::Files>>,
    /// How many bytes of endless bodies were taken.
    taken: Arc<AtomicUsize>,
}

impl Server {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { url, manner: Arc::new(Mutex::new(manner)), files: Arc::default(), taken: Arc::default() };
        let (manner, files, taken) = (Arc::clone(&server.manner), Arc::clone(&server.files), Arc::clone(&server.taken));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (manner, files, taken) = (Arc::clone(&manner), Arc::clone(&files), Arc::clone(&taken));
                tokio::spawn(async move {
                    // The other side hangs up: that is what is hoped for.
                    let _: std::io::Result<Infallible> = answer(stream, &manner, &files, &taken).await;
                });
            }
        });
        server
    }

    fn set(&self, manner: Manner) {
        *self.manner.lock().expect("a lock") = manner;
    }
}

async fn answer(
    mut stream: TcpStream,
    manner: &Mutex<Manner>,
    files: &Mutex<bundle::Files>,
    taken: &AtomicUsize,
) -> std::io::Result<Infallible> {
    let mut request = Vec::new();
    loop {
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            if stream.read_buf(&mut request).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let head = String::from_utf8_lossy(&request).into_owned();
        request.clear();
        let manner = *manner.lock().expect("a lock");
        match manner {
            Manner::Honest => {
                let path = head.split_whitespace().nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
                let file = files.lock().expect("a lock").get(&path).cloned();
                let (status, body) = file.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
                stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes()).await?;
                stream.write_all(&body).await?;
            }
            Manner::Silent => pending().await,
            Manner::Head => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nx-long: ").await?;
                dribble(&mut stream, b"y").await?;
            }
            Manner::Trickle => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{").await?;
                dribble(&mut stream, b" ").await?;
            }
            Manner::Endless => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
                loop {
                    stream.write_all(&chunk).await?;
                    taken.fetch_add(chunk.len(), Ordering::Relaxed);
                }
            }
        }
    }
}

/// Always something, never much: no pause is long enough to be called a silence.
async fn dribble(stream: &mut TcpStream, byte: &[u8]) -> std::io::Result<Infallible> {
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    loop {
        pace.tick().await;
        stream.write_all(byte).await?;
    }
}

fn link(url: &str) -> Link {
    let (key, _) = SigningKey::generate().expect("a key");
    let random = Random::new(rand::rngs::StdRng::seed_from_u64(3));
    let http = client(url).expect("a client");
    Link::new(http, url, Arc::new(key), "gw_test", Clock::new(|| NOW * 1000), random).with_patience(IMPATIENT)
}

#[tokio::test]
async fn every_call_to_the_control_plane_comes_to_an_end() {
    for manner in EVIL {
        let server = Server::start(manner).await;
        let link = link(&server.url);
        // An endless answer is cut where the largest allowed one would have ended.
        let fetched = link.fetch("metadata/timestamp.json", 1_000).await;
        match manner {
            Manner::Endless => assert_eq!(fetched.expect("cut short").expect("a body").len(), 1_001),
            _ => assert!(fetched.is_err(), "{manner:?}"),
        }
        assert!(link.watch(0).await.is_err(), "{manner:?}");
        assert!(link.decisions(1, "", Vec::new()).await.is_ok() == (manner == Manner::Trickle || manner == Manner::Endless), "{manner:?}");
        // What lies on the way, in the buffers of both sides, is all that was sent in vain beside the largest answer.
        assert!(server.taken.load(Ordering::Relaxed) < (16 << 20) + (24 << 20), "{manner:?}: it was read on");
    }
}

#[tokio::test]
async fn so_does_every_file_of_a_web_server_and_of_a_directory() {
    for manner in EVIL {
        let server = Server::start(manner).await;
        let files = Files::Web(client(&server.url).expect("a client"), server.url.clone());
        let source = Source::Files { files, every: Duration::from_secs(1), patience: IMPATIENT };
        match source.fetch("metadata/timestamp.json", 1_000).await {
            Ok(body) => assert_eq!((manner, body.map(|body| body.len())), (Manner::Endless, Some(1_001))),
            Err(_) => assert_ne!(manner, Manner::Endless),
        }
    }
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let source = Source::Files { files: Files::Directory(directory.path().into()), every: Duration::from_secs(1), patience: IMPATIENT };
    std::os::unix::fs::symlink("/dev/zero", at("endless.json")).expect("linked");
    std::fs::create_dir(at("folder.json")).expect("made");
    let listener = std::os::unix::net::UnixListener::bind(at("socket.json")).expect("bound");
    std::fs::write(at("long.json"), vec![b' '; 100_000]).expect("written");
    for name in ["endless.json", "folder.json", "socket.json"] {
        let refused = source.fetch(name, 1_000).await.expect_err(name).to_string();
        assert!(refused.contains("no plain file"), "{refused}");
    }
    drop(listener);
    assert_eq!(source.fetch("long.json", 1_000).await.expect("read").expect("there").len(), 1_001);
    assert_eq!(source.fetch("none.json", 1_000).await.expect("asked"), None);
}

#[tokio::test]
async fn what_is_in_force_stays_and_the_next_honest_answer_is_followed() {
    let server = Server::start(Manner::Honest).await;
    let mut world = World::without_gateway().await;
    let every = Duration::from_secs(1);
    let at = server.url.clone();
    world.settings.repository = Some(Repository { at, tenant: "acme".into(), root_sha256: world.control.root_sha256(), every });
    world.settings.patience = IMPATIENT;
    world.cut_off();
    world.control.publish(world.policy.clone());
    *server.files.lock().expect("a lock") = world.control.files();
    world.start_gateway(false).await;
    world.healthy("the first policy", |health| health["policy_version"] == 1 && health["status"] == "ok").await;
    for (manner, user) in EVIL.into_iter().zip(["usr_a", "usr_b", "usr_c", "usr_d"]) {
        server.set(manner);
        let seq = world.control.revoke(Target::User(user.into()));
        *server.files.lock().expect("a lock") = world.control.files();
        let code = if manner == Manner::Endless { "too_large" } else { "not_following" };
        let health = world.healthy(&format!("{manner:?}"), |health| health["error"]["code"] == code).await;
        assert_eq!((&health["policy_version"], &health["revocation_seq"]), (&1.into(), &(seq - 1).into()), "{manner:?}");
        assert_eq!(world.call(&world.sam(), "logs.read").await.status, StatusCode::OK, "{manner:?}");
        server.set(Manner::Honest);
        world.healthy("what was taken away meanwhile", |health| health["revocation_seq"] == seq && health["error"].is_null()).await;
    }
}
