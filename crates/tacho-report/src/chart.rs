//! From points over time to paths: scales, reduction, gaps, stacks.
//!
//! Invariants:
//! 1. however many points come in, at most three a column go out: its lowest, mean and highest, so
//!    that a spike survives and the picture stays small;
//! 2. a stretch without samples is a break in the line, never a bridge over it;
//! 3. no input, however large or odd, gives a coordinate outside the picture.
//!
//! Coordinates are whole numbers in a box of [`WIDTH`] by [`HEIGHT`]; whoever draws stretches it.
//! Not for words: titles and labels belong to the page.

mod path;
mod scale;
mod segments;
mod stack;

pub(crate) use path::{Trace, area, line, trace};
pub(crate) use scale::{Axes, TimeTick, tick_label, time_ticks, value_ticks};
pub(crate) use segments::{Point, Segment, segments};
pub(crate) use stack::stack;

/// Width of the box.
pub(crate) const WIDTH: i32 = 800;
/// Height of the box.
pub(crate) const HEIGHT: i32 = 300;
/// Columns, each two or three pixels wide, that points are reduced to.
pub(crate) const COLUMNS: usize = 240;
