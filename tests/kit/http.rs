//! Just enough of an HTTP client, with full control over what goes out.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// What a listener answered.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is text")
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body, if all went well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// The problem that is told, of this status.
    #[track_caller]
    pub(crate) fn problem(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }
}

/// Sends a request to loopback and reads the whole answer.
#[track_caller]
pub(crate) fn send(port: u16, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    try_send(port, method, target, headers, body).unwrap_or_else(|error| panic!("{method} {target}: {error}"))
}

/// As [`send`], for listeners that may be gone.
pub(crate) fn try_send(
    port: u16,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head.push_str(&format!("Host: 127.0.0.1:{port}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let answer = exchange(port, &[head.as_bytes(), body].concat())?;
    parse(&answer, method == "HEAD")
}

/// Whether a daemon answers that it is ready. Whoever else listens there is not waited for.
pub(super) fn is_ready(port: u16) -> bool {
    let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = exchange_within(port, request, Duration::from_secs(2)).and_then(|answer| parse(&answer, false));
    answer.is_ok_and(|response| response.status == 200)
}

/// Sends bytes as they are, and gives what comes back until the other side closes.
pub(crate) fn exchange(port: u16, request: &[u8]) -> io::Result<Vec<u8>> {
    exchange_within(port, request, SILENCE)
}

fn exchange_within(port: u16, request: &[u8], silence: Duration) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(silence))?;
    stream.set_write_timeout(Some(silence))?;
    // Who refuses a body may answer and close before it has read all of it.
    let written = stream.write_all(request);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(_) if !answer.is_empty() => {}
        Err(error) => return Err(error),
    }
    if answer.is_empty() {
        written?;
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer)
}

fn parse(answer: &[u8], head_only: bool) -> io::Result<Response> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, String::from_utf8_lossy(answer).into_owned());
    let cut_off = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(cut_off)?;
    let head = std::str::from_utf8(&answer[..end]).map_err(|_| invalid())?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut response = Response { status: status.ok_or_else(invalid)?, headers, body: answer[end + 4..].to_vec() };
    if head_only {
        return Ok(response);
    }
    if response.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        response.body = unchunk(&response.body).ok_or_else(cut_off)?;
    } else if let Some(length) = response.header("content-length").and_then(|length| length.parse::<usize>().ok())
        && response.body.len() < length
    {
        return Err(cut_off());
    }
    Ok(response)
}

/// None if the last chunk is missing.
fn unchunk(mut chunked: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = chunked.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&chunked[..end]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunked.get(end + 2..end + 2 + size)?);
        chunked = chunked.get(end + 2 + size + 2..)?;
    }
}
