//! Runs of agents: what the model calls and tools below a run come to, and what models used at all.
//!
//! Spans come when they end, those below before those above. What a span and all below it come to
//! is kept under its parent until the parent comes; when that is a run of an agent, it is counted,
//! and goes on upwards to the run that caused it. Invariants:
//! 1. a span that comes again changes nothing, so that a request that failed may be walked twice;
//! 2. at most [`BYTES_MAX`] of spans are kept, none longer than [`KEPT_FOR`] after the last of its
//!    siblings; at the limit the runs that began first lack what ended before.
//!
//! What comes after its parent is in no run, though in the totals of models and tools. A call of a
//! model that is made of calls, as that of a framework around a library, uses what those used.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use tacho_model::Timestamp;
use tacho_model::span::Span;
use tacho_semconv::Operation;
use tacho_semconv::labels::{Label, bounded};
use tacho_semconv::operation::{Tokens, Told};

use super::families::Family;
use super::growth::{Growth, LabelKey};
use super::usage::{Usage, token_types};

/// Most bytes of what is kept of spans for their parents.
const BYTES_MAX: usize = 64 << 20;
/// For at most so long.
const KEPT_FOR: Duration = Duration::from_hours(1);
/// What a span that is kept takes beside its sums, and a tool beside its name.
const NODE_BYTES: usize = 96;
const TOOL_BYTES: usize = 48;
/// Tools of one run that are told apart.
const TOOLS_MAX: usize = 64;

/// What was below spans that did not come yet.
#[derive(Default)]
pub(super) struct Runs {
    /// By trace and parent, then by child.
    below: HashMap<(u128, u64), Below>,
    bytes: usize,
    /// Parents in the order in which their first child came.
    order: VecDeque<(Timestamp, (u128, u64))>,
}

/// What is below a span, and when the last of it came.
#[derive(Default)]
struct Below {
    last: Timestamp,
    children: BTreeMap<u64, Sums>,
}

/// A span, as far as runs are concerned.
pub(super) struct Step {
    trace: u128,
    span: u64,
    parent: u64,
    at: Timestamp,
    /// When it ended and began, for the order of those below and above.
    order: (Timestamp, Reverse<Timestamp>),
    what: What,
}

enum What {
    /// Neither, but something may be below.
    Through,
    /// A call, or a part of one, and whether it is a call.
    Model(Box<Usage>, Told),
    Tool(Box<str>),
    Agent {
        service: Box<str>,
        name: Box<str>,
    },
}

/// What spans come to.
#[derive(Debug, Clone, Default, PartialEq)]
struct Sums {
    inference_calls: u64,
    tool_calls: u64,
    tokens: Tokens,
    cost: Option<f64>,
    tools: BTreeMap<Box<str>, u64>,
}

impl Step {
    /// Of a span that is counted at `at`, and used what it did if it is of a model.
    pub(super) fn of(
        span: &Span<'_>,
        operation: &Operation<'_>,
        at: Timestamp,
        usage: Option<Usage>,
    ) -> Self {
        let what = match operation {
            Operation::Model(model) => match usage {
                Some(usage) => What::Model(Box::new(usage), model.told),
                None => What::Through,
            },
            Operation::Tool(name) => What::Tool(short(name)),
            Operation::Agent(name) => What::Agent {
                service: short(span.service),
                name: short(name),
            },
            _ => What::Through,
        };
        Self {
            trace: span.trace_id,
            span: span.span_id,
            parent: span.parent_id,
            at,
            order: (span.start + span.duration, Reverse(span.start)),
            what,
        }
    }
}

fn short(text: &str) -> Box<str> {
    (&*bounded(Cow::Borrowed(text))).into()
}

impl Runs {
    /// Follows spans upwards, and counts the runs among them.
    pub(super) fn walk(
        &mut self,
        steps: &mut [Step],
        growth: &mut Growth,
        seed: u64,
        now: Timestamp,
    ) {
        let is_plain = |step: &Step| matches!(step.what, What::Through);
        if self.below.is_empty() && steps.iter().all(is_plain) {
            return;
        }
        self.forget(now);
        // Those below end before those above, or with them, and begin later.
        steps.sort_by_key(|step| step.order);
        for step in steps {
            let mut sums = self.sums_below(step.trace, step.span);
            match &mut step.what {
                What::Through if sums == Sums::default() => continue,
                What::Through => {}
                What::Model(usage, told) => {
                    // A call that is made of calls is told by those, as far as they tell.
                    let is_made_of_calls = sums.inference_calls > 0;
                    if !is_made_of_calls {
                        sums.inference_calls = u64::from(*told == Told::Call);
                    }
                    if !is_made_of_calls || sums.tokens == Tokens::default() {
                        usage.count(step.at, growth, seed);
                        sums.used_by(usage);
                    }
                }
                What::Tool(name) => {
                    sums.tool_calls += 1;
                    sums.used(name, 1);
                }
                What::Agent { service, name } => count(service, name, &sums, step.at, growth, seed),
            }
            if step.parent != 0 {
                self.keep((step.trace, step.parent), step.span, sums, now);
            }
        }
    }

