//! What spans mean: the attributes of every dialect under the names of the newest OpenTelemetry
//! conventions, and the operation that they tell of.
//!
//! In reading order: [`table`], which name of which dialect says what, each row with its source;
//! [`reading`], the attributes of one span by what they say; [`operation`], what the span was: a
//! request, a query, a message, a connection, an agent, a tool, a model; [`labels`], what tells its
//! series from others; [`sql`], a query in a few words; [`usage`], tokens as makers of models tell
//! them; [`price`], what they cost; [`route`], addresses with their identifiers taken out;
//! [`unknown`], dialects that no row knows. Pure: no I/O, no clock, nothing is kept between spans.

#![forbid(unsafe_code)]

pub mod labels;
pub mod operation;
pub mod price;
pub mod reading;
pub mod route;
pub mod sql;
pub mod table;
pub mod unknown;
pub mod usage;

pub use operation::{Operation, Side};
pub use reading::Reading;
pub use table::{Dialect, Field};
pub use unknown::unknown_dialect;
