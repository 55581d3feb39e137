//! Tests of the resolver on universes made of index lines.

mod cases;
mod universe;
