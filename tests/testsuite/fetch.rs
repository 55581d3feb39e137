//! Downloads of blobs: in parallel, continued, shared between processes, and never believed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::hostile::{Hostile, answer};
use crate::support::nginx::Nginx;
use crate::support::noise;
use rvp::fetch::{Downloader, Event, FetchError, Fetched, Progress, Silent, Wanted};
use rvp::model::{Artifact, Blake3, Sha256};
use rvp::registry::layout;
use rvp::registry::{DirStore, HttpSettings, HttpStore, Store};
use tokio::runtime::Runtime;

const MEGABYTE: usize = 1 << 20;

fn artifact(file: &str, bytes: &[u8]) -> Artifact {
    Artifact {
        file: file.to_owned(),
        size: bytes.len() as u64,
        blake3: Blake3::of(bytes),
        sha256: Sha256::of(bytes),
        requires: None,
        requires_python: None,
        provenance: None,
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn http(url: &str, nginx: Option<&Nginx>) -> Arc<dyn Store> {
    let settings = HttpSettings {
        read_timeout: Duration::from_secs(5),
        first_backoff: Duration::from_millis(5),
        roots: nginx.map(Nginx::root_certificate).into_iter().collect(),
        ..HttpSettings::default()
    };
    Arc::new(HttpStore::open(url, &settings).unwrap())
}

/// Fetches one artifact into `cache`.
fn fetch(store: &Arc<dyn Store>, artifact: &Artifact, cache: &Path) -> Result<Fetched, FetchError> {
    let runtime = runtime();
    let downloader = Downloader::new(runtime.handle().clone(), cache.to_owned(), Arc::new(Silent), false);
    let wanted = Wanted { store: Arc::clone(store), artifact: artifact.clone() };
    runtime.block_on(downloader.fetch([wanted])).map(|mut fetched| fetched.remove(&artifact.blake3).unwrap())
}

/// The place of a blob in the cache, and of its beginning.
fn in_cache(cache: &Path, artifact: &Artifact) -> (PathBuf, PathBuf) {
    let digest = artifact.blake3.to_string();
    (cache.join(&digest), cache.join(format!("{digest}.part")))
}

fn write_part(cache: &Path, artifact: &Artifact, bytes: &[u8]) {
    let (_, part) = in_cache(cache, artifact);
    fs::write(part, bytes).unwrap();
}

fn with_filters(cache: &Path, test: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
    settings.add_filter(cache.to_str().unwrap(), "CACHE");
    settings.bind(test);
}

#[test]
fn fetches_small_and_large_files_and_then_nothing() {
    let nginx = Nginx::start("");
    let mut contents: Vec<Vec<u8>> = (0..60).map(|seed| noise(seed, 1000 + usize::from(seed))).collect();
    contents.extend((60..70).map(|seed| noise(seed, 2 * MEGABYTE)));
    contents.push(Vec::new());
    let artifacts: Vec<Artifact> =
        contents.iter().map(|bytes| artifact("some-1.0+local.whl", bytes)).collect();
    for (artifact, bytes) in artifacts.iter().zip(&contents) {
        nginx.write(&layout::blob(artifact), bytes);
    }
    let runtime = runtime();
    for url in [nginx.http(), nginx.https()] {
        let cache = tempfile::tempdir().unwrap();
        let store = http(&url, Some(&nginx));
        let downloader =
            Downloader::new(runtime.handle().clone(), cache.path().to_owned(), Arc::new(Silent), true);
        let wanted =
            || artifacts.iter().map(|artifact| Wanted { store: store.clone(), artifact: artifact.clone() });
        let fetched = runtime.block_on(downloader.fetch(wanted().chain(wanted()))).unwrap();
        assert_eq!(fetched.len(), contents.len());
        for (artifact, bytes) in artifacts.iter().zip(&contents) {
            assert!(fs::read(fetched[&artifact.blake3].path()).unwrap() == *bytes);
        }
        let requests = nginx.requests().len();
        assert_eq!(runtime.block_on(downloader.fetch(wanted())).unwrap(), fetched);
        assert_eq!(nginx.requests().len(), requests);
    }
    // The empty one needs no request.
    assert_eq!(nginx.requests().len(), 2 * (contents.len() - 1));
}

#[test]
fn goes_on_where_the_connection_broke() {
    let content = noise(1, 10 * 100_000);
    let wanted = artifact("a.whl", &content);
    let server = Hostile::start(move |_, request, stream| {
        let range = request.split("range: bytes=").nth(1).and_then(|range| range.split('-').next());
        let from: usize = range.map_or(0, |from| from.parse().unwrap());
        let (all, status) = (content.len(), if from == 0 { "200 OK" } else { "206 Partial Content" });
        write!(stream, "HTTP/1.1 {status}\r\nContent-Range: bytes {from}-{}/{all}\r\n", all - 1)?;
        write!(stream, "Content-Length: {}\r\n\r\n", all - from)?;
        stream.write_all(&content[from..all.min(from + 100_000)])
    });
    let cache = tempfile::tempdir().unwrap();
    fetch(&http(&server.url, None), &wanted, cache.path()).unwrap();
    assert_eq!(server.requests().len(), 10);
}

#[test]
fn continues_a_download_that_was_stopped() {
    struct Signal(tokio::sync::mpsc::UnboundedSender<u64>);
    impl Progress for Signal {
        fn report(&self, event: Event<'_>) {
            if let Event::Received(bytes @ 1..) = event {
                let _ = self.0.send(bytes);
            }
        }
    }
    let nginx = Nginx::start("location /blobs/ { limit_rate 4m; }");
    let content = noise(1, 4 * MEGABYTE);
    let wanted = artifact("a.whl", &content);
    nginx.write(&layout::blob(&wanted), &content);
    let cache = tempfile::tempdir().unwrap();
    let store = http(&nginx.http(), None);

    let first = runtime();
    let (sender, mut received) = tokio::sync::mpsc::unbounded_channel();
    let progress = Arc::new(Signal(sender));
    let downloader = Downloader::new(first.handle().clone(), cache.path().to_owned(), progress, false);
    let downloads = downloader.start([Wanted { store: store.clone(), artifact: wanted.clone() }]);
    first.block_on(received.recv()).unwrap();
    drop(downloads);
    drop(first);

    let (_, part) = in_cache(cache.path(), &wanted);
    let kept = fs::metadata(part).unwrap().len();
    assert!(kept > 0 && kept < wanted.size, "{kept}");
    let store = http(&nginx.http(), None);
    let fetched = fetch(&store, &wanted, cache.path()).unwrap();
    assert!(fs::read(fetched.path()).unwrap() == content);
    assert!(
        nginx.requests().last().unwrap().contains(&format!("\"bytes={kept}-\" 206")),
        "{:?}",
        nginx.requests()
    );
}

#[test]
fn a_wrong_beginning_is_thrown_away() {
    let nginx = Nginx::start("");
    let content = noise(1, 5000);
    let wanted = artifact("a.whl", &content);
    nginx.write(&layout::blob(&wanted), &content);
    let store = http(&nginx.http(), None);
    for (wrong, requests) in [(&[b'x'; 2000][..], 2), (&[b'x'; 5000], 1), (&[b'x'; 6000], 1)] {
        let cache = tempfile::tempdir().unwrap();
        write_part(cache.path(), &wanted, wrong);
        let before = nginx.requests().len();
        let fetched = fetch(&store, &wanted, cache.path()).unwrap();
        assert!(fs::read(fetched.path()).unwrap() == content);
        assert_eq!(nginx.requests().len() - before, requests);
    }
}

#[test]
fn passes_a_cache_that_holds_an_old_file() {
    let content = noise(1, 5000);
    let wanted = artifact("a.whl", &content);
    let query = format!("a.whl?{}", wanted.blake3);
    let server = Hostile::start(move |_, request, stream| {
        answer(stream, "200 OK", if request.contains(&query) { &content } else { b"old" })
    });
    let cache = tempfile::tempdir().unwrap();
    fetch(&http(&server.url, None), &wanted, cache.path()).unwrap();
}

#[test]
fn passes_a_cache_that_remembers_an_old_404() {
    let content = noise(1, 5000);
    let wanted = artifact("a.whl", &content);
    let server = Hostile::start(move |_, request, stream| {
        if request.contains('?') {
            answer(stream, "200 OK", &content)
        } else {
            answer(stream, "404 Not Found", b"")
        }
    });
    let cache = tempfile::tempdir().unwrap();
    fetch(&http(&server.url, None), &wanted, cache.path()).unwrap();
}

#[test]
fn says_what_is_wrong_with_a_blob() {
    let nginx = Nginx::start("");
    let content = noise(1, 5000);
    let wanted = artifact("a.whl", &content);
    let store = http(&nginx.http(), None);
    let cache = tempfile::tempdir().unwrap();
    let failure = || fetch(&store, &wanted, cache.path()).unwrap_err().to_string();
    let (finished, part) = in_cache(cache.path(), &wanted);
    with_filters(cache.path(), || {
        insta::assert_snapshot!(failure(), @r"
        http://127.0.0.1:PORT does not have blobs/a5/a5e675e44e4255c9554142837ee7355a94d03731e4f4e514a8706b5cb448f2bd/a.whl, which its index names
          hint: the copy of the registry is incomplete: use another mirror, or copy it again
        ");
        nginx.write(&layout::blob(&wanted), noise(2, 5000));
        insta::assert_snapshot!(failure(), @r"
        blobs/a5/a5e675e44e4255c9554142837ee7355a94d03731e4f4e514a8706b5cb448f2bd/a.whl of http://127.0.0.1:PORT is not what the index says: expected BLAKE3 a5e675e44e4255c9554142837ee7355a94d03731e4f4e514a8706b5cb448f2bd, found 746af52fedbabfacfe19ba63f7d3de9ca7d1a963c922f2ece8c9c4329ee31d12
          hint: that copy is damaged, or was altered on the way: use another mirror, or copy the file again
        ");
        nginx.write(&layout::blob(&wanted), &content[..4000]);
        insta::assert_snapshot!(failure(), @r"
        blobs/a5/a5e675e44e4255c9554142837ee7355a94d03731e4f4e514a8706b5cb448f2bd/a.whl of http://127.0.0.1:PORT is not what the index says: expected 5000 bytes, found 4000 bytes
          hint: that copy is damaged, or was altered on the way: use another mirror, or copy the file again
        ");
        nginx.write(&layout::blob(&wanted), [&content[..], b"more"].concat());
        insta::assert_snapshot!(failure(), @r"
        blobs/a5/a5e675e44e4255c9554142837ee7355a94d03731e4f4e514a8706b5cb448f2bd/a.whl of http://127.0.0.1:PORT is not what the index says: expected 5000 bytes, found more
          hint: that copy is damaged, or was altered on the way: use another mirror, or copy the file again
        ");
    });
    assert!(!finished.exists());
    assert_eq!(fs::metadata(part).unwrap().len(), 0);
    nginx.write(&layout::blob(&wanted), &content);
    fetch(&store, &wanted, cache.path()).unwrap();
}

#[test]
fn a_local_registry_is_used_in_place() {
    let registry = tempfile::tempdir().unwrap();
    let content = noise(1, 200_000);
    let wanted = artifact("a.whl", &content);
    let path = registry.path().join(layout::blob(&wanted));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, &content).unwrap();
    let store: Arc<dyn Store> = Arc::new(DirStore::open(registry.path()).unwrap());
    let cache = registry.path().join("cache");
    assert_eq!(fetch(&store, &wanted, &cache).unwrap(), Fetched::InPlace(path.clone()));
    assert!(!cache.exists());

    let failure = || fetch(&store, &wanted, &cache).unwrap_err().to_string();
    with_filters(registry.path(), || {
        fs::write(&path, noise(2, 200_000)).unwrap();
        insta::assert_snapshot!(failure(), @r"
        blobs/00/00385fc4c6132312d3264f71f4d0c7e8b6fe78ed9129949bbf5015375cbbdfdb/a.whl of CACHE is not what the index says: expected BLAKE3 00385fc4c6132312d3264f71f4d0c7e8b6fe78ed9129949bbf5015375cbbdfdb, found 70e54c7a246af95327975667a77148049c084ce930b5b4b041350d4bd7ccdf52
          hint: that copy is damaged, or was altered on the way: use another mirror, or copy the file again
        ");
        fs::remove_file(&path).unwrap();
        insta::assert_snapshot!(failure(), @r"
        CACHE does not have blobs/00/00385fc4c6132312d3264f71f4d0c7e8b6fe78ed9129949bbf5015375cbbdfdb/a.whl, which its index names
          hint: the copy of the registry is incomplete: use another mirror, or copy it again
        ");
    });
}

#[test]
fn sha256_is_checked_when_asked_for() {
    let nginx = Nginx::start("");
    let content = noise(1, 5000);
    let wanted = Artifact { sha256: Sha256::of(b"another"), ..artifact("a.whl", &content) };
    nginx.write(&layout::blob(&wanted), &content);
    let store = http(&nginx.http(), None);
    let runtime = runtime();
    let cache = tempfile::tempdir().unwrap();
    let fetch = |sha256| {
        let progress = Arc::new(Silent);
        let downloader = Downloader::new(runtime.handle().clone(), cache.path().to_owned(), progress, sha256);
        runtime.block_on(downloader.fetch([Wanted { store: store.clone(), artifact: wanted.clone() }]))
    };
    assert!(fetch(true).unwrap_err().to_string().contains("expected SHA-256"));
    assert!(fetch(false).is_ok());
}

#[test]
fn one_downloads_and_the_others_wait() {
    #[derive(Default)]
    struct Waits(Mutex<usize>);
    impl Progress for Waits {
        fn report(&self, event: Event<'_>) {
            if let Event::Waiting { file: "a.whl" } = event {
                *self.0.lock().unwrap() += 1;
            }
        }
    }
    let nginx = Nginx::start("location /blobs/ { limit_rate 4m; }");
    let content = noise(1, 2 * MEGABYTE);
    let wanted = artifact("a.whl", &content);
    nginx.write(&layout::blob(&wanted), &content);
    let cache = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let waits = Arc::new(Waits::default());
    let downloaders = [(); 3].map(|()| {
        let progress: Arc<dyn Progress> = waits.clone();
        Downloader::new(runtime.handle().clone(), cache.path().to_owned(), progress, false)
    });
    let store = http(&nginx.http(), None);
    let fetched = runtime.block_on(futures::future::join_all(
        downloaders.iter().map(|one| one.fetch([Wanted { store: store.clone(), artifact: wanted.clone() }])),
    ));
    for fetched in fetched {
        assert!(fs::read(fetched.unwrap()[&wanted.blake3].path()).unwrap() == content);
    }
    assert_eq!(nginx.requests().len(), 1);
    assert_eq!(*waits.0.lock().unwrap(), 2);
}

#[test]
fn a_file_damaged_in_the_cache_is_replaced() {
    let nginx = Nginx::start("");
    let content = noise(1, 5000);
    let wanted = artifact("a.whl", &content);
    nginx.write(&layout::blob(&wanted), &content);
    let store = http(&nginx.http(), None);
    let cache = tempfile::tempdir().unwrap();
    let path = fetch(&store, &wanted, cache.path()).unwrap().path().to_owned();
    fs::write(&path, noise(2, 5000)).unwrap();
    assert_eq!(fetch(&store, &wanted, cache.path()).unwrap(), Fetched::Cached(path.clone()));
    assert!(fs::read(path).unwrap() == content);
}

#[test]
fn says_that_the_cache_cannot_be_written() {
    let nginx = Nginx::start("");
    let wanted = artifact("a.whl", b"abc");
    nginx.write(&layout::blob(&wanted), b"abc");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let error = fetch(&http(&nginx.http(), None), &wanted, &folder.path().join("file")).unwrap_err();
    with_filters(folder.path(), || {
        insta::assert_snapshot!(error, @r"
    cannot download a.whl to CACHE/file: File exists (os error 17)
      hint: a file stands where a folder should be: move it away, or choose another cache folder
    ")
    });
}
