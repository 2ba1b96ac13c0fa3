//! When a series changed, by how much, and whether chance explains it.