    fn sums_below(&self, trace: u128, span: u64) -> Sums {
        let mut sums = Sums::default();
        let below = self.below.get(&(trace, span));
        below
            .into_iter()
            .flat_map(|below| below.children.values())
            .for_each(|child| sums.add(child));
        sums
    }

    fn keep(&mut self, parent: (u128, u64), child: u64, sums: Sums, now: Timestamp) {
        let below = self.below.entry(parent).or_default();
        if below.children.is_empty() {
            self.order.push_back((now, parent));
        }
        below.last = now;
        self.bytes += sums.bytes();
        if let Some(before) = below.children.insert(child, sums) {
            self.bytes -= before.bytes();
        }
        while self.bytes > BYTES_MAX && !self.order.is_empty() {
            self.forget_oldest();
        }
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((since, parent)) = self.order.front().copied()
            && now.since(since) >= KEPT_FOR
        {
            match self.below.get(&parent).map(|below| below.last) {
                // Something below it ended since: its turn is later.
                Some(last) if now.since(last) < KEPT_FOR => {
                    self.order.pop_front();
                    self.order.push_back((last, parent));
                }
                _ => self.forget_oldest(),
            }
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, oldest)) = self.order.pop_front() {
            let below = self.below.remove(&oldest);
            let below = below
                .into_iter()
                .flat_map(|below| below.children.into_values());
            self.bytes -= below.map(|sums| sums.bytes()).sum::<usize>();
        }
    }
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.inference_calls += other.inference_calls;
        self.tool_calls += other.tool_calls;
        self.cost = sum(self.cost, other.cost, |a, b| a + b);
        let (own, more) = (&mut self.tokens, other.tokens);
        for (own, more) in [
            (&mut own.input, more.input),
            (&mut own.output, more.output),
            (&mut own.cache_read, more.cache_read),
            (&mut own.cache_write, more.cache_write),
            (&mut own.reasoning, more.reasoning),
        ] {
            *own = sum(*own, more, u64::saturating_add);
        }
        for (name, uses) in &other.tools {
            self.used(name, *uses);
        }
    }

    fn used_by(&mut self, usage: &Usage) {
        self.add(&Self {
            tokens: usage.tokens,
            cost: usage.cost,
            ..Self::default()
        });
    }

    /// About what it takes in memory, with its place in two maps.
    fn bytes(&self) -> usize {
        let tools = self.tools.keys().map(|name| name.len() + TOOL_BYTES);
        size_of::<Self>() + NODE_BYTES + tools.sum::<usize>()
    }

    fn used(&mut self, name: &str, uses: u64) {
        if let Some(known) = self.tools.get_mut(name) {
            *known += uses;
        } else if self.tools.len() < TOOLS_MAX {
            self.tools.insert(name.into(), uses);
        }
    }
}

/// What was not told of either is not told of both.
fn sum<T>(a: Option<T>, b: Option<T>, add: impl Fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(add(a, b)),
        (a, b) => a.or(b),
    }
}

fn count(service: &str, name: &str, sums: &Sums, at: Timestamp, growth: &mut Growth, seed: u64) {
    let mut labels: Vec<Label<'_>> = vec![
        ("service", Cow::Borrowed(service)),
        ("service_name", Cow::Borrowed(service)),
        ("gen_ai_agent_name", Cow::Borrowed(name)),
    ];
    let mut scratch = Vec::new();
    let key = LabelKey::new(&labels, seed, &mut scratch);
    let calls = [
        (Family::RunInferenceCalls, sums.inference_calls),
        (Family::RunToolCalls, sums.tool_calls),
    ];
    for (family, calls) in calls {
        let _ = growth.observe(key, family, &labels, (at, calls as f64));
    }
    if let Some(cost) = sums.cost {
        growth.add(key, Family::RunCost, &labels, (at, cost));
    }
    let tokens = token_types(sums.tokens).map(|(kind, count)| ("gen_ai_token_type", kind, count));
    let tools = sums.tools.iter();
    let tools = tools.map(|(name, uses)| ("gen_ai_tool_name", &**name, *uses));
    for (label, value, count) in tokens.chain(tools) {
        let family = match label {
            "gen_ai_token_type" => Family::RunTokens,
            _ => Family::RunToolUses,
        };
        labels.push((label, Cow::Borrowed(value)));
        let key = LabelKey::new(&labels, seed, &mut scratch);
        growth.add(key, family, &labels, (at, count as f64));
        labels.pop();
    }
}
