//! Just enough HTTP to talk to a daemon on this machine.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Time to wait for a connection's next bytes.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// GET.
pub(crate) fn get(url: &str) -> Result<Answer> {
    get_within(url, TIMEOUT)
}

/// GET of what may take long: the time is for each part of the answer.
pub(crate) fn get_within(url: &str, timeout: Duration) -> Result<Answer> {
    exchange("GET", url, None, timeout)
}

/// POST of a body with its content type.
pub(crate) fn post(url: &str, content_type: &str, body: &[u8]) -> Result<Answer> {
    exchange("POST", url, Some((content_type, body)), TIMEOUT)
}

fn exchange(method: &str, url: &str, body: Option<(&str, &[u8])>, timeout: Duration) -> Result<Answer> {
    let (authority, path) = split(url)?;
    let mut stream = TcpStream::connect(authority).with_context(|| format!("nobody answers at {authority}"))?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;

    // HTTP/1.0: the answer then comes in one piece and ends with the connection.
    let mut request = format!("{method} {path} HTTP/1.0\r\nHost: {authority}\r\nConnection: close\r\n").into_bytes();
    if let Some((content_type, body)) = body {
        request.extend(format!("Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes());
        request.extend(body);
    } else {
        request.extend(b"\r\n");
    }
    stream.write_all(&request).with_context(|| format!("cannot send to {authority}"))?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(|| format!("no answer from {url}"))?;
    parse(&String::from_utf8_lossy(&answer)).with_context(|| format!("{url} does not answer in HTTP"))
}

/// Authority and path of an `http` URL.
fn split(url: &str) -> Result<(&str, &str)> {
    let Some(rest) = url.strip_prefix("http://") else {
        bail!("{url} is not an http:// URL of this machine");
    };
    Ok(match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    })
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn urls_are_split() {
        assert_eq!(split("http://127.0.0.1:80/a/b?c=d").unwrap(), ("127.0.0.1:80", "/a/b?c=d"));
        assert_eq!(split("http://localhost:80").unwrap(), ("localhost:80", "/"));
        assert!(split("https://example.com/").is_err());
    }

    #[test]
    fn a_body_arrives_whole_and_the_answer_is_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            let mut body = [0; 7];
            reader.read_exact(&mut body).unwrap();
            reader.get_mut().write_all(b"HTTP/1.1 202 Accepted\r\nx: y\r\n\r\nkept\r\n\r\nit").unwrap();
            (head, body)
        });
        let answer = post(&format!("http://{address}/hooks/x"), "text/plain", b"a=1&b=2").unwrap();
        let (head, body) = server.join().unwrap();
        assert!(head.starts_with("POST /hooks/x HTTP/1.0\r\n"), "{head}");
        assert!(head.contains("Content-Length: 7\r\n"), "{head}");
        assert_eq!(&body, b"a=1&b=2");
        assert_eq!((answer.status, answer.body.as_str()), (202, "kept\r\n\r\nit"));
    }

    #[test]
    fn what_is_not_http_is_refused() {
        assert!(parse("SSH-2.0-x\r\n\r\n").is_none());
        assert!(parse("HTTP/1.1 200 OK\r\n").is_none());
        assert!(parse("HTTP/1.1 abc\r\n\r\n").is_none());
    }
}
