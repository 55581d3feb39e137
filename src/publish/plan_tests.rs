//! Tests of the rules of a plan.

use super::*;
use crate::model::{Blake3, Sha256};

fn incoming(file: &str, bytes: &[u8]) -> Incoming {
    let name = PackageName::python("demo").unwrap();
    let version = Version::parse(name.family(), "1.0").unwrap();
    let mut release = Release::new(&name, &version);
    release.name = "Demo".into();
    release.requires = vec!["numpy>=1".into()];
    release.requires_python = Some(">=3.8".into());
    Incoming {
        version,
        name,
        is_wheel: file.ends_with(".whl"),
        release,
        yanked: None,
        provenance: None,
        blob: StagedBlob {
            path: PathBuf::from("from").join(file),
            file: file.into(),
            blake3: Blake3::of(bytes),
            sha256: Sha256::of(bytes),
            size: bytes.len() as u64,
        },
    }
}

fn with(file: &str, change: impl FnOnce(&mut Incoming)) -> Incoming {
    let mut artifact = incoming(file, file.as_bytes());
    change(&mut artifact);
    artifact
}

/// The package that a registry has after `plan`.
fn applied(plan: &Plan, mut package: Package) -> BTreeMap<PackageName, Package> {
    for record in &plan.staged.records {
        let read = Record::parse(&record.to_line().unwrap()).unwrap();
        package.apply("index", 1, read, jiff::Timestamp::UNIX_EPOCH, 0).unwrap();
    }
    BTreeMap::from([(package.name.clone(), package)])
}

fn nothing() -> Package {
    Package::new(PackageName::python("demo").unwrap())
}

fn only_release(known: &BTreeMap<PackageName, Package>) -> &ReleaseEntry {
    known.values().next().unwrap().releases.values().next().unwrap()
}

const WHEEL: &str = "demo-1.0-py3-none-any.whl";
const LINUX: &str = "demo-1.0-cp311-cp311-manylinux2014_x86_64.whl";
const SDIST: &str = "demo-1.0.tar.gz";

#[test]
fn a_new_release_is_one_record_with_wheels_before_sdists() {
    let plan =
        plan(vec![incoming(SDIST, b"s"), incoming(WHEEL, b"w"), incoming(LINUX, b"l")], &BTreeMap::new());
    let [Record::Release(release)] = &plan.staged.records[..] else { panic!("{plan:?}") };
    let files: Vec<&str> = release.artifacts.iter().map(|artifact| artifact.file.as_str()).collect();
    assert_eq!(files, [LINUX, WHEEL, SDIST]);
    assert!(release.artifacts.iter().all(|artifact| artifact.requires.is_none()));
    assert_eq!(plan.staged.blobs.len(), 3);
}

#[test]
fn a_second_plan_of_the_same_files_is_empty() {
    let files = || vec![incoming(WHEEL, b"w"), incoming(SDIST, b"s")];
    let known = applied(&plan(files(), &BTreeMap::new()), nothing());
    let again = plan(files(), &known);
    assert!(again.staged.records.is_empty() && again.staged.blobs.is_empty() && again.refused.is_empty());
    assert_eq!(again.already_there.len(), 2);
}

#[test]
fn more_files_of_a_release_are_added_to_it() {
    let known = applied(&plan(vec![incoming(WHEEL, b"w")], &BTreeMap::new()), nothing());
    let more = plan(vec![incoming(WHEEL, b"w"), incoming(LINUX, b"l")], &known);
    let [Record::Add(add)] = &more.staged.records[..] else { panic!("{more:?}") };
    assert_eq!((add.name.as_str(), add.artifacts[0].file.as_str()), ("Demo", LINUX));
    assert_eq!(more.staged.blobs.len(), 1);
}

#[test]
fn other_bytes_under_a_published_name_are_refused_and_the_rest_goes_on() {
    let known = applied(&plan(vec![incoming(WHEEL, b"w")], &BTreeMap::new()), nothing());
    let plan = plan(vec![incoming(WHEEL, b"other"), incoming(LINUX, b"l")], &known);
    assert_eq!(plan.staged.blobs.len(), 1);
    let message = plan.refused[0].error.to_string();
    assert!(message.contains(&Sha256::of(b"w").to_string()), "{message}");
    assert!(message.contains(&Sha256::of(b"other").to_string()), "{message}");
}

#[test]
fn one_name_twice_in_the_input_is_taken_once() {
    let mut second = incoming(WHEEL, b"w");
    second.blob.path = PathBuf::from("elsewhere").join(WHEEL);
    let mut third = incoming(WHEEL, b"other");
    third.blob.path = PathBuf::from("third").join(WHEEL);
    let plan = plan(vec![third, second, incoming(WHEEL, b"w")], &BTreeMap::new());
    assert_eq!((plan.staged.blobs.len(), plan.already_there.len(), plan.refused.len()), (1, 1, 1));
    assert_eq!(plan.refused[0].files, [PathBuf::from("third").join(WHEEL)]);
}

