//! Policies about who has signed: publishers, signatures and approvals, with real signatures.

use std::fmt::Write as _;

use data_encoding::BASE64;
use insta::assert_snapshot;

use crate::support::signer::{Person, publish_unsigned};
use crate::support::{WINDOWS, Wheel, World};

fn named(people: &[&Person]) -> String {
    let tables = people.iter().map(|one| format!("{{ key = \"{}\" }}", BASE64.encode(one.key.as_der())));
    tables.collect::<Vec<_>>().join(", ")
}

/// What was said, with the names of people in place of their keys.
fn shown(text: &str, people: &[&Person]) -> String {
    people.iter().fold(text.to_owned(), |text, one| {
        let base64 = BASE64.encode(one.key.as_der());
        text.replace(&one.key.to_string(), one.name).replace(&base64, one.name)
    })
}

fn lock(world: &World, dependency: &str) -> String {
    world.project(&[dependency], WINDOWS);
    let _ = std::fs::remove_file(world.path("app/rvp.lock"));
    format!("{dependency}\n{}\n", world.app("lock"))
}

#[test]
fn names_are_released_by_their_publishers_only() {
    let world = World::with_registry(&[]);
    let (ana, eve) = (Person::new(&world, "ana"), Person::new(&world, "eve"));
    ana.published(&world, &Wheel::new("acme-walls", "1.0"));
    eve.published(&world, &Wheel::new("acme-doors", "1.0"));
    publish_unsigned(&world, &Wheel::new("acme-roofs", "1.0"));
    publish_unsigned(&world, &Wheel::new("plotting", "1.0"));
    let policy = format!("[[publishers]]\npackages = [\"acme-*\"]\nallow = [{}]\n", named(&[&ana]));
    world.write("home/policy.toml", &policy);
    let mut said = String::new();
    for dependency in ["acme-walls", "acme-doors", "acme-roofs", "plotting"] {
        said += &lock(&world, dependency);
    }
    assert_snapshot!(shown(&said, &[&ana, &eve]));
}

#[test]
fn a_release_that_must_be_signed_is_chosen_over_a_newer_one_that_is_not() {
    let world = World::with_registry(&[]);
    let ana = Person::new(&world, "ana");
    ana.publish(&world, &Wheel::new("acme-walls", "1.0"), "--no-claim");
    publish_unsigned(&world, &Wheel::new("acme-walls", "1.1"));
    let mut said = lock(&world, "acme-walls");
    world.write("home/policy.toml", "[signatures]\nrequired = [\"*\"]\n");
    said += &lock(&world, "acme-walls");
    said += &lock(&world, "acme-walls>=1.1");
    world.write("home/policy.toml", "[signatures]\nrequired = [\"*\"]\nunsigned = [\"acme-walls==1.1\"]\n");
    said += &lock(&world, "acme-walls>=1.1");
    assert_snapshot!(said);
}

#[test]
fn files_that_came_later_must_be_signed_too() {
    let world = World::with_registry(&[]);
    let ana = Person::new(&world, "ana");
    ana.publish(&world, &Wheel::new("acme-walls", "1.0"), "--no-claim");
    publish_unsigned(&world, &Wheel::new("acme-walls", "1.0").tag("py3-none-win_amd64"));
    world.write("home/policy.toml", "[signatures]\nrequired = [\"*\"]\n");
    let mut said = lock(&world, "acme-walls");
    let policy = format!("[[publishers]]\npackages = [\"*\"]\nallow = [{}]\n", named(&[&ana]));
    world.write("home/policy.toml", &policy);
    said += &lock(&world, "acme-walls");
    assert_snapshot!(shown(&said, &[&ana]));
}

#[test]
fn a_release_counts_once_it_is_approved_by_others_than_its_publisher() {
    let world = World::with_registry(&[]);
    let (ana, rev, eve) =
        (Person::new(&world, "ana"), Person::new(&world, "rev"), Person::new(&world, "eve"));
    ana.published(&world, &Wheel::new("acme-walls", "1.0"));
    let reviewers = named(&[&ana, &rev]);
    let policy = format!("[[approvals]]\npackages = [\"acme-*\"]\ncount = 1\nreviewers = [{reviewers}]\n");
    world.write("home/policy.toml", &policy);
    let mut said = String::new();
    for who in ["ana", "eve", "rev"] {
        world.done(&format!("approve acme-walls==1.0 --registry acme --sign-key {who}.key"));
        writeln!(said, "approved by {who}: {}", lock(&world, "acme-walls")).unwrap();
    }
    ana.published(&world, &Wheel::new("acme-walls", "1.0").tag("cp311-cp311-win_amd64"));
    writeln!(said, "with another file: {}", lock(&world, "acme-walls")).unwrap();
    assert_snapshot!(shown(&said, &[&ana, &rev, &eve]));
}

#[test]
fn who_hides_a_signature_does_not_have_an_older_release_chosen() {
    let world = World::with_registry(&[]);
    let ana = Person::new(&world, "ana");
    ana.published(&world, &Wheel::new("acme-walls", "1.0"));
    ana.published(&world, &Wheel::new("acme-walls", "1.1"));
    world.write("home/policy.toml", "[signatures]\nrequired = [\"acme-*\"]\n");
    for item in walkdir::WalkDir::new(world.path("acme/blobs")) {
        let item = item.unwrap();
        if item.file_name() == "bundle.sigstore.json" {
            std::fs::remove_file(item.path()).unwrap();
        }
    }
    let said = lock(&world, "acme-walls");
    assert!(!world.path("app/rvp.lock").exists());
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\b[0-9a-f]{2}/\[DIGEST\]", "[DIGEST]");
    settings.bind(|| assert_snapshot!(said));
}

#[test]
fn check_explains_who_has_not_signed() {
    let world = World::with_registry(&[]);
    let (ana, eve) = (Person::new(&world, "ana"), Person::new(&world, "eve"));
    ana.publish(&world, &Wheel::new("acme-walls", "1.0"), "--no-claim");
    eve.publish(&world, &Wheel::new("acme-walls", "1.1"), "--no-claim");
    publish_unsigned(&world, &Wheel::new("acme-walls", "1.2"));
    lock(&world, "acme-walls");
    let policy = format!("[[publishers]]\npackages = [\"*\"]\nallow = [{}]\n", named(&[&ana]));
    world.write("app/policy.toml", &policy);
    assert_snapshot!(shown(&world.app("policy check"), &[&ana, &eve]));
}
