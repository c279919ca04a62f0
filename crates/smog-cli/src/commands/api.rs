use smog::cloud::{Call, Microversion, Service};
use smog::{Error, ExitCode};

use crate::output::{self, Form};
use crate::session::Session;

/// Make a raw API call to any service, with smog's authentication and retries
///
/// Examples:
///   smog api GET compute /servers/detail --query all_tenants=1
///   smog api POST compute /servers/ID/action --body '{"os-stop": null}'
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct ApiArgs {
    /// GET, POST, PUT, PATCH or DELETE
    method: Method,
    /// The service
    service: Named,
    /// The path below the service's root; a query may follow a `?`, encoded as in any URL
    path: String,
    /// The JSON body
    #[arg(long, value_name = "JSON", value_parser = json)]
    body: Option<serde_json::Value>,
    /// A query parameter, to be encoded; may be given several times
    #[arg(long = "query", value_name = "KEY=VALUE", value_parser = crate::args::key_value::key_and_value)]
    query: Vec<(String, String)>,
    /// The microversion [default: the newest both know, for compute and placement]
    #[arg(long, value_name = "VERSION")]
    microversion: Option<Microversion>,
}

#[derive(Debug, Clone, Copy, PartialEq, clap::ValueEnum)]
#[value(rename_all = "UPPER")]
enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Named {
    Compute,
    Image,
    Network,
    Placement,
    Identity,
    BlockStorage,
}

fn json(text: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(text).map_err(|why| smog::json_words(&why))
}

pub async fn run(args: ApiArgs, session: &Session) -> Result<ExitCode, Error> {
    let service = match args.service {
        Named::Compute => Service::Compute,
        Named::Image => Service::Image,
        Named::Network => Service::Network,
        Named::Placement => Service::Placement,
        Named::Identity => Service::Identity,
        Named::BlockStorage => Service::BlockStorage,
    };
    if !args.path.starts_with('/') {
        return Err(Error::Invalid {
            what: format!("path `{}`", args.path),
            why: "it does not begin with `/`".into(),
            hint: None,
        });
    }
    let cloud = session.cloud().await?;
    let version = match (args.microversion, service) {
        (Some(version), _) => Some(version),
        (None, Service::Compute) => Some(cloud.compute_microversion().await?),
        (None, Service::Placement) => Some(cloud.placement_microversion().await?),
        (None, _) => None,
    };
    let (path, query) = match args.path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (args.path.as_str(), None),
    };
    let mut call = Call::get(service, path);
    call.method = match args.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    }
    .parse()
    .map_err(|_| Error::Invalid { what: "method".into(), why: "unknown".into(), hint: None })?;
    // What is typed behind `?` is a part of a URL, and encoded as one already.
    call.encoded_query = query.filter(|query| !query.is_empty()).map(str::to_string);
    call.query.extend(args.query);
    call.body = args.body;
    call.microversion = version;
    let answer = cloud.call(call).await?;
    if !answer.body.is_null() {
        // What the cloud sent, whole: a table would have to leave something out.
        output::machine(&answer.body, if session.view.form == Form::Yaml { Form::Yaml } else { Form::Json })?;
    }
    Ok(ExitCode::Ok)
}
