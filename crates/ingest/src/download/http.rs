//! One request and its answer: redirects, limits, and what a status means.

use std::fmt;
use std::io::Read;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ureq::http::header::{self, HeaderMap};
use ureq::http::{Method, Request, StatusCode, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy};

use super::Settings;
use super::retry::Trouble;

/// Answers may send a client elsewhere so many times.
const REDIRECTS_MAX: usize = 5;
/// Longer header blocks are refused.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// A secret that no text shows.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// A key as its owner gave it. `None` if it is empty or holds what no header may.
    pub fn new(key: &str) -> Option<Self> {
        let key = key.trim();
        let is_plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
        is_plain.then(|| Self(key.to_owned()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// What is asked of a server.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    pub(super) url: &'a str,
    pub(super) how: How<'a>,
    /// Whether the key goes with it, to the host of `url` alone.
    pub(super) with_key: bool,
}

/// The method and what goes with it.
#[derive(Clone, Copy, Debug)]
pub(super) enum How<'a> {
    Get,
    Head,
    /// The rest of a file from a byte on, if it is still the one of the validator.
    Rest {
        from: u64,
        validator: &'a str,
    },
    /// A JSON question.
    Post(&'a str),
}

/// An answer whose body has not been read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Body,
}

impl Answer {
    /// A header's text; `None` if it is absent or no text.
    pub(super) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }

    /// The length that the header block promises for the body.
    pub(super) fn length(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH).and_then(|text| text.parse().ok())
    }

    /// What tells this version of the file from another one, if it can be relied on.
    pub(super) fn validator(&self) -> Option<String> {
        let strong = |tag: &&str| tag.starts_with('"') && tag.len() < 200;
        self.header(header::ETAG).filter(strong).map(str::to_owned)
    }

    pub(super) fn is_gzipped(&self) -> bool {
        self.header(header::CONTENT_ENCODING).is_some_and(|text| text.eq_ignore_ascii_case("gzip"))
    }

    pub(super) fn reader(self) -> impl Read {
        self.body.into_reader()
    }

    /// The whole body, unpacked.
    pub(super) fn bytes(self, bytes_max: u64) -> Result<Vec<u8>, Trouble> {
        let promised = self.length();
        let is_gzipped = self.is_gzipped();
        let mut bytes = Vec::new();
        let mut reader = self.body.into_reader();
        (&mut reader).take(bytes_max + 1).read_to_end(&mut bytes).map_err(|e| cut(&e))?;
        if bytes.len() as u64 > bytes_max {
            return Err(Trouble::fatal(format!("the answer is longer than {bytes_max} bytes")));
        }
        if promised.is_some_and(|promised| promised != bytes.len() as u64) {
            let reason = format!("{} of {} bytes came", bytes.len(), promised.unwrap_or_default());
            return Err(Trouble::again(reason));
        }
        if !is_gzipped {
            return Ok(bytes);
        }
        let mut plain = Vec::new();
        let decoder = flate2::read::MultiGzDecoder::new(bytes.as_slice());
        decoder
            .take(bytes_max + 1)
            .read_to_end(&mut plain)
            .map_err(|error| Trouble::again(format!("its gzip encoding is damaged: {error}")))?;
        if plain.len() as u64 > bytes_max {
            return Err(Trouble::fatal(format!("the answer unpacks to over {bytes_max} bytes")));
        }
        Ok(plain)
    }
}

/// Sends requests. Shared by all threads of a download.
pub(super) struct Client {
    /// Through the proxy of the environment, if it names one.
    agent: Agent,
    /// For this machine itself.
    direct: Agent,
    secure: OnceLock<TlsConfig>,
    key: Option<ApiKey>,
}

