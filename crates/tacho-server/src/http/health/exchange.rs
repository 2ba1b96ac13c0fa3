//! How scraping and forwarding are, as components of the health: degraded while what is wanted does
//! not come or does not arrive.
//!
//! A sentence with the counts, and beside it the first few problems, each a line of its own. All of
//! them are at `GET /api/performance/sources`.

use std::time::Duration;

use tacho_model::Timestamp;
use tacho_model::time::format_duration;

use super::ComponentBody;
use crate::app::App;
use crate::forward::status::{DestinationStatus, State};
use crate::scrape::{self, JobStatus};

/// Problems that are named; the others are counted.
const NAMED_MAX: usize = 3;
/// Characters of a problem that are told.
const CHARACTERS_MAX: usize = 200;

/// How scraping goes, where there is something to scrape.
pub(super) fn scraping(app: &App, verbose: bool) -> Option<ComponentBody> {
    Some(scraped(&scrape::jobs(app)?, verbose))
}

fn scraped(jobs: &[JobStatus], verbose: bool) -> ComponentBody {
    let sum = |count: fn(&JobStatus) -> usize| jobs.iter().map(count).sum::<usize>();
    let (targets, up, down) = (
        sum(|job| job.targets),
        sum(|job| job.up),
        sum(|job| job.down),
    );
    let is_whole = jobs
        .iter()
        .flat_map(|job| &job.problems)
        .all(|problem| problem.instance.is_some());
    let is_up = format!("{} up", are_of(up, targets, "target"));
    let detail = match (down, targets - up - down) {
        (0, 0) => is_up,
        (0, new) => format!("{is_up}, {new} not scraped yet"),
        _ => format!("{} down", are_of(down, targets, "target")),
    };
    let problems = jobs.iter().flat_map(|job| {
        job.problems.iter().map(|problem| match &problem.instance {
            Some(instance) => format!("{}/{instance}: {}", job.job, problem.error),
            None => format!("{}: {}", job.job, problem.error),
        })
    });
    let problems = first(problems, sum(|job| job.problems_more));
    let is_well = down == 0 && is_whole;
    let status = if is_well { "healthy" } else { "degraded" };
    let is_told = verbose || !is_well || !problems.is_empty();
    ComponentBody {
        problems,
        ..ComponentBody::new("scraping", status, is_told.then_some(detail))
    }
}

/// How forwarding goes, where there is somewhere to send to.
pub(super) fn forwarding(app: &App, now: Timestamp, verbose: bool) -> Option<ComponentBody> {
    let destinations = app.forward.status(now);
    (!destinations.is_empty()).then(|| forwarded(&destinations, now, verbose))
}

fn forwarded(all: &[DestinationStatus], now: Timestamp, verbose: bool) -> ComponentBody {
    let with = |state| all.iter().filter(|one| one.state == state).count();
    let (stuck, refusing) = (with(State::Stuck), with(State::Refusing));
    let destinations = count(all.len() as u64, "destination");
    let stuck_are = are_of(stuck, all.len(), "destination");
    let refuse = if refusing == 1 { "refuses" } else { "refuse" };
    let detail = match (stuck, refusing) {
        (0, 0) => {
            let sent: u64 = all.iter().map(|one| one.sent).sum();
            let waiting: u64 = all.iter().map(|one| one.waiting).sum();
            format!("{sent} sent to {destinations}, {waiting} waiting")
        }
        (_, 0) => format!("{stuck_are} stuck"),
        (0, _) => format!("{refusing} of {destinations} {refuse} some of it"),
        _ => format!("{stuck_are} stuck, {refusing} {refuse} some of it"),
    };
    let is_well = stuck + refusing == 0;
    let is_told = verbose || !is_well;
    let mut troubled: Vec<_> = all
        .iter()
        .filter(|one| one.state != State::Healthy)
        .collect();
    troubled.sort_by_key(|one| one.state != State::Stuck);
    let problems = first(troubled.into_iter().map(|one| problem(one, now)), 0);
    let status = if is_well { "healthy" } else { "degraded" };
    ComponentBody {
        problems: if is_told { problems } else { Vec::new() },
        ..ComponentBody::new("forwarding", status, is_told.then_some(detail))
    }
}

/// `central: 1200 items wait, for 3m now: 401 …`.
fn problem(to: &DestinationStatus, now: Timestamp) -> String {
    let name = &to.name;
    if to.state == State::Refusing {
        let refused = to.dropped.get("refused").copied().unwrap_or(0);
        let said = to.refusal.as_ref().map_or("", |said| &said.text);
        return format!(
            "{name}: {} refused for good: {said}",
            count(refused, "item")
        );
    }
    let (since, said) = to
        .trouble
        .as_ref()
        .map_or((now, ""), |said| (said.at, said.text.as_str()));
    let lasts = Duration::from_secs(now.since(since).as_secs());
    let waiting = count(to.waiting, "item");
    let verb = if to.waiting == 1 { "waits" } else { "wait" };
    let waits = format!("{waiting} {verb}, for {} now", format_duration(lasts));
    format!("{name}: {waits}: {said}")
}

