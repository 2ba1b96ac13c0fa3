//! A tree as text again: in one line, or over several where a line would be too long.
//!
//! What is written is the same query, in the one form that Prometheus gives it: groupings before
//! what they group, matchers sorted, durations in their largest units, operators between blanks.
//! Comments are lost. Where the tree does not tell how something was written (a name before braces
//! or within, a sign that changes nothing, a duration as a number) the text does.
//! Source: what `promtool promql format` of Prometheus makes of expressions.

mod words;

use std::fmt::{self, Write};
use std::time::Duration;

use tacho_model::{METRIC_NAME, MatchOp, Matcher};

use super::ast::{Aggregate, Expr, Kind, Selector};
use super::literal::has_units;
use crate::functions::Function;
use words::{
    duration, label, put_aggregation, put_anchor, put_edges, put_offset, put_operator,
    put_subquery, quoted,
};

/// Bytes of a line, the indentation not counted, beyond which a part is split.
const LINE_BYTES_MAX: usize = 100;
/// What each level of a part that is split is indented by.
const INDENT: &str = "  ";

/// Writes trees of a text.
#[derive(Clone, Copy)]
pub(crate) struct Printer<'a> {
    pub(crate) text: &'a str,
}

/// Text that ends where it would be longer than it may.
pub(crate) struct Bounded {
    pub(crate) text: String,
    pub(crate) bytes_max: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if self.text.len() + more.len() > self.bytes_max {
            return Err(fmt::Error);
        }
        self.text.push_str(more);
        Ok(())
    }
}

impl<'a> Printer<'a> {
    /// A part over several lines, where it does not fit into one. `level` is how deep it lies in
    /// parts that are split.
    pub(crate) fn pretty(self, expr: &Expr, level: usize, out: &mut Bounded) -> fmt::Result {
        if self.fits(expr) {
            out.write_str(&INDENT.repeat(level))?;
            return self.line(expr, out);
        }
        let signs = self.signs(expr);
        if signs.is_empty() {
            return self.split(expr, level, out);
        }
        put_behind(&signs, level, out, |out| self.split(expr, level, out))
    }

    fn split(self, expr: &Expr, level: usize, out: &mut Bounded) -> fmt::Result {
        let indent = INDENT.repeat(level);
        match &expr.kind {
            Kind::Binary(binary) => {
                self.pretty(&binary.left, level + 1, out)?;
                write!(out, "\n{indent}")?;
                put_operator(binary, out)?;
                out.write_str("\n")?;
                self.pretty(&binary.right, level + 1, out)
            }
            Kind::Subquery(subquery) => {
                self.pretty(&subquery.expr, level, out)?;
                put_subquery(subquery, out)
            }
            Kind::Aggregate(aggregate) => {
                out.write_str(&indent)?;
                put_aggregation(aggregate, out)?;
                self.lines_of(&arguments(aggregate), level, out)
            }
            Kind::Call {
                function,
                arguments,
            } => {
                write!(out, "{indent}{}", function.name)?;
                self.lines_of(&arguments.iter().collect::<Vec<_>>(), level, out)
            }
            Kind::Paren(inner) => {
                out.write_str(&indent)?;
                self.lines_of(&[inner], level, out)
            }
            Kind::Negate(inner) => {
                put_behind("-", level, out, |out| self.pretty(inner, level, out))
            }
            _ => {
                out.write_str(&indent)?;
                self.own_line(expr, out)
            }
        }
    }

    fn lines_of(self, inside: &[&Expr], level: usize, out: &mut Bounded) -> fmt::Result {
        out.write_str("(\n")?;
        for (place, one) in inside.iter().enumerate() {
            if place > 0 {
                out.write_str(",\n")?;
            }
            self.pretty(one, level + 1, out)?;
        }
        write!(out, "\n{})", INDENT.repeat(level))
    }

    fn fits(self, expr: &Expr) -> bool {
        let is_split = matches!(
            expr.kind,
            Kind::Aggregate(_)
                | Kind::Binary(_)
                | Kind::Call { .. }
                | Kind::Paren(_)
                | Kind::Subquery(_)
                | Kind::Negate(_)
        );
        let mut line = Bounded {
            text: String::new(),
            bytes_max: LINE_BYTES_MAX,
        };
        !is_split || self.line(expr, &mut line).is_ok()
    }

    /// A part in one line.
    pub(crate) fn line(self, expr: &Expr, out: &mut dyn Write) -> fmt::Result {
        out.write_str(&self.signs(expr))?;
        self.own_line(expr, out)
    }

