//! Records on their way into a registry: sealed where its log key is at hand, and else proposed to those who have it.

use std::collections::BTreeMap;

use tokio::runtime::Handle;
use url::Url;

use super::forge::{Forge, ForgeError, Opened, Proposal, proposed_releases};
use super::markdown::code;
use super::sign::title;
use super::{PublishError, SignedRecords};
use crate::model::{Package, PackageName, Record, Signer};
use crate::registry::{Branch, Proposed, RegistryError, Sealed, StoreOptions, Writer, layout};

/// How many names of branches are tried for one proposal.
const MOST_BRANCHES: usize = 50;

/// A registry that records go into.
pub struct Destination {
    pub writer: Writer,
    /// How its reviewers are asked, where it stands in a git repository.
    pub requests: Option<Requests>,
}

/// How proposals in a git repository come before their reviewers.
pub struct Requests {
    pub forge: Forge,
    pub options: StoreOptions,
    /// The repository that branches are pushed to, where that is another one: a fork.
    pub remote: Option<Url>,
}

/// What has become of records.
#[derive(Debug)]
pub enum Written {
    Sealed(Sealed),
    Proposed(Waiting),
}

/// Where a proposal waits to be sealed.
#[derive(Debug)]
pub enum Waiting {
    /// It waited there before, in the registry itself.
    Already,
    /// In the registry itself.
    Here,
    Branch(Box<WaitingBranch>),
}

/// A proposal on a branch.
#[derive(Debug)]
pub struct WaitingBranch {
    pub name: String,
    /// The branch that it is to be merged into.
    pub base: String,
    /// Whether anything had to be pushed.
    pub is_new: bool,
    /// The repository that it was pushed to, where that is another one.
    pub remote: Option<Url>,
    pub opened: Result<Opened, ForgeError>,
    /// The page on which a person opens the request.
    pub link: Option<Url>,
}

impl From<Writer> for Destination {
    fn from(writer: Writer) -> Self {
        Self { writer, requests: None }
    }
}

/// Puts the bundles into the registry, and seals or proposes the records.
pub fn commit(
    to: &mut Destination,
    signed: Vec<SignedRecords>,
    now: jiff::Timestamp,
) -> Result<Written, PublishError> {
    let (mut records, mut signers) = (Vec::new(), Vec::new());
    for one in signed {
        if let Some(bundle) = &one.bundle {
            to.writer.put_small_blob(layout::BUNDLE, bundle)?;
        }
        signers.extend(one.signer.filter(|signer| !signers.contains(signer)));
        records.extend(one.records);
    }
    Ok(match to.writer.proposes() {
        false => Written::Sealed(to.writer.publish(records, now)?),
        true => Written::Proposed(to.propose(records, &signers, now)?),
    })
}

impl Destination {
    fn propose(
        &self,
        records: Vec<Record>,
        signers: &[Signer],
        now: jiff::Timestamp,
    ) -> Result<Waiting, PublishError> {
        let Some(requests) = &self.requests else {
            return Ok(match self.writer.propose(records, &Branch::default(), now)? {
                Proposed::WaitsAlready => Waiting::Already,
                Proposed::Appended | Proposed::Pushed { .. } => Waiting::Here,
            });
        };
        let base = self.writer.base_branch()?.unwrap_or_default();
        let described = self.describe(&records, signers, base.clone())?;
        let first = branch_name(&records);
        for number in 1..=MOST_BRANCHES {
            let branch = if number == 1 { first.clone() } else { format!("{first}-{number}") };
            let proposal = Proposal { branch, ..described.clone() };
            if let Some(waiting) = self.propose_as(requests, &proposal, records.clone(), now)? {
                return Ok(waiting);
            }
        }
        Err(RegistryError::BranchTaken { location: base, branch: first }.into())
    }

