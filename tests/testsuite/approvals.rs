//! Approvals: reviewers' words for releases as they stand.

use crate::support::signer::Person;
use crate::support::{Wheel, World};

#[test]
fn a_reviewer_approves_a_release_as_it_stands() {
    let world = World::with_registry(&[]);
    let (ana, rev) = (Person::new(&world, "ana"), Person::new(&world, "rev"));
    ana.published(&world, &Wheel::new("acme-walls", "1.0"));
    let said = world.fails_in(".", "approve acme-walls==1.0 --registry acme");
    assert!(said.contains("an approval must be signed"), "{said}");
    let said = world.fails_in(".", "approve acme-walls==3.0 --registry acme --sign-key rev.key");
    assert!(said.contains("acme-walls 3.0 is not in the registry; its newest versions are 1.0"), "{said}");
    world.done("approve acme-walls==1.0 --registry acme --sign-key rev.key");
    let said = world.rvp("info acme-walls --registry acme");
    for line in [
        format!("  signed by {}\n", ana.key),
        format!("  approved by {}\n", rev.key),
        format!("  owned by {}\n", ana.key),
    ] {
        assert!(said.contains(&line), "`{line}` is not in\n{said}");
    }
    // A file that comes later was not reviewed.
    ana.published(&world, &Wheel::new("acme-walls", "1.0").tag("cp311-cp311-win_amd64"));
    let said = world.rvp("info acme-walls --registry acme");
    assert!(said.contains(&format!("approved by {}, before its last file came", rev.key)), "{said}");
    world.done("approve acme-walls==1.0 --registry acme --sign-key rev.key");
    let data = world.rvp("info acme-walls --registry acme --json");
    assert!(data.contains("\"whole\": false") && data.contains("\"whole\": true"), "{data}");
    world.done("registry verify acme");
}