impl Client {
    pub(super) fn new(settings: &Settings, key: Option<ApiKey>) -> Self {
        let agent = |proxy: Option<Proxy>| {
            Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .proxy(proxy)
                .user_agent(concat!("plimsoll/", env!("CARGO_PKG_VERSION")))
                .accept_encoding("identity")
                .max_response_header_size(HEADER_BYTES_MAX)
                .timeout_connect(Some(settings.connect_timeout))
                .timeout_recv_response(Some(settings.answer_timeout))
                .timeout_per_read(Some(settings.read_timeout))
                .timeout_per_call(Some(settings.total_timeout))
                .build()
                .new_agent()
        };
        Self {
            agent: agent(Proxy::try_from_env()),
            direct: agent(None),
            secure: OnceLock::new(),
            key,
        }
    }

    /// Sends a request and follows where the answer leads. Whatever the server says, the key is
    /// in no answer that is kept and in no reason that is shown.
    pub(super) fn send(&self, call: &Call) -> Result<Answer, Trouble> {
        let Some(ApiKey(key)) = &self.key else { return self.follow(call) };
        let masked = |text: &str| text.replace(key.as_str(), "[the key]");
        match self.follow(call) {
            Ok(mut answer) => {
                let shows_key = |tag: &str| tag.contains(key.as_str());
                if answer.header(header::ETAG).is_some_and(shows_key) {
                    answer.headers.remove(header::ETAG);
                }
                Ok(answer)
            }
            Err(Trouble::Fatal(reason)) => Err(Trouble::Fatal(masked(&reason))),
            Err(Trouble::Again { reason, after, came }) => {
                Err(Trouble::Again { reason: masked(&reason), after, came })
            }
            Err(other) => Err(other),
        }
    }

    fn follow(&self, call: &Call) -> Result<Answer, Trouble> {
        let start = parse(call.url).map_err(Trouble::fatal)?;
        let mut url = start.clone();
        for _ in 0..=REDIRECTS_MAX {
            let with_key = call.with_key && url.authority() == start.authority();
            let answer = self.send_once(&url, call.how, with_key)?;
            if !answer.status.is_redirection() || answer.status == StatusCode::NOT_MODIFIED {
                return sort(answer);
            }
            let to = answer.header(header::LOCATION).unwrap_or_default();
            let next = join(&url, to).map_err(Trouble::fatal)?;
            if next.scheme() != start.scheme() {
                return Err(Trouble::fatal(format!(
                    "leads from {start} to another scheme: {next}"
                )));
            }
            if matches!(call.how, How::Post(_)) {
                return Err(Trouble::fatal(format!("a question to {start} was sent on to {next}")));
            }
            url = next;
        }
        Err(Trouble::fatal(format!("leads on and on: more than {REDIRECTS_MAX} redirects")))
    }

    fn send_once(&self, url: &Uri, how: How, with_key: bool) -> Result<Answer, Trouble> {
        let method = match how {
            How::Get | How::Rest { .. } => Method::GET,
            How::Head => Method::HEAD,
            How::Post(_) => Method::POST,
        };
        let mut request = Request::builder().method(method).uri(url.clone());
        if let How::Rest { from, validator } = how {
            request = request
                .header(header::RANGE, format!("bytes={from}-"))
                .header(header::IF_RANGE, validator);
        }
        if let Some(key) = self.key.as_ref().filter(|_| with_key) {
            if is_open(url) {
                let host = url.host().unwrap_or_default();
                return Err(Trouble::fatal(format!("the key is not sent to {host} in the open")));
            }
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", key.0));
        }
        let agent = if is_this_machine(url) { &self.direct } else { &self.agent };
        let bad = |error: ureq::http::Error| Trouble::fatal(error.to_string());
        let sent = if let How::Post(text) = how {
            let request = request.header(header::CONTENT_TYPE, "application/json");
            agent.run(self.secured(agent, request.body(text).map_err(bad)?, url)?)
        } else {
            agent.run(self.secured(agent, request.body(()).map_err(bad)?, url)?)
        };
        let (parts, body) = sent.map_err(|error| classify(&error))?.into_parts();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// The request with the certificates of this system, which are read when first needed.
    fn secured<T: ureq::AsSendBody>(
        &self,
        agent: &Agent,
        request: Request<T>,
        url: &Uri,
    ) -> Result<Request<T>, Trouble> {
        if url.scheme_str() != Some("https") {
            return Ok(request);
        }
        let tls = if let Some(tls) = self.secure.get() {
            tls.clone()
        } else {
            let tls = tls()?;
            self.secure.get_or_init(|| tls).clone()
        };
        Ok(agent.configure_request(request).tls_config(tls).build())
    }
}

fn tls() -> Result<TlsConfig, Trouble> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(Trouble::fatal(format!(
            "this system holds no certificates to know servers by{why}; install ca-certificates, or name a file of them in SSL_CERT_FILE"
        )));
    }
    let certificates: Vec<Certificate<'static>> =
        found.certs.iter().map(|cert| Certificate::from_der(cert).to_owned()).collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&certificates))
        .unversioned_rustls_crypto_provider(provider)
        .build())
}

