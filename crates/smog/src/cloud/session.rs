//! Opening a session with the SDK, and saying exactly why it does not open.

use std::error::Error as StdError;
use std::time::Duration;

use openstack_sdk::AsyncOpenStack;
use openstack_sdk::OpenStackError;
use openstack_sdk::auth::auth_helper::Noop;
use openstack_sdk::config::{Auth, CloudConfig};
use sha2::{Digest, Sha256};

use crate::config::{Credentials, Login, Secret};
use crate::error::{Error, Result};
use crate::hex::hex;

/// One API request may take this long; Nova's synchronous calls wait for an RPC
/// reply of up to 60 s (`[DEFAULT]rpc_response_timeout`).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(70);

pub(super) async fn open(credentials: &Credentials, no_token_cache: bool) -> Result<AsyncOpenStack> {
    if let Some(file) = &credentials.cacert {
        readable_certificates(file, credentials)?;
    }
    let opened = AsyncOpenStack::builder(&sdk_config(credentials))
        .disable_auth_cache(no_token_cache)
        // With a helper, a 401 in mid-run logs in again from the credentials;
        // without one the SDK tries to renew from the expired token first.
        .auth_helper(Noop::default())
        .http_timeout(REQUEST_TIMEOUT)
        .connect()
        .await;
    match opened {
        Ok(session) => Ok(session),
        // The SDK's discovery hides why keystone did not answer: ask it once more.
        Err(OpenStackError::Discovery { .. }) => Err(diagnose(credentials).await),
        Err(why) => Err(translate(&why, credentials)),
    }
}

fn sdk_config(credentials: &Credentials) -> CloudConfig {
    let mut auth = Auth {
        auth_url: Some(credentials.auth_url.clone()),
        user_domain_name: credentials.user_domain_name.clone(),
        user_domain_id: credentials.user_domain_id.clone(),
        project_name: credentials.project_name.clone(),
        project_id: credentials.project_id.clone(),
        project_domain_name: credentials.project_domain_name.clone(),
        project_domain_id: credentials.project_domain_id.clone(),
        ..Auth::default()
    };
    let (kind, secret) = match &credentials.login {
        Login::Password { username, user_id, password } => {
            auth.username = username.clone();
            auth.user_id = user_id.clone();
            auth.password = Some(password.reveal().into());
            ("v3password", password)
        }
        Login::ApplicationCredential { id, name, username, secret, .. } => {
            auth.username = username.clone();
            auth.application_credential_id = id.clone();
            auth.application_credential_name = name.clone();
            auth.application_credential_secret = Some(secret.reveal().into());
            // The credential carries its own scope; keystone refuses a second one.
            auth.project_name = None;
            auth.project_id = None;
            auth.project_domain_id = None;
            auth.project_domain_name = None;
            ("v3applicationcredential", secret)
        }
        Login::Token(token) => {
            auth.token = Some(token.reveal().into());
            ("v3token", token)
        }
        Login::Totp { .. } | Login::MultiFactor(_) => unreachable!("no source makes these logins yet"),
    };
    CloudConfig {
        auth: Some(auth),
        auth_type: Some(kind.into()),
        // The SDK keys its token cache by user and this field, which is otherwise
        // unused here: a changed password must not be answered from the cache.
        profile: Some(fingerprint(secret, &credentials.auth_url)),
        interface: Some(credentials.interface.clone().unwrap_or_else(|| "public".into())),
        region_name: credentials.region.clone(),
        cacert: credentials.cacert.clone(),
        verify: Some(credentials.verify),
        ..CloudConfig::default()
    }
}

fn fingerprint(secret: &Secret, auth_url: &str) -> String {
    let digest =
        Sha256::new().chain_update(auth_url).chain_update([0]).chain_update(secret.reveal()).finalize();
    hex(&digest[..8])
}

fn readable_certificates(file: &str, credentials: &Credentials) -> Result<()> {
    let fail = |message: String| Error::Config {
        place: format!("{} (the cacert of {})", file, credentials.source),
        message,
        hint: Some("OS_CACERT or `cacert:` names a file with PEM certificates".into()),
    };
    let text = std::fs::read(file).map_err(|why| fail(why.to_string()))?;
    match text.windows(11).any(|part| part == b"-----BEGIN ") {
        true => Ok(()),
        false => Err(fail("no PEM certificate in it".into())),
    }
}

