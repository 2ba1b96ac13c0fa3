//! Tachograph and a Prometheus with the same samples, asked the same.

use super::answer::{Answer, When};
use super::classes::{Smallest, class};
use super::compare::{Difference, difference};
use super::data::{FIRST, SPAN};
use super::grammar::Query;
use super::tally::{Outcome, Tally};
use crate::remote_write::{send, snappy};
use crate::support::prometheus::Prometheus;
use crate::support::{Home, PATIENCE, QUIET, Server, eventually};

/// Both servers.
pub(crate) struct Pair {
    ours: Server,
    theirs: Prometheus,
    agent: ureq::Agent,
    _home: Home,
}

impl Pair {
    /// Both, with this body of remote write.
    pub(crate) fn holding(body: &[u8]) -> Self {
        let home = Home::with(&format!("{QUIET}storage: {{retention: forever}}\n"));
        let ours = home.start(&[]);
        let theirs = Prometheus::alone(&home);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .proxy(None)
            .build()
            .new_agent();
        eventually("Prometheus is up", || theirs.query("1"));
        let body = snappy(body);
        assert_eq!(send(&ours, &body).status, 204);
        let sent = agent
            .post(format!("{}/api/v1/write", theirs.url()))
            .header("Content-Encoding", "snappy")
            .header("Content-Type", "application/x-protobuf")
            .header("X-Prometheus-Remote-Write-Version", "0.1.0")
            .send(&body[..]);
        let mut sent = sent.unwrap();
        let told = sent.body_mut().read_to_string().unwrap();
        assert_eq!(sent.status(), 204, "{told}");
        Self {
            ours,
            theirs,
            agent,
            _home: home,
        }
    }

    fn asked(&self, url: &str, query: &str, when: When) -> Answer {
        let numbers = |pairs: &[(&'static str, i64)]| -> Vec<(&'static str, String)> {
            pairs
                .iter()
                .map(|(name, millis)| (*name, format!("{}.{:03}", millis / 1_000, millis % 1_000)))
                .collect()
        };
        let (path, times) = match when {
            When::At(time) => ("query", numbers(&[("time", time)])),
            When::Over { start, end, step } => (
                "query_range",
                numbers(&[("start", start), ("end", end), ("step", step)]),
            ),
        };
        let request = self
            .agent
            .get(format!("{url}/api/v1/{path}"))
            .query("query", query);
        let request = times
            .iter()
            .fold(request, |request, (name, text)| request.query(name, text));
        let mut answer = request
            .call()
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        let body = answer.body_mut().with_config().limit(1 << 28).read_json();
        Answer::of(&body.unwrap_or_else(|error| panic!("{query}: {error}")))
    }

    fn both(&self, query: &str, when: When) -> (Answer, Answer) {
        let ours = self.asked(&self.ours.url(), query, when);
        (ours, self.asked(self.theirs.url(), query, when))
    }

    /// Asks both, and counts what came of it.
    pub(crate) fn compare(&self, query: &Query, when: When, tally: &mut Tally) {
        let (ours, theirs) = self.both(&query.text, when);
        let outcome = match difference(query, when, &ours, &theirs) {
            None => match &ours {
                Answer::Failed { .. } => Outcome::BothFailed(ours.failure().unwrap_or_default()),
                Answer::Found { series, .. } if series.is_empty() => Outcome::BothEmpty,
                Answer::Found { .. } => Outcome::Equal,
            },
            Some(found) => {
                let mut classes = Vec::new();
                let mut unknown = Vec::new();
                self.triage(
                    query,
                    when,
                    (found, ours, theirs),
                    &mut classes,
                    &mut unknown,
                );
                match classes.first() {
                    Some(class) if unknown.is_empty() => Outcome::Known(class),
                    _ => Outcome::Unknown(format!(
                        "{}\n    {when:?}\n{}",
                        query.text,
                        unknown.concat()
                    )),
                }
            }
        };
        tally.count(outcome);
    }

    /// Finds the smallest parts that differ, and their classes; of those that have none it tells.
    fn triage(
        &self,
        query: &Query,
        when: When,
        (difference_here, ours, theirs): (Difference, Answer, Answer),
        classes: &mut Vec<&'static str>,
        unknown: &mut Vec<String>,
    ) {
        let mut parts = Vec::new();
        let mut is_smallest = true;
        for part in &query.parts {
            let when = query.step.map_or(when, |step| over_everything(step.into()));
            let (a, b) = self.both(&part.text, when);
            match difference(part, when, &a, &b) {
                Some(found) => {
                    is_smallest = false;
                    self.triage(part, when, (found, a, b), classes, unknown);
                }
                None => parts.push((a, b)),
            }
        }
        if !is_smallest {
            return;
        }
        let smallest = Smallest {
            query,
            difference: &difference_here,
            ours: &ours,
            theirs: &theirs,
            parts: &parts,
        };
        match class(&smallest) {
            Some(class) => classes.push(class),
            None => unknown.push(format!("    in {}: {difference_here}\n", query.text)),
        }
    }
}

/// Steps of a sub-query are multiples of its step.
fn over_everything(step: i64) -> When {
    When::Over {
        start: (FIRST * 1_000 / step - 60) * step,
        end: (FIRST + SPAN + 600) * 1_000,
        step,
    }
}