/// An address that this client can go to.
pub(super) fn parse(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|error| format!("`{url}` is no address: {error}"))?;
    let scheme = uri.scheme_str().unwrap_or_default();
    if scheme != "http" && scheme != "https" {
        return Err(format!("`{url}` is not an http or https address"));
    }
    let host = uri.authority().map_or("", ureq::http::uri::Authority::as_str);
    if host.is_empty() || host.contains('@') {
        return Err("an address has a host, and no user or password in it".to_owned());
    }
    Ok(uri)
}

/// Where a `Location` leads from an address.
fn join(from: &Uri, to: &str) -> Result<Uri, String> {
    let scheme = from.scheme_str().unwrap_or("http");
    let authority = from.authority().map_or("", ureq::http::uri::Authority::as_str);
    if to.is_empty() {
        return Err(format!("{from} leads elsewhere without saying where"));
    }
    let text = if to.contains("://") {
        to.to_owned()
    } else if let Some(rest) = to.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if to.starts_with('/') {
        format!("{scheme}://{authority}{to}")
    } else {
        let folder = from.path().rfind('/').map_or("/", |end| &from.path()[..=end]);
        format!("{scheme}://{authority}{folder}{to}")
    };
    parse(&text)
}

/// Whether others on the way could read what is sent.
pub(super) fn is_open(url: &Uri) -> bool {
    url.scheme_str() != Some("https") && !is_this_machine(url)
}

fn is_this_machine(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let is_loopback = |ip: std::net::Ipv4Addr| ip.is_loopback();
    host == "localhost" || host == "[::1]" || host.parse().is_ok_and(is_loopback)
}

/// What the status of an answer means.
fn sort(answer: Answer) -> Result<Answer, Trouble> {
    let status = answer.status.as_u16();
    match status {
        200 | 206 | 304 | 416 => {
            let odd = answer.header(header::TRANSFER_ENCODING);
            let is_known = odd.is_none_or(|word| {
                word.eq_ignore_ascii_case("chunked") || word.eq_ignore_ascii_case("identity")
            });
            let encoding = answer.header(header::CONTENT_ENCODING).unwrap_or("identity");
            let is_plain =
                ["identity", "gzip", ""].iter().any(|e| encoding.eq_ignore_ascii_case(e));
            if is_known && is_plain {
                Ok(answer)
            } else {
                let how = odd.filter(|_| !is_known).unwrap_or(encoding);
                Err(Trouble::fatal(format!("comes in the encoding `{}`", plain_text(how))))
            }
        }
        404 | 410 => Err(Trouble::Missing),
        408 | 425 | 429 | 500..=599 => {
            Err(Trouble::Again { reason: status_text(status), after: wait(&answer), came: false })
        }
        418 => Err(Trouble::fatal(
            "status 418: the venue shuts this address out for some time after too many requests",
        )),
        401 | 403 => Err(Trouble::Refused { status }),
        _ => Err(Trouble::fatal(status_text(status))),
    }
}

