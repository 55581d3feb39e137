//! A network that can be cut: it passes bytes on to a server and back, until there were so many.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// A way to a server that ends after a number of bytes, in the middle of whatever is said then.
pub struct Cut {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: String,
    passed: AtomicU64,
    limit: AtomicU64,
}

impl Cut {
    /// `server` is `host:port`.
    pub fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            server: server.to_owned(),
            passed: AtomicU64::new(0),
            limit: AtomicU64::new(u64::MAX),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&accepting);
                thread::spawn(move || shared.pass(client));
            }
        });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Lets so many bytes through from now on, of all connections and both directions together.
    pub fn after(&self, bytes: u64) {
        self.shared.passed.store(0, Ordering::SeqCst);
        self.shared.limit.store(bytes, Ordering::SeqCst);
    }

    /// How many bytes there were since then.
    pub fn passed(&self) -> u64 {
        self.shared.passed.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn pass(self: Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(&self.server) else { return };
        let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let shared = Arc::clone(&self);
        let back = thread::spawn(move || shared.copy(back.0, back.1));
        self.copy(client, server);
        let _ = back.join();
    }

    /// Passes bytes on until one side ends or they are too many; then both sides are closed.
    fn copy(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 4096];
        while let Ok(length) = from.read(&mut buffer) {
            let before = self.passed.fetch_add(length as u64, Ordering::SeqCst);
            let left = self.limit.load(Ordering::SeqCst).saturating_sub(before);
            let passed = length.min(usize::try_from(left).unwrap_or(usize::MAX));
            if length == 0 || to.write_all(&buffer[..passed]).is_err() || passed < length {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}
