//! Probability distributions: cumulative probabilities, upper tails and their inverses.
//!
//! Invariant: relative error at most 1e-12 in either tail, down to underflow; `sf` is computed as
//! such, never as 1 − `cdf`, and `inverse_sf` inverts it without passing through 1 − p. Parameters
//! are checked once, by `new`. A NaN argument gives NaN; infinities give 0 or 1.
//! Not for fitting, nor for densities where the tests have no use for them.
//! Sources are named by [`special`](crate::special).

mod beta;
mod binomial;
mod chi_squared;
mod empirical;
mod fisher_f;
mod gamma;
mod noncentral_f;
mod noncentral_t;
mod normal;
mod student_t;

pub use beta::Beta;
pub use binomial::Binomial;
pub use chi_squared::ChiSquared;
pub use empirical::{BarHistogram, Empirical};
pub use fisher_f::FisherF;
pub use gamma::Gamma;
pub use noncentral_f::NoncentralF;
pub use noncentral_t::NoncentralT;
pub use normal::Normal;
pub(crate) use normal::standard_inverse_sf;
pub use student_t::StudentT;
