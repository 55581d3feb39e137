//! One request to the server of a registry: its redirects, and what it may carry to where they lead.

use std::sync::OnceLock;

use reqwest::header::{AUTHORIZATION, HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode, Url};

use super::credentials::Login;
use super::http_client::{HttpSettings, check_redirect, client_builder};
use super::http_failure::Failure;

/// What asks one server. Its requests need a tokio runtime, and it keeps its connections on the one that it is first used on.
pub(super) struct Requests {
    /// Made for the first request: reading the system's certificates takes longer than a command that asks nothing.
    client: OnceLock<Client>,
    pub settings: HttpSettings,
    pub login: Login,
    base: Url,
}

impl Requests {
    /// For the registry at `base`.
    pub fn new(base: Url, settings: &HttpSettings, login: Login) -> Self {
        Self { client: OnceLock::new(), settings: settings.clone(), login, base }
    }

    fn client(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Redirects are followed here, where it is known what the credentials belong to. Bodies are decoded where their limit is
        // known; those of blobs never are: some servers label a `.tar.gz` as an encoded `.tar`.
        let client = client_builder(&self.base, &self.settings)
            .and_then(|builder| {
                let builder = builder.redirect(Policy::none()).no_gzip();
                builder.build().map_err(|error| Failure::of_error(&error).reason)
            })
            .map_err(|reason| Failure::lasting(reason, "check the proxy and certificate settings"))?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Asks for `url`, and wherever that is moved to. The answer's URL is where it came from. An answer of 401 is a failure.
    pub async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<Response, Failure> {
        let mut url = url.clone();
        for hops in 1.. {
            let response = self.once(Method::GET, &url, headers, Vec::new()).await?;
            let Some(next) = moved_to(&response) else { return Ok(response) };
            check_redirect(&url, &next, hops).map_err(Failure::redirect)?;
            url = next;
        }
        unreachable!("redirects are bounded")
    }

    /// Sends `body` to `url`, which must not move it elsewhere.
    pub async fn post(&self, url: &Url, headers: &HeaderMap, body: Vec<u8>) -> Result<Response, Failure> {
        self.once(Method::POST, url, headers, body).await
    }

    /// One request, which no redirect moves elsewhere.
    pub async fn once(
        &self,
        method: Method,
        url: &Url,
        headers: &HeaderMap,
        body: Vec<u8>,
    ) -> Result<Response, Failure> {
        let mut request = self.client()?.request(method, url.clone()).headers(headers.clone());
        if let Some(authorization) = self.login.authorization(url)? {
            request = request.header(AUTHORIZATION, authorization);
        }
        if !body.is_empty() {
            request = request.body(body);
        }
        let response = request.send().await.map_err(|error| Failure::of_error(&error))?;
        match response.status() {
            StatusCode::UNAUTHORIZED => Err(self.login.refused(url)),
            _ => Ok(response),
        }
    }
}

fn moved_to(response: &Response) -> Option<Url> {
    let moved = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| moved)?;
    // A user name and password in it would be a header for whoever is there.
    let mut next = response.url().join(location.to_str().ok()?).ok()?;
    super::http_client::take_credentials(&mut next);
    Some(next)
}
