//! The page of a project, in both forms of the simple repository API 1.1 (PEP 503, 592, 629, 658, 691, 700, 714, 740).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::ViewsError;
use crate::model::{Artifact, Package, Sha256};
use crate::registry::layout;

pub(super) const API_VERSION: &str = "1.1";

/// Some hosts read a `+` in a path as a space.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'/');

/// What a page says. Field names are those of the JSON form.
#[derive(Serialize)]
pub(super) struct Page<'a> {
    meta: Meta,
    name: &'a str,
    versions: Vec<String>,
    files: Vec<File<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Meta {
    pub api_version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct File<'a> {
    filename: &'a str,
    /// Relative to the project's folder.
    url: String,
    hashes: Hashes,
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_python: Option<&'a str>,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_time: Option<jiff::Timestamp>,
    yanked: Yanked<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    core_metadata: Option<Hashes>,
    /// Relative too, where PEP 740 has a whole URL: a static page does not know where it is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<String>,
}

#[derive(Clone, Copy, Serialize)]
struct Hashes {
    sha256: Sha256,
}

#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
enum Yanked<'a> {
    Plain(bool),
    Reason(&'a str),
}

impl<'a> Page<'a> {
    /// The page of `package`. `metadata` gives the digest of the file with a wheel's metadata, if there is one.
    pub(super) fn new(
        package: &'a Package,
        metadata: impl Fn(&Artifact) -> Result<Option<Sha256>, ViewsError>,
    ) -> Result<Self, ViewsError> {
        let mut files = Vec::new();
        for entry in package.releases.values() {
            for artifact in &entry.artifacts {
                let with_release = entry.release.artifacts.iter().any(|one| one.file == artifact.file);
                let python = artifact.requires_python.as_ref().or(entry.release.requires_python.as_ref());
                files.push(File {
                    filename: &artifact.file,
                    url: relative(&layout::blob(artifact)),
                    hashes: Hashes { sha256: artifact.sha256 },
                    requires_python: python.map(String::as_str),
                    size: artifact.size,
                    // When a file was added to an older release, its entry does not say.
                    upload_time: with_release.then_some(entry.sealed),
                    yanked: match entry.yanked.as_deref() {
                        None => Yanked::Plain(false),
                        Some("") => Yanked::Plain(true),
                        Some(reason) => Yanked::Reason(reason),
                    },
                    core_metadata: metadata(artifact)?.map(|sha256| Hashes { sha256 }),
                    provenance: artifact
                        .provenance
                        .as_ref()
                        .map(|bundle| relative(&layout::blob_of(bundle.blake3, layout::PROVENANCE))),
                });
            }
        }
        Ok(Self {
            meta: Meta { api_version: API_VERSION },
            name: package.name.as_str(),
            versions: package.releases.keys().map(ToString::to_string).collect(),
            files,
        })
    }

    pub(super) fn json(&self) -> Result<String, ViewsError> {
        Ok(serde_json::to_string(self)? + "\n")
    }

    pub(super) fn html(&self) -> String {
        let mut links = String::new();
        for file in &self.files {
            links.push_str(&format!("<a href=\"{}#sha256={}\"", file.url, file.hashes.sha256));
            let mut attribute = |name: &str, value: &str| {
                links.push_str(&format!(" {name}=\"{}\"", escape(value)));
            };
            if let Some(python) = file.requires_python {
                attribute("data-requires-python", python);
            }
            match file.yanked {
                Yanked::Plain(false) => {}
                Yanked::Plain(true) => attribute("data-yanked", ""),
                Yanked::Reason(reason) => attribute("data-yanked", reason),
            }
            if let Some(Hashes { sha256 }) = file.core_metadata {
                // The second is the name before PEP 714, which older clients know.
                for name in ["data-core-metadata", "data-dist-info-metadata"] {
                    attribute(name, &format!("sha256={sha256}"));
                }
            }
            if let Some(url) = &file.provenance {
                attribute("data-provenance", url);
            }
            links.push_str(&format!(">{}</a><br>\n", escape(file.filename)));
        }
        document(self.name, &links)
    }
}

