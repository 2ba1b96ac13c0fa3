//! The family of exponential smoothing models, by name.
//!
//! Invariant: an [`EtsModel`] is one of the fifteen that Hyndman et al. hold to be stable: an
//! additive error never meets a multiplicative season. Multiplicative trends are left out, because
//! they forecast without bound. Not the fit; that is [`Ets`](super::Ets).
//! Source: Hyndman, Koehler, Ord & Snyder, "Forecasting with exponential smoothing: the state space
//! approach" (2008), chapter 2.

use std::fmt;

use crate::error::{Result, StatsError};

/// How the noise enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// It is added: its size does not depend on the level.
    Additive,
    /// It is a part of the level; for series above zero.
    Multiplicative,
}

/// How the level moves on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrendKind {
    /// It stays.
    None,
    /// It goes on by a slope.
    Additive,
    /// It goes on by a slope that wears off.
    Damped,
}

/// How the season enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SeasonKind {
    /// Not at all.
    None,
    /// It is added to the level.
    Additive,
    /// It multiplies the level; for series above zero.
    Multiplicative,
}

/// One model of the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EtsModel {
    error: ErrorKind,
    trend: TrendKind,
    season: SeasonKind,
}

impl EtsModel {
    /// Simple exponential smoothing, ETS(A,N,N).
    pub const SIMPLE: Self = Self {
        error: ErrorKind::Additive,
        trend: TrendKind::None,
        season: SeasonKind::None,
    };

    /// Refuses an additive error with a multiplicative season.
    pub fn new(error: ErrorKind, trend: TrendKind, season: SeasonKind) -> Result<Self> {
        if error == ErrorKind::Additive && season == SeasonKind::Multiplicative {
            return Err(StatsError::Invalid {
                name: "season",
                why: "a multiplicative season needs a multiplicative error",
            });
        }
        Ok(Self {
            error,
            trend,
            season,
        })
    }

    /// All fifteen, those with fewest parameters first.
    pub fn all() -> Vec<Self> {
        let mut models = Vec::with_capacity(15);
        for season in [
            SeasonKind::None,
            SeasonKind::Additive,
            SeasonKind::Multiplicative,
        ] {
            for trend in [TrendKind::None, TrendKind::Additive, TrendKind::Damped] {
                for error in [ErrorKind::Additive, ErrorKind::Multiplicative] {
                    models.extend(Self::new(error, trend, season));
                }
            }
        }
        models
    }

    /// How the noise enters.
    pub fn error(self) -> ErrorKind {
        self.error
    }

    /// How the level moves on.
    pub fn trend(self) -> TrendKind {
        self.trend
    }

    /// How the season enters.
    pub fn season(self) -> SeasonKind {
        self.season
    }

    /// Whether the model is only for series above zero.
    pub fn needs_positive(self) -> bool {
        self.error == ErrorKind::Multiplicative
    }
}

impl fmt::Display for EtsModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = match self.error {
            ErrorKind::Additive => "A",
            ErrorKind::Multiplicative => "M",
        };
        let trend = match self.trend {
            TrendKind::None => "N",
            TrendKind::Additive => "A",
            TrendKind::Damped => "Ad",
        };
        let season = match self.season {
            SeasonKind::None => "N",
            SeasonKind::Additive => "A",
            SeasonKind::Multiplicative => "M",
        };
        write!(f, "ETS({error},{trend},{season})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fifteen_and_each_has_its_own_name() {
        let mut names: Vec<String> = EtsModel::all().iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), 15);
        assert_eq!(names[0], "ETS(A,N,N)");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 15);
        let unstable = EtsModel::new(
            ErrorKind::Additive,
            TrendKind::None,
            SeasonKind::Multiplicative,
        );
        assert!(unstable.is_err());
    }
}
