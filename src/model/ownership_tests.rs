use proptest::prelude::*;

use super::*;
use crate::model::Family;

fn identity(name: &str) -> Signer {
    Signer::Identity { identity: name.into(), issuer: "https://issuer.example".into() }
}

fn owner(pattern: &str) -> Owner {
    let principal = Principal::Identity { identity: pattern.into(), issuer: "https://issuer.example".into() };
    Owner { principal, until: None }
}

fn set(revision: u64, threshold: u32, owners: &[&str]) -> OwnerSet {
    OwnerSet { revision, threshold, owners: owners.iter().map(|name| owner(name)).collect() }
}

fn at(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(second).unwrap()
}

fn release() -> Record {
    Record::parse(r#"{"kind":"release","family":"python","name":"demo","version":"1.0"}"#).unwrap()
}

fn owners(set: OwnerSet) -> Record {
    Record::Owners(crate::model::Owners {
        family: Family::Python,
        name: "demo".into(),
        set,
        signatures: Vec::new(),
    })
}

#[test]
fn a_record_is_judged_by_the_owners_where_it_stands() {
    let history = [
        Ownership { entry: 3, sealed: at(0), set: set(1, 1, &["ana"]) },
        Ownership { entry: 9, sealed: at(0), set: set(2, 1, &["ben"]) },
    ];
    let judge = |entry, who: &str| {
        authorise(&release(), &[identity(who)], in_force(&history, entry), None, at(0))
            .map(|why| why.is_some())
    };
    assert_eq!(judge(2, "eve"), Ok(false), "nobody owns it yet");
    assert_eq!(judge(4, "ana"), Ok(true));
    assert_eq!(judge(9, "ana"), Ok(true), "the handover itself is the last word of the owner before");
    assert!(matches!(judge(10, "ana"), Err(Unauthorised::Stranger { .. })));
    assert_eq!(judge(10, "ben"), Ok(true));
}

#[test]
fn a_first_statement_is_signed_by_the_owners_of_the_prefix_or_by_its_own() {
    let first = owners(set(1, 2, &["ana", "ben"]));
    let both = [identity("ana"), identity("ben")];
    assert_eq!(authorise(&first, &both, None, None, at(0)), Ok(Some(Why::Claim)));
    let error = authorise(&first, &both[..1], None, None, at(0)).unwrap_err();
    assert!(matches!(error, Unauthorised::TooFew { found: 1, needed: 2, .. }), "{error}");
    let prefix = set(1, 1, &["team"]);
    assert!(matches!(
        authorise(&first, &both, None, Some(&prefix), at(0)),
        Err(Unauthorised::Stranger { .. })
    ));
    assert_eq!(authorise(&first, &[identity("team")], None, Some(&prefix), at(0)), Ok(Some(Why::Prefix)));
    let second = owners(set(2, 1, &["eve"]));
    let own = set(1, 2, &["ana", "ben"]);
    let by_prefix = authorise(&second, &[identity("team")], Some(&own), Some(&prefix), at(0));
    assert!(by_prefix.is_err(), "a name with owners of its own is no longer the prefix's");
}

#[test]
fn an_expired_owner_signs_nothing_that_is_sealed_later() {
    let mut own = set(1, 1, &["ana", "ben"]);
    own.owners[0].until = Some(at(100));
    let judge = |who, sealed| authorise(&release(), &[identity(who)], Some(&own), None, at(sealed));
    assert!(judge("ana", 100).is_ok());
    assert!(matches!(judge("ana", 101), Err(Unauthorised::Expired { .. })));
    assert!(judge("ben", 101).is_ok());
}

#[test]
fn a_yank_that_must_be_signed_has_a_number() {
    let yank = |revision: &str| {
        let line = format!(
            r#"{{"kind":"yank","family":"python","name":"demo","version":"1.0","yanked":true{revision}}}"#
        );
        Record::parse(&line).unwrap()
    };
    let own = set(1, 1, &["ana"]);
    let judge = |revision| authorise(&yank(revision), &[identity("ana")], None, Some(&own), at(0));
    assert_eq!(judge(""), Err(Unauthorised::Unnumbered));
    assert!(judge(r#","revision":1"#).is_ok());
    assert_eq!(authorise(&yank(""), &[], None, None, at(0)), Ok(None));
}

#[test]
fn a_statement_nobody_can_live_by_is_found() {
    let before = set(4, 1, &["ana"]);
    for (next, fault) in [
        (set(4, 1, &["ben"]), "it is revision 4 of the owners, and the next one is 5"),
        (set(6, 1, &["ben"]), "it is revision 6 of the owners, and the next one is 5"),
        (set(5, 0, &["ben"]), "0 of 1 owners cannot sign"),
        (set(5, 2, &["ben"]), "2 of 1 owners cannot sign"),
        (set(5, 1, &[]), "it names no owner"),
        (set(5, 1, &["ben", "ben"]), "it names ben (of https://issuer.example) twice"),
    ] {
        assert_eq!(next.fault(Some(&before)).as_deref(), Some(fault));
    }
    assert_eq!(set(5, 1, &["ben"]).fault(Some(&before)), None);
    assert_eq!(set(1, 1, &["ben"]).fault(None), None);
}

/// The most owners that can each have a signer of their own, by trying everything.
fn by_trial(owners: &[&Owner], signers: &[Signer], used: u32) -> u32 {
    let Some((first, rest)) = owners.split_first() else { return 0 };
    let with = signers
        .iter()
        .enumerate()
        .filter(|(at, signer)| used & (1 << at) == 0 && first.principal.matches(signer));
    let best = with.map(|(at, _)| 1 + by_trial(rest, signers, used | (1 << at))).max();
    best.unwrap_or(0).max(by_trial(rest, signers, used))
}

proptest! {
    #[test]
    fn as_many_owners_count_as_can_be_told_apart(
        patterns in proptest::collection::btree_set("[ab*]{1,3}", 1..5),
        names in proptest::collection::btree_set("[ab]{1,3}", 0..5),
    ) {
        let owners: Vec<Owner> = patterns.iter().map(|pattern| owner(pattern)).collect();
        let owners: Vec<&Owner> = owners.iter().collect();
        let signers: Vec<Signer> = names.iter().map(|name| identity(name)).collect();
        let found = different_owners(&owners, &signers);
        prop_assert_eq!(found, by_trial(&owners, &signers, 0));
        let twice = [signers.clone(), signers].concat();
        prop_assert_eq!(different_owners(&owners, &twice), found, "nobody counts twice");
    }
}
