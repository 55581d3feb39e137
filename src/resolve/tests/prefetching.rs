//! Packages are announced before they are asked for, so that a reader over a network fetches them together.

use std::cell::RefCell;
use std::sync::Arc;

use super::universe::{Project, Universe};
use crate::model::PackageName;
use crate::resolve::{Found, Packages, PackagesError, Request, resolve};

/// A universe that writes down what it is asked.
struct Recorder {
    universe: Universe,
    announced: RefCell<Vec<PackageName>>,
    asked: RefCell<Vec<(PackageName, usize)>>,
}

impl Packages for Recorder {
    fn package(&self, name: &PackageName) -> Result<Option<Arc<Found>>, PackagesError> {
        assert!(self.announced.borrow().contains(name), "{name} is asked for and was not announced");
        self.asked.borrow_mut().push((name.clone(), self.announced.borrow().len()));
        self.universe.package(name)
    }

    fn prefetch(&self, names: &[PackageName]) {
        for name in names {
            if !self.announced.borrow().contains(name) {
                self.announced.borrow_mut().push(name.clone());
            }
        }
    }
}

#[test]
fn all_of_one_depth_is_announced_before_the_next_depth_is_asked_for() {
    let mut universe = Universe::default();
    for branch in ["a", "b", "c"] {
        let (child, grandchild) = (format!("{branch}-child"), format!("{branch}-grandchild"));
        universe
            .release(branch, "1", &[&child])
            .release(branch, "2", &[&child])
            .release(&child, "1", &[&grandchild])
            .release(&child, "2", &[&grandchild])
            .release(&grandchild, "1", &[]);
    }
    let recorder = Recorder { universe, announced: RefCell::default(), asked: RefCell::default() };
    let project = Project::new(&["a", "b", "c"]);
    let request = Request { packages: &recorder, ..project.request(&recorder.universe) };
    assert_eq!(resolve(&request, &project.target).unwrap().packages.len(), 9);
    let asked = recorder.asked.borrow();
    let announced_by = |suffix: &str| {
        asked
            .iter()
            .find(|(name, _)| name.as_str().ends_with(suffix))
            .map(|(_, announced)| *announced)
            .unwrap()
    };
    assert!(announced_by("-child") >= 6, "{asked:?}");
    assert!(announced_by("-grandchild") >= 7, "{asked:?}");
    assert_eq!(asked.len(), 9, "each is asked for once");
}