#[test]
fn a_wheel_whose_metadata_differs_says_so_itself() {
    let other = with(WHEEL, |artifact| {
        artifact.release.requires = vec!["numpy>=2".into()];
        artifact.release.requires_python = None;
        artifact.release.extras = vec!["plot".into()];
    });
    let sdist = with(SDIST, |artifact| artifact.release.requires.clear());
    let plan = plan(vec![incoming(LINUX, b"l"), other, sdist], &BTreeMap::new());
    let [Record::Release(release)] = &plan.staged.records[..] else { panic!("{plan:?}") };
    assert_eq!(release.requires, ["numpy>=1"]);
    assert_eq!(release.extras, ["plot"]);
    assert_eq!(release.artifacts[1].requires.as_deref(), Some(&["numpy>=2".to_owned()][..]));
    assert_eq!(release.artifacts[1].requires_python.as_deref(), Some(""), "it admits every version");
    assert_eq!(release.artifacts[2].requires, None, "an sdist does not know better than a wheel");
}

#[test]
fn a_requirement_that_cannot_be_used_refuses_its_release_only() {
    let legacy = with(WHEEL, |artifact| artifact.release.requires = vec!["numpy>=1.*.*".into()]);
    let url = with("demo-2.0-py3-none-any.whl", |artifact| {
        artifact.release.version = "2.0".into();
        artifact.version = artifact.release.parsed_version().unwrap();
        artifact.release.requires = vec!["tool @ https://files.example/tool.whl".into()];
    });
    let good = with("demo-3.0-py3-none-any.whl", |artifact| {
        artifact.release.version = "3.0".into();
        artifact.version = artifact.release.parsed_version().unwrap();
    });
    let plan = plan(vec![legacy, incoming(LINUX, b"l"), url, good], &BTreeMap::new());
    assert_eq!(plan.staged.blobs.len(), 1);
    let refused: Vec<usize> = plan.refused.iter().map(|refused| refused.files.len()).collect();
    assert_eq!(refused, [2, 1], "the whole release 1.0, and 2.0");
    assert!(plan.refused[0].error.to_string().contains("demo 1.0"), "{}", plan.refused[0].error);
}

#[test]
fn a_release_asks_for_one_set_of_hosts() {
    let revit = |artifact: &mut Incoming| {
        artifact.release.hosts.insert("revit".into(), ">=2024".into());
    };
    let known = applied(&plan(vec![with(WHEEL, revit)], &BTreeMap::new()), nothing());
    assert_eq!(only_release(&known).release.hosts["revit"], ">=2024");
    let plan = plan(vec![incoming(LINUX, b"l")], &known);
    let message = plan.refused[0].error.to_string();
    assert!(message.contains("none") && message.contains("revit >=2024"), "{message}");
}

#[test]
fn a_release_withdrawn_at_its_source_is_yanked_here_once() {
    let yanked = || with(WHEEL, |artifact| artifact.yanked = Some("broken".into()));
    let first = plan(vec![yanked()], &BTreeMap::new());
    assert!(matches!(&first.staged.records[..], [Record::Release(_), Record::Yank(_)]), "{first:?}");
    let known = applied(&first, nothing());
    assert_eq!(only_release(&known).yanked.as_deref(), Some("broken"));
    assert!(plan(vec![yanked()], &known).staged.records.is_empty());
}

#[test]
fn a_release_too_long_for_one_record_goes_on_in_add_records() {
    let files: Vec<Incoming> = (0..900)
        .map(|build| {
            let file = format!("demo-1.0-{build}-py3-none-any.whl");
            incoming(&file, file.as_bytes())
        })
        .collect();
    let plan = plan(files, &BTreeMap::new());
    assert!(plan.staged.records.len() > 2, "{}", plan.staged.records.len());
    for record in &plan.staged.records {
        assert!(record.to_line().unwrap().len() <= MAX_RECORD);
    }
    let known = applied(&plan, nothing());
    assert_eq!(only_release(&known).artifacts.len(), 900);
}

#[test]
fn metadata_that_no_record_can_hold_is_refused() {
    let long = with(WHEEL, |artifact| artifact.release.summary = Some("x".repeat(MAX_RECORD)));
    let plan = plan(vec![long], &BTreeMap::new());
    assert!(plan.staged.records.is_empty());
    assert!(matches!(plan.refused[0].error, PublishError::Record { .. }));
}
