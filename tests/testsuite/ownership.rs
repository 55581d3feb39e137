//! Who owns a name: claims, strangers, changes of owners, thresholds, prefixes.

use crate::support::signer::{Person, checkpoint, publish_unsigned};
use crate::support::{WINDOWS, Wheel, World};

fn walls(version: &str) -> Wheel {
    Wheel::new("acme-walls", version)
}

#[test]
fn the_first_signed_release_claims_a_name() {
    let world = World::with_registry(&[]);
    let ana = Person::new(&world, "ana");
    let said = ana.publish(&world, &walls("1.0"), "");
    assert!(said.contains("`acme-walls` is yours from now on"), "{said}");
    let listed = world.rvp("owner list acme-walls --registry acme");
    assert!(
        listed.contains(&format!("acme-walls in acme: 1 owner, of whom 1 must sign a change\n  {}", ana.key)),
        "{listed}"
    );
    ana.published(&world, &walls("1.1"));
    world.done("registry verify acme");
    world.project(&["acme-walls"], WINDOWS);
    world.done_in("app", "lock");
    assert!(world.read("app/rvp.lock").contains("version = \"1.1\""));
}

#[test]
fn what_the_owner_has_not_signed_is_refused_before_anything_is_written() {
    let world = World::with_registry(&[]);
    let (ana, eve) = (Person::new(&world, "ana"), Person::new(&world, "eve"));
    ana.published(&world, &walls("1.0"));
    let before = crate::support::folder::tree(&world.path("acme"));
    let said = publish_unsigned(&world, &walls("1.1"));
    assert!(
        said.contains("acme-walls 1.1 is refused: it is not signed, and its name is owned by key SHA256:"),
        "{said}"
    );
    assert!(said.contains("hint: sign it with --sign or --sign-key FILE"), "{said}");
    let said = eve.publish(&world, &walls("1.1"), "");
    assert!(
        said.contains(&format!("it is signed by {}, and its name is owned by {}", eve.key, ana.key)),
        "{said}"
    );
    let said = world.fails_in(".", "yank acme-walls==1.0 --registry acme --reason no");
    assert!(said.contains("a yank of acme-walls 1.0 is refused: it is not signed"), "{said}");
    let said = world.fails_in(".", "yank acme-walls==1.0 --registry acme --reason no --sign-key eve.key");
    assert!(said.contains("its name is owned by"), "{said}");
    let said = world.fails_in(".", "owner claim acme-walls --registry acme --sign-key eve.key");
    assert!(said.contains("`acme-walls` has owners"), "{said}");
    assert_eq!(crate::support::folder::tree(&world.path("acme")), before);
    world.done("yank acme-walls==1.0 --registry acme --reason no --sign-key ana.key");
    world.done("yank acme-walls==1.0 --registry acme --reason yes --undo --sign-key ana.key");
}

#[test]
fn a_name_without_owners_is_claimed_by_word_only() {
    let world = World::with_registry(&[walls("1.0")]);
    let ana = Person::new(&world, "ana");
    ana.published(&world, &walls("1.1"));
    assert!(publish_unsigned(&world, &walls("1.2")).starts_with("exit code: 0"), "nobody owns it yet");
    let said = ana.publish(&world, &walls("1.3"), "--claim");
    assert!(said.contains("is yours"), "{said}");
    assert!(publish_unsigned(&world, &walls("1.4")).starts_with("exit code: 1"));
    let other = Wheel::new("acme-doors", "1.0");
    ana.publish(&world, &other, "--no-claim");
    assert!(publish_unsigned(&world, &Wheel::new("acme-doors", "1.1")).starts_with("exit code: 0"));
}

#[test]
fn a_handover_ends_the_word_of_the_former_owner_and_keeps_what_was_released() {
    let world = World::with_registry(&[]);
    let (ana, ben) = (Person::new(&world, "ana"), Person::new(&world, "ben"));
    ana.published(&world, &walls("1.0"));
    world.done("owner set acme-walls --owner-key ben.pub --registry acme --sign-key ana.key");
    let said = ana.publish(&world, &walls("1.1"), "");
    assert!(
        said.contains(&format!("it is signed by {}, and its name is owned by {}", ana.key, ben.key)),
        "{said}"
    );
    let said =
        world.fails_in(".", "owner add acme-walls --owner-key ana.pub --registry acme --sign-key ana.key");
    assert!(said.contains("is refused: it is signed by"), "{said}");
    ben.published(&world, &walls("1.1"));
    world.done("registry verify acme");
    world.project(&["acme-walls==1.0"], WINDOWS);
    world.done_in("app", "lock");
}