    /// The same without the signs before it that change nothing.
    fn own_line(self, expr: &Expr, out: &mut dyn Write) -> fmt::Result {
        match &expr.kind {
            Kind::Number(number) => self.number(expr, *number, out),
            Kind::Text(text) => out.write_str(&quoted(text)),
            Kind::Selector(selector) => {
                self.series(expr, selector, out)?;
                // Prometheus writes edges before the offset here, and before both with a range.
                put_anchor(&selector.when, out)?;
                put_edges(selector.edges, out)?;
                put_offset(&selector.when, out)
            }
            Kind::Range { selector, range } => {
                self.series(expr, selector, out)?;
                write!(out, "[{}]", duration(*range))?;
                put_edges(selector.edges, out)?;
                put_anchor(&selector.when, out)?;
                put_offset(&selector.when, out)
            }
            Kind::Subquery(subquery) => {
                self.line(&subquery.expr, out)?;
                put_subquery(subquery, out)
            }
            Kind::Call {
                function,
                arguments,
            } => self.call(function, arguments, out),
            Kind::Aggregate(aggregate) => {
                put_aggregation(aggregate, out)?;
                self.list(&arguments(aggregate), out)
            }
            Kind::Binary(binary) => {
                self.line(&binary.left, out)?;
                out.write_str(" ")?;
                put_operator(binary, out)?;
                out.write_str(" ")?;
                self.line(&binary.right, out)
            }
            Kind::Negate(inner) => {
                out.write_str("-")?;
                self.line(inner, out)
            }
            Kind::Paren(inner) => self.list(&[inner], out),
        }
    }

    fn call(self, function: &Function, arguments: &[Expr], out: &mut dyn Write) -> fmt::Result {
        out.write_str(function.name)?;
        self.list(&arguments.iter().collect::<Vec<_>>(), out)
    }

    fn list(self, inside: &[&Expr], out: &mut dyn Write) -> fmt::Result {
        out.write_str("(")?;
        for (place, one) in inside.iter().enumerate() {
            if place > 0 {
                out.write_str(", ")?;
            }
            self.line(one, out)?;
        }
        out.write_str(")")
    }

    fn number(self, expr: &Expr, number: f64, out: &mut dyn Write) -> fmt::Result {
        let written = self.text.get(expr.at.clone()).unwrap_or("");
        let bare = written.trim_start_matches(['+', '-', ' ', '\t', '\n', '\r']);
        if !bare.is_empty() && has_units(bare) {
            let sign = if number.is_sign_negative() { "-" } else { "" };
            let length = Duration::try_from_secs_f64(number.abs()).unwrap_or_default();
            return write!(out, "{sign}{}", duration(length));
        }
        match number {
            _ if number.is_nan() => out.write_str("NaN"),
            f64::INFINITY => out.write_str("+Inf"),
            f64::NEG_INFINITY => out.write_str("-Inf"),
            _ => write!(out, "{number}"),
        }
    }

    /// The name that stands before the braces of a selector; empty when it stands within.
    pub(crate) fn name(self, expr: &Expr) -> &'a str {
        let text = self.text.get(expr.at.clone()).unwrap_or("");
        let text = text.trim_start_matches(['+', ' ', '\t', '\n', '\r']);
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':')));
        &text[..end.unwrap_or(text.len())]
    }

    fn series(self, expr: &Expr, selector: &Selector, out: &mut dyn Write) -> fmt::Result {
        let name = self.name(expr);
        out.write_str(name)?;
        let others = selector
            .matchers
            .iter()
            .filter(|one| !is_of_name(one, name));
        let mut shown: Vec<String> = others
            .map(|one| {
                let (label, op) = (label(one.name()), one.op().as_str());
                format!("{label}{op}{}", quoted(one.value()))
            })
            .collect();
        shown.sort_unstable();
        if shown.is_empty() {
            return Ok(());
        }
        write!(out, "{{{}}}", shown.join(","))
    }

    /// Signs before a part that change nothing, and so are not in the tree.
    pub(crate) fn signs(self, expr: &Expr) -> String {
        let first = match &expr.kind {
            // A folded one is in the number.
            Kind::Number(_) => return String::new(),
            // It is the left side's, which begins there too.
            Kind::Binary(binary) if binary.left.at.start == expr.at.start => return String::new(),
            Kind::Subquery(subquery) if subquery.expr.at.start == expr.at.start => {
                return String::new();
            }
            _ => self.text.get(expr.at.clone()).unwrap_or(""),
        };
        let blank = |c: &char| !matches!(c, ' ' | '\t' | '\n' | '\r');
        let signs = first.chars().filter(blank).take_while(|c| *c == '+');
        signs.collect()
    }
}

