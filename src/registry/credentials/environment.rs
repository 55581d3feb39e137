//! `RVP_CREDENTIALS_<NAME>_USERNAME`, `_PASSWORD` and `_TOKEN`, by the name of the registry, and `_URL` to bind them to a place.

use std::ffi::OsString;

use url::Url;

use super::{Credential, CredentialError, Found, covers, credential_prefix, is_private};

/// The beginning of the variables for a registry: `RVP_CREDENTIALS_ACME_TOOLS_` for `acme-tools`.
pub(super) fn variables(registry: &str) -> String {
    format!("RVP_CREDENTIALS_{}_", registry.to_ascii_uppercase().replace('-', "_"))
}

/// What the environment has for the registry of this name at `url`.
///
/// Without `_URL` the variables hold for where the settings say that the registry stands, and there for nothing that
/// others could read on the way.
pub(super) fn find(
    variable: impl Fn(&str) -> Option<OsString>,
    registry: &str,
    url: &Url,
) -> Result<Option<Found>, CredentialError> {
    let variables = variables(registry);
    let text = |field: &str| {
        let variable_name = format!("{variables}{field}");
        match variable(&variable_name).filter(|value| !value.is_empty()).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(CredentialError::Environment {
                variable: variable_name,
                reason: "it is not Unicode".into(),
            }),
        }
    };
    let credential =
        Credential { username: text("USERNAME")?, password: text("PASSWORD")?, token: text("TOKEN")? };
    if credential == Credential::default() {
        return Ok(None);
    }
    if let Some(fault) = credential.fault() {
        return Err(CredentialError::Environment { variable: format!("{variables}*"), reason: fault.into() });
    }
    let prefix = match text("URL")? {
        Some(prefix) => credential_prefix(&prefix)?,
        None if is_private(url) => url.clone(),
        None => return Ok(None),
    };
    let found = Found { credential, prefix, source: format!("{variables}*") };
    Ok(covers(&found.prefix, url).then_some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_in(pairs: &[(&str, &str)], registry: &str, url: &str) -> Option<(String, String)> {
        let variable = |name: &str| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.into());
        let found = find(variable, registry, &Url::parse(url).unwrap()).unwrap()?;
        Some((found.credential.token.unwrap(), found.prefix.to_string()))
    }

    #[test]
    fn a_name_has_variables_that_reach_as_far_as_its_url() {
        let token = ("RVP_CREDENTIALS_ACME_TOOLS_TOKEN", "t");
        let bound = [token, ("RVP_CREDENTIALS_ACME_TOOLS_URL", "https://host/acme")];
        let all = |url: &str| Some(("t".to_owned(), url.to_owned()));
        assert_eq!(find_in(&[token], "acme-tools", "https://host/x/"), all("https://host/x/"));
        assert_eq!(find_in(&bound, "acme-tools", "https://host/acme/one/"), all("https://host/acme"));
        assert_eq!(find_in(&bound, "acme-tools", "https://evil/acme/one/"), None);
        assert_eq!(find_in(&[token], "acme-tools", "http://host/x/"), None);
        assert_eq!(find_in(&[token], "acme-tools", "http://127.0.0.1:80/x/"), all("http://127.0.0.1/x/"));
        assert_eq!(find_in(&[token], "acme", "https://host/x/"), None);
    }
}
