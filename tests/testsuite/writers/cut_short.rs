//! Writers that are killed, and networks that are cut, at random moments: readers see the state before or the one after, and the
//! next publish works.

use std::process::Command;
use std::time::{Duration, Instant};

use super::{Team, spawn};
use crate::support::Wheel;
use crate::support::cut::Cut;
use crate::support::git_server::{GitServer, Repository};
use crate::support::seaweed::Seaweed;

/// Moments of each kind. All kinds together are more than a thousand.
const KILLS_IN_A_FOLDER: u32 = 400;
const KILLS_IN_GIT: u32 = 100;
const CUTS_TO_GIT: u32 = 100;
const KILLS_IN_A_BUCKET: u32 = 200;
const CUTS_TO_A_BUCKET: u32 = 200;

/// Publishes version after version of a package, each of which `end_early` may end, and once more to its end. Gives how many were
/// found to have ended before their commit, and how many after it.
fn before_or_after(team: &Team, moments: u32, mut end_early: impl FnMut(&Wheel)) -> (u32, u32) {
    let mut known = team.entries();
    let (mut before, mut after) = (0, 0);
    for moment in 0..moments {
        // Every fourth is the first release of a name; and no index file grows so long that it is most of what is written.
        let wheel = Wheel::new(&format!("acme-part{}", moment / 4), &format!("1.{}", moment % 4));
        end_early(&wheel);
        let found = team.entries();
        match found - known {
            0 => before += 1,
            2 => after += 1,
            other => panic!("{other} more entries after one publish"),
        }
        let output = team.publish(&wheel).output().unwrap();
        assert!(output.status.success(), "{}", crate::support::text(&output));
        assert_eq!(team.entries(), known + 2);
        known += 2;
    }
    (before, after)
}

fn killed_at_any_moment(team: &Team, moments: u32) {
    // As long as a whole run takes; it changes with what else this machine does.
    let mut full = Duration::from_millis(50);
    let (before, after) = before_or_after(team, moments, |wheel| {
        let mut child = spawn(team.publish(wheel));
        let start = Instant::now();
        let moment = full.mul_f64(rand::random());
        while start.elapsed() < moment && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        full = match child.try_wait().unwrap() {
            None => full.mul_f64(1.02),
            Some(_) => full.mul_f64(0.95),
        };
        let _ = child.kill();
        child.wait().unwrap();
    });
    assert!(before > 0 && after > 0, "{before} ended before the commit, and {after} after it");
}

#[test]
fn killed_in_a_folder() {
    killed_at_any_moment(&Team::in_a_folder(), KILLS_IN_A_FOLDER);
}

#[test]
fn killed_in_a_bucket() {
    let Some(seaweed) = Seaweed::start() else { return };
    killed_at_any_moment(&Team::in_a_bucket(&seaweed, "registry"), KILLS_IN_A_BUCKET);
}

#[test]
fn cut_off_from_a_bucket() {
    let Some(seaweed) = Seaweed::start() else { return };
    // While one waits to try again, others go on.
    let seaweed = &seaweed;
    std::thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(move || {
                let team = Team::in_a_bucket(seaweed, &format!("registry{number}"));
                let network = Cut::before(seaweed.address());
                cut_at_any_moment(&team, &network, CUTS_TO_A_BUCKET / 4, |wheel| {
                    let mut command = team.publish(wheel);
                    command.env("AWS_ENDPOINT_URL", network.url());
                    command
                });
            });
        }
    });
}

#[test]
fn killed_in_git() {
    let repository = Repository::new();
    let Some(server) = GitServer::start(repository.folder(), "") else { return };
    killed_at_any_moment(&Team::in_git(&repository, &server), KILLS_IN_GIT);
}

#[test]
fn cut_off_from_git() {
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let repository = Repository::new();
                let Some(server) = GitServer::start(repository.folder(), "") else { return };
                let team = Team::in_git(&repository, &server);
                let address = server.nginx.https().replace("https://", "");
                let network = Cut::before(&address);
                let through = team.registry.replace(&address, &format!("localhost:{}", network.port()));
                cut_at_any_moment(&team, &network, CUTS_TO_GIT / 2, |wheel| {
                    let mut command = team.command(&format!("publish --registry {through}"));
                    command.arg(wheel.write(&team.world.path("wheels")));
                    command
                });
            });
        }
    });
}

/// `publish` is a publish that goes through `network`.
fn cut_at_any_moment(team: &Team, network: &Cut, moments: u32, publish: impl Fn(&Wheel) -> Command) {
    let publish = |wheel: &Wheel| publish(wheel).output().unwrap();
    assert!(publish(&Wheel::new("acme-walls", "0")).status.success());
    network.after(u64::MAX);
    assert!(publish(&Wheel::new("acme-walls", "1")).status.success());
    let mut whole = network.passed();
    let (before, after) = before_or_after(team, moments, |wheel| {
        // What comes after the commit is little: every other cut is near the end, or just does not happen.
        let near = rand::random();
        let moments = if near { whole * 3 / 4..whole * 3 / 2 } else { 0..whole };
        network.after(rand::random_range(moments));
        // The log's last tile grows, and so does what is written.
        whole = match publish(wheel).status.success() {
            true => network.passed(),
            false => whole + whole / 20,
        };
        network.after(u64::MAX);
    });
    assert!(before > 0 && after > 0, "{before} before the commit, and {after} after it");
}
