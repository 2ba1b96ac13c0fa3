//! The grammar of conditions: `FUNCTION OPERATOR NUMBER[UNIT]`, such as `p95 > 250 ms`.
//!
//! Spaces are free around the operator and before the unit, and needed nowhere. Errors say at
//! which character what was expected.

use std::fmt;

use super::unit::ThresholdUnit;
use crate::aggregate::Function;
use crate::error::{AnalysisError, Result};

/// How a value is compared with a threshold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operator {
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Operator {
    /// All; those of two characters first, as a reader must try them.
    pub const ALL: [Self; 6] = [
        Self::GreaterEqual,
        Self::LessEqual,
        Self::Equal,
        Self::NotEqual,
        Self::Greater,
        Self::Less,
    ];

    /// How it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }

    /// Whether `value` stands in this relation to `threshold`. NaN stands in none.
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Greater => value > threshold,
            Self::GreaterEqual => value >= threshold,
            Self::Less => value < threshold,
            Self::LessEqual => value <= threshold,
            Self::Equal => value == threshold,
            Self::NotEqual => !value.is_nan() && value != threshold,
        }
    }

    /// Whether larger values are further past the threshold; `None` for `==` and `!=`.
    pub const fn upwards(self) -> Option<bool> {
        match self {
            Self::Greater | Self::GreaterEqual => Some(true),
            Self::Less | Self::LessEqual => Some(false),
            Self::Equal | Self::NotEqual => None,
        }
    }

    /// The relation that holds exactly when this one does not (but for NaN).
    pub const fn negated(self) -> Self {
        match self {
            Self::Greater => Self::LessEqual,
            Self::GreaterEqual => Self::Less,
            Self::Less => Self::GreaterEqual,
            Self::LessEqual => Self::Greater,
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// When a rule holds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Condition {
    /// How the window becomes one number.
    pub function: Function,
    /// How that is compared.
    pub operator: Operator,
    /// With what, as written; finite. In the metric's unit: [`super::unit::convert`].
    pub threshold: f64,
    /// The unit it was written in.
    pub unit: Option<ThresholdUnit>,
}

impl Condition {
    /// Reads a condition.
    ///
    /// ```
    /// use tacho_analysis::alert::Condition;
    /// let condition = Condition::parse("p95>250ms").unwrap();
    /// assert_eq!(condition.to_string(), "p95 > 250 ms");
    /// let error = Condition::parse("p95 => 250").unwrap_err();
    /// assert!(error.to_string().contains("character 5"));
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        let mut reader = Reader::new(text);
        let function = reader.function()?;
        let operator = reader.operator()?;
        let (threshold, unit) = reader.number_and_unit()?;
        Ok(Self {
            function,
            operator,
            threshold,
            unit,
        })
    }

    /// Reads when a rule is over: `NUMBER[UNIT]`, or with an operator, or a whole condition on the
    /// same function. Without an operator it is the opposite of the rule's: `avg > 80 %` with
    /// `75 %` is over when `avg <= 75 %`.
    pub fn parse_clear(text: &str, of: &Self) -> Result<Self> {
        let mut reader = Reader::new(text);
        let mut function = of.function;
        if reader.rest().starts_with(|c: char| c.is_ascii_alphabetic()) {
            let position = reader.position();
            function = reader.function()?;
            if function != of.function {
                let problem = format!("must be `{}`, the function of the rule", of.function);
                return Err(reader.error_at(position, problem));
            }
        }
        let operator = if reader.rest().starts_with(['<', '>', '=', '!']) {
            reader.operator()?
        } else {
            of.operator.negated()
        };
        let (threshold, unit) = reader.number_and_unit()?;
        Ok(Self {
            function,
            operator,
            threshold,
            // A bare number is in the unit of the condition.
            unit: unit.or(of.unit),
        })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (function, operator) = (self.function, self.operator);
        write!(f, "{function} {operator} {}", self.threshold)?;
        match self.unit {
            Some(unit) => write!(f, " {}", unit.as_str()),
            None => Ok(()),
        }
    }
}

