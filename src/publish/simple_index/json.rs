//! The JSON form of a project's page (PEP 691, PEP 700).

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::page::{CoreMetadata, IndexFile, PageError, check_api_version, is_file_name};

#[derive(Deserialize)]
struct Page {
    meta: Meta,
    files: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Meta {
    api_version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
    requires_python: Option<String>,
    size: Option<u64>,
    yanked: Option<Flag<String>>,
    provenance: Option<String>,
    core_metadata: Option<Flag<BTreeMap<String, String>>>,
    /// The name of `core-metadata` before PEP 714.
    dist_info_metadata: Option<Flag<BTreeMap<String, String>>>,
}

/// The API's "a boolean, or more than that".
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag<T> {
    Plain(bool),
    Value(T),
}

impl<T> Flag<T> {
    /// None for false; for true, what stands in place of it.
    fn value(self, plain: T) -> Option<T> {
        match self {
            Flag::Plain(set) => set.then_some(plain),
            Flag::Value(value) => Some(value),
        }
    }
}

/// Reads the page that was served at `address`. Files whose name or URL cannot be used are left out.
pub fn parse(text: &[u8], address: &Url) -> Result<Vec<IndexFile>, PageError> {
    let page: Page = serde_json::from_slice(text).map_err(|error| PageError::Json(error.to_string()))?;
    check_api_version(&page.meta.api_version)?;
    Ok(page.files.into_iter().filter_map(|file| file.into_index_file(address)).collect())
}

impl File {
    fn into_index_file(self, address: &Url) -> Option<IndexFile> {
        if !is_file_name(&self.filename) {
            return None;
        }
        let mut url = address.join(&self.url).ok()?;
        url.set_fragment(None);
        let sha256 =
            |hashes: &BTreeMap<String, String>| hashes.get("sha256").and_then(|hex| hex.parse().ok());
        let provenance = self.provenance.and_then(|url| address.join(&url).ok());
        let metadata = self.core_metadata.or(self.dist_info_metadata);
        Some(IndexFile {
            name: self.filename,
            url,
            sha256: sha256(&self.hashes),
            size: self.size,
            requires_python: self.requires_python.filter(|text| !text.is_empty()),
            provenance,
            yanked: self.yanked.and_then(|yanked| yanked.value(String::new())),
            metadata: metadata
                .and_then(|flag| flag.value(BTreeMap::new()))
                .map_or(CoreMetadata::Absent, |hashes| CoreMetadata::Served(sha256(&hashes))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_at(text: &str) -> Result<Vec<IndexFile>, PageError> {
        parse(text.as_bytes(), &"https://index.example/simple/demo/".parse().unwrap())
    }

    #[test]
    fn every_field_is_read() {
        let digest = "ab".repeat(32);
        let page = format!(
            r#"{{"meta":{{"api-version":"1.1"}},"name":"demo","versions":["1.0"],"files":[
              {{"filename":"demo-1.0-py3-none-any.whl","url":"../../files/demo-1.0-py3-none-any.whl","size":1234,
                "hashes":{{"md5":"00","sha256":"{digest}"}},"requires-python":">=3.8","yanked":false,
                "core-metadata":{{"sha256":"{digest}"}},"upload-time":"2024-01-01T00:00:00Z"}},
              {{"filename":"demo-0.9.tar.gz","url":"https://files.example/demo-0.9.tar.gz#x","hashes":{{}},
                "yanked":"broken build","dist-info-metadata":true}},
              {{"filename":"../evil-1.0.tar.gz","url":"e","hashes":{{}}}}]}}"#
        );
        let files = parse_at(&page).unwrap();
        assert_eq!(files.len(), 2, "a name with a path in it is left out");
        assert_eq!(files[0].url.as_str(), "https://index.example/files/demo-1.0-py3-none-any.whl");
        assert_eq!(files[0].sha256.unwrap().to_string(), digest);
        assert_eq!((files[0].size, files[0].yanked.as_deref()), (Some(1234), None));
        assert_eq!(files[0].metadata, CoreMetadata::Served(files[0].sha256));
        assert_eq!(files[1].url.as_str(), "https://files.example/demo-0.9.tar.gz");
        assert_eq!(files[1].yanked.as_deref(), Some("broken build"));
        assert_eq!(files[1].metadata, CoreMetadata::Served(None));
    }

    #[test]
    fn core_metadata_false_outweighs_its_old_name() {
        let page = r#"{"meta":{"api-version":"1.0"},"files":[{"filename":"demo-1.0-py3-none-any.whl","url":"d",
            "hashes":{},"core-metadata":false,"dist-info-metadata":true}]}"#;
        assert_eq!(parse_at(page).unwrap()[0].metadata, CoreMetadata::Absent);
    }

    #[test]
    fn another_major_version_or_another_document_is_refused() {
        let newer = r#"{"meta":{"api-version":"2.0"},"files":[]}"#;
        assert!(matches!(parse_at(newer), Err(PageError::Version(_))));
        assert!(matches!(parse_at("<html>"), Err(PageError::Json(_))));
        assert!(matches!(parse_at(r#"{"error":"no"}"#), Err(PageError::Json(_))));
    }
}
