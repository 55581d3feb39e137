//! What a download tells of itself while it runs.

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Something that happened in a download.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// More is wanted: so many files, of so many bytes together.
    Wanted { files: u64, bytes: u64 },
    /// A file begins to arrive.
    Started { file: &'a str },
    /// Another process is downloading this file, and this one waits for it.
    Waiting { file: &'a str },
    /// Bytes arrived, or were here already.
    Received(u64),
    /// So many bytes that had arrived of this file were wrong, and are thrown away.
    Discarded { file: &'a str, bytes: u64 },
    /// A file is complete, and its digest is right.
    Finished { file: &'a str },
}

/// Who is told.
pub trait Progress: Send + Sync {
    fn report(&self, event: Event<'_>);
}

/// For `--quiet`.
pub struct Silent;

impl Progress for Silent {
    fn report(&self, _event: Event<'_>) {}
}

/// One bar for all files, on stderr if that is a terminal, and nothing otherwise.
pub struct Bar(ProgressBar);

impl Bar {
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style = "{bar:24} {bytes} of {total_bytes} ({bytes_per_sec}, {eta})  {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self(bar)
    }
}

impl Default for Bar {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn report(&self, event: Event<'_>) {
        match event {
            Event::Wanted { bytes, .. } => self.0.inc_length(bytes),
            Event::Started { file } => self.0.set_message(file.to_owned()),
            Event::Waiting { file } => {
                self.0.println(format!("waiting for another process that is downloading {file}"));
            }
            Event::Received(bytes) => self.0.inc(bytes),
            Event::Discarded { file, bytes } => {
                self.0.println(format!("threw away {} of {file}, which were damaged", HumanBytes(bytes)));
                self.0.set_position(self.0.position().saturating_sub(bytes));
            }
            Event::Finished { .. } => {}
        }
    }
}