#[test]
fn more_than_one_owner_must_sign_where_they_have_said_so() {
    let world = World::with_registry(&[]);
    let ana = Person::new(&world, "ana");
    for name in ["ben", "cem", "eve"] {
        Person::new(&world, name);
    }
    ana.published(&world, &walls("1.0"));
    let at = "--registry acme";
    world.done(&format!(
        "owner add acme-walls --owner-key ben.pub --owner-key cem.pub --threshold 2 {at} --sign-key ana.key"
    ));
    let before = checkpoint(&world);
    let said =
        world.fails_in(".", &format!("owner remove acme-walls --owner-key cem.pub {at} --sign-key ana.key"));
    assert!(said.contains("signed by 1 of the owners, and 2 must sign a change of owners"), "{said}");
    let change = format!("owner remove acme-walls --owner-key cem.pub --pending change.json {at} --sign-key");
    world.done(&format!("{change} ana.key"));
    // One who signs twice is one, and one who is no owner is none.
    world.done(&format!("owner sign change.json {at} --sign-key ana.key"));
    world.done(&format!("owner sign change.json {at} --sign-key eve.key"));
    assert_eq!(checkpoint(&world), before);
    std::fs::copy(world.path("change.json"), world.path("later.json")).unwrap();
    world.done(&format!("owner sign change.json {at} --sign-key ben.key"));
    assert_ne!(checkpoint(&world), before);
    assert!(!world.path("change.json").exists());
    let said = world.fails_in(".", &format!("owner sign later.json {at} --sign-key ben.key"));
    assert!(said.contains("is outdated: it is revision 3 of the owners, and the next one is 4"), "{said}");
    world.done("registry verify acme");
}

#[test]
fn a_pending_change_that_somebody_altered_is_refused() {
    let world = World::with_registry(&[]);
    let (ana, _ben, eve) =
        (Person::new(&world, "ana"), Person::new(&world, "ben"), Person::new(&world, "eve"));
    ana.published(&world, &walls("1.0"));
    world.done("owner add acme-walls --owner-key ben.pub --threshold 2 --registry acme --sign-key ana.key");
    world
        .done("owner add acme-walls --owner-key eve.pub --pending c.json --registry acme --sign-key ana.key");
    let altered = world.read("c.json").replace("\\\"threshold\\\":2", "\\\"threshold\\\":1");
    assert_ne!(altered, world.read("c.json"));
    world.write("c.json", &altered);
    let said = world.fails_in(".", "owner sign c.json --registry acme --sign-key ben.key");
    assert!(said.contains("is over other records than this one"), "{said}");
    let _ = eve;
}

#[test]
fn a_prefix_is_owned_by_a_team() {
    let world = World::with_registry(&[]);
    let (ana, eve) = (Person::new(&world, "ana"), Person::new(&world, "eve"));
    world.done("owner claim 'acme-*' --registry acme --sign-key ana.key");
    for wheel in [walls("1.0"), Wheel::new("acme-doors", "1.0")] {
        let said = eve.publish(&world, &wheel, "");
        assert!(said.contains("and its name is owned by"), "{said}");
        let said = ana.publish(&world, &wheel, "");
        assert!(said.starts_with("exit code: 0") && !said.contains("is yours"), "{said}");
    }
    eve.published(&world, &Wheel::new("acmeshop", "1.0"));
    let listed = world.rvp("owner list acme-walls --registry acme");
    assert!(listed.contains("acme-walls in acme, by the prefix acme-*: 1 owner"), "{listed}");
    let said = world.fails_in(".", "owner claim 'acme-walls-*' --registry acme --sign-key eve.key");
    assert!(said.contains("is signed by"), "{said}");
    // The team gives one of its names away.
    world.done("owner claim acme-walls --owner-key eve.pub --registry acme --sign-key ana.key");
    eve.published(&world, &walls("1.1"));
    assert!(ana.publish(&world, &walls("1.2"), "").starts_with("exit code: 1"));
    world.done("registry verify acme");
    world.project(&["acme-walls", "acme-doors"], WINDOWS);
    world.done_in("app", "lock");
}

#[test]
fn an_owner_can_be_one_until_a_time() {
    let world = World::with_registry(&[]);
    let (ana, ben) = (Person::new(&world, "ana"), Person::new(&world, "ben"));
    ana.published(&world, &walls("1.0"));
    world.done("owner add acme-walls --owner-key ben.pub --until 2020-01-01T00:00:00Z --registry acme --sign-key ana.key");
    let said = ben.publish(&world, &walls("1.1"), "");
    assert!(said.contains("who was an owner until 2020-01-01T00:00:00Z, and it was sealed at"), "{said}");
}

#[test]
fn the_last_owners_cannot_lock_themselves_out() {
    let world = World::with_registry(&[]);
    let ana = Person::new(&world, "ana");
    ana.published(&world, &walls("1.0"));
    let said =
        world.fails_in(".", "owner remove acme-walls --owner-key ana.pub --registry acme --sign-key ana.key");
    assert!(said.contains("cannot be changed so: it names no owner"), "{said}");
    let said =
        world.fails_in(".", "owner add acme-walls --owner-key ana.pub --registry acme --sign-key ana.key");
    assert!(said.contains("twice"), "{said}");
}
