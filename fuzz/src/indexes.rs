//! Pages of other people's simple indexes.

use rvp::publish::simple_index::{IndexFile, PageError, parse_page};
use url::Url;

pub fn simple_html(data: &[u8]) {
    check(parse_page("text/html", data, &address()));
}

pub fn simple_json(data: &[u8]) {
    check(parse_page("application/vnd.pypi.simple.v1+json", data, &address()));
}

fn address() -> Url {
    Url::parse("https://index.example/simple/acme-walls/").expect("a URL")
}

/// Names are plain file names, and nothing but the URL's own parts tells where a file is.
fn check(page: Option<Result<Vec<IndexFile>, PageError>>) {
    let Ok(files) = page.expect("a content type of pages") else { return };
    for file in files {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+!".contains(c);
        assert!(file.name.chars().all(plain) && !file.name.starts_with('.'), "{}", file.name);
        assert!(file.url.fragment().is_none());
    }
}
