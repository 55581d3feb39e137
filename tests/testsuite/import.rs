//! Import from simple indexes on a real static host.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::support::hostile::{Hostile, answer};
use crate::support::nginx::Nginx;
use crate::support::{Wheel, noise};
use indicatif::ProgressBar;
use rvp::model::{Family, Record, Requirement, Sha256, Target};
use rvp::publish::{Plan, PublishError, ReadArtifacts, Source, Staging, Wanted, plan, read_folder};
use rvp::registry::HttpSettings;

const ANY: &str = "py3-none-any";
const WINDOWS: &str = "cp311-cp311-win_amd64";
const LINUX: &str = "cp311-cp311-manylinux2014_x86_64";

/// Pages are `index.html`, as static mirrors have them.
const HTML: &str = "index index.html; types { text/html html; }";

/// The file name and the bytes of a wheel with no code, and with this many bytes that cannot be compressed.
fn wheel(name: &str, version: &str, tag: &str, requires: &[&str], padding: usize) -> (String, Vec<u8>) {
    let noise = noise(0, padding);
    let wheel = Wheel::without_code(name, version).tag(tag).file(&format!("{name}/noise"), noise);
    let wheel = requires.iter().fold(wheel, |wheel, requirement| wheel.requires(requirement));
    (wheel.file_name(), wheel.bytes())
}

fn target(platform: &str) -> Target {
    Target::new(platform.into(), None, BTreeMap::new(), "3.11", platform.parse().unwrap()).unwrap()
}

fn import(
    url: &str,
    folder: &Path,
    requirements: &[&str],
    platforms: &[&str],
    all_versions: bool,
) -> Result<ReadArtifacts, PublishError> {
    import_from(
        Source::find(&[url.to_owned()], &HttpSettings::default(), &Arc::default())?,
        folder,
        requirements,
        platforms,
        all_versions,
    )
}

fn import_from(
    source: Source,
    folder: &Path,
    requirements: &[&str],
    platforms: &[&str],
    all_versions: bool,
) -> Result<ReadArtifacts, PublishError> {
    let requirements: Vec<Requirement> =
        requirements.iter().map(|text| Requirement::parse(Family::Python, text).unwrap()).collect();
    let targets: Vec<Target> = platforms.iter().map(|platform| target(platform)).collect();
    let wanted = Wanted { requirements: &requirements, targets: &targets, all_versions };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let staging = Staging::beside(&folder.join("registry"))?;
    source.import(runtime.handle(), &wanted, &staging, &ProgressBar::hidden())
}

fn newest(url: &str, folder: &Path, requirement: &str) -> Result<ReadArtifacts, PublishError> {
    import(url, folder, &[requirement], &["win_amd64"], false)
}

fn files(read: &ReadArtifacts) -> Vec<&str> {
    let mut files: Vec<&str> = read.incoming.iter().map(|incoming| incoming.blob.file.as_str()).collect();
    files.sort_unstable();
    files
}

/// One file of an index under construction.
struct Listed {
    project: &'static str,
    file: String,
    bytes: Vec<u8>,
    attributes: &'static str,
    hash: bool,
}

fn listed(project: &'static str, (file, bytes): (String, Vec<u8>)) -> Listed {
    Listed { project, file, bytes, attributes: "", hash: true }
}

/// Writes the files and one HTML page for each project, with relative links.
fn write_html_index(nginx: &Nginx, files: &[Listed]) {
    let mut pages: BTreeMap<&str, String> = BTreeMap::new();
    for Listed { project, file, bytes, attributes, hash } in files {
        nginx.write(&format!("files/{file}"), bytes);
        let hash = if *hash { format!("#sha256={}", Sha256::of(bytes)) } else { String::new() };
        let link = format!("<a href=\"../../files/{file}{hash}\" {attributes}>{file}</a><br>\n");
        pages.entry(project).or_insert_with(|| "<!DOCTYPE html>\n".to_owned()).push_str(&link);
    }
    for (project, page) in pages {
        nginx.write(&format!("simple/{project}/index.html"), page);
    }
}

fn url(nginx: &Nginx) -> String {
    format!("{}/simple", nginx.http())
}

