//! Agents: their runs, and what a run took in calls of models, tools, tokens and money.

use std::collections::{BTreeMap, BTreeSet};

use tacho_model::{Labels, Matcher, Querier, QueryError, Timestamp};
use tacho_store::Store;

use super::examples::{Example, newest};
use super::measures::{self, gained};
use super::models::{self, Model};
use super::operation::{Kind, service as service_of};
use super::source::{SPAN_DURATION, Wanted, observe, span_matchers};
use super::stats::{Listed, Measured, Origin, Row, Tally, listed};
use super::tools::{self, Tool, Which};
use super::usage::{self, Metrics, Usage};
use super::window::{Scope, Window};

/// Runs that an agent shows.
pub const RUNS_MAX: usize = 20;
/// The label of an agent's name.
const AGENT: &str = "gen_ai_agent_name";
const USED: Metrics = Metrics {
    tokens: "traces_span_metrics_gen_ai_invoke_agent_tokens_total",
    cost: "traces_span_metrics_gen_ai_invoke_agent_cost_total",
};
const CALLS: &str = "traces_span_metrics_gen_ai_invoke_agent_inference_calls";
const TOOL_CALLS: &str = "traces_span_metrics_gen_ai_invoke_agent_tool_calls";
const TOOL_USES: &str = "traces_span_metrics_gen_ai_invoke_agent_tool_uses_total";

/// An agent in the list.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// The service that runs it; several, put together, where one agent is told alone.
    pub services: Vec<String>,
    /// Its runs.
    pub measured: Measured,
    /// Tokens and cost of its runs in the window.
    pub usage: Usage,
    /// Calls of models a run.
    pub inference_calls: Option<PerRun>,
    /// Uses of tools a run.
    pub tool_calls: Option<PerRun>,
    /// When a run ended last.
    pub last_seen: Option<Timestamp>,
}

/// How many of something a run has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PerRun {
    /// Mean.
    pub mean: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
}

/// One agent, and everything about it.
#[derive(Debug, Clone)]
pub struct AgentDetail {
    /// Its figures.
    pub agent: Agent,
    /// What it used, and how often as its runs tell.
    pub tools: Listed<(Tool, Option<f64>)>,
    /// The models that its services called.
    pub models: Listed<Model>,
    /// Its newest runs that lead to a trace, the newest first.
    pub runs: Vec<Example>,
}

/// Service and agent.
type Key = (String, String);

fn key(labels: &Labels) -> Key {
    let agent = labels.get(AGENT).unwrap_or("");
    (service_of(labels).to_owned(), agent.to_owned())
}

/// What is known of agents, by service and name.
struct Known {
    rows: BTreeMap<Key, Row>,
    used: BTreeMap<Key, Usage>,
    calls: [BTreeMap<Key, Tally>; 2],
}

impl Known {
    fn read(
        querier: &dyn Querier,
        service: Option<&str>,
        scope: &Scope,
    ) -> Result<Self, QueryError> {
        let wanted = Wanted {
            service,
            kinds: &[Kind::Agent],
        };
        let mut rows: BTreeMap<Key, Row> = BTreeMap::new();
        observe(
            querier,
            wanted,
            &scope.windows(),
            |operation, tallies, last| {
                // Making an agent is no run of it.
                if operation.get("gen_ai_operation_name") == Some("invoke_agent") {
                    let agent = operation.get(AGENT).unwrap_or("").to_owned();
                    let key = (operation.service().to_owned(), agent);
                    rows.entry(key).or_default().add(tallies, last);
                }
            },
        )?;
        Ok(Self {
            rows,
            used: usage::by(querier, USED, service, scope, |labels| Some(key(labels)))?,
            calls: [
                per_run(querier, CALLS, service, scope)?,
                per_run(querier, TOOL_CALLS, service, scope)?,
            ],
        })
    }
}

fn per_run(
    querier: &dyn Querier,
    metric: &str,
    service: Option<&str>,
    scope: &Scope,
) -> Result<BTreeMap<Key, Tally>, QueryError> {
    let mut all: BTreeMap<Key, Tally> = BTreeMap::new();
    let matchers = span_matchers(metric, service);
    let windows = [Window::whole(scope.range)];
    measures::native(
        querier,
        matchers,
        &windows,
        Origin::Spans,
        |labels, tallies, _| {
            let tally = all.entry(key(labels)).or_default();
            for one in tallies {
                tally.add(one);
            }
        },
    )?;
    Ok(all)
}

