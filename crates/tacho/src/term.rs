//! Colour on a terminal only, its width, and numbers as people read them.

use std::io::IsTerminal as _;

/// What a colour says; the same four meanings as on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Worse: orange-red.
    Worse,
    /// Better: teal.
    Better,
    /// Unsure: amber.
    Unsure,
    /// Less important: grey.
    Soft,
    /// Emphasis.
    Bold,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Worse => "\x1b[31m",
            Self::Better => "\x1b[36m",
            Self::Unsure => "\x1b[33m",
            Self::Soft => "\x1b[90m",
            Self::Bold => "\x1b[1m",
        }
    }

    /// The colour of a verdict's answer.
    pub(crate) fn of_answer(answer: &str) -> Option<Self> {
        match answer {
            "regressed" => Some(Self::Worse),
            "improved" => Some(Self::Better),
            "inconclusive" => Some(Self::Unsure),
            _ => None,
        }
    }
}

fn wanted(is_terminal: bool) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    (is_terminal || set("CLICOLOR_FORCE")) && !set("NO_COLOR")
}

/// Whether standard output is a terminal that wants colour.
pub(crate) fn colour() -> bool {
    wanted(std::io::stdout().is_terminal())
}

/// Text in colour, for standard output.
pub(crate) fn paint(text: &str, colour: Colour) -> String {
    if self::colour() {
        format!("{}{text}\x1b[0m", colour.code())
    } else {
        text.to_owned()
    }
}

/// Text in colour, for standard error.
pub(crate) fn paint_err(text: &str, colour: Colour) -> String {
    let coloured = wanted(std::io::stderr().is_terminal());
    if coloured {
        format!("{}{text}\x1b[0m", colour.code())
    } else {
        text.to_owned()
    }
}

/// The terminal's width; `None` when output goes elsewhere and nothing needs to fit.
pub(crate) fn width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok());
    columns.or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)))
}

/// Three significant digits, no trailing zeros, thousands apart by thin spaces.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs();
    let digits = match magnitude {
        0.0 => 0,
        m if m >= 100.0 => 0,
        m if m >= 10.0 => 1,
        m if m >= 1.0 => 2,
        m if m >= 1e-9 => (2.0 - m.log10().floor()) as usize,
        _ => return format!("{value:.2e}"),
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    };
    grouped(&text)
}

fn grouped(text: &str) -> String {
    let (sign, rest) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = rest
        .split_once('.')
        .map_or((rest, None), |(w, f)| (w, Some(f)));
    if whole.len() < 5 {
        return text.to_owned();
    }
    let mut out = String::from(sign);
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push('\u{2009}');
        }
        out.push(c);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A value with its unit: bytes in binary multiples, seconds in the fitting unit.
pub(crate) fn with_unit(value: f64, unit: &str) -> String {
    let scaled = |steps: &[(f64, &str)]| {
        let fitting = steps.iter().find(|(size, _)| value.abs() >= *size);
        let (size, name) = fitting.or(steps.last()).copied().unwrap_or((1.0, ""));
        format!("{} {name}", number(value / size))
    };
    if let Some(bytes) = unit.strip_suffix("/s").filter(|unit| *unit == "By") {
        return format!("{}/s", with_unit(value, bytes));
    }
    match unit {
        "By" => scaled(&[
            (1_099_511_627_776.0, "TiB"),
            (1_073_741_824.0, "GiB"),
            (1_048_576.0, "MiB"),
            (1024.0, "KiB"),
            (1.0, "B"),
        ]),
        "s" if value != 0.0 && value.abs() < 60.0 => {
            scaled(&[(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")])
        }
        "" | "1" => number(value),
        unit => format!("{} {unit}", number(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_significant_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (0.123_456, "0.123"),
            (0.000_123_456, "0.000123"),
            (1.0, "1"),
            (12.345, "12.3"),
            (1234.5, "1234"),
            (123_456.0, "123\u{2009}456"),
            (-12_345.6, "-12\u{2009}346"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn units_fit_the_value() {
        assert_eq!(with_unit(9_663_676_416.0, "By"), "9 GiB");
        assert_eq!(with_unit(0.012, "s"), "12 ms");
        assert_eq!(with_unit(12.0, "%"), "12 %");
        assert_eq!(with_unit(0.0, "By"), "0 B");
    }
}