#[test]
fn the_closure_is_that_of_each_target() {
    let nginx = Nginx::start(HTML);
    let tool = &["engine>=1", "colour; sys_platform == 'win32'", "posix-only; sys_platform != 'win32'"];
    write_html_index(
        &nginx,
        &[
            listed("tool", wheel("tool", "1.0", ANY, tool, 0)),
            listed("engine", wheel("engine", "2.0", LINUX, &[], 0)),
            listed("engine", wheel("engine", "1.5", WINDOWS, &[], 0)),
            listed("engine", wheel("engine", "1.5", LINUX, &[], 0)),
            listed("colour", wheel("colour", "1.0", ANY, &[], 0)),
            listed("posix-only", wheel("posix_only", "1.0", ANY, &[], 0)),
        ],
    );
    let folder = tempfile::tempdir().unwrap();
    let read = import(&url(&nginx), folder.path(), &["tool"], &["win_amd64", "manylinux_2_28_x86_64"], false)
        .unwrap();
    assert_eq!(
        files(&read),
        [
            "colour-1.0-py3-none-any.whl",
            "engine-1.5-cp311-cp311-win_amd64.whl",
            "engine-2.0-cp311-cp311-manylinux2014_x86_64.whl",
            "posix_only-1.0-py3-none-any.whl",
            "tool-1.0-py3-none-any.whl",
        ]
    );
    assert_eq!(read.refused.len(), 0);
}

#[test]
fn only_versions_that_fit_together_are_fetched() {
    let nginx = Nginx::start(HTML);
    write_html_index(
        &nginx,
        &[
            listed("app", wheel("app", "2.0", ANY, &["lib>=2"], 0)),
            listed("app", wheel("app", "1.0", ANY, &["lib>=1"], 0)),
            listed("old", wheel("old", "1.0", ANY, &["lib<2"], 0)),
            listed("lib", wheel("lib", "2.0", ANY, &[], 0)),
            listed("lib", wheel("lib", "1.0", ANY, &[], 0)),
        ],
    );
    let folder = tempfile::tempdir().unwrap();
    let read = import(&url(&nginx), folder.path(), &["app", "old"], &["win_amd64"], false).unwrap();
    assert_eq!(
        files(&read),
        ["app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl", "old-1.0-py3-none-any.whl"]
    );
    let error = newest(&url(&nginx), folder.path(), "lib>2").unwrap_err().to_string();
    assert!(error.contains("lib"), "{error}");
}

#[test]
fn metadata_comes_from_the_file_beside_the_wheel_else_by_ranges() {
    let nginx = Nginx::start(HTML);
    let large = wheel("large", "1.0", ANY, &["beside"], 1 << 20);
    let beside = wheel("beside", "1.0", ANY, &[], 1 << 20);
    nginx
        .write("files/beside-1.0-py3-none-any.whl.metadata", Wheel::without_code("beside", "1.0").metadata());
    let attributes = "data-core-metadata=true";
    write_html_index(&nginx, &[listed("large", large), Listed { attributes, ..listed("beside", beside) }]);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(newest(&url(&nginx), folder.path(), "large").unwrap().incoming.len(), 2);
    let requests = nginx.requests();
    let of = |part: &str| requests.iter().filter(|line| line.contains(part)).count();
    assert_eq!(of("beside-1.0-py3-none-any.whl.metadata"), 1, "{requests:#?}");
    assert_eq!(of("beside-1.0-py3-none-any.whl \"-\" 200"), 1, "only the download: {requests:#?}");
    assert!(of("large-1.0-py3-none-any.whl \"bytes=0-0\" 206") == 1, "{requests:#?}");
    assert_eq!(of("large-1.0-py3-none-any.whl \"-\" 200"), 1, "only the download: {requests:#?}");
}

#[test]
fn a_server_without_ranges_gives_the_whole_file_once() {
    let nginx = Nginx::start(&format!("{HTML} max_ranges 0;"));
    write_html_index(&nginx, &[listed("whole", wheel("whole", "1.0", ANY, &[], 1 << 20))]);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(newest(&url(&nginx), folder.path(), "whole").unwrap().incoming.len(), 1);
    let whole =
        nginx.requests().into_iter().filter(|line| line.contains("\"-\" 200") && line.contains(".whl"));
    assert_eq!(whole.count(), 1);
}

#[test]
fn a_metadata_file_with_another_hash_is_refused() {
    let nginx = Nginx::start(HTML);
    nginx.write(
        "files/tool-1.0-py3-none-any.whl.metadata",
        Wheel::without_code("tool", "1.0").requires("evil").metadata(),
    );
    let attributes =
        "data-core-metadata=sha256=0000000000000000000000000000000000000000000000000000000000000000";
    write_html_index(&nginx, &[Listed { attributes, ..listed("tool", wheel("tool", "1.0", ANY, &[], 0)) }]);
    let folder = tempfile::tempdir().unwrap();
    let error = newest(&url(&nginx), folder.path(), "tool").unwrap_err().to_string();
    assert!(error.contains("other bytes than the index says"), "{error}");
}

