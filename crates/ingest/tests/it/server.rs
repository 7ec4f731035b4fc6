//! A small HTTP server on the loopback, which serves files as archives do and misbehaves on
//! purpose: one thread a connection, one answer a connection.
#![allow(dead_code, reason = "shared by the tests of two crates")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Without the question.
    pub(crate) path: String,
    /// What follows the `?`.
    pub(crate) question: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// How many requests for the path, with this method, came before.
    pub(crate) nth: usize,
}

impl Asked {
    /// A value of the question.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.question.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    pub(crate) fn is_for(&self, ending: &str) -> bool {
        self.path.ends_with(ending)
    }
}

/// What is sent back.
pub(crate) enum Reply {
    /// A status, headers and a body with its length.
    Plain(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// These bytes, then such pieces with pauses between them, until the client goes away or
    /// there are none left.
    Pieces(Vec<u8>, Vec<Vec<u8>>, Duration),
    /// These bytes, then zeros without end.
    Endless(Vec<u8>),
    /// Nothing for so long.
    Silence(Duration),
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self::Plain(status, Vec::new(), b"<Error><Code>Told</Code></Error>".to_vec())
    }

    pub(crate) fn json(text: impl Into<String>) -> Self {
        let json = ("Content-Type", "application/json".to_owned());
        Self::Plain(200, vec![json], text.into().into_bytes())
    }

    pub(crate) fn redirect(to: impl Into<String>) -> Self {
        Self::Plain(302, vec![("Location", to.into())], Vec::new())
    }

    /// A status of 200 with this length, and the first bytes only.
    pub(crate) fn cut(body: &[u8], at: usize, etag: Option<&str>) -> Self {
        let etag = etag.map(|etag| format!("ETag: {etag}\r\n")).unwrap_or_default();
        let head = format!("HTTP/1.1 200 OK\r\n{etag}Content-Length: {}\r\n\r\n", body.len());
        Self::Raw([head.as_bytes(), &body[..at]].concat())
    }
}

type Misbehave = Box<dyn Fn(&Asked) -> Option<Reply> + Send + Sync>;

struct Shared {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    misbehave: Misbehave,
    asked: Mutex<Vec<Asked>>,
    lists: bool,
    stopping: AtomicBool,
}