fn status_text(status: u16) -> String {
    let code = StatusCode::from_u16(status).ok();
    let words = code.and_then(|code| code.canonical_reason()).unwrap_or_default();
    format!("status {status} {words}").trim_end().to_owned()
}

/// How long a server asks to be left alone. A date counts from the server's own clock.
fn wait(answer: &Answer) -> Option<Duration> {
    let text = answer.header(header::RETRY_AFTER)?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than can be counted is longer than anybody waits.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let now = http_date(answer.header(header::DATE)?)?;
    let seconds = http_date(text)?.checked_sub(now)?;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

/// Seconds since 1970 of a date as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = text.split_once(", ")?;
    let words: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, time, "GMT"] = words.as_slice() else { return None };
    let month = MONTHS.iter().position(|name| name == month)? + 1;
    let date = plimsoll_market::Timestamp::from_date(
        year.parse().ok()?,
        u32::try_from(month).ok()?,
        day.parse().ok()?,
    )?;
    let mut seconds = 0;
    for word in time.split(':') {
        seconds = seconds * 60 + word.parse::<u32>().ok().filter(|&part| part < 61)?;
    }
    Some(date.0 / 1000 + i64::from(seconds))
}

/// A body that ended before it was whole.
pub(super) fn cut(error: &std::io::Error) -> Trouble {
    Trouble::Again { reason: format!("the connection broke: {error}"), after: None, came: false }
}

fn classify(error: &ureq::Error) -> Trouble {
    use ureq::Error;
    match error {
        Error::Timeout(_) => Trouble::again("no answer in time"),
        Error::Io(error) => cut(error),
        Error::HostNotFound => Trouble::again("the host was not found"),
        Error::ConnectionFailed => Trouble::again("no connection"),
        Error::LargeResponseHeader(..) => {
            Trouble::fatal(format!("the header block is longer than {HEADER_BYTES_MAX} bytes"))
        }
        Error::Protocol(_) => Trouble::again(format!("no HTTP: {error}")),
        error => Trouble::fatal(error.to_string()),
    }
}

/// Text of a stranger, as far as it is fit for a line on a terminal.
pub(super) fn plain_text(text: &str) -> String {
    let mut plain: String = text.chars().filter(|c| !c.is_control()).take(160).collect();
    if plain.len() < text.len() && plain.chars().count() == 160 {
        plain.push_str(" ...");
    }
    plain
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_shows_in_no_text() {
        let key = ApiKey::new(" TD.secret\n").unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(..)");
        for bad in ["", "  ", "two words", "line\r\nX-Evil: 1", "\u{e9}"] {
            assert_eq!(ApiKey::new(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn locations_are_followed_from_where_they_stand() {
        let from: Uri = "https://a.example:8443/x/y.zip?z=1".parse().unwrap();
        for (to, expected) in [
            ("https://b.example/q", "https://b.example/q"),
            ("//b.example/q", "https://b.example/q"),
            ("/q?r=2", "https://a.example:8443/q?r=2"),
            ("q.zip", "https://a.example:8443/x/q.zip"),
        ] {
            assert_eq!(join(&from, to).unwrap().to_string(), expected);
        }
        for bad in
            ["", "ftp://b.example/", "file:///etc/passwd", "https://u:p@b.example/", "https://"]
        {
            assert!(join(&from, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dates_of_headers_are_read() {
        // RFC 9110, section 5.6.7.
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        for bad in [
            "",
            "Sun, 06 Nov 1994",
            "Sun, 06 Non 1994 08:49:37 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn text_of_strangers_is_short_and_harmless() {
        assert_eq!(plain_text("a\u{1b}[31mb\nc"), "a[31mbc");
        assert_eq!(plain_text(&"x".repeat(1000)).len(), 164);
    }
}
