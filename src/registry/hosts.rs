//! Host releases that come with rvp, for registries that have no others: `rvp registry init --with revit`.

/// The releases of `host:revit` that are known for certain, one record per line. `hosts/README.md` says where they come from.
pub const REVIT_RELEASES: &str = include_str!("hosts/revit.jsonl");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Platform, Record, Release, Version};

    fn releases() -> Vec<Release> {
        let release = |line: &str| match Record::parse(line).unwrap() {
            Record::Release(release) => release,
            other => panic!("not a release: {other:?}"),
        };
        REVIT_RELEASES.lines().map(release).collect()
    }

    #[test]
    fn every_line_is_a_record_in_the_form_in_which_rvp_writes_it() {
        for line in REVIT_RELEASES.lines() {
            let record = Record::parse(line).unwrap();
            assert_eq!(record.to_line().unwrap(), line);
            assert_eq!(record.package().unwrap().unwrap().to_string(), "host:revit");
        }
    }

    #[test]
    fn releases_rise_and_cover_each_year_from_2021_to_2027() {
        let versions: Vec<Version> = releases().iter().map(|one| one.parsed_version().unwrap()).collect();
        assert!(versions.is_sorted_by(|one, next| one < next));
        for year in 2021..=2027 {
            assert!(releases().iter().any(|one| one.version == year.to_string()), "{year}");
        }
    }

    #[test]
    fn each_release_says_what_a_target_needs() {
        for release in releases() {
            let provides = |key: &str| release.provides[key].as_str();
            assert!(provides("platform").parse::<Platform>().unwrap().is_windows());
            assert_eq!(provides("python"), "3.11");
            assert!(["4.8", "8.0", "10.0"].contains(&provides("dotnet")), "{}", release.version);
        }
    }
}
