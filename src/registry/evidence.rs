//! Evidence that a log was forked: two states of it, both signed, that contradict each other, in a text that a third
//! person can check without the registry and without the client that was shown both.
//!
//! ```text
//! rvp evidence: two states of one log
//! key acme+0c32f0a4+AZk…
//! view http://one.example/registry
//! | acme
//! | 12
//! | …
//! view http://other.example/registry
//! | acme
//! | 15
//! | …
//! root j3Zk…
//! proof 8sQa…
//! ```
//!
//! Lines that begin with `|` are a signed note, each line of it behind that mark. Where the two sizes differ, `root` is that
//! of the larger log's first entries, as many as the smaller one has, and each `proof` one hash of the proof of RFC 6962,
//! section 2.1.2, that it is. Where the log's key changed in between, `handover` notes lead from `key` to the newer one.

use std::path::{Path, PathBuf};

use tlog_tiles::{Hash, check_tree};

use super::client::replace_file;
use super::memory::Signed;
use super::rotation::Handover;
use super::{Checkpoint, RegistryError};
use crate::model::Blake3;

/// A larger file is not read: a checkpoint is one of at most 64 KiB, and there are two.
pub const MAX_EVIDENCE: u64 = 1 << 20;
const TITLE: &str = "rvp evidence: two states of one log";
/// A proof has at most two hashes for each of the 64 levels that a tree may have.
const MAX_PROOF: usize = 128;
const MAX_HANDOVERS: usize = 64;

/// Two signed states of one log, and what shows that they contradict each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The log's key, or the one that the handovers begin with.
    pub key: String,
    handovers: Vec<String>,
    /// The smaller log first.
    views: [View; 2],
    /// Where the sizes differ: the root of the larger log's first entries, and the proof that it is.
    prefix: Option<(Hash, Vec<Hash>)>,
}

#[derive(Clone, Debug, PartialEq)]
struct View {
    /// Who has shown it. Not signed: a hint for people.
    place: String,
    note: String,
}

/// What evidence proves.
#[derive(Clone, Debug)]
pub struct Contradiction {
    pub views: [Checkpoint; 2],
    /// Who has shown them, as the evidence says.
    pub places: [String; 2],
    /// One sentence.
    pub why: String,
}

/// A file that is not evidence, or does not prove what it says.
#[derive(Debug, thiserror::Error)]
#[error("it proves nothing: {0}")]
pub struct NoEvidence(String);

impl Evidence {
    /// `smaller` and `larger` are states that the reader has verified, by keys that `handovers` lead through.
    pub(super) fn new(
        smaller: &Signed,
        larger: &Signed,
        handovers: &[Handover],
        prefix: Option<(Hash, Vec<Hash>)>,
    ) -> Self {
        let first = handovers.iter().position(|one| one.old == smaller.key || one.old == larger.key);
        let handovers =
            first.filter(|_| smaller.key != larger.key).map_or(&[][..], |first| &handovers[first..]);
        let view = |signed: &Signed| View { place: signed.place.clone(), note: signed.note.clone() };
        Self {
            key: handovers.first().map_or(&smaller.key, |one| &one.old).clone(),
            handovers: handovers.iter().map(|one| one.note.clone()).collect(),
            views: [view(smaller), view(larger)],
            prefix,
        }
    }

    /// Writes it into `folder`, under a name of the log, the time of the newer state, and the content: what is found twice is one file.
    pub(super) fn write(&self, folder: &Path, log: &Checkpoint) -> Result<PathBuf, RegistryError> {
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
        let origin: String = log.origin.chars().map(safe).take(100).collect();
        let text = self.to_text();
        let time = log.time.to_string().replace(':', "");
        let name = format!("{origin}-{time}-{}.txt", &Blake3::of(text.as_bytes()).to_string()[..8]);
        let path = folder.join(name);
        replace_file(&path, text.as_bytes())?;
        Ok(path)
    }

    pub fn to_text(&self) -> String {
        let mut text = format!("{TITLE}\nkey {}\n", self.key);
        let note = |note: &str| {
            note.lines()
                .map(|line| format!("|{}{line}\n", if line.is_empty() { "" } else { " " }))
                .collect::<String>()
        };
        for handover in &self.handovers {
            text.push_str(&format!("handover\n{}", note(handover)));
        }
        for view in &self.views {
            let place: String = view.place.chars().filter(|c| !c.is_control()).collect();
            text.push_str(&format!("view {place}\n{}", note(&view.note)));
        }
        if let Some((root, proof)) = &self.prefix {
            text.push_str(&format!("root {root}\n"));
            text.extend(proof.iter().map(|hash| format!("proof {hash}\n")));
        }
        text
    }

