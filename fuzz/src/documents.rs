//! Documents that people and other programs write: metadata, requirements, locks, project files, settings.

use std::path::Path;

use rvp::model::{Family, PackageName, Requirement, Version, ranges_of_semver};
use rvp::package::Metadata;
use rvp::project::{DependencyTable, PyProject, UserConfig, add_dependency, remove_dependency};
use rvp::resolve::Lock;

use super::folder;

/// What is read of METADATA is the same when it is written again, and fit for a terminal.
pub fn metadata(data: &[u8]) {
    let Ok(read) = Metadata::parse(data) else { return };
    let mut text = format!(
        "Metadata-Version: {}\nName: {}\nVersion: {}\n",
        read.metadata_version, read.name, read.version
    );
    let several = [
        ("Requires-Dist", &read.requires_dist),
        ("Provides-Extra", &read.provides_extra),
        ("Requires-External", &read.requires_external),
        ("Dynamic", &read.dynamic),
    ];
    let one = [
        ("Requires-Python", &read.requires_python),
        ("License-Expression", &read.license),
        ("Summary", &read.summary),
    ];
    let several =
        several.into_iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    for (name, value) in
        several.chain(one.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))))
    {
        assert!(!value.contains(char::is_control), "{name}: {value:?} is fit for a terminal");
        text.push_str(&format!("{name}: {value}\n"));
    }
    let again = Metadata::parse(text.as_bytes()).expect("what was read is written");
    assert_eq!(again, read);
}

/// The first line is a requirement, the second a version. Intervals of SemVer hold the releases that its own matching admits.
pub fn requirement(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (requirement, version) = text.split_once('\n').unwrap_or((text, ""));
    for family in [Family::Python, Family::Host, Family::Vitte] {
        if let Ok(name) = PackageName::new(family, requirement) {
            let again = PackageName::new(family, name.as_str()).expect("a normal name is a name");
            assert_eq!(again, name, "normal names stay");
            let path = name.index_path();
            assert!(path.split('/').all(|part| !part.is_empty() && part != "." && part != ".."), "{path}");
        }
        if let Ok(read) = Requirement::parse(family, requirement) {
            let again = Requirement::parse(family, &read.text).expect("its text is read again");
            assert_eq!(again, read);
        }
        if let Ok(read) = Version::parse(family, version) {
            let again = Version::parse(family, &read.to_string()).expect("a version is read as it is shown");
            assert_eq!(again, read);
        }
    }
    let Ok(ranges) = ranges_of_semver(requirement) else { return };
    let Ok(version) = version.parse::<semver::Version>() else { return };
    let own = requirement.parse::<semver::VersionReq>().expect("it was just read");
    // Build metadata takes part in the order of versions, and not in matching; and no version is above the last one.
    let last = [version.major, version.minor, version.patch].contains(&u64::MAX)
        || requirement.contains(&u64::MAX.to_string());
    if version.build.is_empty() && !last {
        let found = ranges.contains(&Version::SemVer(version.clone()));
        let matches = own.matches(&version);
        // Which pre-releases are candidates at all is decided elsewhere.
        assert!(found == matches || found && !version.pre.is_empty(), "{requirement} {version}");
    }
}

/// A lock that is read is written, and read back the same, from the same bytes.
pub fn lock(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let path = Path::new("rvp.lock");
    let Ok(read) = Lock::parse(path, text) else { return };
    let written = read.to_toml().expect("a lock that was read is written");
    let again = Lock::parse(path, &written).expect("a written lock is read");
    assert_eq!(again, read);
    assert_eq!(again.to_toml().expect("it is written again"), written);
    for target in &read.targets {
        let _ = target.target();
        let order = read.install_order(&target.name);
        assert!(order.len() <= read.packages.len(), "each package once");
    }
}

/// Adding a requirement and removing it again works on every project file that is read, and leaves one that is read.
pub fn pyproject(data: &[u8]) {
    let home = folder();
    let path = home.path().join("pyproject.toml");
    std::fs::write(&path, data).expect("the file is written");
    if PyProject::read(&path).is_err() {
        return;
    }
    let name = PackageName::python("acme-fuzz").expect("a valid name");
    let requirement = Requirement::parse(Family::Python, "acme-fuzz>=1").expect("a valid requirement");
    let tables = [
        DependencyTable::Project,
        DependencyTable::Optional("fuzz".parse().expect("a valid extra")),
        DependencyTable::Group("dev".parse().expect("a valid group")),
    ];
    for table in tables {
        if add_dependency(&path, &table, &requirement).is_err() {
            continue;
        }
        let with = std::fs::read_to_string(&path).expect("the file is there");
        PyProject::read(&path).expect("the changed file is read");
        assert!(with.contains("acme-fuzz>=1"), "{with}");
        add_dependency(&path, &table, &requirement).expect("it is added again");
        assert_eq!(std::fs::read_to_string(&path).expect("the file is there"), with, "which changes nothing");
        remove_dependency(&path, &table, &name).expect("what was added is removed");
        PyProject::read(&path).expect("the changed file is read");
        assert!(remove_dependency(&path, &table, &name).is_err(), "it is removed wholly");
    }
}

/// Settings that are read can be changed, and the change is read.
pub fn config_toml(data: &[u8]) {
    let home = folder();
    let path = home.path().join("config.toml");
    std::fs::write(&path, data).expect("the file is written");
    let Ok(mut config) = UserConfig::read(&path) else { return };
    if config.layer().is_err() {
        return;
    }
    if config.set("registries.acme.url", "../registry").is_ok() {
        let again = UserConfig::read(&path).expect("the changed file is read");
        again.layer().expect("the changed settings are read");
        let text = std::fs::read_to_string(&path).expect("the file is there");
        assert!(text.contains("../registry"), "{text}");
    }
}
