//! The store of unpacked artifacts, and environments as lists of generations of links into it.
