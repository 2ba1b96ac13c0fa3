//! Rows of several variables in one flat slice, checked once.
//!
//! Invariant: the width is above zero and divides the number of values, and every value is finite,
//! so that detectors read rows without another check. Not a matrix: there is no arithmetic here.

use crate::error::{Result, StatsError, observations, same_length};

/// A table of observations: row after row, each with one value for every variable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rows<'a> {
    values: &'a [f64],
    width: usize,
}

impl<'a> Rows<'a> {
    /// Rows of `width` values each.
    ///
    /// ```
    /// use tacho_stats::detect::Rows;
    ///
    /// let rows = Rows::new(&[1.0, 10.0, 2.0, 20.0, 3.0, 30.0], 2)?;
    /// assert_eq!((rows.len(), rows.row(1)), (3, &[2.0, 20.0][..]));
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn new(values: &'a [f64], width: usize) -> Result<Self> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(StatsError::Invalid {
                name: "width",
                why: "it must be above zero and divide the number of values",
            });
        }
        observations(values, 0)?;
        Ok(Self { values, width })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Number of variables.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The row at `index`, which must be below [`len`](Self::len).
    pub fn row(&self, index: usize) -> &'a [f64] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    /// The rows in order.
    pub fn iter(&self) -> std::slice::ChunksExact<'a, f64> {
        self.values.chunks_exact(self.width)
    }

    /// Every value, row after row.
    pub fn values(&self) -> &'a [f64] {
        self.values
    }

    /// Refuses fewer than `need` rows.
    pub(crate) fn at_least(&self, need: usize) -> Result<()> {
        if self.len() < need {
            let got = self.len();
            return Err(StatsError::TooFew { need, got });
        }
        Ok(())
    }

    /// Refuses rows of another width than `width`.
    pub(crate) fn of_width(&self, width: usize) -> Result<()> {
        same_length(self.width, width)
    }
}

impl<'a> IntoIterator for &Rows<'a> {
    type Item = &'a [f64];
    type IntoIter = std::slice::ChunksExact<'a, f64>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Refuses a single row of another width than `width`, or with a value that is not finite.
pub(crate) fn one_row(row: &[f64], width: usize) -> Result<()> {
    same_length(row.len(), width)?;
    observations(row, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_table_is_refused() {
        assert!(Rows::new(&[1.0; 5], 2).is_err());
        assert!(Rows::new(&[1.0; 5], 0).is_err());
        assert!(Rows::new(&[], 3).is_ok_and(|r| r.is_empty()));
        assert_eq!(
            Rows::new(&[1.0, 2.0, f64::NAN, 3.0], 2),
            Err(StatsError::NotFinite { index: 2 })
        );
        assert_eq!(
            one_row(&[1.0], 2),
            Err(StatsError::LengthMismatch { left: 1, right: 2 })
        );
    }
}
