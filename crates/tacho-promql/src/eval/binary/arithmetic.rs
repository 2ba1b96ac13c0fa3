//! Two cells to one: numbers and distributions, as far as an operator knows them.

use std::ops::Range;

use crate::answer::Point;
use crate::eval::column::Cell;
use crate::eval::notes::{Note, Notes};
use crate::histogram::FloatHistogram;
use crate::syntax::ast::{BinaryOp, Comparison};

/// An arithmetic operator on two numbers.
pub(super) fn computed(op: BinaryOp, a: f64, b: f64) -> f64 {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Atan2 => a.atan2(b),
        _ => f64::NAN,
    }
}

/// A comparison of two numbers.
pub(super) fn compared(op: BinaryOp, a: f64, b: f64) -> bool {
    match op {
        BinaryOp::Equal => a == b,
        BinaryOp::NotEqual => a != b,
        BinaryOp::Greater => a > b,
        BinaryOp::Less => a < b,
        BinaryOp::GreaterOrEqual => a >= b,
        BinaryOp::LessOrEqual => a <= b,
        _ => false,
    }
}

/// An operator on two cells.
pub(super) struct Cells<'a> {
    pub(super) op: BinaryOp,
    pub(super) comparison: Comparison,
    pub(super) at: &'a Range<usize>,
    /// What a filter keeps.
    pub(super) kept: Cell<'a>,
}

impl Cells<'_> {
    /// What the operator makes of them; nothing where it does not know their sort, or where a
    /// comparison is not true.
    pub(super) fn combined(&self, sides: [Cell<'_>; 2], notes: &mut Notes) -> Option<Point> {
        match sides {
            [Cell::Absent, _] | [_, Cell::Absent] => None,
            [Cell::Float(a), Cell::Float(b)] => match self.op.is_comparison() {
                true => self.told(compared(self.op, a, b)),
                false if self.is_trim() => self.incompatible(["float", "float"], notes),
                false => Some(Point::Float(computed(self.op, a, b))),
            },
            [Cell::Histogram(a), Cell::Histogram(b)] => self.of_histograms(a, b, notes),
            [Cell::Histogram(histogram), Cell::Float(number)] => {
                let mut result = histogram.clone();
                match self.op {
                    BinaryOp::Mul => result.mul(number),
                    BinaryOp::Div => result.div(number),
                    BinaryOp::TrimUpper => result.trim_above(number),
                    BinaryOp::TrimLower => result.trim_below(number),
                    _ => return self.incompatible(["histogram", "float"], notes),
                }
                Some(Point::Histogram(Box::new(result)))
            }
            [Cell::Float(number), Cell::Histogram(histogram)] => match self.op {
                BinaryOp::Mul => {
                    let mut result = histogram.clone();
                    result.mul(number);
                    Some(Point::Histogram(Box::new(result)))
                }
                _ => self.incompatible(["float", "histogram"], notes),
            },
        }
    }

    fn is_trim(&self) -> bool {
        matches!(self.op, BinaryOp::TrimUpper | BinaryOp::TrimLower)
    }

    /// The result of a comparison.
    fn told(&self, is_true: bool) -> Option<Point> {
        match self.comparison {
            Comparison::Number => Some(Point::Float(f64::from(u8::from(is_true)))),
            Comparison::Filter if is_true => self.kept.to_point(),
            Comparison::Filter => None,
        }
    }

    fn of_histograms(
        &self,
        a: &FloatHistogram,
        b: &FloatHistogram,
        notes: &mut Notes,
    ) -> Option<Point> {
        let mut result = a.clone();
        let (told, operation) = match self.op {
            BinaryOp::Add => (result.add(b), "addition"),
            BinaryOp::Sub => (result.sub(b), "subtraction"),
            BinaryOp::Equal => return self.told(a.equals(b)),
            BinaryOp::NotEqual => return self.told(!a.equals(b)),
            _ => return self.incompatible(["histogram", "histogram"], notes),
        };
        let Ok(told) = told else {
            notes.add(Note::MixedExponentialCustom(String::new()), self.at);
            return None;
        };
        if told.counter_reset_collision {
            notes.add(Note::CounterResetCollision(operation), self.at);
        }
        if told.bounds_reconciled {
            notes.add(Note::MismatchedCustomBounds(operation), self.at);
        }
        Some(Point::Histogram(Box::new(result)))
    }

    fn incompatible(&self, [left, right]: [&'static str; 2], notes: &mut Notes) -> Option<Point> {
        let op = self.op.name();
        notes.add(Note::IncompatibleTypes { op, left, right }, self.at);
        None
    }
}