#[test]
fn a_broken_download_goes_on_where_it_ended() {
    let nginx = Nginx::start(HTML);
    let (file, bytes) = wheel("large", "1.0", ANY, &[], 3 << 20);
    write_html_index(&nginx, &[listed("large", (file.clone(), bytes.clone()))]);
    let folder = tempfile::tempdir().unwrap();
    let staging = Staging::beside(&folder.path().join("registry")).unwrap();
    std::fs::write(staging.folder().join(format!("{file}.part")), &bytes[..2 << 20]).unwrap();
    drop(staging);
    let read = newest(&url(&nginx), folder.path(), "large").unwrap();
    assert_eq!(read.incoming[0].blob.sha256, Sha256::of(&bytes));
    assert!(nginx.requests().iter().any(|line| line.contains("\"bytes=2097152-\" 206")));

    let before = nginx.requests().len();
    newest(&url(&nginx), folder.path(), "large").unwrap();
    let after = &nginx.requests()[before..];
    assert!(after.iter().all(|line| !line.contains("\"-\" 200") || !line.contains(".whl")), "{after:#?}");
}

#[test]
fn a_part_with_wrong_bytes_is_thrown_away() {
    let nginx = Nginx::start(HTML);
    let (file, bytes) = wheel("large", "1.0", ANY, &[], 1 << 20);
    write_html_index(&nginx, &[listed("large", (file.clone(), bytes.clone()))]);
    let folder = tempfile::tempdir().unwrap();
    let staging = Staging::beside(&folder.path().join("registry")).unwrap();
    std::fs::write(staging.folder().join(format!("{file}.part")), vec![7; 4096]).unwrap();
    drop(staging);
    let read = newest(&url(&nginx), folder.path(), "large").unwrap();
    assert_eq!(read.incoming[0].blob.sha256, Sha256::of(&bytes));
}

#[test]
fn all_versions_bring_what_each_needs_and_their_yanks() {
    let nginx = Nginx::start(HTML);
    let yanked = Listed {
        attributes: "data-yanked=\"bad &amp; old\"",
        ..listed("tool", wheel("tool", "1.0", ANY, &[], 0))
    };
    write_html_index(
        &nginx,
        &[
            yanked,
            listed("tool", wheel("tool", "2.0", ANY, &["lib<2"], 0)),
            listed("tool", wheel("tool", "3.0", ANY, &["lib>=2"], 0)),
            listed("tool", wheel("tool", "4.0", ANY, &["nowhere"], 0)),
            listed("tool", wheel("tool", "5.0", LINUX, &[], 0)),
            listed("lib", wheel("lib", "1.0", ANY, &[], 0)),
            listed("lib", wheel("lib", "2.0", ANY, &[], 0)),
        ],
    );
    let folder = tempfile::tempdir().unwrap();
    let read = import(&url(&nginx), folder.path(), &["tool"], &["win_amd64"], true).unwrap();
    assert_eq!(files(&read).len(), 5, "{:?}", files(&read));
    let refused: Vec<&Path> =
        read.refused.iter().flat_map(|refused| &refused.files).map(AsRef::as_ref).collect();
    assert_eq!(refused, [Path::new("tool-4.0-py3-none-any.whl")], "it needs what is nowhere");
    let Plan { staged, .. } = plan(read.incoming, &BTreeMap::new());
    let yanks: Vec<_> = staged
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Yank(yank) => Some((yank.version.as_str(), yank.reason.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(yanks, [("1.0", "bad & old")]);
}

#[test]
fn the_json_form_over_http2_with_a_private_authority_and_a_password() {
    let nginx = Nginx::start(
        "location /simple/ { default_type application/vnd.pypi.simple.v1+json; index page; \
           if ($http_authorization != \"Basic dXNlcjpwQHNz\") { return 401; } }",
    );
    let (file, bytes) = wheel("tool", "1.0", ANY, &[], 0);
    nginx.write(&format!("files/{file}"), &bytes);
    let page = format!(
        r#"{{"meta":{{"api-version":"1.1"}},"name":"tool","files":[{{"filename":"{file}","url":"/files/{file}",
            "hashes":{{"sha256":"{}"}},"size":{},"yanked":false,"requires-python":">=3.8"}}]}}"#,
        Sha256::of(&bytes),
        bytes.len()
    );
    nginx.write("simple/tool/page", page);
    let folder = tempfile::tempdir().unwrap();
    let import = |user: &str| {
        let url = format!("{}/simple/", nginx.https().replace("://", &format!("://{user}")));
        let http = HttpSettings { roots: vec![nginx.root_certificate()], ..HttpSettings::default() };
        import_from(
            Source::find(&[url], &http, &Arc::default())?,
            folder.path(),
            &["tool"],
            &["win_amd64"],
            false,
        )
    };
    let error = import("").unwrap_err().to_string();
    assert!(error.contains("401") && error.contains("hint"), "{error}");
    let read = import("user:p%40ss@").unwrap();
    assert!(nginx.requests().iter().all(|line| line.starts_with("HTTP/2.0")));
    assert_eq!(files(&read), [file]);
}

