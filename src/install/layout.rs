//! Where things stand in an environment, on the platform that it is for.

use super::manifest::Area;
use crate::model::Platform;

/// The paths of an environment, relative to it, with `/` between parts.
#[derive(Clone, Debug)]
pub struct Layout {
    pub windows: bool,
    /// `lib/python3.12/site-packages`, or `Lib/site-packages`.
    pub site_packages: String,
    /// `bin`, or `Scripts`.
    pub scripts: &'static str,
    headers: String,
    pub python: (u64, u64),
    /// Whether names that differ only in case are one file there.
    pub folds_case: bool,
}

impl Layout {
    pub fn new(platform: &Platform, python: (u64, u64)) -> Self {
        let (major, minor) = python;
        let windows = platform.is_windows();
        let folds_case = windows || platform.as_str().starts_with("macosx");
        let (site_packages, scripts) = match windows {
            true => ("Lib/site-packages".to_owned(), "Scripts"),
            false => (format!("lib/python{major}.{minor}/site-packages"), "bin"),
        };
        let headers = format!("include/site/python{major}.{minor}");
        Self { windows, site_packages, scripts, headers, python, folds_case }
    }

    /// Where an area of the package `name` goes.
    pub fn place(&self, area: Area, name: &str) -> String {
        match area {
            Area::Lib => self.site_packages.clone(),
            Area::Scripts => self.scripts.to_owned(),
            Area::Headers => format!("{}/{name}", self.headers),
            Area::Data => String::new(),
        }
    }

    /// `path`, which is relative to the environment, as `RECORD` writes it: relative to `site-packages`.
    pub fn in_record(&self, path: &str) -> String {
        match path.strip_prefix(&self.site_packages).and_then(|rest| rest.strip_prefix('/')) {
            Some(inside) => inside.to_owned(),
            None => format!("{}{path}", "../".repeat(self.site_packages.split('/').count())),
        }
    }
}
