//! A host that breaks the rules of HTTP in the ways that no real server can be made to.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

pub struct Hostile {
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Hostile {
    /// Answers each request by `answer`, which is told its number (from 0) and its lines, and closes the connection.
    /// Its thread ends with the test's process.
    pub fn start(
        answer: impl Fn(usize, &str, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer, mut stream) = (Arc::clone(&seen), Arc::clone(&answer), stream.unwrap());
                thread::spawn(move || {
                    let lines: Vec<String> = BufReader::new(&stream)
                        .lines()
                        .map_while(Result::ok)
                        .take_while(|line| !line.is_empty())
                        .collect();
                    if lines.is_empty() {
                        return;
                    }
                    let request = lines.join("\n").to_ascii_lowercase();
                    let number = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request.clone());
                        seen.len() - 1
                    };
                    // The client may hang up at any moment.
                    let _ = answer(number, &request, &mut stream);
                });
            }
        });
        Self { url, requests }
    }

    /// The requests so far: their lines, in lower case.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Writes a whole answer. `head` is its status and any header lines, without the length.
pub fn answer(stream: &mut TcpStream, head: &str, body: &[u8]) -> io::Result<()> {
    write!(stream, "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(body)
}
