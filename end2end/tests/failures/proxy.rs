//! Somebody in the middle: passes everything on, and alters what the control plane tells gateways when told to.

use anyhow::Result;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Replaced text: what stands there, and what is put in its place. Of equal length, so that no header becomes wrong.
type Alteration = Arc<Mutex<Option<(Vec<u8>, Vec<u8>)>>>;

/// The one in the middle.
pub struct Proxy {
    port: u16,
    /// Where new connections go.
    before: Arc<AtomicU16>,
    alteration: Alteration,
}

impl Proxy {
    /// Stands before this port.
    pub async fn start(before: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let alteration = Alteration::default();
        let shared = Arc::clone(&alteration);
        let route = Arc::new(AtomicU16::new(before));
        let before = Arc::clone(&route);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (alteration, before) = (Arc::clone(&shared), route.load(Ordering::Relaxed));
                tokio::spawn(async move {
                    // A connection that ends, ends: both sides see it.
                    let _ended = pass(client, before, alteration).await;
                });
            }
        });
        Ok(Self { port, before, alteration })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on, new connections go to this port: a load balancer in front of replicas.
    pub fn route(&self, port: u16) {
        self.before.store(port, Ordering::Relaxed);
    }

    /// From now on, puts `other` where `text` stands in answers to gateways.
    pub fn alter(&self, text: &str, other: &str) {
        assert_eq!(text.len(), other.len(), "an alteration that changes lengths would only break the connection");
        *self.alteration.lock().unwrap_or_else(PoisonError::into_inner) = Some((text.into(), other.into()));
    }

    /// Passes everything on unchanged again.
    pub fn behave(&self) {
        *self.alteration.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

async fn pass(mut client: TcpStream, before: u16, alteration: Alteration) -> Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", before)).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let for_gateway = std::sync::atomic::AtomicBool::new(false);
    let up = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let n = from_client.read(&mut buffer).await?;
            if n == 0 {
                break;
            }
            if find(&buffer[..n], b"/delivery/").is_some() {
                for_gateway.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            to_server.write_all(&buffer[..n]).await?;
        }
        to_server.shutdown().await?;
        anyhow::Ok(())
    };
    let down = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let n = from_server.read(&mut buffer).await?;
            if n == 0 {
                break;
            }
            if for_gateway.load(std::sync::atomic::Ordering::Relaxed) {
                altered(&mut buffer[..n], &alteration);
            }
            to_client.write_all(&buffer[..n]).await?;
        }
        to_client.shutdown().await?;
        anyhow::Ok(())
    };
    tokio::try_join!(up, down)?;
    Ok(())
}

fn altered(bytes: &mut [u8], alteration: &Alteration) {
    let alteration = alteration.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some((text, other)) = alteration else { return };
    let mut from = 0;
    while let Some(at) = find(&bytes[from..], &text) {
        bytes[from + at..from + at + other.len()].copy_from_slice(&other);
        from += at + other.len();
    }
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}
