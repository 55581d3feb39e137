//! The HTML form of a project's page (PEP 503, 592, 629, 658, 714).

use url::Url;

use super::page::{CoreMetadata, IndexFile, PageError, check_api_version, file_name_of};

/// Reads the page that was served at `address`. Links that are not files are left out, as browsers pass them over.
pub fn parse(text: &str, address: &Url) -> Result<Vec<IndexFile>, PageError> {
    let document =
        tl::parse(text, tl::ParserOptions::default()).map_err(|error| PageError::Html(error.to_string()))?;
    let mut base = address.clone();
    let mut files = Vec::new();
    for tag in document.nodes().iter().filter_map(tl::Node::as_tag) {
        let name = tag.name().as_utf8_str();
        if name.eq_ignore_ascii_case("meta") {
            if attribute(tag, "name").as_deref() == Some("pypi:repository-version") {
                check_api_version(&attribute(tag, "content").unwrap_or_default())?;
            }
        } else if name.eq_ignore_ascii_case("base") {
            if let Some(href) = attribute(tag, "href") {
                base = address.join(href.trim()).map_err(|_| PageError::Base(href))?;
            }
        } else if name.eq_ignore_ascii_case("a") {
            files.extend(file_of(tag, &base));
        }
    }
    Ok(files)
}

fn file_of(tag: &tl::HTMLTag, base: &Url) -> Option<IndexFile> {
    let mut url = base.join(attribute(tag, "href")?.trim()).ok()?;
    let sha256 = url.fragment().and_then(|fragment| fragment.strip_prefix("sha256=")?.parse().ok());
    url.set_fragment(None);
    // The name before PEP 714; `data-core-metadata` wins where both stand.
    let metadata = attribute(tag, "data-core-metadata").or_else(|| attribute(tag, "data-dist-info-metadata"));
    Some(IndexFile {
        name: file_name_of(&url)?,
        url,
        sha256,
        size: None,
        requires_python: attribute(tag, "data-requires-python").filter(|text| !text.is_empty()),
        yanked: attribute(tag, "data-yanked"),
        provenance: attribute(tag, "data-provenance").and_then(|text| base.join(text.trim()).ok()),
        metadata: match metadata.as_deref() {
            None | Some("false") => CoreMetadata::Absent,
            Some(text) => CoreMetadata::Served(text.strip_prefix("sha256=").and_then(|hex| hex.parse().ok())),
        },
    })
}

/// The value of an attribute, decoded; empty where it stands without one. Names are compared as HTML does.
fn attribute(tag: &tl::HTMLTag, name: &str) -> Option<String> {
    tag.attributes()
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| decode(&value.unwrap_or_default()))
}

/// Replaces the character references that generators of indexes write: the five named ones and all numeric ones.
fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        let reference = rest.find(';').and_then(|end| Some((character(&rest[1..end])?, end)));
        match reference {
            Some((character, end)) => {
                decoded.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                decoded.push('&');
                rest = &rest[1..];
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

/// The character that the text between `&` and `;` stands for.
fn character(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = reference.strip_prefix('#')?;
            let hexadecimal = number.strip_prefix(['x', 'X']);
            let code = match hexadecimal {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_at(text: &str) -> Vec<IndexFile> {
        parse(text, &"https://index.example/simple/demo/".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_link_of_the_usual_kind() {
        let digest = "0a".repeat(32);
        let files = parse_at(&format!(
            r#"<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.3"><title>Links</title></head>
            <body><h1>Links for demo</h1>
            <a href="https://files.example/aa/demo-1.0-py3-none-any.whl#sha256={digest}" data-requires-python="&gt;=3.8,&lt;4"
               data-dist-info-metadata="sha256={digest}" data-core-metadata="sha256={digest}">demo-1.0-py3-none-any.whl</a><br/>
            </body></html>"#
        ));
        let [file] = &files[..] else { panic!("{files:?}") };
        assert_eq!(file.name, "demo-1.0-py3-none-any.whl");
        assert_eq!(file.url.as_str(), "https://files.example/aa/demo-1.0-py3-none-any.whl");
        assert_eq!(file.sha256.unwrap().to_string(), digest);
        assert_eq!(file.requires_python.as_deref(), Some(">=3.8,<4"));
        assert_eq!(file.yanked, None);
        assert_eq!(file.metadata, CoreMetadata::Served(file.sha256));
    }

    #[test]
    fn attestations_are_found_by_their_link() {
        let files = parse_at(r#"<a href="demo-1.0.tar.gz" data-provenance="/integrity/demo">demo</a>"#);
        let url = files[0].provenance.as_ref().unwrap();
        assert_eq!(url.as_str(), "https://index.example/integrity/demo");
    }

    #[test]
    fn relative_links_upper_case_and_a_missing_hash() {
        let files = parse_at(
            r#"<HTML><BODY><A HREF='../../packages/Demo_Pkg-1.0.tar.gz' DATA-YANKED>x</A>
            <a href="demo-1.1%2Blocal.tar.gz#md5=00" data-yanked="bad &amp; &#34;broken&#x22;">y</a></BODY></HTML>"#,
        );
        assert_eq!(files[0].url.as_str(), "https://index.example/packages/Demo_Pkg-1.0.tar.gz");
        assert_eq!((files[0].sha256, files[0].yanked.as_deref()), (None, Some("")));
        assert_eq!(files[1].name, "demo-1.1+local.tar.gz");
        assert_eq!(files[1].yanked.as_deref(), Some("bad & \"broken\""));
        assert_eq!(files[1].sha256, None);
    }

    #[test]
    fn the_base_tag_moves_relative_links() {
        let files = parse_at(r#"<base href="/mirror/"><a href="demo-1.0.tar.gz">demo</a>"#);
        assert_eq!(files[0].url.as_str(), "https://index.example/mirror/demo-1.0.tar.gz");
    }

    #[test]
    fn links_that_are_not_files_are_passed_over() {
        let files = parse_at(
            r#"<a>no href</a><a href="https://">bad</a><a href="..">up</a><a href="a/..%2F..%2Fetc%2Fpasswd">no</a>
            <a href="mailto:someone@example">mail</a>"#,
        );
        assert_eq!(files, []);
    }

    #[test]
    fn another_major_version_is_refused() {
        let page = r#"<meta name="pypi:repository-version" content="2.0">"#;
        let error = parse(page, &"https://index.example/".parse().unwrap()).unwrap_err();
        assert!(matches!(error, PageError::Version(_)));
    }

    #[test]
    fn references_that_are_none_stay_as_they_are() {
        assert_eq!(decode("a&b;&#xD800;&#99999999999;&lt&"), "a&b;&#xD800;&#99999999999;&lt&");
    }
}
