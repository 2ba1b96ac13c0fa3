//! Two agents, told by OpenTelemetry's `gen_ai` conventions: `support` and `planner`.
//!
//! The models are made up: they say nothing, but take as long as real ones and count tokens. The
//! tools are real: `search_orders` asks the shop, and finds what visitors ordered.

use std::time::Duration;

use tacho_model::span::SpanKind;

use crate::context::Context;
use crate::shop::{CUSTOMERS, GOODS};
use crate::span::{Service, number, seconds, text};

/// A model, as the price table knows it.
#[derive(Debug, Clone, Copy)]
struct Model {
    provider: &'static str,
    asked: &'static str,
    answers: &'static str,
    /// Until the first part of an answer.
    first_chunk: Duration,
    /// Afterwards, for each token.
    a_token: Duration,
    thinks: bool,
}

const GPT: Model = Model {
    provider: "openai",
    asked: "gpt-4o",
    answers: "gpt-4o-2024-08-06",
    first_chunk: Duration::from_millis(380),
    a_token: Duration::from_millis(9),
    thinks: false,
};
const CLAUDE: Model = Model {
    provider: "anthropic",
    asked: "claude-sonnet-4-5",
    answers: "claude-sonnet-4-5-20250929",
    first_chunk: Duration::from_millis(620),
    a_token: Duration::from_millis(12),
    thinks: false,
};
const THINKER: Model = Model {
    provider: "openai",
    asked: "o4-mini",
    answers: "o4-mini-2025-04-16",
    first_chunk: Duration::from_millis(1400),
    a_token: Duration::from_millis(6),
    thinks: true,
};

/// How often a model's maker says that it is asked too much; it is asked again then.
const REFUSALS: f64 = 0.02;
/// How often money cannot be given back.
const REFUND_FAILS: f64 = 0.08;
/// How often the forecast is not there in time.
const FORECAST_FAILS: f64 = 0.05;

/// What an agent could not do.
type Failed = &'static str;

/// Somebody asks for help with an order.
pub(crate) fn support(ctx: &mut Context<'_>) {
    run(ctx, "support", GPT, |ctx| {
        let prompt = ctx.draw.between(900, 1400);
        chat(ctx, GPT, prompt, 40)?;
        search_orders(ctx)?;
        chat(ctx, GPT, prompt + 500, 120)?;
        if ctx.draw.happens(0.3) {
            // The customer is told in any case.
            let refunded = refund(ctx);
            chat(ctx, GPT, prompt + 700, 60)?;
            refunded?;
        }
        Ok(())
    });
}

/// It is time to think about what to buy.
pub(crate) fn planner(ctx: &mut Context<'_>) {
    run(ctx, "planner", CLAUDE, |ctx| {
        let prompt = ctx.draw.between(2500, 4000);
        chat(ctx, THINKER, prompt, 110)?;
        forecast(ctx)?;
        search_orders(ctx)?;
        chat(ctx, CLAUDE, prompt + 900, 130)
    });
}

fn run(
    ctx: &mut Context<'_>,
    agent: &'static str,
    model: Model,
    work: impl FnOnce(&mut Context<'_>) -> Result<(), Failed>,
) {
    let mut span = ctx.open(SpanKind::Internal, format!("invoke_agent {agent}"));
    span.put([
        text("gen_ai.operation.name", "invoke_agent"),
        text("gen_ai.agent.name", agent),
        text("gen_ai.provider.name", model.provider),
        text("gen_ai.request.model", model.asked),
    ]);
    if let Err(reason) = work(ctx) {
        span.fail(reason);
    }
    ctx.close(span);
}

/// Asks a model, and once again where it is asked too much.
fn chat(ctx: &mut Context<'_>, model: Model, prompt: u64, answer: u64) -> Result<(), Failed> {
    for _ in 0..2 {
        let mut span = ctx.open(SpanKind::Client, format!("chat {}", model.asked));
        span.put([
            text("gen_ai.operation.name", "chat"),
            text("gen_ai.provider.name", model.provider),
            text("gen_ai.request.model", model.asked),
        ]);
        let first_chunk = ctx.draw.latency(model.first_chunk, 0.35);
        ctx.take(first_chunk);
        if ctx.draw.happens(REFUSALS) {
            span.fail("rate_limit_exceeded");
            ctx.close(span);
            continue;
        }
        // The beginning of a prompt is always the same, and mostly in the maker's cache.
        let cached = if ctx.draw.happens(0.7) {
            prompt / 1024 * 1024
        } else {
            0
        };
        let thought = if model.thinks { 2 * answer } else { 0 };
        let given = ctx.draw.between(answer / 2, 2 * answer) + thought;
        ctx.take(model.a_token * given as u32);
        span.put([
            text("gen_ai.response.model", model.answers),
            number("gen_ai.usage.input_tokens", prompt),
            number("gen_ai.usage.cache_read.input_tokens", cached),
            number("gen_ai.usage.output_tokens", given),
            seconds("gen_ai.response.time_to_first_chunk", first_chunk),
        ]);
        if model.thinks {
            span.put([number("gen_ai.usage.reasoning.output_tokens", thought)]);
        }
        ctx.close(span);
        return Ok(());
    }
    Err("rate_limit_exceeded")
}

/// Looks into the shop, as visitors do.
fn search_orders(ctx: &mut Context<'_>) -> Result<(), Failed> {
    let customer = ctx.draw.between(0, u64::from(CUSTOMERS) - 1);
    tool(ctx, "search_orders", |ctx| {
        let path = format!("/orders?customer={customer}");
        let found = ctx.call(Service::Gateway, "GET", &path);
        if found.status == 200 {
            Ok(())
        } else {
            Err("shop_unavailable")
        }
    })
}

/// Gives the money back.
fn refund(ctx: &mut Context<'_>) -> Result<(), Failed> {
    tool(ctx, "refund", |ctx| {
        let lasts = ctx.draw.latency(Duration::from_millis(180), 0.5);
        ctx.take(lasts);
        if ctx.draw.happens(REFUND_FAILS) {
            return Err("card_network_unavailable");
        }
        Ok(())
    })
}

fn tool(
    ctx: &mut Context<'_>,
    name: &'static str,
    work: impl FnOnce(&mut Context<'_>) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let mut span = ctx.open(SpanKind::Internal, format!("execute_tool {name}"));
    span.put([
        text("gen_ai.operation.name", "execute_tool"),
        text("gen_ai.tool.name", name),
        text("gen_ai.tool.type", "function"),
    ]);
    let done = work(ctx);
    if let Err(reason) = done {
        span.fail(reason);
    }
    ctx.close(span);
    done
}

/// Asks a server of MCP how much will be bought.
fn forecast(ctx: &mut Context<'_>) -> Result<(), Failed> {
    let mut span = ctx.open(SpanKind::Client, "tools/call forecast_demand");
    span.put([
        text("mcp.method.name", "tools/call"),
        text("gen_ai.operation.name", "execute_tool"),
        text("gen_ai.tool.name", "forecast_demand"),
        text(
            "mcp.resource.uri",
            format!("shop://{}", ctx.draw.one_of(&GOODS)),
        ),
        text("server.address", "forecasts"),
    ]);
    let lasts = ctx.draw.latency(Duration::from_millis(240), 0.6);
    ctx.take(lasts);
    let failed = ctx.draw.happens(FORECAST_FAILS);
    if failed {
        span.fail("timeout");
    }
    ctx.close(span);
    if failed {
        Err("forecast_missing")
    } else {
        Ok(())
    }
}