    /// Proposes on one branch. None: that is for something else.
    fn propose_as(
        &self,
        requests: &Requests,
        proposal: &Proposal,
        records: Vec<Record>,
        now: jiff::Timestamp,
    ) -> Result<Option<Waiting>, PublishError> {
        let Requests { forge, options, remote } = requests;
        let runtime = Handle::current();
        let mut branch =
            Branch { name: proposal.branch.clone(), remote: remote.clone(), ..Branch::default() };
        match runtime.block_on(forge.check_branch(proposal, options)) {
            Err(ForgeError::Closed { .. } | ForgeError::Merged { .. }) => return Ok(None),
            // What cannot be asked now is said after the push.
            Err(ForgeError::Failed { .. }) | Ok(()) => {}
        }
        let push = forge.push(proposal);
        (branch.reference, branch.options) = (Some(push.reference), push.options);
        let pushed = match self.writer.propose(records, &branch, now) {
            Err(RegistryError::BranchTaken { .. }) => return Ok(None),
            pushed => pushed?,
        };
        let said = match pushed {
            Proposed::WaitsAlready => return Ok(Some(Waiting::Already)),
            Proposed::Appended => return Ok(Some(Waiting::Here)),
            Proposed::Pushed { said } => said,
        };
        let opened = runtime.block_on(forge.open(proposal, said.as_deref().unwrap_or_default(), options));
        Ok(Some(Waiting::Branch(Box::new(WaitingBranch {
            name: proposal.branch.clone(),
            base: proposal.base.clone(),
            is_new: said.is_some(),
            remote: remote.clone(),
            opened,
            link: forge.link(proposal),
        }))))
    }

    /// What reviewers are told.
    fn describe(
        &self,
        records: &[Record],
        signers: &[Signer],
        base: String,
    ) -> Result<Proposal, PublishError> {
        let mut known: BTreeMap<PackageName, Package> = BTreeMap::new();
        for name in records.iter().filter_map(|record| record.package().ok().flatten()) {
            if let Some(package) = self.writer.package(&name)? {
                known.insert(name, package);
            }
        }
        let releases = proposed_releases(&known, records, signers);
        if !releases.is_empty() {
            return Ok(Proposal::of(&releases, String::new(), base));
        }
        let titles: Vec<String> = records.iter().map(title).collect();
        let title = format!("Propose {}", titles.first().map_or("nothing", String::as_str));
        let listed: Vec<String> = titles.iter().map(|title| format!("- {}\n", code(title, 300))).collect();
        let body = format!("Proposed with `rvp`.\n\n{}", listed.concat());
        Ok(Proposal { title, body, branch: String::new(), base })
    }
}

/// `rvp/acme-walls-1.2`, of the first release, or of what else is changed.
fn branch_name(records: &[Record]) -> String {
    let of = |record: &Record| match record {
        Record::Release(release) => Some(format!("{}-{}", release.name, release.version)),
        Record::Add(add) => Some(format!("{}-{}", add.name, add.version)),
        _ => None,
    };
    let name = records.iter().find_map(of).or_else(|| records.first().map(title)).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let mut name: String = name.chars().map(plain).take(100).collect();
    // Names that git does not take: `..`, and an end in `.` or `.lock`.
    while name.contains("..") || name.contains("--") {
        name = name.replace("..", ".").replace("--", "-");
    }
    let name = name.trim_matches(['-', '.']);
    format!("rvp/{}", name.strip_suffix(".lock").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_branches_are_such_that_git_takes() {
        let named = |name: &str, version: &str| {
            let line =
                format!(r#"{{"kind":"release","family":"python","name":"{name}","version":"{version}"}}"#);
            branch_name(&[Record::parse(&line).unwrap()])
        };
        assert_eq!(named("acme-walls", "1.0"), "rvp/acme-walls-1.0");
        assert_eq!(named("Acme.Walls", "1!2.0+local.lock"), "rvp/Acme.Walls-1-2.0-local");
        assert_eq!(named("a..b", "..~^:"), "rvp/a.b");
    }
}
