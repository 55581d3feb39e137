//! Parallel, resumable downloads of blobs, checked while they arrive.
