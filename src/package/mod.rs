//! Archive formats, one file each. Everything in an archive is hostile until it is checked.