/// The server; gone when dropped.
pub(crate) struct Server {
    shared: Arc<Shared>,
    port: u16,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves files by their paths, with ETags and ranges, and the listing of a bucket.
    pub(crate) fn of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self::misbehaving(files, |_| None)
    }

    /// The same, where nothing better is given back for a request.
    pub(crate) fn misbehaving(
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
        misbehave: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            files: Mutex::new(files.into_iter().collect()),
            misbehave: Box::new(misbehave),
            asked: Mutex::new(Vec::new()),
            lists: true,
            stopping: AtomicBool::new(false),
        });
        let accepting = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                for stream in listener.incoming() {
                    if shared.stopping.load(Ordering::SeqCst) {
                        break;
                    }
                    let Ok(stream) = stream else { continue };
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || serve(stream, &shared));
                }
            })
        };
        Self { shared, port, accepting: Some(accepting) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The same server under another name.
    pub(crate) fn other_url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Replaces a file or adds one.
    pub(crate) fn put(&self, path: &str, body: &[u8]) {
        self.shared.files.lock().unwrap().insert(path.to_owned(), body.to_vec());
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Forgets them.
    pub(crate) fn forget(&self) {
        self.shared.asked.lock().unwrap().clear();
    }

    /// How many requests of a method were for paths with an ending.
    pub(crate) fn count(&self, method: &str, ending: &str) -> usize {
        self.asked().iter().filter(|asked| asked.method == method && asked.is_for(ending)).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// A weak stand-in for a hash: enough to tell one version of a file from another.
pub(crate) fn etag(body: &[u8]) -> String {
    let mut crc = flate2::Crc::new();
    crc.update(body);
    format!("\"{:08x}-{}\"", crc.sum(), body.len())
}

fn serve(stream: TcpStream, shared: &Shared) {
    let Some(mut asked) = read_request(&stream) else { return };
    {
        let mut log = shared.asked.lock().unwrap();
        let same = |other: &&Asked| other.path == asked.path && other.method == asked.method;
        asked.nth = log.iter().filter(same).count();
        log.push(asked.clone());
    }
    let reply = (shared.misbehave)(&asked).unwrap_or_else(|| usual(&asked, shared));
    send(stream, &asked, reply);
}

fn read_request(stream: &TcpStream) -> Option<Asked> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, question) = target.split_once('?').unwrap_or((&target, ""));
    let (path, question) = (path.trim_start_matches('/').to_owned(), question.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    Some(Asked { method, path, question, headers, body, nth: 0 })
}

/// A file, the rest of one, or a page of the listing.
fn usual(asked: &Asked, shared: &Shared) -> Reply {
    let files = shared.files.lock().unwrap();
    if asked.path.is_empty() && shared.lists {
        return Reply::Plain(200, Vec::new(), listing(&files, asked).into_bytes());
    }
    let Some(body) = files.get(&asked.path) else { return Reply::status(404) };
    let etag = etag(body);
    let rest = asked
        .headers
        .get("range")
        .filter(|_| asked.headers.get("if-range").is_none_or(|known| *known == etag))
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match rest {
        Some(from) if from >= body.len() => Reply::status(416),
        Some(from) => {
            let range = format!("bytes {from}-{}/{}", body.len() - 1, body.len());
            let headers = vec![("ETag", etag), ("Content-Range", range)];
            Reply::Plain(206, headers, body[from..].to_vec())
        }
        None => Reply::Plain(200, vec![("ETag", etag)], body.clone()),
    }
}

/// As S3 writes it: a thousand keys a page, in order, after the marker.
pub(crate) fn listing(files: &BTreeMap<String, Vec<u8>>, asked: &Asked) -> String {
    let prefix = asked.value("prefix").unwrap_or_default();
    let marker = asked.value("marker").unwrap_or_default();
    let mut keys =
        files.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > marker).peekable();
    let mut contents = String::new();
    for (key, body) in keys.by_ref().take(1000) {
        let etag = etag(body).replace('"', "&quot;");
        write!(contents, "<Contents><Key>{key}</Key><LastModified>2024-12-02T07:08:09.000Z</LastModified><ETag>{etag}</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>", body.len()).unwrap();
    }
    let is_truncated = keys.peek().is_some();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>data.binance.vision</Name><Prefix>{prefix}</Prefix><Marker>{marker}</Marker><MaxKeys>1000</MaxKeys><IsTruncated>{is_truncated}</IsTruncated>{contents}</ListBucketResult>"
    )
}

fn send(mut stream: TcpStream, asked: &Asked, reply: Reply) {
    // A client that goes away in between is what some of the tests want.
    let _ = match reply {
        Reply::Plain(status, headers, body) => {
            let mut head = format!("HTTP/1.1 {status} Told\r\nConnection: close\r\n");
            for (name, value) in headers {
                write!(head, "{name}: {value}\r\n").unwrap();
            }
            write!(head, "Content-Length: {}\r\n\r\n", body.len()).unwrap();
            let is_head = asked.method == "HEAD";
            stream
                .write_all(head.as_bytes())
                .and_then(|()| if is_head { Ok(()) } else { stream.write_all(&body) })
        }
        Reply::Raw(bytes) => stream.write_all(&bytes),
        Reply::Pieces(head, pieces, pause) => {
            let mut sent = stream.write_all(&head);
            for piece in pieces {
                if sent.is_err() {
                    break;
                }
                sent = stream.write_all(&piece).and_then(|()| stream.flush());
                thread::sleep(pause);
            }
            sent
        }
        Reply::Endless(head) => {
            let mut sent = stream.write_all(&head);
            while sent.is_ok() {
                sent = stream.write_all(&[0; 8192]);
            }
            sent
        }
        Reply::Silence(time) => {
            thread::sleep(time);
            Ok(())
        }
    };
    let _ = stream.shutdown(Shutdown::Write);
    // What the client still sends is read, so that it is not told of a reset before the answer.
    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
    let _ = stream.read(&mut [0; 512]);
}