fn told(tally: &Tally) -> Option<PerRun> {
    (tally.count > 0.0).then(|| PerRun {
        mean: tally.mean(),
        p95: tally.quantile(0.95),
    })
}

/// The agents of one service or all, those with the most time spent first.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn agents(
    querier: &dyn Querier,
    service: Option<&str>,
    scope: &Scope,
) -> Result<Listed<Agent>, QueryError> {
    let known = Known::read(querier, service, scope)?;
    let Known { rows, used, calls } = known;
    let calls = |place: usize, key: &Key| calls[place].get(key).and_then(told);
    Ok(listed(
        rows,
        |row| row,
        scope,
        |(key, row)| Agent {
            measured: row.measured(scope),
            usage: used.get(&key).copied().unwrap_or_default(),
            inference_calls: calls(0, &key),
            tool_calls: calls(1, &key),
            last_seen: row.last,
            services: vec![key.0],
            name: key.1,
        },
    ))
}

/// The names of agents that ran at some time in the window, or the one that is compared with.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn names(querier: &dyn Querier, scope: &Scope) -> Result<Vec<String>, QueryError> {
    let runs = [Matcher::metric(SPAN_DURATION)];
    querier.label_values(AGENT, &runs, scope.range)
}

/// One agent, of whichever services, or of one; `None` where it did not run in the window.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn agent(
    querier: &dyn Querier,
    store: &Store,
    name: &str,
    service: Option<&str>,
    scope: &Scope,
) -> Result<Option<AgentDetail>, QueryError> {
    let known = Known::read(querier, service, scope)?;
    let is_it = |key: &Key| key.1 == name;
    let mut row = Row::default();
    let mut services = BTreeSet::new();
    for (key, one) in known.rows.iter().filter(|(key, _)| is_it(key)) {
        row.add_row(one);
        services.insert(key.0.clone());
    }
    if !row.is_seen(scope) {
        return Ok(None);
    }
    let mut used = Usage::default();
    for (_, one) in known.used.iter().filter(|(key, _)| is_it(key)) {
        used.add(one);
    }
    let [inference_calls, tool_calls] = known.calls.each_ref().map(|calls| {
        let mut sum = Tally::default();
        for (_, one) in calls.iter().filter(|(key, _)| is_it(key)) {
            sum.add(one);
        }
        told(&sum)
    });
    let services: Vec<String> = services.into_iter().collect();
    let models = models::of_services(querier, services.iter().map(String::as_str), scope)?;
    Ok(Some(AgentDetail {
        tools: used_tools(querier, name, service, scope)?,
        models,
        runs: runs(store, name, service, scope)?,
        agent: Agent {
            name: name.to_owned(),
            measured: row.measured(scope),
            usage: used,
            inference_calls,
            tool_calls,
            last_seen: row.last,
            services,
        },
    }))
}

/// What an agent used, with how often as its runs tell.
fn used_tools(
    querier: &dyn Querier,
    agent: &str,
    service: Option<&str>,
    scope: &Scope,
) -> Result<Listed<(Tool, Option<f64>)>, QueryError> {
    let mut matchers = span_matchers(TOOL_USES, service);
    matchers.push(Matcher::equal(AGENT, agent));
    let mut uses: BTreeMap<tools::Key, f64> = BTreeMap::new();
    for (labels, gained) in gained(querier, matchers, scope.range)? {
        let tool = labels.get("gen_ai_tool_name").unwrap_or("").to_owned();
        let key = (tool, service_of(&labels).to_owned());
        *uses.entry(key).or_default() += gained;
    }
    let mut found = tools::of(querier, service, Which::UsedBy(agent), scope)?;
    if found.rows.is_empty() && !uses.is_empty() {
        // Spans of tools that do not name their agent: those whose names its runs tell.
        found = tools::of(querier, service, Which::Named(&uses), scope)?;
    }
    let with_uses = found.rows.into_iter().map(|tool| {
        let key = (tool.name.clone(), tool.service.clone());
        let used = uses.get(&key).copied();
        (tool, used)
    });
    Ok(Listed {
        rows: with_uses.collect(),
        more: found.more,
    })
}

