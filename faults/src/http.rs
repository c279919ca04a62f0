//! As much HTTP/1.1 as a proxy needs that must also be able to break it.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

pub type Headers = Vec<(String, String)>;

#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// The value of a header.
pub fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The next request of a connection; nothing at its end.
pub fn read_request(from: &mut BufReader<TcpStream>) -> Result<Option<Request>> {
    let Some((first, headers)) = read_head(from)? else { return Ok(None) };
    let mut words = first.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(Error::new(ErrorKind::InvalidData, first));
    };
    let (method, path) = (method.to_string(), path.to_string());
    let body = read_body(from, &headers, false)?;
    Ok(Some(Request { method, path, headers, body }))
}

/// Ask `address` and read the whole answer.
pub fn ask(address: &str, request: &Request) -> Result<Answer> {
    let mut to = TcpStream::connect(address)?;
    to.set_read_timeout(Some(Duration::from_secs(120)))?;
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
    let skipped = ["connection", "content-length", "transfer-encoding", "accept-encoding"];
    for (key, value) in &request.headers {
        if !skipped.contains(&key.to_ascii_lowercase().as_str()) {
            head += &format!("{key}: {value}\r\n");
        }
    }
    head += &format!("Connection: close\r\nContent-Length: {}\r\n\r\n", request.body.len());
    to.write_all(&[head.as_bytes(), &request.body].concat())?;
    let mut from = BufReader::new(to);
    let Some((first, headers)) = read_head(&mut from)? else { return Err(ErrorKind::UnexpectedEof.into()) };
    let status = first.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| Error::new(ErrorKind::InvalidData, first))?;
    let body = match request.method == "HEAD" || status == 204 || status == 304 {
        true => vec![],
        false => read_body(&mut from, &headers, true)?,
    };
    Ok(Answer { status, headers, body })
}

impl Answer {
    /// An answer of this status with JSON.
    pub fn json(status: u16, body: &serde_json::Value) -> Answer {
        let headers = vec![("Content-Type".to_string(), "application/json".to_string())];
        Answer { status, headers, body: body.to_string().into_bytes() }
    }

    /// The first line and the headers, with this length.
    pub fn head(&self, length: Option<usize>) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Word\r\n", self.status);
        for (key, value) in &self.headers {
            if !["connection", "content-length", "transfer-encoding"]
                .contains(&key.to_ascii_lowercase().as_str())
            {
                head += &format!("{key}: {value}\r\n");
            }
        }
        match length {
            Some(length) => head += &format!("Content-Length: {length}\r\n\r\n"),
            None => head += "Connection: close\r\n\r\n",
        }
        head.into_bytes()
    }

    /// The whole answer, to a request of this method.
    pub fn bytes(&self, method: &str) -> Vec<u8> {
        let mut bytes = self.head((self.status != 204).then_some(self.body.len()));
        if method != "HEAD" {
            bytes.extend_from_slice(&self.body);
        }
        if self.status == 204 {
            return bytes_without_body(self);
        }
        bytes
    }
}

fn bytes_without_body(answer: &Answer) -> Vec<u8> {
    let whole = answer.head(Some(0));
    // 204 has no length at all.
    String::from_utf8_lossy(&whole).replace("Content-Length: 0\r\n", "").into_bytes()
}

fn read_head(from: &mut BufReader<TcpStream>) -> Result<Option<(String, Headers)>> {
    let mut first = String::new();
    if from.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut headers = Headers::new();
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(Some((first.trim_end().to_string(), headers)));
        }
        if let Some((key, value)) = line.split_once(':') {
            headers.push((key.trim().to_string(), value.trim().to_string()));
        }
    }
}

fn read_body(from: &mut BufReader<TcpStream>, headers: &Headers, to_the_end: bool) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    if header(headers, "transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let mut line = String::new();
            from.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim(), 16)
                .map_err(|_| Error::new(ErrorKind::InvalidData, "a chunk's length"))?;
            let begin = body.len();
            body.resize(begin + length, 0);
            from.read_exact(&mut body[begin..])?;
            from.read_line(&mut String::new())?;
            if length == 0 {
                return Ok(body);
            }
        }
    }
    match header(headers, "content-length").and_then(|value| value.parse::<usize>().ok()) {
        Some(length) => {
            body.resize(length, 0);
            from.read_exact(&mut body)?;
        }
        None if to_the_end => {
            from.read_to_end(&mut body)?;
        }
        None => {}
    }
    Ok(body)
}
