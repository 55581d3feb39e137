//! The client of a bucket: its keys, endpoint, limits and certificates.

use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, Certificate, ClientOptions, ObjectStore, RetryConfig};
use url::Url;

use super::Kind;
use super::failure::cause;
use crate::registry::credentials::Credential;
use crate::registry::http_client::{HttpSettings, is_loopback};
use crate::registry::http_failure::Failure;
use crate::registry::retry::TRIES;

/// The client of a bucket, as `variables` configure it, and with `credential` instead of theirs.
pub(super) fn connect(
    kind: Kind,
    name: &str,
    variables: &[(String, String)],
    credential: Option<&Credential>,
    settings: &HttpSettings,
) -> Result<Arc<dyn ObjectStore>, Failure> {
    let value = |names: &[&str]| {
        variables.iter().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value)
    };
    let endpoint = value(&[
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT",
        "AZURE_STORAGE_ENDPOINT",
        "AZURE_ENDPOINT",
    ]);
    let loopback = endpoint.and_then(|url| Url::parse(url).ok()).is_some_and(|url| is_loopback(&url));
    let allowed = value(&["AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP"]).is_some_and(|value| value == "true");
    let options = client_options(settings)?.with_allow_http(loopback || allowed);
    let retries = retries(settings);
    let Credential { username, password, token } = credential.cloned().unwrap_or_default();
    let built: object_store::Result<Arc<dyn ObjectStore>> = match kind {
        Kind::S3 => {
            let mut builder = AmazonS3Builder::new().with_bucket_name(name);
            for (key, value) in configuration(variables) {
                builder = builder.with_config(key, value);
            }
            if let (Some(key), Some(secret)) = (username, password) {
                builder = builder.with_access_key_id(key).with_secret_access_key(secret);
            }
            if let Some(token) = token {
                builder = builder.with_token(token);
            }
            builder
                .with_client_options(options)
                .with_retry(retries)
                .build()
                .map(|bucket| Arc::new(bucket) as _)
        }
        Kind::Google => {
            let mut builder = GoogleCloudStorageBuilder::new().with_bucket_name(name);
            for (key, value) in configuration(variables) {
                builder = builder.with_config(key, value);
            }
            if let Some(bearer) = token {
                let credential = object_store::gcp::GcpCredential { bearer };
                builder = builder
                    .with_credentials(Arc::new(object_store::StaticCredentialProvider::new(credential)));
            }
            builder
                .with_client_options(options)
                .with_retry(retries)
                .build()
                .map(|bucket| Arc::new(bucket) as _)
        }
        Kind::Azure => {
            let mut builder = MicrosoftAzureBuilder::new().with_container_name(name);
            for (key, value) in configuration(variables) {
                builder = builder.with_config(key, value);
            }
            if let (Some(account), Some(key)) = (username, password) {
                builder = builder.with_account(account).with_access_key(key);
            } else if let Some(token) = token {
                builder = builder.with_bearer_token_authorization(token);
            }
            builder
                .with_client_options(options)
                .with_retry(retries)
                .build()
                .map(|bucket| Arc::new(bucket) as _)
        }
    };
    let wrong = "check the AWS_*, GOOGLE_* or AZURE_* variables of the environment";
    built.map_err(|error| Failure::lasting(cause(&error), wrong))
}

/// The variables that a kind of bucket knows, as its own settings.
fn configuration<K: std::str::FromStr>(variables: &[(String, String)]) -> impl Iterator<Item = (K, &str)> {
    variables
        .iter()
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value.as_str())))
}

/// The limits and certificates of `settings`; proxies are those of the system.
fn client_options(settings: &HttpSettings) -> Result<ClientOptions, Failure> {
    let mut options = ClientOptions::new()
        .with_connect_timeout(settings.connect_timeout)
        .with_read_timeout(settings.read_timeout)
        .with_timeout_disabled();
    for root in &settings.roots {
        let unreadable = |fault: String| {
            let reason = format!("the certificates in {} cannot be read: {fault}", root.display());
            Failure::lasting(reason, "check the certificate settings")
        };
        let pem = std::fs::read(root).map_err(|fault| unreadable(fault.to_string()))?;
        for certificate in
            Certificate::from_pem_bundle(&pem).map_err(|fault| unreadable(fault.to_string()))?
        {
            options = options.with_root_certificate(certificate);
        }
    }
    Ok(options)
}

fn retries(settings: &HttpSettings) -> RetryConfig {
    let backoff = BackoffConfig { init_backoff: settings.first_backoff, ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: TRIES as usize - 1, ..RetryConfig::default() }
}
