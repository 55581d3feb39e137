//! Unpacking one entry, never past its declared size.

use std::io::BufRead;

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::directory::Entry;
use super::error::{EntryProblem, ZipError};

/// How much is inflated before it is passed on.
const CHUNK: usize = 128 << 10;

/// The state and the buffer of a decompressor, to be used for many entries.
pub(in super::super) struct Inflater {
    state: Decompress,
    output: Vec<u8>,
}

impl Inflater {
    pub(in super::super) fn new() -> Self {
        Self { state: Decompress::new(false), output: vec![0; CHUNK] }
    }

    /// Passes the content of `entry` to `sink`, from its compressed bytes in `input`, and checks its size and CRC-32.
    pub(in super::super) fn copy<E: From<ZipError>>(
        &mut self,
        entry: &Entry,
        mut input: impl BufRead,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let fail = |problem: EntryProblem| E::from(problem.of(&entry.path));
        let mut crc = Crc::new();
        let mut found = 0_u64;
        self.state.reset(false);
        loop {
            let chunk = input.fill_buf().map_err(|error| fail(EntryProblem::Io(error)))?;
            let (consumed, bytes, end) = if entry.deflated {
                self.inflate(chunk).map_err(fail)?
            } else {
                (chunk.len(), chunk, chunk.is_empty())
            };
            found += bytes.len() as u64;
            if found > entry.size {
                return Err(fail(EntryProblem::Long(entry.size)));
            }
            crc.update(bytes);
            if !bytes.is_empty() {
                sink(bytes)?;
            }
            input.consume(consumed);
            if end {
                break;
            }
        }
        if found != entry.size {
            return Err(fail(EntryProblem::Short { found, size: entry.size }));
        }
        if entry.deflated && self.state.total_in() != entry.compressed_size {
            return Err(fail(EntryProblem::LeftOver(entry.compressed_size - self.state.total_in())));
        }
        if crc.sum() != entry.crc32 {
            return Err(fail(EntryProblem::Checksum { found: crc.sum(), declared: entry.crc32 }));
        }
        Ok(())
    }

    /// Inflates from `chunk` until it or the buffer is used up: how much was used, what came out, and whether that was the end.
    fn inflate(&mut self, chunk: &[u8]) -> Result<(usize, &[u8], bool), EntryProblem> {
        let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
        let status = self
            .state
            .decompress(chunk, &mut self.output, FlushDecompress::None)
            .map_err(|error| EntryProblem::Inflate(error.to_string()))?;
        let used = (self.state.total_in() - before_in) as usize;
        let made = (self.state.total_out() - before_out) as usize;
        let end = status == Status::StreamEnd;
        if !end && used == 0 && made == 0 {
            return Err(EntryProblem::Inflate("the stream has no end".into()));
        }
        Ok((used, &self.output[..made], end))
    }
}
