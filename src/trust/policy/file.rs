//! `policy.toml`: one file, read and checked.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use toml::de::DeTable;

use super::age::Age;
use super::approvals::Approvals;
use super::deny::Deny;
use super::licenses::Licenses;
use super::log::{Checkpoint, Trust, Witnesses};
use super::origin::plain;
use super::publishers::Publishers;
use super::registries::Registries;
use super::rule::{Rule, Several};
use super::signatures::Required;
use super::{Level, Origin, PolicyError};
use crate::model::Blake3;
use crate::project::{ProjectError, Source};

/// Larger files are refused: a policy is written by people.
const MAX_BYTES: u64 = 1 << 20;

/// The tables of `policy.toml`. Each may be left out; what is written must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Tables {
    /// Where packages may come from.
    registries: Option<Registries>,
    /// Who may release packages of certain names.
    publishers: Several<Publishers>,
    /// Which releases must be signed.
    signatures: Option<Required>,
    /// Under which licences packages may be used.
    licenses: Option<Licenses>,
    /// How long releases must have been there.
    age: Option<Age>,
    /// Packages and versions that nobody may use.
    deny: Several<Deny>,
    /// Releases that count only once reviewers have approved them.
    approvals: Several<Approvals>,
    /// Who must have cosigned the states of registries.
    witnesses: Option<Witnesses>,
    /// How old the states of registries may be.
    checkpoint: Option<Checkpoint>,
    /// What vouches for identities.
    trust: Option<Trust>,
}

impl Tables {
    fn rules(&self) -> Vec<&dyn Rule> {
        fn add<'a, R: Rule + 'a>(all: &mut Vec<&'a dyn Rule>, rules: impl IntoIterator<Item = &'a R>) {
            all.extend(rules.into_iter().map(|rule| rule as &dyn Rule));
        }
        let mut all = Vec::new();
        add(&mut all, &self.registries);
        add(&mut all, &self.deny);
        add(&mut all, &self.licenses);
        add(&mut all, &self.age);
        add(&mut all, &self.signatures);
        add(&mut all, &self.publishers);
        add(&mut all, &self.approvals);
        add(&mut all, &self.witnesses);
        add(&mut all, &self.checkpoint);
        add(&mut all, &self.trust);
        all
    }
}

/// A policy file.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    pub level: Level,
    path: Arc<Path>,
    source: Source,
    tables: Tables,
}

impl PolicyFile {
    /// Reads the file at `path`, where there is one. A link to nowhere is one that cannot be read.
    pub fn find(level: Level, path: &Path) -> Result<Option<Self>, PolicyError> {
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            _ => Self::read(level, path).map(Some),
        }
    }

    /// Reads the file at `path`.
    pub fn read(level: Level, path: &Path) -> Result<Self, PolicyError> {
        let read = || {
            let mut bytes = Vec::new();
            std::fs::File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Self::parse(level, path, bytes),
            Err(source) => Err(PolicyError::Unusable {
                level,
                source: Box::new(ProjectError::Read { path: path.into(), source }),
            }),
        }
    }

    /// Reads the bytes of a policy. `path` is for messages.
    pub fn parse(level: Level, path: &Path, bytes: Vec<u8>) -> Result<Self, PolicyError> {
        let tables = |source: &Source| -> Result<Tables, ProjectError> {
            let document = DeTable::parse(&source.text).map_err(|error| source.toml_error(&error))?;
            let tables = Tables::deserialize(toml::de::Deserializer::from(document))
                .map_err(|error| source.toml_error(&error))?;
            match tables.rules().into_iter().find_map(Rule::fault).or_else(|| misplaced(&tables, &level)) {
                Some((span, reason)) => Err(source.error(Some(span), reason)),
                None => Ok(tables),
            }
        };
        let read = if bytes.len() as u64 > MAX_BYTES {
            let source = Source { path: path.into(), text: String::new() };
            Err(source.error(None, format!("it is larger than {MAX_BYTES} bytes")))
        } else {
            Source::of_bytes(path, bytes).and_then(|source| Ok((tables(&source)?, source)))
        };
        match read {
            Ok((tables, source)) => Ok(Self { level, path: path.into(), source, tables }),
            // What a stranger's file says must not reach a terminal as it is.
            Err(ProjectError::Invalid { place, reason }) => {
                let source = ProjectError::Invalid { place, reason: plain(&reason) };
                Err(PolicyError::Unusable { level, source: Box::new(source) })
            }
            Err(source) => Err(PolicyError::Unusable { level, source: Box::new(source) }),
        }
    }

    pub(super) fn rules(&self) -> Vec<&dyn Rule> {
        self.tables.rules()
    }

    /// The place of a byte of the file.
    pub(super) fn origin(&self, at: usize) -> Origin {
        Origin { file: Arc::clone(&self.path), line: self.source.line(at) }
    }

    /// The file as it was read.
    pub fn bytes(&self) -> &[u8] {
        self.source.text.as_bytes()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Of all that the file says.
    pub fn digest(&self) -> Blake3 {
        Blake3::of(self.bytes())
    }

    pub(super) fn witnesses(&self) -> Option<&Witnesses> {
        self.tables.witnesses.as_ref()
    }

    pub(super) fn checkpoint(&self) -> Option<&Checkpoint> {
        self.tables.checkpoint.as_ref()
    }

    /// The trusted root that it names, and where.
    pub(super) fn trusted_root(&self) -> Option<(PathBuf, Origin)> {
        let root = &self.tables.trust.as_ref()?.root;
        let folder = self.path.parent().unwrap_or(Path::new(""));
        Some((folder.join(root.get_ref()), self.origin(root.span().start)))
    }
}

/// A table that has no place in a policy of this level.
fn misplaced(tables: &Tables, level: &Level) -> Option<(std::ops::Range<usize>, String)> {
    let (at, reason) = match (level, tables) {
        (Level::User | Level::Project | Level::Registry(_), Tables { trust: Some(trust), .. }) => (
            trust.describe().0,
            "what vouches for identities is a machine's own affair: [trust] stands in the policy of the machine only",
        ),
        (Level::Registry(_), Tables { registries: Some(registries), .. }) => (
            registries.describe().0,
            "a registry says nothing about others: [registries] stands in the policies of machines, users and projects",
        ),
        _ => return None,
    };
    Some((at..at, reason.into()))
}
