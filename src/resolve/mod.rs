//! The PubGrub provider, the lock, and explanations of conflicts in plain words.
