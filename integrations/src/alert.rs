//! What a warning is made of.

use crate::dashboard::Limits;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Somebody should look today.
    Warning,
    /// Somebody should look now.
    Critical,
}

impl Severity {
    /// As the label has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Alerts of one subject.
#[derive(Debug)]
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// What they are about, in a sentence.
    pub about: &'static str,
    /// In the order of the file.
    pub alerts: Vec<Alert>,
}

/// One warning: a value, and when it is bad.
#[derive(Debug)]
pub struct Alert {
    /// In capital letters, as Prometheus' own.
    pub name: &'static str,
    /// What is looked at, in PromQL; it has an answer also when all is well.
    pub value: String,
    /// When it is bad: what is written behind the value.
    pub when: String,
    /// How long it has to be bad.
    pub hold: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One line; may use `{{ $labels.… }}` and `{{ $value }}`.
    pub summary: &'static str,
    /// What it means and what to do.
    pub description: &'static str,
    /// Where to look.
    pub dashboard: &'static str,
}

impl Alert {
    /// A value that somebody should look at today when it is bad.
    pub fn warning(dashboard: &'static str, name: &'static str, value: impl Into<String>) -> Self {
        Self {
            name,
            value: value.into(),
            when: String::new(),
            hold: "10m",
            severity: Severity::Warning,
            summary: "",
            description: "",
            dashboard,
        }
    }

    /// A value that somebody should look at now when it is bad.
    pub fn critical(dashboard: &'static str, name: &'static str, value: impl Into<String>) -> Self {
        Self {
            severity: Severity::Critical,
            hold: "5m",
            ..Self::warning(dashboard, name, value)
        }
    }

    /// It is bad above the limit of its severity.
    pub fn above(self, limits: Limits) -> Self {
        let limit = match self.severity {
            Severity::Warning => limits.warning,
            Severity::Critical => limits.critical,
        };
        self.when(format!("> {limit}"))
    }

    /// When it is bad.
    pub fn when(mut self, when: impl Into<String>) -> Self {
        self.when = when.into();
        self
    }

    /// It is bad only while this is true, too.
    pub fn and(mut self, condition: &str) -> Self {
        self.when = format!("{} and {condition}", self.when);
        self
    }

    /// How long it has to be bad.
    pub fn hold(mut self, hold: &'static str) -> Self {
        self.hold = hold;
        self
    }

    /// What people are told.
    pub fn says(mut self, summary: &'static str, description: &'static str) -> Self {
        (self.summary, self.description) = (summary, description);
        self
    }

    /// The whole expression.
    pub fn expression(&self) -> String {
        format!("{} {}", self.value, self.when)
    }
}
