//! A server that misbehaves on purpose: everything whole, or refused with its reason, and nothing
//! half-written.

use std::path::PathBuf;
use std::time::Duration;

use plimsoll_ingest::download::Status;

use crate::download::{MONTHLY, Scene, archive_server, archives};
use crate::server::{Reply, Server, etag};

#[test]
fn what_is_cut_off_is_continued() {
    let body = archives()[MONTHLY].clone();
    let tag = etag(&body);
    let third = body.len() / 3;
    let server = Server::misbehaving(archives().clone(), move |asked| {
        let first = asked.is_for("2024-12.zip") && asked.nth == 0;
        first.then(|| Reply::cut(&body, third, Some(&tag)))
    });
    let scene = Scene::new(&server);
    assert_eq!(scene.one().status, Status::Fetched);
    scene.assert_whole(MONTHLY);
    let asked: Vec<_> = server.asked().into_iter().filter(|a| a.is_for("2024-12.zip")).collect();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].headers["range"], format!("bytes={third}-"));
    assert_eq!(asked[1].headers["if-range"], etag(&archives()[MONTHLY]));
}

#[test]
fn what_a_run_before_left_is_continued() {
    let body = archives()[MONTHLY].clone();
    let (tag, half) = (etag(&body), body.len() / 2);
    let cut = body.clone();
    let broken = Server::misbehaving(archives().clone(), move |asked| match asked {
        asked if asked.is_for("2024-12.zip") && asked.nth == 0 => {
            Some(Reply::cut(&cut, half, Some(&tag)))
        }
        asked if asked.is_for("2024-12.zip") => Some(Reply::status(503)),
        _ => None,
    });
    let mut scene = Scene::new(&broken);
    let reason = scene.failure();
    assert!(reason.contains("status 503") && reason.contains("tried 6 times"), "{reason}");
    assert_eq!(scene.leftovers().len(), 2, "the part and what it is of");

    let server = archive_server();
    scene.request.base_url = Some(server.url());
    assert_eq!(scene.one().status, Status::Fetched);
    scene.assert_whole(MONTHLY);
    let range = server.asked().iter().find_map(|asked| asked.headers.get("range").cloned());
    assert_eq!(range, Some(format!("bytes={half}-")));
}

#[test]
fn a_part_of_a_file_that_is_another_now_is_begun_again() {
    // The server ignores the range, answers it for another version, or gives another part.
    let body = &archives()[MONTHLY];
    for how in ["ignores", "replaced", "shifted", "unsatisfiable", "garbage"] {
        let (old, half) = (vec![b'o'; body.len()], body.len() / 2);
        let server = Server::misbehaving(archives().clone(), move |asked| {
            if !asked.is_for("2024-12.zip") {
                return None;
            }
            let now = archives()[MONTHLY].clone();
            match (asked.nth, how) {
                (0, "replaced") => Some(Reply::cut(&old, half, Some("\"old\""))),
                (0, _) => Some(Reply::cut(&now, half, Some(&etag(&now)))),
                (1, "ignores") => Some(Reply::Plain(200, Vec::new(), now)),
                (1, "shifted") => {
                    let range = format!("bytes {}-{}/{}", half - 9, now.len() - 1, now.len());
                    let headers = vec![("Content-Range", range), ("ETag", etag(&now))];
                    Some(Reply::Plain(206, headers, now[half - 9..].to_vec()))
                }
                (1, "unsatisfiable") => Some(Reply::status(416)),
                (1, "garbage") => {
                    let headers = vec![("Content-Range", "bytes all of it".to_owned())];
                    Some(Reply::Plain(206, headers, now[half..].to_vec()))
                }
                _ => None,
            }
        });
        let scene = Scene::new(&server);
        assert_eq!(scene.one().status, Status::Fetched, "{how}");
        scene.assert_whole(MONTHLY);
    }
}

#[test]
fn bytes_without_a_version_are_not_continued() {
    let body = archives()[MONTHLY].clone();
    let server = Server::misbehaving(archives().clone(), move |asked| {
        let tag = (asked.nth == 1).then_some("W/\"weak\"");
        (asked.is_for("2024-12.zip") && asked.nth < 2)
            .then(|| Reply::cut(&body, body.len() - 1, tag))
    });
    let scene = Scene::new(&server);
    assert_eq!(scene.one().status, Status::Fetched);
    scene.assert_whole(MONTHLY);
    assert!(server.asked().iter().all(|asked| !asked.headers.contains_key("range")));
}