/// Ask keystone again, plainly, to learn why it does not answer.
async fn diagnose(credentials: &Credentials) -> Error {
    let client = trusting(credentials).timeout(Duration::from_secs(10));
    let answer = match client.build() {
        Ok(client) => client.get(&credentials.auth_url).send().await,
        Err(why) => Err(why),
    };
    match answer {
        Err(why) => from_transport(&why, &format!("keystone at {}", credentials.auth_url), credentials),
        Ok(answer) => Error::Unreachable {
            what: format!("keystone at {}", credentials.auth_url),
            why: format!(
                "something answers there (HTTP {}), but it is no keystone v3",
                answer.status().as_u16()
            ),
            hint: format!(
                "the URL comes from {}; it usually ends in :5000/v3 or /identity/v3",
                credentials.source
            ),
        },
    }
}

/// An HTTP client that trusts whom these credentials trust.
fn trusting(credentials: &Credentials) -> reqwest::ClientBuilder {
    let client = reqwest::Client::builder().danger_accept_invalid_certs(!credentials.verify);
    if let Some(file) = &credentials.cacert
        && let Ok(pem) = std::fs::read(file)
        && let Ok(certificates) = reqwest::Certificate::from_pem_bundle(&pem)
    {
        return certificates.into_iter().fold(client, reqwest::ClientBuilder::add_root_certificate);
    }
    client
}

/// A client for files of any size: no limit on the whole. Whoever uses it watches for
/// silence (reqwest's `read_timeout` counts from the request's begin, uploads included).
pub(super) fn file_client(credentials: &Credentials) -> Result<reqwest::Client> {
    let client = trusting(credentials).connect_timeout(Duration::from_secs(20)).no_gzip().no_deflate();
    client.build().map_err(|why| Error::Unreachable {
        what: "the image service".into(),
        why: format!("no HTTP client can be made: {}", deepest(&why)),
        hint: "check the system's certificates".into(),
    })
}

fn translate(why: &OpenStackError, credentials: &Credentials) -> Error {
    if let Some(transport) = cause::<reqwest::Error>(why) {
        return from_transport(transport, &format!("keystone at {}", credentials.auth_url), credentials);
    }
    let text = deepest(why);
    let lower = text.to_lowercase();
    let message = if lower.contains("401")
        || lower.contains("unauthorized")
        || lower.contains("requires authentication")
    {
        format!(
            "keystone at {} does not accept user `{}` with the given password or secret",
            credentials.auth_url,
            credentials.user()
        )
    } else {
        format!("cannot log in to keystone at {} as `{}`: {text}", credentials.auth_url, credentials.user())
    };
    Error::Auth {
        message,
        hint: format!(
            "the credentials come from {}: check user, password, project and domains",
            credentials.source
        ),
    }
}

/// Why a request got no answer, for keystone and every other service.
pub(super) fn from_transport(why: &reqwest::Error, what: &str, credentials: &Credentials) -> Error {
    let text = deepest(why);
    let lower = text.to_lowercase();
    if lower.contains("certificate") || lower.contains("unknownissuer") {
        return Error::Untrusted {
            what: what.into(),
            why: match lower.contains("unknownissuer") {
                true => "no known authority signed its certificate".into(),
                false => text,
            },
            hint: "name the authority's certificate with OS_CACERT or `cacert:` in clouds.yaml \
                   (`verify: false` turns the check off)"
                .into(),
        };
    }
    if why.is_timeout() {
        return Error::Unreachable {
            what: what.into(),
            why: "no answer in time".into(),
            hint: "the service may be overloaded, or a firewall drops the packets".into(),
        };
    }
    Error::Unreachable {
        what: what.into(),
        why: text,
        hint: format!("the address comes from {}: check it, and that the service runs", credentials.source),
    }
}

/// The first error of type `T` in the chain.
pub(super) fn cause<'a, T: StdError + 'static>(why: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(why).into_iter().find_map(|why| why.downcast_ref::<T>())
}

/// The last error of the chain: the cause, without the layers' own words.
pub(super) fn deepest(why: &(dyn StdError + 'static)) -> String {
    chain(why).last().map(ToString::to_string).unwrap_or_default()
}

fn chain<'a>(why: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let (mut chain, mut next) = (vec![], Some(why));
    while let Some(why) = next {
        chain.push(why);
        next = why.source();
    }
    chain
}
