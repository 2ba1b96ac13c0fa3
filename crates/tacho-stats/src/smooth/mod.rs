//! Smoothing and decomposition into trend, seasons and remainder.
//!
//! [`loess`] draws a curve through points; [`stl`] splits an evenly spaced series into trend, one
//! season and remainder, [`mstl`] into several seasons; [`strength`] says how much of each there is.

pub mod loess;
pub mod mstl;
pub mod stl;
pub mod strength;

mod lattice;
mod moving_mean;
mod robustness;
mod scale;

/// The degree of the polynomial that a local regression fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Degree {
    /// A constant: a weighted mean.
    Constant,
    /// A straight line.
    #[default]
    Linear,
    /// A parabola.
    Quadratic,
}
