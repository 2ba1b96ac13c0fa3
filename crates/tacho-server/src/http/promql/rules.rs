//! `/api/v1/rules` and `/api/v1/alerts`: rule groups and what fires, in Prometheus' shapes.
//!
//! The alert rules of `tacho.yaml` are listed as the alerting rules of one group, with what they watch
//! said in PromQL. Groups are sorted by file and name, and pages of them follow that order.
//! Source: Prometheus "HTTP API", "Rules" and "Alerts", and `web/api/v1/api.go`.

mod listed;

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value, json};
use tacho_model::Matcher;

use self::listed::{alert_body, of_group, own_rules};
use super::form::{Form, Selectors};
use super::{invalid, told};
use crate::app::SharedApp;
use crate::http::problem::Answer;

/// Which sort of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Recording,
    Alerting,
}

/// What is asked for.
struct Wanted {
    sort: Option<Sort>,
    names: BTreeSet<String>,
    groups: BTreeSet<String>,
    files: BTreeSet<String>,
    selectors: Selectors,
    has_alerts: bool,
    page: Option<Page>,
}

/// A part of the groups.
struct Page {
    limit: usize,
    /// Which group it begins with.
    token: Option<String>,
}

/// A group before it is filtered.
struct Listed {
    file: String,
    name: String,
    head: Map<String, Value>,
    rules: Vec<ListedRule>,
}

struct ListedRule {
    sort: Sort,
    name: String,
    labels: Vec<(String, String)>,
    body: Value,
}

impl Wanted {
    fn of(form: &Form) -> Answer<Self> {
        let sort = match form.one("type").map(str::to_lowercase).as_deref() {
            None => None,
            Some("record") => Some(Sort::Recording),
            Some("alert") => Some(Sort::Alerting),
            Some(other) => return Err(invalid("type", format!("not supported value {other:?}"))),
        };
        let set = |name| form.all(name).map(str::to_owned).collect();
        Ok(Self {
            sort,
            names: set("rule_name[]"),
            groups: set("rule_group[]"),
            files: set("file[]"),
            selectors: form.selectors()?,
            has_alerts: !truth(form, "exclude_alerts")?,
            page: Page::of(form)?,
        })
    }

    /// The rules of a group that are wanted.
    fn filter(&self, group: &mut Listed, selectors: &[Vec<Matcher>]) {
        let among = |set: &BTreeSet<String>, text: &str| set.is_empty() || set.contains(text);
        if !among(&self.groups, &group.name) || !among(&self.files, &group.file) {
            group.rules.clear();
        }
        let value = |rule: &ListedRule, name: &str| {
            let labels = rule.labels.iter();
            let found = labels.into_iter().find(|(known, _)| known == name);
            found.map_or(String::new(), |(_, value)| value.clone())
        };
        let fits = |rule: &ListedRule, matchers: &Vec<Matcher>| {
            let mut matchers = matchers.iter();
            matchers.all(|matcher| matcher.matches(&value(rule, matcher.name())))
        };
        group.rules.retain(|rule| {
            self.sort.is_none_or(|sort| sort == rule.sort)
                && among(&self.names, &rule.name)
                && (selectors.is_empty() || selectors.iter().any(|all| fits(rule, all)))
        });
    }
}

fn truth(form: &Form, name: &str) -> Answer<bool> {
    match form.one(name) {
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some(text) => Err(invalid(name, format!("{text:?} is neither true nor false"))),
    }
}

impl Page {
    fn of(form: &Form) -> Answer<Option<Self>> {
        let token = form.one("group_next_token").map(str::to_owned);
        let Some(text) = form.one("group_limit") else {
            return match token {
                None => Ok(None),
                Some(_) => Err(invalid(
                    "group_next_token",
                    "group_limit needs to be present in order to paginate over the groups",
                )),
            };
        };
        let limit: i32 = text.parse().map_err(|_| {
            let told = format!("group_limit needs to be a valid number: {text:?}");
            invalid("group_limit", told)
        })?;
        let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0);
        let limit = limit
            .ok_or_else(|| invalid("group_limit", "group_limit needs to be greater than 0"))?;
        Ok(Some(Self { limit, token }))
    }

    /// Cuts the groups to this page; the token of the next one.
    fn cut(&self, groups: &mut Vec<Listed>) -> Answer<Option<String>> {
        if let Some(token) = &self.token {
            let begin = groups.iter().position(|group| group.token() == *token);
            let begin = begin.ok_or_else(|| {
                let told = format!("invalid group_next_token '{token}'. were rule groups changed?");
                invalid("group_next_token", told)
            })?;
            groups.drain(..begin);
        }
        let next = groups.get(self.limit).map(Listed::token);
        groups.truncate(self.limit);
        Ok(next)
    }
}

impl Listed {
    /// What stands for it in pages.
    fn token(&self) -> String {
        let identity = format!("{};{}", self.file, self.name);
        let digest =
            ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, identity.as_bytes());
        let bytes = digest.as_ref().iter();
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }

    fn body(self) -> Value {
        let mut body = self.head;
        let rules: Vec<Value> = self.rules.into_iter().map(|rule| rule.body).collect();
        body.insert("rules".to_owned(), rules.into());
        body.into()
    }
}

/// Rule groups.
pub(super) async fn rules(State(app): State<SharedApp>, form: Form) -> Answer<Response> {
    let wanted = Wanted::of(&form)?;
    app.blocking(move |ctx| {
        let selectors = wanted.selectors.parse(ctx)?;
        let mut groups: Vec<Listed> = ctx.rules.status().iter().map(of_group).collect();
        groups.push(own_rules(ctx, wanted.has_alerts));
        groups.sort_by(|a, b| (&a.file, &a.name).cmp(&(&b.file, &b.name)));
        for group in &mut groups {
            wanted.filter(group, &selectors);
        }
        groups.retain(|group| !group.rules.is_empty());
        let page = wanted.page.as_ref();
        let next = page.map(|page| page.cut(&mut groups)).transpose()?;
        let groups: Vec<Value> = groups.into_iter().map(Listed::body).collect();
        let mut data = json!({"groups": groups});
        if let Some(next) = next.flatten() {
            data["groupNextToken"] = next.into();
        }
        told(&data, &[])
    })
    .await
}

/// What fires.
pub(super) async fn alerts(State(app): State<SharedApp>) -> Answer<Response> {
    let alerts: Vec<Value> = app.alerting.active().iter().map(alert_body).collect();
    told(&json!({"alerts": alerts}), &[])
}
