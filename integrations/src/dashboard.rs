//! What a dashboard is made of, whatever program shows it.
//!
//! Expressions may speak of `$instance`, `$service` and `$agent`, which the reader chooses, and of
//! `$__rate_interval`, which is never shorter than four scrapes.

/// One page.
#[derive(Debug)]
pub struct Dashboard {
    /// Its name in addresses.
    pub uid: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// What the reader chooses, besides the data source.
    pub variables: Vec<Variable>,
    /// From top to bottom.
    pub rows: Vec<Row>,
}

/// A choice of label values.
#[derive(Debug)]
pub struct Variable {
    /// As expressions call it, without `$`.
    pub name: &'static str,
    /// As people call it.
    pub label: &'static str,
    /// The series that have the label.
    pub series: &'static str,
    /// The label.
    pub values_of: &'static str,
    /// How many values may be chosen.
    pub choice: Choice,
}

/// How many values of a variable are chosen at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Exactly one.
    One,
    /// Some, or all of them, as at first.
    Many,
}

/// Panels below a heading.
#[derive(Debug)]
pub struct Row {
    /// The heading.
    pub title: &'static str,
    /// From left to right, and on in the next line.
    pub panels: Vec<Panel>,
}

/// How something is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// A line a series.
    Lines,
    /// Areas one upon another.
    Stack,
    /// The newest value, and its course behind it.
    Number,
    /// A bar a series, of its newest value.
    Bars,
    /// A line a label set, a column a query, of the newest values.
    Table,
}

/// What values mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 0 to 100.
    Percent,
    /// 0 to 1, shown as percent.
    Ratio,
    /// Bytes, in powers of 1024.
    Bytes,
    /// Bytes a second, in powers of 1024.
    BytesPerSecond,
    /// Seconds.
    Seconds,
    /// Requests a second.
    RequestsPerSecond,
    /// Anything a second.
    PerSecond,
    /// How many.
    Count,
}

/// Where a value begins to be bad.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// From here on it deserves a look.
    pub warning: f64,
    /// From here on it is bad.
    pub critical: f64,
}

/// One expression of a panel.
#[derive(Debug)]
pub struct Query {
    /// In PromQL.
    pub expression: String,
    /// What a series is called: text with `{{label}}`. Of a table, the head of the column.
    pub legend: &'static str,
    /// Of a table, what the column holds; otherwise the panel's.
    pub unit: Option<Unit>,
}

/// One figure or chart.
#[derive(Debug)]
pub struct Panel {
    /// Its heading.
    pub title: &'static str,
    /// What it shows, and what to think of it.
    pub help: &'static str,
    /// How it is drawn.
    pub view: View,
    /// What its values mean.
    pub unit: Unit,
    /// What it asks.
    pub queries: Vec<Query>,
    /// Where its values begin to be bad.
    pub limits: Option<Limits>,
    /// The highest value there can be.
    pub max: Option<f64>,
    /// Columns of 24.
    pub width: u8,
    /// The lowest value that is drawn, unless some are lower.
    pub min: Option<f64>,
    /// The least time between points, for what happens rarely.
    pub step: Option<&'static str>,
    /// Series of which the name has this in it are drawn downwards.
    pub downwards: Option<&'static str>,
    /// The variable that each value of a column of this name sets on this page.
    pub chooses: Option<(&'static str, &'static str)>,
}

impl Panel {
    fn new(view: View, width: u8, title: &'static str, unit: Unit) -> Self {
        Self {
            title,
            help: "",
            view,
            unit,
            queries: Vec::new(),
            limits: None,
            max: (unit == Unit::Percent).then_some(100.0),
            width,
            min: (view != View::Table).then_some(0.0),
            step: None,
            downwards: None,
            chooses: None,
        }
    }

    /// A chart of lines, three in a line of the page.
    pub fn lines(title: &'static str, unit: Unit) -> Self {
        Self::new(View::Lines, 8, title, unit)
    }

    /// A chart of areas one upon another, three in a line of the page.
    pub fn stack(title: &'static str, unit: Unit) -> Self {
        Self::new(View::Stack, 8, title, unit)
    }

    /// A figure, six in a line of the page.
    pub fn number(title: &'static str, unit: Unit) -> Self {
        Self::new(View::Number, 4, title, unit)
    }

    /// Bars, three in a line of the page.
    pub fn bars(title: &'static str, unit: Unit) -> Self {
        Self::new(View::Bars, 8, title, unit)
    }

    /// A table, as wide as the page.
    pub fn table(title: &'static str) -> Self {
        Self::new(View::Table, 24, title, Unit::Count)
    }

    /// What it shows, and what to think of it.
    pub fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    /// One more expression.
    pub fn query(mut self, legend: &'static str, expression: impl Into<String>) -> Self {
        self.queries.push(Query {
            expression: expression.into(),
            legend,
            unit: None,
        });
        self
    }

    /// One more column of a table.
    pub fn column(mut self, head: &'static str, unit: Unit, expression: impl Into<String>) -> Self {
        self.queries.push(Query {
            expression: expression.into(),
            legend: head,
            unit: Some(unit),
        });
        self
    }

    /// Where it begins to be bad.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// The highest value there can be.
    pub fn max(mut self, max: f64) -> Self {
        self.max = Some(max);
        self
    }

    /// As wide as so many of 24 columns.
    pub fn wide(mut self, width: u8) -> Self {
        self.width = width;
        self
    }

    /// Of values below zero, too.
    pub fn signed(mut self) -> Self {
        self.min = None;
        self
    }

    /// Of what happens rarely. Totals of spans have a sample when they grow, so that a rate over
    /// less than some minutes would miss them; `$__rate_interval` is four steps.
    pub fn rare(mut self) -> Self {
        self.step = Some("1m");
        self
    }

    /// Draws series of which the name has this in it downwards.
    pub fn downwards(mut self, part: &'static str) -> Self {
        self.downwards = Some(part);
        self.signed()
    }

    /// A click on a value of this label chooses it as this variable.
    pub fn chooses(mut self, label: &'static str, variable: &'static str) -> Self {
        self.chooses = Some((label, variable));
        self
    }
}
