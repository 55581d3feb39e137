//! What went wrong between us and a bucket, in words.

use std::error::Error as _;

use url::Url;

use super::Kind;
use crate::registry::credentials::Login;
use crate::registry::http_failure::Failure;

/// The innermost reason of an error, on one line and not too long: services answer with whole XML documents.
pub(super) fn cause(error: &object_store::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let text = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
    let between = |start: &str, end: &str| Some(text.split_once(start)?.1.split_once(end)?.0.to_owned());
    let text = between("<Message>", "</Message>").unwrap_or(text);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The text of an error and of what is behind it.
fn texts(error: &object_store::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join("\n")
}

/// For an answer that broke off.
pub(super) fn broken(error: &object_store::Error) -> Failure {
    Failure::lasting(format!("the connection broke: {}", cause(error)), "check the network, then try again")
}

/// For a request that brought no file, and no answer that there is none.
pub(super) fn failure_of(kind: Kind, error: &object_store::Error, login: &Login, url: &Url) -> Failure {
    let text = texts(error);
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let variables = match kind {
        Kind::S3 => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        Kind::Google => "GOOGLE_APPLICATION_CREDENTIALS",
        Kind::Azure => "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
    };
    match error {
        object_store::Error::Unauthenticated { .. } => login.refused(url),
        object_store::Error::PermissionDenied { .. }
            if has(&["InvalidAccessKeyId", "SignatureDoesNotMatch"]) =>
        {
            Failure::lasting(
                format!("the keys are not accepted: {}", cause(error)),
                format!("check {variables}, or run `rvp login` again"),
            )
        }
        object_store::Error::PermissionDenied { .. } => Failure::lasting(
            format!("no permission: {}", cause(error)),
            "buckets answer so for a missing file too when listing is not allowed: check the URL, then whether these keys may read there",
        ),
        _ if has(&[
            "BareRedirect",
            "without LOCATION",
            "PermanentRedirect",
            "AuthorizationHeaderMalformed",
        ]) =>
        {
            Failure::lasting("the bucket is in another region", "set AWS_REGION to the region of the bucket")
        }
        _ if has(&["169.254.169.254", "metadata.google.internal", "credential provider"]) => {
            Failure::lasting(
                format!("no keys were found: {}", cause(error)),
                format!(
                    "set {variables}, or run `rvp login`; for a public bucket, set AWS_SKIP_SIGNATURE=true"
                ),
            )
        }
        _ if has(&["URL scheme is not allowed"]) => Failure::lasting(
            "its endpoint is http://, where anybody on the way could read along",
            "use https://, or set AWS_ALLOW_HTTP=true",
        ),
        _ if has(&["error sending request", "Connection refused", "dns error", "tcp connect"]) => {
            Failure::lasting(
                format!("no connection: {}", cause(error)),
                "check the network, the proxy, and the endpoint (AWS_ENDPOINT_URL)",
            )
        }
        _ => Failure::lasting(
            cause(error),
            "check the endpoint (AWS_ENDPOINT_URL) and the URL, then try again",
        ),
    }
}

/// The same for a request that was to write.
pub(super) fn write_failure(failure: Failure, error: &object_store::Error) -> Failure {
    let text = texts(error);
    match error {
        object_store::Error::PermissionDenied { .. }
            if !["InvalidAccessKeyId", "SignatureDoesNotMatch"].iter().any(|word| text.contains(word)) =>
        {
            Failure::lasting(
                format!("no permission to write: {}", cause(error)),
                "use keys that may write objects of this bucket; readers need none of those",
            )
        }
        object_store::Error::NotImplemented { .. } => Failure::lasting(
            "the store has no conditional writes",
            "use a store that has them, or name a lock that all who publish share (`--lock FILE`)",
        ),
        _ => failure,
    }
}

/// A bucket that is not there says so in the body of a 404.
pub(super) fn no_bucket(source: &(dyn std::error::Error + 'static)) -> Option<Failure> {
    let text = source.to_string();
    let missing = ["NoSuchBucket", "The specified bucket does not exist", "ContainerNotFound"];
    missing.iter().any(|word| text.contains(word)).then(|| {
        Failure::lasting(
            "there is no such bucket",
            "check its name, and that the region and endpoint (AWS_REGION, AWS_ENDPOINT_URL) are those of the bucket",
        )
    })
}
