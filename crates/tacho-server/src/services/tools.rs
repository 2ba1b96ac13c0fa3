//! Tools that agents used, and those that servers of the Model Context Protocol offer.
//!
//! A call of a tool through MCP often has two spans, of the agent and of the protocol. Where a service
//! has the former, the latter is not counted once more.

use std::collections::{BTreeMap, BTreeSet};

use tacho_model::{Querier, QueryError};

use super::operation::Kind;
use super::source::{Wanted, observe};
use super::stats::{Listed, Measured, Row, listed};
use super::window::Scope;

/// A tool.
#[derive(Debug, Clone)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Who uses it, or offers it.
    pub service: String,
    /// By what it is known: [`Kind::Tool`] or [`Kind::Mcp`].
    pub kind: Kind,
    /// The agents that used it, where they are told.
    pub agents: Vec<String>,
    /// Its figures.
    pub measured: Measured,
}

/// What is gathered of a tool, by agents' spans and by the protocol's.
#[derive(Debug, Default)]
struct Gathered {
    used: Row,
    protocol: Row,
    agents: BTreeSet<String>,
}

impl Gathered {
    fn kind(&self) -> Kind {
        match self.used.last {
            Some(_) => Kind::Tool,
            None => Kind::Mcp,
        }
    }

    fn row(&self) -> &Row {
        match self.kind() {
            Kind::Tool => &self.used,
            _ => &self.protocol,
        }
    }
}

/// The tools of one service or all, those with the most time spent first.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn tools(
    querier: &dyn Querier,
    service: Option<&str>,
    scope: &Scope,
) -> Result<Listed<Tool>, QueryError> {
    of(querier, service, Which::All, scope)
}

/// A tool's name and its service.
pub(super) type Key = (String, String);

/// Which tools are wanted.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    /// All of them.
    All,
    /// Those whose spans name this agent.
    UsedBy(&'a str),
    /// These.
    Named(&'a BTreeMap<Key, f64>),
}

/// Some of the tools.
pub(super) fn of(
    querier: &dyn Querier,
    service: Option<&str>,
    which: Which<'_>,
    scope: &Scope,
) -> Result<Listed<Tool>, QueryError> {
    let wanted = Wanted {
        service,
        kinds: &[Kind::Tool, Kind::Mcp],
    };
    let mut all: BTreeMap<Key, Gathered> = BTreeMap::new();
    observe(
        querier,
        wanted,
        &scope.windows(),
        |operation, tallies, last| {
            let by = operation.get("gen_ai_agent_name");
            let Some(name) = operation.get("gen_ai_tool_name") else {
                return;
            };
            let key = (name.to_owned(), operation.service().to_owned());
            let is_wanted = match which {
                Which::All => true,
                Which::UsedBy(agent) => by == Some(agent),
                Which::Named(tools) => tools.contains_key(&key),
            };
            if !is_wanted {
                return;
            }
            let gathered = all.entry(key).or_default();
            match operation.kind {
                Kind::Tool => gathered.used.add(tallies, last),
                _ => gathered.protocol.add(tallies, last),
            }
            gathered.agents.extend(by.map(str::to_owned));
        },
    )?;
    Ok(listed(
        all,
        Gathered::row,
        scope,
        |((name, service), gathered)| Tool {
            kind: gathered.kind(),
            measured: gathered.row().measured(scope),
            agents: gathered.agents.into_iter().collect(),
            name,
            service,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Store, scope};
    use super::*;

    #[test]
    fn a_call_through_the_protocol_is_one_call() {
        let store = Store::new();
        let used = [
            ("service", "bot"),
            ("gen_ai_operation_name", "execute_tool"),
            ("gen_ai_tool_name", "weather"),
            ("gen_ai_agent_name", "Ada"),
        ];
        store.spans(&used, 10, &[0.5; 3]);
        let protocol = |service, tool| {
            [
                ("service", service),
                ("span_kind", "SPAN_KIND_CLIENT"),
                ("mcp_method_name", "tools/call"),
                ("gen_ai_tool_name", tool),
            ]
        };
        store.spans(&protocol("bot", "weather"), 10, &[0.4; 3]);
        store.spans(&protocol("bot", "größe/√"), 10, &[0.2; 2]);
        let found = tools(store.querier(), None, &scope()).unwrap();
        let told = found.rows.iter().map(|tool| {
            let count = tool.measured.stats.count;
            (
                tool.name.as_str(),
                tool.kind.as_str(),
                count,
                tool.agents.len(),
            )
        });
        let told: Vec<_> = told.collect();
        assert_eq!(
            told,
            [("weather", "tool", 3.0, 1), ("größe/√", "mcp", 2.0, 0)]
        );
        let names = |which| -> Vec<String> {
            let found = of(store.querier(), Some("bot"), which, &scope()).unwrap();
            found.rows.into_iter().map(|tool| tool.name).collect()
        };
        assert_eq!(names(Which::UsedBy("Ada")), ["weather"]);
        let named = BTreeMap::from([(("größe/√".to_owned(), "bot".to_owned()), 1.0)]);
        assert_eq!(names(Which::Named(&named)), ["größe/√"]);
    }
}
