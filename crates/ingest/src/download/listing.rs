//! What a bucket says that it holds: the pages of an S3 listing.

use std::collections::{BTreeMap, BTreeSet};

use quick_xml::Reader;
use quick_xml::events::Event;

use super::Settings;
use super::http::{Call, Client, How};
use super::retry::{GivenUp, Trouble, with_retries};

/// A page of a thousand keys takes some 400 kB.
const PAGE_BYTES_MAX: u64 = 8 << 20;
/// Two million keys.
const PAGES_MAX: usize = 2_000;

/// One page.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    /// Keys and sizes in bytes.
    keys: Vec<(String, u64)>,
    is_truncated: bool,
}

/// The sizes of those of the wanted files below a prefix that are there.
pub(super) fn list(
    client: &Client,
    settings: &Settings,
    base: &str,
    prefix: &str,
    wanted: &BTreeSet<&str>,
) -> Result<BTreeMap<String, u64>, GivenUp> {
    let mut found = BTreeMap::new();
    let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else { return Ok(found) };
    // The marker itself is left out of a page: the shorter word comes just before `first`.
    let mut marker = first.strip_suffix(".zip").unwrap_or(first).to_owned();
    for stream in 0..PAGES_MAX {
        let url = format!("{base}/?prefix={prefix}&marker={marker}&max-keys=1000");
        let page = with_retries(settings, stream as u64, || {
            let answer = client.send(&Call { url: &url, how: How::Get, with_key: false })?;
            parse(&answer.bytes(PAGE_BYTES_MAX)?)
        })?;
        let Some((end, _)) = page.keys.last().cloned() else {
            if page.is_truncated {
                let reason = "a page of the listing is empty though more should follow";
                return Err(GivenUp::Failed(reason.to_owned()));
            }
            return Ok(found);
        };
        if end <= marker {
            return Err(GivenUp::Failed("a page of the listing repeats the one before".to_owned()));
        }
        found.extend(page.keys.into_iter().filter(|(key, _)| wanted.contains(key.as_str())));
        if !page.is_truncated || end.as_str() > *last {
            return Ok(found);
        }
        marker = end;
    }
    Err(GivenUp::Failed(format!("the listing has more than {PAGES_MAX} pages")))
}

/// Reads a `ListBucketResult`. Other elements than those needed are passed over; anything that is
/// not well-formed, and any other document, is refused.
fn parse(bytes: &[u8]) -> Result<Page, Trouble> {
    let bad = |why: &str| Trouble::fatal(format!("is no listing of a bucket: {why}"));
    let text = std::str::from_utf8(bytes).map_err(|_| bad("not UTF-8"))?;
    let mut reader = Reader::from_str(text);
    let mut page = Page::default();
    let mut path: Vec<String> = Vec::new();
    let (mut key, mut size) = (String::new(), String::new());
    let mut truncated = String::new();
    let mut is_listing = false;
    loop {
        let event = reader.read_event().map_err(|error| bad(&error.to_string()))?;
        match event {
            Event::Start(start) => {
                let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                if path.is_empty() && name != "ListBucketResult" {
                    return Err(bad("another document"));
                }
                is_listing = true;
                if name == "Contents" {
                    (key, size) = (String::new(), String::new());
                }
                path.push(name);
                if path.len() > 8 {
                    return Err(bad("nested too deeply"));
                }
            }
            Event::Text(piece) => {
                let piece = piece.decode().map_err(|error| bad(&error.to_string()))?;
                match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                    [_, "Contents", "Key"] => key.push_str(&piece),
                    [_, "Contents", "Size"] => size.push_str(&piece),
                    [_, "IsTruncated"] => truncated.push_str(&piece),
                    _ => {}
                }
            }
            // `&amp;` and the like: no file that is looked for has one in its name.
            Event::GeneralRef(_) if path.last().is_some_and(|name| name == "Key") => key.push('&'),
            Event::End(_) if path.pop().as_deref() == Some("Contents") => {
                let size = size.trim().parse().map_err(|_| bad("a size is no number"))?;
                page.keys.push((std::mem::take(&mut key), size));
            }
            Event::DocType(_) => return Err(bad("it declares entities")),
            Event::Eof => break,
            _ => {}
        }
    }
    if !is_listing || !path.is_empty() {
        return Err(bad("it ends too early"));
    }
    page.is_truncated = truncated.trim() == "true";
    if !page.keys.is_sorted() {
        return Err(bad("its keys are not in order"));
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>data.binance.vision</Name>
<Prefix>data/</Prefix><Marker></Marker><MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated>
<Contents><Key>data/a&amp;b.zip</Key><LastModified>2024-01-02T03:04:05.000Z</LastModified><ETag>&quot;9b&quot;</ETag><Size>1234</Size><StorageClass>STANDARD</StorageClass></Contents>
<Contents><Key>data/b.zip</Key><Size>5</Size></Contents></ListBucketResult>"#;
        let keys = vec![("data/a&b.zip".to_owned(), 1234), ("data/b.zip".to_owned(), 5)];
        assert_eq!(parse(text.as_bytes()), Ok(Page { keys, is_truncated: true }));
    }

    #[test]
    fn hostile_pages_are_refused() {
        let list = |inner: &str| format!("<ListBucketResult>{inner}</ListBucketResult>");
        let bomb = r#"<!DOCTYPE a [<!ENTITY x "xxxxxxxx"><!ENTITY y "&x;&x;&x;">]>"#;
        for text in [
            String::new(),
            "<html><body>Not here</body></html>".to_owned(),
            "<ListBucketResult><Contents><Key>a</Key>".to_owned(),
            format!("{bomb}{}", list("<Name>&y;</Name>")),
            list("<Contents><Key>a</Key><Size>many</Size></Contents>"),
            list("<Contents><Key>a</Key><Size>-1</Size></Contents>"),
            list(
                "<Contents><Key>b</Key><Size>1</Size></Contents><Contents><Key>a</Key><Size>1</Size></Contents>",
            ),
            list(&"<a>".repeat(100)),
            list("</b>"),
        ] {
            assert!(matches!(parse(text.as_bytes()), Err(Trouble::Fatal(_))), "{text}");
        }
        assert!(parse(b"<ListBucketResult>\xff\xfe</ListBucketResult>").is_err());
    }
}