#[test]
fn what_is_no_index_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let error_of = |head: &'static str, body: &'static str| {
        let host = Hostile::start(move |_, _, stream| answer(stream, head, body.as_bytes()));
        newest(&host.url, folder.path(), "tool").unwrap_err().to_string()
    };
    let plain = error_of("200 OK\r\nContent-Type: text/plain", "hello");
    assert!(plain.contains("content type is `text/plain`"), "{plain}");
    let json = error_of("200 OK\r\nContent-Type: application/vnd.pypi.simple.v1+json", "<html>");
    assert!(json.contains("not JSON of the simple repository API"), "{json}");
    let proxy = error_of("407 Proxy Authentication Required", "");
    assert!(proxy.contains("407") && proxy.contains("HTTPS_PROXY"), "{proxy}");
    let missing = error_of("404 Not Found", "");
    assert!(missing.contains("tool"), "{missing}");
    let login = error_of("200 OK\r\nContent-Type: text/html", "<html><a href=\"/login\">Log in</a></html>");
    assert!(login.contains("tool"), "{login}");
    let scheme = newest("ftp://index.example/simple", folder.path(), "tool").unwrap_err().to_string();
    assert!(scheme.contains("not the URL of a simple index"), "{scheme}");
}

#[test]
fn a_server_with_a_passing_problem_is_asked_again() {
    let nginx = Nginx::start(HTML);
    write_html_index(&nginx, &[listed("tool", wheel("tool", "1.0", ANY, &[], 0))]);
    let page = std::fs::read_to_string(nginx.root().join("simple/tool/index.html")).unwrap();
    let page = page.replace("../../files", &format!("{}/files", nginx.http()));
    let host = Hostile::start(move |number, _, stream| match number {
        0 => answer(stream, "503 Service Unavailable\r\nRetry-After: 0", b""),
        _ => answer(stream, "200 OK\r\nContent-Type: text/html", page.as_bytes()),
    });
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(newest(&host.url, folder.path(), "tool").unwrap().incoming.len(), 1);
}

#[test]
fn a_folder_is_read_to_its_depth_and_what_is_bad_in_it_is_refused_alone() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, bytes: &[u8]| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let (good, bytes) = wheel("good", "1.0", ANY, &[], 0);
    write(&format!("deep/er/{good}"), &bytes);
    let (_, other) = wheel("other", "1.0", ANY, &[], 0);
    write("swapped-1.0-py3-none-any.whl", &other);
    let (cut, bytes) = wheel("cut", "1.0", ANY, &[], 5000);
    write(&cut, &bytes[..bytes.len() / 2]);
    let (altered, mut bytes) = wheel("altered", "1.0", ANY, &[], 5000);
    bytes[2500] ^= 1;
    write(&altered, &bytes);
    write("notes.txt", b"not a package");
    write("photos.zip", b"PK\x05\x06");

    let read =
        read_folder(folder.path(), |_| BTreeMap::from([("revit".to_owned(), ">=2024".to_owned())])).unwrap();
    assert_eq!(files(&read), [good]);
    assert_eq!(read.incoming[0].release.hosts["revit"], ">=2024");
    let refused: Vec<_> = read.refused.iter().map(|refused| refused.files[0].file_name().unwrap()).collect();
    assert_eq!(
        refused,
        [
            "altered-1.0-py3-none-any.whl",
            "cut-1.0-py3-none-any.whl",
            "photos.zip",
            "swapped-1.0-py3-none-any.whl"
        ]
    );
    assert!(read_folder(&folder.path().join("nowhere"), |_| BTreeMap::new()).is_err());
}