/// Writes a sign before its operand, however that is split.
fn put_behind(
    signs: &str,
    level: usize,
    out: &mut Bounded,
    put: impl FnOnce(&mut Bounded) -> fmt::Result,
) -> fmt::Result {
    let mut operand = Bounded {
        text: String::new(),
        bytes_max: out.bytes_max,
    };
    put(&mut operand)?;
    let operand = operand.text.trim_start();
    write!(out, "{}{signs}{operand}", INDENT.repeat(level))
}

/// Whether a matcher is what a name before the braces says.
pub(crate) fn is_of_name(matcher: &Matcher, name: &str) -> bool {
    let is_equal = matcher.op() == MatchOp::Equal && matcher.value() == name;
    is_equal && matcher.name() == METRIC_NAME && !name.is_empty()
}

fn arguments(aggregate: &Aggregate) -> Vec<&Expr> {
    let parameter = aggregate.parameter.iter();
    parameter.chain([&aggregate.expr]).collect()
}

#[cfg(test)]
mod tests {
    use crate::options::Features;
    use crate::query::parse;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let query = parse(text, Features::Experimental).unwrap();
        let formatted = query.formatted().unwrap();
        assert_eq!(formatted, expected);
        let again = parse(&formatted, Features::Experimental).unwrap();
        assert_eq!(again.formatted().unwrap(), expected, "it stays as it is");
    }

    #[test]
    fn parts_are_written_in_their_one_form() {
        check("1+2", "1 + 2");
        check("  foo  # and why", "foo");
        check("foo{b='x',a!=\"y\"}", "foo{a!=\"y\",b=\"x\"}");
        check("{__name__='foo'}", "{__name__=\"foo\"}");
        check("{'a.b','c d'=~'e'}", "{\"c d\"=~\"e\",__name__=\"a.b\"}");
        check("foo{ }[90s]", "foo[1m30s]");
        check("sum(x)by(a,b)", "sum by (a, b) (x)");
        check("sum by()(x)", "sum(x)");
        check("sum without()(x)", "sum without () (x)");
        check("topk(3,x)", "topk(3, x)");
        check("a*on()group_left b", "a * on () group_left () b");
        check("a==bool ignoring(x)b", "a == bool ignoring (x) b");
        check("a and on(x)b", "a and on (x) b");
        check("x offset 14d", "x offset 2w");
        check("x[1h] offset -3601s @ 1.5", "x[1h] @ 1.500 offset -1h1s");
        check("(x)[1h:]@end()", "(x)[1h:] @ end()");
        check("x[1h:30s]offset 1m", "x[1h:30s] offset 1m");
        check("-x^-2", "-x ^ -2");
        check("+x * ++y", "+x * ++y");
        check("-1 + +1", "-1 + 1");
        check("1e-9 + 1e21", "0.000000001 + 1000000000000000000000");
        check("5m + 1e3 + Inf - NaN", "5m + 1000 + +Inf - NaN");
        check(
            "label_replace(x,'a',\"\\n\\\"ü\\x01\",'','')",
            "label_replace(x, \"a\", \"\\n\\\"ü\\x01\", \"\", \"\")",
        );
        check("rate(x[5m] anchored)", "rate(x[5m] anchored)");
        check("a + on(x) fill(0) b", "a + on (x) fill (0) b");
    }

    #[test]
    fn what_is_longer_than_a_line_is_split() {
        let long = "a".repeat(60);
        check(
            &format!("sum by(x) (rate({long}[5m])) / -sum(rate({long}[5m]) + 1)"),
            &format!("  sum by (x) (rate({long}[5m]))\n/\n  -sum(rate({long}[5m]) + 1)"),
        );
        check(
            &format!("topk(3, label_replace({long}, '{long}', '', '', '') > 0)"),
            &format!(
                "topk(\n  3,\n    label_replace(\n      {long},\n      \"{long}\",\n      \"\",\n      \
                 \"\",\n      \"\"\n    )\n  >\n    0\n)"
            ),
        );
    }

    #[test]
    fn a_deep_query_is_formatted_within_bounds() {
        let chain = vec!["1"; 1900].join("+");
        let text = parse(&chain, Features::Stable)
            .unwrap()
            .formatted()
            .unwrap();
        // Twenty-five of them fit into the first line.
        assert_eq!(text.lines().count(), 1 + 2 * (1900 - 25));
    }
}
