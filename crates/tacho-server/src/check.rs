//! Settings against what they name: the files and addresses that a start would stumble over.
//!
//! Nothing is opened for good, listened on or sent to; a server that runs may use the same settings
//! meanwhile. Not for what the settings say by themselves, which is checked when they are read.

use crate::forward;
use crate::outgoing::Auth;
use crate::run::RunError;
use crate::scrape::client::Client;
use crate::scrape::settings::{ClientSettings, Discovery, Job};
use crate::settings::Settings;
use crate::tls::Certificate;

/// What a start would refuse is an error. What it would go on without, and try again, is told.
pub fn check(settings: &Settings) -> Result<Vec<String>, RunError> {
    let tls = settings.server.tls.as_ref();
    tls.map(Certificate::load).transpose()?;
    let mut told = Vec::new();
    forward::check(&settings.forward, &[settings.server.listen])?;
    for one in &settings.forward {
        told.extend(unreadable(&one.auth, &format!("forward `{}`", one.name)));
    }
    for job in &settings.scrape.jobs {
        told.extend(of_job(job));
    }
    Ok(told)
}

/// What keeps a job's targets from being asked.
fn of_job(job: &Job) -> Vec<String> {
    let by_http = job
        .discovery
        .iter()
        .filter_map(|discovery| match discovery {
            Discovery::Http { client, .. } => Some(&**client),
            Discovery::Static(_) | Discovery::Files { .. } => None,
        });
    let clients = std::iter::once(&job.client).chain(by_http);
    let of = |client: &ClientSettings| {
        let what = format!("job `{}`", job.name);
        let unusable = Client::new(client, job.interval).err();
        let unusable = unusable.map(|error| format!("{what}: {error}"));
        unusable.into_iter().chain(unreadable(&client.auth, &what))
    };
    clients.flat_map(of).collect()
}

fn unreadable(auth: &Auth, what: &str) -> Option<String> {
    let error = auth.check().err()?;
    Some(format!("{what}: {error}"))
}