/// The newest runs that lead to a trace, the newest first.
fn runs(
    store: &Store,
    agent: &str,
    service: Option<&str>,
    scope: &Scope,
) -> Result<Vec<Example>, QueryError> {
    let mut matchers = span_matchers(SPAN_DURATION, service);
    matchers.push(Matcher::equal("gen_ai_operation_name", "invoke_agent"));
    matchers.push(Matcher::equal(AGENT, agent));
    let found = newest(store, &matchers, scope.range)?;
    let newest = found.into_iter().rev().take(RUNS_MAX);
    Ok(newest
        .map(|(labels, example)| Example {
            is_error: labels.get("status_code") == Some("STATUS_CODE_ERROR"),
            ..example
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Store, scope};
    use super::*;
    use tacho_model::Histogram;

    fn run(service: &'static str, agent: &'static str) -> [(&'static str, &'static str); 3] {
        let operation = ("gen_ai_operation_name", "invoke_agent");
        [("service", service), operation, (AGENT, agent)]
    }

    #[test]
    fn runs_tokens_and_calls_by_service_and_name() {
        let store = Store::new();
        store.spans(&run("bot", "Ada"), 10, &[1.0; 4]);
        store.spans(&run("web", "Ada"), 10, &[2.0; 1]);
        store.spans(&run("bot", ""), 10, &[0.1; 1]);
        let of = |metric, service| [&[("__name__", metric)][..], &run(service, "Ada")].concat();
        let tokens = [
            &of(USED.tokens, "bot")[..],
            &[("gen_ai_token_type", "input")],
        ]
        .concat();
        store.number(&tokens, 10, 40.0);
        let mut calls = Histogram::new();
        calls.observe_many(3.0, 4.0);
        store.histogram(&of(CALLS, "bot"), 10, calls);
        let uses = [
            &of(TOOL_USES, "bot")[..],
            &[("gen_ai_tool_name", "weather")],
        ]
        .concat();
        store.number(&uses, 10, 7.0);
        let tool_span = [
            ("service", "bot"),
            ("gen_ai_operation_name", "execute_tool"),
            ("gen_ai_tool_name", "weather"),
        ];
        store.spans(&tool_span, 10, &[0.3; 7]);

        let found = agents(store.querier(), None, &scope()).unwrap();
        let told: Vec<_> = found
            .rows
            .iter()
            .map(|one| {
                (
                    one.services[0].as_str(),
                    one.name.as_str(),
                    one.measured.stats.count,
                )
            })
            .collect();
        assert_eq!(
            told,
            [("bot", "Ada", 4.0), ("web", "Ada", 1.0), ("bot", "", 1.0)]
        );
        assert_eq!(found.rows[0].usage.input, Some(40.0));
        let calls = found.rows[0].inference_calls.unwrap();
        assert_eq!(calls.mean, Some(3.0));
        assert_eq!(found.rows[1].inference_calls, None);

        let one = |name, service| agent(store.querier(), store.store(), name, service, &scope());
        let ada = one("Ada", None).unwrap().unwrap();
        assert_eq!(ada.agent.services, ["bot", "web"]);
        assert_eq!(ada.agent.measured.stats.count, 5.0);
        let (tool, uses) = &ada.tools.rows[0];
        assert_eq!((tool.name.as_str(), *uses), ("weather", Some(7.0)));
        let ada = one("Ada", Some("web")).unwrap().unwrap();
        assert_eq!(ada.agent.measured.stats.count, 1.0);
        assert!(one("", None).unwrap().is_some());
        assert!(one("Bob", None).unwrap().is_none());
        // Another service's tool and model are busier; a list of one still shows the agent's.
        let busy = [("service", "busy"), tool_span[1], tool_span[2]];
        store.spans(&busy, 10, &[9.0; 9]);
        let model = |service, name| {
            let operation = ("gen_ai_operation_name", "chat");
            [
                ("service", service),
                operation,
                ("gen_ai_request_model", name),
            ]
        };
        store.spans(&model("busy", "large"), 10, &[9.0; 9]);
        store.spans(&model("bot", "small"), 10, &[0.1; 1]);
        let scope = Scope {
            limit: 1,
            ..scope()
        };
        let ada = agent(store.querier(), store.store(), "Ada", None, &scope);
        let ada = ada.unwrap().unwrap();
        let (tool, uses) = &ada.tools.rows[0];
        assert_eq!((tool.service.as_str(), *uses), ("bot", Some(7.0)));
        assert_eq!(
            (ada.models.rows[0].name.as_str(), ada.models.more),
            ("small", 0)
        );
        let scope = Scope {
            limit: 100,
            ..scope
        };
        assert_eq!(names(store.querier(), &scope).unwrap(), ["Ada"]);
    }
}