/// A position in the text of a condition.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let mut reader = Self { text, at: 0 };
        reader.skip_space();
        reader
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn position(&self) -> usize {
        self.text[..self.at].chars().count() + 1
    }

    fn error_at(&self, position: usize, problem: String) -> AnalysisError {
        AnalysisError::Condition {
            text: self.text.chars().take(128).collect(),
            position,
            problem,
        }
    }

    fn error(&self, problem: String) -> AnalysisError {
        self.error_at(self.position(), problem)
    }

    /// Takes what `belongs`, and the space after it.
    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        self.skip_space();
        &rest[..end]
    }

    fn function(&mut self) -> Result<Function> {
        let position = self.position();
        let word = self.take(|c| c.is_ascii_alphanumeric() || c == '_');
        Function::parse(word).ok_or_else(|| {
            let names = Function::ALL.map(Function::as_str).join(", ");
            self.error_at(position, format!("expected a function: {names}"))
        })
    }

    fn operator(&mut self) -> Result<Operator> {
        let found = Operator::ALL
            .into_iter()
            .find(|o| self.rest().starts_with(o.as_str()));
        let operator =
            found.ok_or_else(|| self.error("expected one of > >= < <= == !=".to_owned()))?;
        self.at += operator.as_str().len();
        self.skip_space();
        Ok(operator)
    }

    fn number_and_unit(&mut self) -> Result<(f64, Option<ThresholdUnit>)> {
        let position = self.position();
        let digits = number_length(self.rest());
        let number = self.rest()[..digits].parse::<f64>().ok();
        let number = number.filter(|n| n.is_finite()).ok_or_else(|| {
            self.error_at(
                position,
                "expected a finite number such as 80 or 0.5".to_owned(),
            )
        })?;
        self.at += digits;
        self.skip_space();
        if self.rest().is_empty() {
            return Ok((number, None));
        }
        let position = self.position();
        let word = self.take(|c| !c.is_whitespace());
        let unit = ThresholdUnit::parse(word).filter(|_| self.rest().is_empty());
        let unit = unit.ok_or_else(|| {
            let names = ThresholdUnit::ALL.map(ThresholdUnit::as_str).join(", ");
            self.error_at(position, format!("expected a unit ({names}) or nothing"))
        })?;
        Ok((number, Some(unit)))
    }
}

/// How many bytes of `text` are a decimal number: sign, digits, fraction, exponent.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    let sign = |at: usize| usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
    let mut end = sign(0);
    end += digits(end);
    if bytes.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let start = end + 1 + sign(end + 1);
        let exponent = digits(start);
        // `5e` is no exponent: the rest is left for the unit to refuse.
        end = if exponent > 0 { start + exponent } else { end };
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f3_conditions_are_read_as_people_write_them() {
        let check = |text: &str, shown: &str| {
            assert_eq!(Condition::parse(text).unwrap().to_string(), shown, "{text}");
        };
        check("avg > 80", "avg > 80");
        check("  p95>=250ms ", "p95 >= 250 ms");
        check("p999 < 1.5 s", "p999 < 1.5 s");
        check("rate != 0", "rate != 0");
        check("last == -1e3", "last == -1000");
        check("max<=.5GiB", "max <= 0.5 GiB");
        check("stddev > 5 %", "stddev > 5 %");
        check("min < 10%", "min < 10 %");
        check("count > 1e3B", "count > 1000 B");
    }

    #[test]
    fn says_where_it_went_wrong() {
        let check = |text: &str, at: usize, about: &str| {
            let Err(AnalysisError::Condition {
                position, problem, ..
            }) = Condition::parse(text)
            else {
                panic!("`{text}` was accepted");
            };
            assert_eq!(position, at, "{text}: {problem}");
            assert!(problem.contains(about), "{text}: {problem}");
        };
        check("", 1, "function");
        check("median > 5", 1, "function");
        check("avg", 4, ">=");
        check("avg 80", 5, ">=");
        check("avg => 80", 5, ">=");
        check("avg >", 6, "number");
        check("avg > x", 7, "number");
        check("avg > inf", 7, "number");
        check("avg > NaN", 7, "number");
        check("avg > 1e999", 7, "number");
        check("avg > 80 parsecs", 10, "unit");
        check("avg > 80 % of", 10, "unit");
        check("avg > 5e", 8, "unit");
        check("avg > 8 0", 9, "unit");
        check("avg > 5 µs", 9, "unit");
        check("AVG > 80", 1, "function");
    }

    #[test]
    fn clear_is_a_number_an_operator_or_a_condition() {
        let rule = Condition::parse("avg > 80 %").unwrap();
        let check = |text: &str, shown: &str| {
            let clear = Condition::parse_clear(text, &rule).unwrap();
            assert_eq!(clear.to_string(), shown, "{text}");
        };
        check("75", "avg <= 75 %");
        check("75 %", "avg <= 75 %");
        check("< 75", "avg < 75 %");
        check("avg < 75%", "avg < 75 %");
        assert!(Condition::parse_clear("max < 75", &rule).is_err());
        assert!(Condition::parse_clear("", &rule).is_err());
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_can_be_read(
            function in 0_usize..13,
            operator in 0_usize..6,
            threshold in -1e12..1e12_f64,
            unit in proptest::option::of(0_usize..7),
        ) {
            let condition = Condition {
                function: Function::ALL[function],
                operator: Operator::ALL[operator],
                threshold,
                unit: unit.map(|i| ThresholdUnit::ALL[i]),
            };
            proptest::prop_assert_eq!(Condition::parse(&condition.to_string()), Ok(condition));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = Condition::parse(&text);
        }
    }
}