#[test]
fn wrong_lengths_are_never_taken() {
    // Announces more than there is, each time.
    let server = Server::misbehaving(archives().clone(), |asked| {
        let body = &archives()[MONTHLY];
        asked.is_for("2024-12.zip").then(|| {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len() + 5);
            Reply::Raw([head.as_bytes(), body].concat())
        })
    });
    let reason = Scene::new(&server).failure();
    assert!(reason.contains("tried 6 times"), "{reason}");

    // Announces less: the checksum tells.
    let server = Server::misbehaving(archives().clone(), |asked| {
        let body = &archives()[MONTHLY];
        asked.is_for("2024-12.zip").then(|| {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len() - 5);
            Reply::Raw([head.as_bytes(), body].concat())
        })
    });
    let scene = Scene::new(&server);
    let reason = scene.failure();
    assert!(reason.contains("the checksum file says"), "{reason}");
    assert_eq!(scene.leftovers(), Vec::<PathBuf>::new());

    // No length at all, and the end of the connection too early.
    let server = Server::misbehaving(archives().clone(), |asked| {
        let body = &archives()[MONTHLY];
        (asked.is_for("2024-12.zip") && asked.nth < 2)
            .then(|| Reply::Raw([b"HTTP/1.1 200 OK\r\n\r\n", &body[..body.len() / 2]].concat()))
    });
    let scene = Scene::new(&server);
    assert_eq!(scene.one().status, Status::Fetched);
    scene.assert_whole(MONTHLY);
}

#[test]
fn pieces_in_chunks_are_put_together() {
    let server = Server::misbehaving(archives().clone(), |asked| {
        let body = &archives()[MONTHLY];
        let is_cut = asked.nth == 0;
        asked.is_for("2024-12.zip").then(|| {
            let mut text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for piece in body.chunks(1000) {
                text.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                text.extend_from_slice(piece);
                text.extend_from_slice(b"\r\n");
            }
            if !is_cut {
                text.extend_from_slice(b"0\r\n\r\n");
            }
            Reply::Raw(text)
        })
    });
    let scene = Scene::new(&server);
    assert_eq!(scene.one().status, Status::Fetched);
    scene.assert_whole(MONTHLY);
    assert_eq!(server.count("GET", "2024-12.zip"), 2);
}

#[test]
fn a_wrong_checksum_is_never_taken() {
    let wrong = format!("{}  BTCUSDT-1h-2024-12.zip\n", "0".repeat(64));
    let server = archive_server();
    server.put(&format!("{MONTHLY}.CHECKSUM"), wrong.as_bytes());
    let scene = Scene::new(&server);
    let reason = scene.failure();
    assert!(
        reason.contains("the checksum file says 0000") && reason.contains("3 times"),
        "{reason}"
    );
    assert_eq!(server.count("GET", "2024-12.zip"), 3);
    assert_eq!(scene.leftovers(), Vec::<PathBuf>::new());

    for (text, word) in [
        ("<html>not a checksum</html>".to_owned(), "not one line of 64 digits"),
        (format!("{}  BTCUSDT-1m-2024-12.zip", "0".repeat(64)), "of another file"),
        ("0".repeat(10_000), "longer than 4096 bytes"),
    ] {
        server.put(&format!("{MONTHLY}.CHECKSUM"), text.as_bytes());
        let reason = Scene::new(&server).failure();
        assert!(reason.contains(word), "{reason}");
    }

    // Replaced between the checksum and the file.
    let server = Server::misbehaving(archives().clone(), move |asked| {
        (asked.is_for(".CHECKSUM") && asked.nth == 0)
            .then(|| Reply::Plain(200, Vec::new(), wrong.clone().into_bytes()))
    });
    let scene = Scene::new(&server);
    assert_eq!(scene.one().status, Status::Fetched);
    scene.assert_whole(MONTHLY);
}

#[test]
fn a_file_without_its_checksum_is_told() {
    let mut files = archives().clone();
    files.remove(&format!("{MONTHLY}.CHECKSUM"));
    let server = Server::of(files);
    let file = Scene::new(&server).one();
    assert_eq!(file.status, Status::Fetched);
    assert_eq!(file.note.as_deref(), Some("the server has no checksum file for it"));

    // Then its own end has to vouch for it.
    let cut = archives()[MONTHLY][..500].to_vec();
    server.put(MONTHLY, &cut);
    let reason = Scene::new(&server).failure();
    assert!(reason.contains("damaged or cut off"), "{reason}");
}