/// The first problems, cut, and how many more there are.
fn first(problems: impl Iterator<Item = String>, more: usize) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    let mut more = more;
    for problem in problems {
        if told.len() < NAMED_MAX {
            told.push(cut(problem));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        told.push(format!("{more} more at /api/performance/sources"));
    }
    told
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(CHARACTERS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// `1 item`, `2 items`.
fn count(items: u64, what: &str) -> String {
    format!("{items} {what}{}", if items == 1 { "" } else { "s" })
}

/// `1 of 3 targets is`, `2 of 3 targets are`.
fn are_of(some: usize, all: usize, what: &str) -> String {
    let verb = if some == 1 { "is" } else { "are" };
    format!("{some} of {} {verb}", count(all as u64, what))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::forward::status::Said;
    use crate::scrape::status::{Health, Problem};

    fn job(name: &str, up: usize, down: usize) -> JobStatus {
        let problem = |n: usize| Problem {
            instance: Some(format!("h{n}:9100")),
            health: Health::Down,
            error: "connection refused".to_owned(),
            at: None,
        };
        JobStatus {
            job: name.to_owned(),
            targets: up + down,
            up,
            down,
            problems: (0..down).map(problem).collect(),
            problems_more: 0,
        }
    }

    fn told(body: &ComponentBody) -> (&str, &str, Vec<&str>) {
        let problems = body.problems.iter().map(String::as_str);
        (
            body.status,
            body.detail.as_deref().unwrap_or(""),
            problems.collect(),
        )
    }

    #[test]
    fn targets_that_are_down_degrade_and_three_are_named() {
        let well = scraped(&[job("a", 2, 0)], false);
        assert_eq!(told(&well), ("healthy", "", vec![]));
        let well = scraped(&[job("a", 1, 0)], true);
        assert_eq!(told(&well), ("healthy", "1 of 1 target is up", vec![]));
        let one = scraped(&[job("a", 1, 1)], false);
        let line = "a/h0:9100: connection refused";
        assert_eq!(
            told(&one),
            ("degraded", "1 of 2 targets is down", vec![line])
        );
        let mut large = job("b", 0, 20);
        (large.targets, large.down, large.problems_more) = (30, 30, 10);
        let many = scraped(&[job("a", 1, 2), large], false);
        let (status, detail, problems) = told(&many);
        assert_eq!((status, detail), ("degraded", "32 of 33 targets are down"));
        assert_eq!(problems.len(), NAMED_MAX + 1);
        assert_eq!(problems[2], "b/h0:9100: connection refused");
        assert_eq!(problems[3], "29 more at /api/performance/sources");
    }

    #[test]
    fn what_is_wrong_with_a_job_degrades_and_what_a_target_exposes_does_not() {
        let mut one = job("a", 2, 0);
        one.targets = 3;
        let expected = "2 of 3 targets are up, 1 not scraped yet";
        assert_eq!(scraped(&[one.clone()], true).detail.unwrap(), expected);
        let mut problem = Problem {
            instance: Some("h:1".to_owned()),
            health: Health::Up,
            error: "é".repeat(300),
            at: None,
        };
        one.problems.push(problem.clone());
        let body = scraped(&[one.clone()], false);
        assert_eq!(body.status, "healthy");
        assert_eq!(body.problems[0].chars().count(), CHARACTERS_MAX + 1);
        problem.instance = None;
        one.problems.push(problem);
        assert_eq!(scraped(&[one], false).status, "degraded");
    }

    fn destination(name: &str, state: State) -> DestinationStatus {
        let said = |text: &str| {
            let (at, text) = (Timestamp::from_secs(100), text.to_owned());
            Some(Said { at, text })
        };
        DestinationStatus {
            name: name.to_owned(),
            address: String::new(),
            state,
            sent: 5,
            waiting: 1,
            waiting_bytes: 10,
            delay: Duration::from_secs(90),
            dropped: BTreeMap::from([("refused", 2)]),
            trouble: said("401 Unauthorized"),
            refusal: said("400 Bad Request"),
        }
    }

    #[test]
    fn destinations_that_are_stuck_degrade_and_come_first() {
        use State::{Healthy, Refusing, Retrying, Stuck};
        let now = Timestamp::from_millis(190_400);
        let shown = |states: &[State], verbose| {
            let all: Vec<_> = states
                .iter()
                .map(|state| destination("c", *state))
                .collect();
            forwarded(&all, now, verbose)
        };
        let well = shown(&[Healthy, Healthy], true);
        assert_eq!(
            told(&well),
            ("healthy", "10 sent to 2 destinations, 2 waiting", vec![])
        );
        // A request that is to be sent again is nothing to look at.
        assert_eq!(told(&shown(&[Retrying], false)), ("healthy", "", vec![]));
        let body = shown(&[Healthy, Refusing, Stuck], false);
        let (status, detail, problems) = told(&body);
        assert_eq!(status, "degraded");
        let expected = "1 of 3 destinations is stuck, 1 refuses some of it";
        assert_eq!(detail, expected);
        let lines = [
            "c: 1 item waits, for 1m30s now: 401 Unauthorized",
            "c: 2 items refused for good: 400 Bad Request",
        ];
        assert_eq!(problems, lines);
        let all = [Refusing, Refusing];
        let body = shown(&all, false);
        assert_eq!(told(&body).1, "2 of 2 destinations refuse some of it");
    }
}
