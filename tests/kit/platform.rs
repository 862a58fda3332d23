//! A platform behind a socket, with certificate: what `ltv-platforms` answers, sent as it should be or not.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ltv_platforms::{Answer, Call, Faults, Platform, Wire};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A platform that answers until it is dropped.
pub(crate) struct Served<P> {
    platform: Arc<Mutex<Faults<P>>>,
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    tls: bool,
}

impl<P: Platform> Served<P> {
    /// Over https, with a certificate that [`ca_file`] vouches for.
    pub(crate) fn https(platform: P) -> Self {
        Self::start(platform, true)
    }

    /// Over http.
    pub(crate) fn http(platform: P) -> Self {
        Self::start(platform, false)
    }

    fn start(platform: P, tls: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port for the platform");
        let address = listener.local_addr().expect("the port has a number");
        let platform = Arc::new(Mutex::new(Faults::none(platform)));
        let stop = Arc::new(AtomicBool::new(false));
        let (answering, stopped) = (Arc::clone(&platform), Arc::clone(&stop));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let platform = Arc::clone(&answering);
                // A client that hangs up early is part of the game.
                thread::spawn(move || drop(connection(stream, tls, &platform)));
            }
        });
        Self { platform, address, stop, tls }
    }

    /// The platform itself, to change or to look at.
    pub(crate) fn platform(&self) -> MutexGuard<'_, Faults<P>> {
        self.platform.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// `127.0.0.1:port`
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// `https://localhost:port`
    pub(crate) fn url(&self) -> String {
        format!("{}://localhost:{}", if self.tls { "https" } else { "http" }, self.address.port())
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.platform().calls.len()
    }
}

impl<P> Drop for Served<P> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn connection<P: Platform>(stream: TcpStream, tls: bool, platform: &Mutex<Faults<P>>) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let raw = stream.try_clone()?;
    if tls {
        let session = ServerConnection::new(certificate().server.clone()).map_err(io::Error::other)?;
        exchange(StreamOwned::new(session, stream), &raw, true, platform)
    } else {
        exchange(stream, &raw, false, platform)
    }
}

/// One request and its answer.
fn exchange<P: Platform>(
    mut stream: impl Read + Write,
    raw: &TcpStream,
    tls: bool,
    platform: &Mutex<Faults<P>>,
) -> io::Result<()> {
    let call = read(&mut stream, tls)?;
    let answer = platform.lock().unwrap_or_else(std::sync::PoisonError::into_inner).answer(&call);
    write(&mut stream, raw, &answer)
}

fn read(stream: &mut impl Read, tls: bool) -> io::Result<Call> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.trim().split_once(':') {
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
    }
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Call {
        tls,
        method,
        authority: header("host").unwrap_or_default(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
        at_unix_ms: i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
    })
}

fn write(stream: &mut impl Write, raw: &TcpStream, answer: &Answer) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} -\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", answer.body.len()));
    match answer.wire {
        Wire::Closed => return raw.shutdown(Shutdown::Both),
        Wire::Silent(ms) => {
            thread::sleep(Duration::from_millis(ms));
            return raw.shutdown(Shutdown::Both);
        }
        Wire::CutOff(bytes) => {
            stream.write_all(head.as_bytes())?;
            stream.write_all(answer.body.get(..bytes).unwrap_or(&answer.body))?;
            stream.flush()?;
            return raw.shutdown(Shutdown::Both);
        }
        Wire::Drip { bytes, pause_ms } => {
            stream.write_all(head.as_bytes())?;
            for piece in answer.body.chunks(bytes.max(1)) {
                stream.write_all(piece)?;
                stream.flush()?;
                thread::sleep(Duration::from_millis(pause_ms));
            }
        }
        Wire::Whole => {
            stream.write_all(head.as_bytes())?;
            stream.write_all(&answer.body)?;
        }
    }
    stream.flush()
}

struct Certificate {
    server: Arc<ServerConfig>,
    pem: String,
}

fn certificate() -> &'static Certificate {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    CERTIFICATE.get_or_init(|| {
        let names = ["localhost", "evil.example", "api.samcart.com", "thrivecart.com", "api.checkoutchamp.com"];
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate with its key");
        Certificate { server: Arc::new(server), pem: made.cert.pem() }
    })
}

/// A file that vouches for the platforms of this process.
pub(crate) fn ca_file() -> PathBuf {
    static FILE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FILE.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("platforms.pem");
        std::fs::write(&path, &certificate().pem).expect("the certificate can be written");
        (dir, path)
    });
    path.clone()
}