/// The URL of a registry's file, from the folder of a project.
fn relative(path: &str) -> String {
    format!("../../{}", utf8_percent_encode(path, IN_PATH))
}

/// A page of the HTML form with `links` as its body.
pub(super) fn document(title: &str, links: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"pypi:repository-version\" content=\"{API_VERSION}\">\n<title>{0}</title>\n</head>\n\
         <body>\n<h1>{0}</h1>\n{links}</body>\n</html>\n",
        escape(title)
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PackageName, Record};
    use crate::publish::simple_index::{CoreMetadata, parse_page};

    fn package() -> Package {
        let mut package = Package::new(PackageName::python("demo").unwrap());
        let (blake3, sha256) = ("ab".repeat(32), "cd".repeat(32));
        let artifact = |file: &str, more: &str| {
            format!(r#"{{"file":"{file}","size":7,"blake3":"{blake3}","sha256":"{sha256}"{more}}}"#)
        };
        let (local, source) = (
            artifact(
                "demo-1.0+a-py3-none-any.whl",
                &format!(r#","provenance":{{"size":2,"blake3":"{blake3}"}}"#),
            ),
            artifact("demo-1.0.tar.gz", r#","requires-python":"<4""#),
        );
        for line in [
            format!(
                r#"{{"kind":"release","family":"python","name":"demo","version":"1.0","requires-python":">=3.8","artifacts":[{local}]}}"#
            ),
            format!(r#"{{"kind":"add","family":"python","name":"demo","version":"1.0","artifacts":[{source}]}}"#),
            r#"{"kind":"yank","family":"python","name":"demo","version":"1.0","yanked":true,"reason":"<b> & \"c\""}"#
                .to_owned(),
        ] {
            let record = Record::parse(&line).unwrap();
            package.apply("index", 1, record, jiff::Timestamp::UNIX_EPOCH, 0).unwrap();
        }
        package
    }

    #[test]
    fn both_forms_say_what_the_records_say() {
        let package = package();
        let metadata = Sha256::of(b"metadata");
        let page =
            Page::new(&package, |artifact| Ok(artifact.file.ends_with(".whl").then_some(metadata))).unwrap();
        let address = "https://host.example/acme/simple/demo/".parse().unwrap();
        let html = parse_page("text/html", page.html().as_bytes(), &address).unwrap().unwrap();
        let json = page.json().unwrap();
        let mut read =
            parse_page("application/vnd.pypi.simple.v1+json", json.as_bytes(), &address).unwrap().unwrap();
        assert!(
            json.contains(r#""versions":["1.0"]"#) && json.matches("1970-01-01T00:00:00Z").count() == 1,
            "{json}"
        );
        assert_eq!(read.iter_mut().filter_map(|file| file.size.take()).collect::<Vec<_>>(), [7, 7]);
        assert_eq!(read, html);
        let [wheel, source] = &read[..] else { panic!("{read:?}") };
        assert_eq!(wheel.name, "demo-1.0+a-py3-none-any.whl");
        assert_eq!(
            wheel.url.as_str(),
            format!("https://host.example/acme/blobs/ab/{}/demo-1.0%2Ba-py3-none-any.whl", "ab".repeat(32))
        );
        assert_eq!(wheel.metadata, CoreMetadata::Served(Some(metadata)));
        assert_eq!(wheel.requires_python.as_deref(), Some(">=3.8"));
        let provenance = format!("https://host.example/acme/blobs/ab/{}/provenance.json", "ab".repeat(32));
        assert_eq!(wheel.provenance.as_ref().map(url::Url::as_str), Some(provenance.as_str()));
        assert_eq!(source.provenance, None);
        assert_eq!((source.requires_python.as_deref(), source.metadata), (Some("<4"), CoreMetadata::Absent));
        assert!(read.iter().all(|file| file.yanked.as_deref() == Some("<b> & \"c\"")));
    }
}
