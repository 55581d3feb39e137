//! Fifty publishers at once: each release stands in the log once, and nobody waits for good.

use std::collections::BTreeSet;

use super::{Team, spawn};
use crate::support::git_server::{GitServer, Repository};
use crate::support::seaweed::Seaweed;
use crate::support::{Wheel, text};

const PUBLISHERS: u32 = 50;

/// Half of them release the same package, and the others one each.
fn fifty_at_once(team: &Team) {
    let before = team.entries();
    let wheels: Vec<Wheel> = (0..PUBLISHERS)
        .map(|number| match number % 2 {
            0 => Wheel::new("acme-walls", &format!("1.{number}")),
            _ => Wheel::new(&format!("acme-part{number}"), "1.0"),
        })
        .collect();
    let publishers: Vec<_> = wheels.iter().map(|wheel| spawn(team.publish(wheel))).collect();
    for publisher in publishers {
        let output = publisher.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    // Each publish is a seal of its own, of one record and its seal line.
    assert_eq!(team.entries() - before, 2 * u64::from(PUBLISHERS));
    let lines = team.lines("index/python/ac/me/acme-walls");
    let releases: BTreeSet<&String> = lines.iter().filter(|line| line.contains("\"release\"")).collect();
    assert_eq!(releases.len() as u32, PUBLISHERS / 2);
}

/// All of them publish the same file: one does, and the others find it there.
fn the_same_file_by_all(team: &Team) {
    let before = team.entries();
    let wheel = Wheel::new("acme-roofs", "1.0");
    // The file is written anew for each command.
    let commands: Vec<_> = (0..8).map(|_| team.publish(&wheel)).collect();
    let publishers: Vec<_> = commands.into_iter().map(spawn).collect();
    let mut published = 0;
    for publisher in publishers {
        let output = publisher.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        published += u32::from(!output.stdout.is_empty());
    }
    assert_eq!(team.entries() - before, 2);
    assert!(published >= 1);
}

#[test]
fn in_a_folder() {
    let team = Team::in_a_folder();
    fifty_at_once(&team);
    the_same_file_by_all(&team);
}

#[test]
fn in_a_bucket() {
    let Some(seaweed) = Seaweed::start() else { return };
    let team = Team::in_a_bucket(&seaweed, "registry");
    fifty_at_once(&team);
    the_same_file_by_all(&team);
}

#[test]
fn in_git() {
    let repository = Repository::new();
    let Some(server) = GitServer::start(repository.folder(), "") else { return };
    let team = Team::in_git(&repository, &server);
    fifty_at_once(&team);
    the_same_file_by_all(&team);
}