#[test]
fn storms_of_429_and_500_are_waited_out() {
    for (status, headers) in [
        (429, vec![("Retry-After", "2".to_owned())]),
        (429, Vec::new()),
        (500, Vec::new()),
        (
            503,
            vec![
                ("Date", "Thu, 05 Dec 2024 22:25:00 GMT".to_owned()),
                ("Retry-After", "Thu, 05 Dec 2024 22:25:03 GMT".to_owned()),
            ],
        ),
    ] {
        let server = Server::misbehaving(archives().clone(), move |asked| {
            (asked.nth < 5).then(|| Reply::Plain(status, headers.clone(), b"busy".to_vec()))
        });
        let scene = Scene::new(&server);
        assert_eq!(scene.one().status, Status::Fetched, "{status}");
        scene.assert_whole(MONTHLY);
    }
    let server = Server::misbehaving(archives().clone(), |asked| {
        asked
            .is_for("12.zip")
            .then(|| Reply::Plain(429, vec![("Retry-After", "7200".to_owned())], Vec::new()))
    });
    let reason = Scene::new(&server).failure();
    assert!(reason.contains("asks to wait 7200 s"), "{reason}");
    assert_eq!(server.count("GET", "12.zip"), 1);
}

#[test]
fn a_wait_that_is_asked_for_is_kept() {
    let server = Server::misbehaving(archives().clone(), |asked| {
        (asked.is_for("12.zip") && asked.nth == 0)
            .then(|| Reply::Plain(429, vec![("Retry-After", "1".to_owned())], Vec::new()))
    });
    let mut scene = Scene::new(&server);
    scene.settings.time_scale = 1.0;
    scene.settings.backoff = Duration::ZERO;
    let begin = std::time::Instant::now();
    assert_eq!(scene.one().status, Status::Fetched);
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

#[test]
fn refusals_are_not_repeated() {
    for (status, word) in [
        (400, "status 400"),
        (403, "does not give it to this user"),
        (418, "shuts this address out"),
        (451, "status 451"),
    ] {
        let server = Server::misbehaving(archives().clone(), move |asked| {
            asked.is_for("12.zip").then(|| Reply::status(status))
        });
        let reason = Scene::new(&server).failure();
        assert!(reason.contains(word), "{reason}");
        assert_eq!(server.count("GET", "12.zip"), 1);
    }
}

#[test]
fn slow_servers_are_given_up_or_outlasted() {
    // Nothing at all, then a body that stops in the middle, then all of it slowly.
    let server = Server::misbehaving(archives().clone(), |asked| {
        let body = &archives()[MONTHLY];
        let head = |tag: &str| {
            let length = body.len();
            format!("HTTP/1.1 200 OK\r\nETag: {tag}\r\nContent-Length: {length}\r\n\r\n")
                .into_bytes()
        };
        if !asked.is_for("12.zip") {
            return None;
        }
        match asked.nth {
            0 => Some(Reply::Silence(Duration::from_millis(1500))),
            1 => Some(Reply::Pieces(
                head("W/\"x\""),
                vec![body[..1000].to_vec(), Vec::new()],
                Duration::from_millis(1500),
            )),
            _ => {
                let pieces = body.chunks(body.len() / 8 + 1).map(<[u8]>::to_vec).collect();
                Some(Reply::Pieces(head(&etag(body)), pieces, Duration::from_millis(30)))
            }
        }
    });
    let scene = Scene::new(&server);
    assert_eq!(scene.one().status, Status::Fetched);
    scene.assert_whole(MONTHLY);

    // A byte at a time is never a file in the time there is.
    let server = Server::misbehaving(archives().clone(), |asked| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n".to_vec();
        let pieces = vec![vec![b'x']; 1000];
        asked.is_for("12.zip").then_some(Reply::Pieces(head, pieces, Duration::from_millis(20)))
    });
    let mut scene = Scene::new(&server);
    scene.settings.total_timeout = Duration::from_millis(300);
    scene.settings.tries = 2;
    let reason = scene.failure();
    assert!(reason.contains("tried 2 times"), "{reason}");
}

