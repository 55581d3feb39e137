//! Filling a registry: what to publish, from files, from folders and from simple indexes.
