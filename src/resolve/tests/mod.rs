//! Tests of the resolver on universes made of index lines.

mod conflicts;
mod files;
mod locks;
mod prefetching;
mod properties;
mod regressions;
mod settings;
mod several;
mod standards;
mod universe;
