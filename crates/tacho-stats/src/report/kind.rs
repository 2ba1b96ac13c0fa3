//! The tests by name.
//!
//! Invariant: every test's name parses back to it. A further test is a variant, a line in
//! [`Test::ALL`] and an arm in `outcome::of`.

use std::fmt;
use std::str::FromStr;

use crate::error::StatsError;

/// A test of two samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Test {
    /// Student's t test: equal variances.
    Student,
    /// Welch's t test.
    #[default]
    Welch,
    /// The paired t test.
    Paired,
    /// Mann-Whitney's U test.
    MannWhitney,
    /// Wilcoxon's signed-rank test of pairs.
    Wilcoxon,
    /// Brunner and Munzel's test: does one sample tend to be larger, whatever the shapes.
    BrunnerMunzel,
    /// Kolmogorov and Smirnov's test: is anything different at all.
    KolmogorovSmirnov,
    /// The difference of means against all labellings, or 10 000 drawn ones.
    Permutation,
    /// Two one-sided Welch tests of equivalence.
    Tost,
    /// Means of two series in order of time, whose neighbours may resemble each other
    /// ([`compare_means`](crate::dependence::compare_means)).
    DependentMeans,
    /// Which of two such series tends to be larger
    /// ([`compare_ranks`](crate::dependence::compare_ranks)).
    DependentRanks,
}

impl Test {
    /// Each test with its name on the command line and in the API.
    pub const ALL: &[(Self, &'static str)] = &[
        (Self::Student, "student"),
        (Self::Welch, "welch"),
        (Self::Paired, "paired"),
        (Self::MannWhitney, "mann-whitney"),
        (Self::Wilcoxon, "wilcoxon"),
        (Self::BrunnerMunzel, "brunner-munzel"),
        (Self::KolmogorovSmirnov, "ks"),
        (Self::Permutation, "permutation"),
        (Self::Tost, "tost"),
        (Self::DependentMeans, "dependent-means"),
        (Self::DependentRanks, "dependent-ranks"),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(test, _)| *test == self)
            .map_or("", |(_, name)| name)
    }

    /// Whether it allows for neighbours that resemble each other.
    pub fn allows_dependence(self) -> bool {
        matches!(self, Self::DependentMeans | Self::DependentRanks)
    }

    /// Whether observations belong together by their place.
    pub fn is_paired(self) -> bool {
        matches!(self, Self::Paired | Self::Wilcoxon)
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Test {
    type Err = StatsError;

    fn from_str(name: &str) -> Result<Self, StatsError> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found.map(|(test, _)| *test).ok_or(StatsError::Invalid {
            name: "test",
            why: "its name is not known",
        })
    }
}