#[test]
fn bodies_without_end_are_cut_short() {
    for head in
        ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"]
    {
        let server = Server::misbehaving(archives().clone(), move |asked| {
            asked.is_for("12.zip").then(|| Reply::Endless(head.as_bytes().to_vec()))
        });
        let mut scene = Scene::new(&server);
        scene.settings.file_bytes_max = 300_000;
        let reason = scene.failure();
        assert!(reason.contains("300000"), "{reason}");
        assert_eq!(server.count("GET", "12.zip"), 1);
        assert_eq!(scene.leftovers(), Vec::<PathBuf>::new());
    }
}

#[test]
fn hostile_answers_are_refused() {
    let huge = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(200_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(5_000));
    for (answer, word) in [
        (huge.as_bytes(), ""),
        (many.as_bytes(), ""),
        (b"\x00\xff\xfe not HTTP at all\r\n\r\n", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nxxxxx", ""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "encoding"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", "encoding `br`"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "without saying where"),
        (b"", ""),
    ] {
        let answer = answer.to_vec();
        let server = Server::misbehaving(archives().clone(), move |asked| {
            asked.is_for("12.zip").then(|| Reply::Raw(answer.clone()))
        });
        let reason = Scene::new(&server).failure();
        assert!(reason.contains(word) && !reason.contains('\u{0}'), "{reason}");
        assert!(reason.len() < 400, "{reason}");
    }
}

#[test]
fn redirects_are_followed_within_limits() {
    // Within the host, by path alone, and to another host.
    let elsewhere = archive_server();
    let target = format!("{}/{MONTHLY}", elsewhere.url());
    let server = Server::misbehaving([], move |asked| match asked {
        asked if asked.path == MONTHLY => Some(Reply::redirect("second")),
        asked if asked.is_for("1h/second") => Some(Reply::redirect("/third")),
        asked if asked.path == "third" => Some(Reply::redirect(&target)),
        asked if asked.is_for(".CHECKSUM") => Some(Reply::redirect(format!("{target}.CHECKSUM"))),
        _ => None,
    });
    let mut scene = Scene::new(&server);
    assert_eq!(scene.run().files.len(), 31, "nothing is listed there");
    scene = Scene::new(&server);
    let listed = archives()[MONTHLY].clone();
    server.put(MONTHLY, &listed);
    assert_eq!(scene.one().status, Status::Fetched);
    scene.assert_whole(MONTHLY);

    for (to, word) in [
        ("/again", "leads on and on"),
        ("https://127.0.0.1:1/x", "another scheme"),
        ("ftp://127.0.0.1/x", "not an http or https address"),
        ("file:///etc/passwd", "is no address"),
        ("http://user:word@127.0.0.1/x", "no user or password"),
    ] {
        let server = Server::misbehaving(archives().clone(), move |asked| {
            let is_asked = asked.is_for("12.zip") || asked.path == "again";
            is_asked.then(|| Reply::redirect(to))
        });
        let reason = Scene::new(&server).failure();
        assert!(reason.contains(word), "{reason}");
        assert!(server.asked().len() < 12);
    }
}

#[test]
fn a_body_packed_on_the_way_is_unpacked() {
    use std::io::Write;
    let server = Server::misbehaving(archives().clone(), |asked| {
        let pack = |bytes: &[u8]| {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(bytes).unwrap();
            packer.finish().unwrap()
        };
        let path = if asked.path.is_empty() { return None } else { &asked.path };
        let packed = pack(&archives()[path]);
        let headers = vec![("Content-Encoding", "gzip".to_owned()), ("ETag", "\"g\"".to_owned())];
        if asked.is_for("12.zip") && asked.nth == 0 {
            let head = format!(
                "HTTP/1.1 200 OK\r\nETag: \"g\"\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                packed.len()
            );
            return Some(Reply::Raw([head.as_bytes(), &packed[..packed.len() / 2]].concat()));
        }
        Some(Reply::Plain(200, headers, packed))
    });
    let scene = Scene::new(&server);
    assert_eq!(scene.one().status, Status::Fetched);
    scene.assert_whole(MONTHLY);
    assert!(server.asked().iter().all(|asked| !asked.headers.contains_key("range")));
    assert!(server.asked().iter().all(|asked| asked.headers["accept-encoding"] == "identity"));
}
