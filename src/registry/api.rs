//! A JSON API that belongs to where a registry stands, as that of the forge of a git repository, asked with the registry's credentials.

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use super::credentials::{Credential, Found, Login, Sources, is_private};
use super::http_client::HttpSettings;
use super::http_failure::{Again, Failure};
use super::http_request::Requests;
use super::retry::{TRIES, backoff};

/// The most bytes of an answer.
const MAX_ANSWER: usize = 16 << 20;

/// Where the token for an API may come from.
pub(crate) struct TokenSources<'a> {
    /// Asked first, for the API itself.
    pub sources: Option<&'a Sources>,
    /// The registry as it is written, for messages.
    pub location: &'a str,
    /// The registry's repository, where whoever keeps its server keeps the API's too: its credentials are asked for next.
    pub repository: Option<&'a Url>,
    /// What variables of the environment hold, with their names.
    pub variables: Vec<(&'static str, String)>,
}

/// An API, and the token for it. Its requests need a tokio runtime with time and network.
pub(crate) struct Api {
    asking: Requests,
}

/// What it answers, whatever its status but 401.
pub(crate) struct ApiAnswer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Api {
    /// The API at `base`, below which the token goes and nowhere else. None where there is no token.
    pub fn open(
        base: &Url,
        settings: &HttpSettings,
        tokens: TokenSources<'_>,
    ) -> Result<Option<Self>, Failure> {
        let Some(found) = find(base, &tokens)? else { return Ok(None) };
        let login = Login::to_api(base.clone(), tokens.location, found, tokens.sources.cloned());
        Ok(Some(Self { asking: Requests::new(base.clone(), settings, login) }))
    }

    /// Asks once more where that can do no harm: never again where something may have been made.
    pub async fn ask(
        &self,
        method: Method,
        url: &Url,
        headers: &HeaderMap,
        body: Option<&Value>,
    ) -> Result<ApiAnswer, Failure> {
        let mut tries = 1;
        loop {
            let failure = match self.once(method.clone(), url, headers, body).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let wait = match failure.again {
                _ if method == Method::POST || tries == TRIES => return Err(failure),
                Again::No => return Err(failure),
                Again::AfterBackoff => backoff(self.asking.settings.first_backoff, tries),
                Again::After(wait) => wait,
            };
            tokio::time::sleep(wait).await;
            tries += 1;
        }
    }

    async fn once(
        &self,
        method: Method,
        url: &Url,
        headers: &HeaderMap,
        body: Option<&Value>,
    ) -> Result<ApiAnswer, Failure> {
        let mut response = match body {
            None => self.asking.get(url, headers).await?,
            Some(body) => {
                let mut headers = headers.clone();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                self.asking.once(method, url, &headers, body.to_string().into_bytes()).await?
            }
        };
        let status = response.status();
        if status.is_server_error() {
            let Failure { reason, again, .. } = Failure::of_status(status, response.headers());
            return Err(Failure { reason, hint: "the server has a problem: try again later".into(), again });
        }
        let headers = std::mem::take(response.headers_mut());
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| Failure::of_error(&error))? {
            if bytes.len() + piece.len() > MAX_ANSWER {
                return Err(Failure::lasting(
                    format!("the answer has more than {MAX_ANSWER} bytes"),
                    "check that the URL is that of an API",
                ));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(ApiAnswer { status, headers, body: bytes })
    }
}

fn find(base: &Url, tokens: &TokenSources<'_>) -> Result<Option<Found>, Failure> {
    // Where others could read along, only what is stored for that very place is sent.
    let repository = tokens.repository.filter(|_| is_private(base));
    if let Some(sources) = tokens.sources {
        for place in [Some(base), repository].into_iter().flatten() {
            let found = sources.find(place).map_err(|error| {
                let (reason, hint) = error.parts();
                Failure::lasting(reason, hint)
            })?;
            if let Some(Found { credential, prefix, source }) = found {
                // An API takes as a token what git takes as a password.
                let prefix = if place == base { prefix } else { base.clone() };
                let token = credential.token.or(credential.password);
                let credential = Credential { token, ..Credential::default() };
                return Ok(Some(Found { credential, prefix, source }));
            }
        }
    }
    if !is_private(base) {
        return Ok(None);
    }
    let set = tokens.variables.iter().find(|(_, token)| !token.is_empty());
    Ok(set.map(|(variable, token)| Found {
        credential: Credential { token: Some(token.clone()), ..Credential::default() },
        prefix: base.clone(),
        source: (*variable).to_owned(),
    }))
}
