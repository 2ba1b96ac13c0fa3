//! Special functions that the distributions stand on.
//!
//! Invariant: relative error at most 1e-12 in either tail, not only absolute; the proof is the table
//! in `ACCURACY.md`. Arguments outside the domain give NaN here; the distributions, which own the
//! parameters, refuse them.

mod erf;
mod gamma;
mod incomplete_beta;
mod incomplete_gamma;
mod log1pmx;
mod root;

pub use erf::{erf, erfc};
pub use gamma::ln_gamma;
pub use incomplete_beta::{
    inverse_regularized_beta, inverse_regularized_beta_upper, regularized_beta,
    regularized_beta_upper,
};
pub use incomplete_gamma::{
    inverse_regularized_gamma_lower, inverse_regularized_gamma_upper, regularized_gamma_lower,
    regularized_gamma_upper,
};

pub(crate) use erf::scaled as erfc_scaled;
pub(crate) use gamma::{sqrt_two_pi, stirling_remainder};
pub(crate) use incomplete_beta::{Ratio, beta_tails, solve_beta};
pub(crate) use incomplete_gamma::{gamma_tails, solve_gamma};
pub(crate) use log1pmx::log1pmx;
pub(crate) use root::{Tail, Tails, falling_root, invert};
