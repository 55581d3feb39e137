//! Targets that are named one option at a time, for what is done for several of them.

use rvp::model::{Target, TargetSpec};
use rvp::project::{Location, Settings};
use rvp::resolve::{NoRules, decide_target};

use super::context::Context;
use super::known_hosts::KnownHosts;
use super::machine::ThisMachine;

/// Every host release with every Python and every platform.
#[derive(clap::Args)]
pub struct TargetArguments {
    /// A host release: revit==2025.4; may be given several times
    #[arg(long, value_name = "HOST==VERSION")]
    target: Vec<String>,
    /// A Python version: 3.12 [default: the host's, or this machine's]
    #[arg(long, value_name = "VERSION")]
    python: Vec<String>,
    /// A platform of wheel tags: win_amd64 [default: the host's, or this machine's]
    #[arg(long)]
    platform: Vec<String>,
}

impl TargetArguments {
    pub fn is_empty(&self) -> bool {
        self.target.is_empty() && self.python.is_empty() && self.platform.is_empty()
    }

    /// The targets, by the hosts that a registry knows.
    pub fn decide(&self, context: &Context, registry: &Location) -> anyhow::Result<Vec<Target>> {
        let settings = context.settings(Settings::default(), None)?;
        let hosts = KnownHosts::of_registry(context, registry)?;
        let machine = ThisMachine::new(context, &settings, None);
        let mut targets = Vec::new();
        for host in or_default(&self.target) {
            for python in or_default(&self.python) {
                for platform in or_default(&self.platform) {
                    let spec = TargetSpec { host: host.clone(), python: python.clone(), platform };
                    targets.push(decide_target(&spec, &hosts, &NoRules, &machine)?);
                }
            }
        }
        Ok(targets)
    }
}

/// The values given, or one that leaves it open.
fn or_default(values: &[String]) -> Vec<Option<String>> {
    if values.is_empty() { vec![None] } else { values.iter().cloned().map(Some).collect() }
}