    /// Reads such a text; that it proves anything is for [`Evidence::check`] to say.
    pub fn parse(text: &str) -> Result<Self, NoEvidence> {
        let bad = |reason: String| NoEvidence(reason);
        // A file that came through Windows may end its lines its way.
        if text.replace("\r\n", "\n").contains(|c: char| c.is_control() && c != '\n') {
            return Err(bad("it holds control characters, which no signed note has".into()));
        }
        let mut lines = text.lines().enumerate().peekable();
        if lines.next().map(|(_, line)| line) != Some(TITLE) {
            return Err(bad(format!("its first line is not `{TITLE}`")));
        }
        let key = lines
            .next()
            .and_then(|(_, line)| line.strip_prefix("key "))
            .ok_or_else(|| bad("its second line names no key".into()))?;
        let (mut handovers, mut views, mut root, mut proof) = (Vec::new(), Vec::new(), None, Vec::new());
        while let Some((number, line)) = lines.next() {
            let here = |what: &str| bad(format!("line {}: {what}", number + 1));
            let mut note = String::new();
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            if matches!(word, "view" | "handover") {
                while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with('|')) {
                    let line = line.strip_prefix("| ").unwrap_or(&line[1..]);
                    note.push_str(line);
                    note.push('\n');
                }
            }
            let hash = || Hash::parse_hash(value).map_err(|_| here("it is not the base64 of a hash"));
            match word {
                "view" if views.len() < 2 => views.push(View { place: value.into(), note }),
                "handover" if views.is_empty() && handovers.len() < MAX_HANDOVERS => handovers.push(note),
                "root" if root.is_none() => root = Some(hash()?),
                "proof" if proof.len() < MAX_PROOF => proof.push(hash()?),
                "" => {}
                _ => return Err(here("it does not belong here")),
            }
        }
        let views = views.try_into().map_err(|_| bad("it has not two views".into()))?;
        Ok(Self { key: key.into(), handovers, views, prefix: root.map(|root| (root, proof)) })
    }

    /// Checks the signatures, by nothing but the key that is named here, and that the two states contradict each other.
    pub fn check(&self) -> Result<Contradiction, NoEvidence> {
        let bad = |reason: String| NoEvidence(reason);
        let mut keys = vec![self.key.clone()];
        for note in &self.handovers {
            let handover = keys.last().and_then(|old| Handover::verify(note, old));
            keys.push(
                handover.ok_or_else(|| bad("a handover is not signed by the key before it".into()))?.new,
            );
        }
        let verify = |view: &View| {
            let mut found =
                Err(bad(format!("the view of {} is not signed by the key {}", view.place, self.key)));
            for key in &keys {
                match Checkpoint::verify("the view", view.note.as_bytes(), key) {
                    Ok(checkpoint) => return Ok(checkpoint),
                    Err(RegistryError::Signature { .. }) => {}
                    Err(error) => found = Err(bad(error.to_string())),
                }
            }
            found
        };
        let [one, other] = [verify(&self.views[0])?, verify(&self.views[1])?];
        let why = if one.size == other.size && one.root != other.root {
            format!("both logs have {} entries, and they are not the same entries", one.size)
        } else if one.size == other.size && one.snapshot != other.snapshot {
            format!(
                "both logs have the same {} entries, and their tables of files are not the same, though the log decides what is in it",
                one.size
            )
        } else if one.size == other.size {
            return Err(bad("the two views are the same state".into()));
        } else {
            let (root, proof) =
                self.prefix.as_ref().ok_or_else(|| bad("the sizes differ, and there is no proof".into()))?;
            if one.size == 0 || one.size > other.size {
                return Err(bad("the first view is not the smaller log, or is an empty one".into()));
            }
            check_tree(proof, other.size, other.root, one.size, *root).map_err(|_| {
                bad(format!(
                    "the proof does not show that the larger log's first {} entries have the root {root}",
                    one.size
                ))
            })?;
            if *root == one.root {
                return Err(bad("the larger log continues the smaller one".into()));
            }
            format!(
                "the first {} entries of the larger log have the root {root}, and the smaller log says {}",
                one.size, one.root
            )
        };
        Ok(Contradiction { places: self.views.clone().map(|view| view.place), views: [one, other], why })
    }
}
