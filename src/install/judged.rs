//! What an environment was last found to be admitted by.

use std::path::PathBuf;

use super::{Environment, Plan};
use crate::files;
use crate::model::Blake3;

/// The file in an environment's folder that keeps it.
const FILE: &str = "policies";

impl Environment {
    /// Whether `policies`, by the digest of all that they say, have been found to admit the packages of `plan` here.
    pub fn was_admitted(&self, policies: Blake3, plan: &Plan) -> bool {
        let noted = std::fs::read_to_string(self.admission_file());
        noted.is_ok_and(|noted| noted.trim_end() == admission(policies, plan).to_string())
    }

    /// Notes that they do. Where it cannot be written, they will be judged again.
    pub fn note_admitted(&self, policies: Blake3, plan: &Plan) {
        let Ok(file) = files::temporary_file(self.path()) else { return };
        let text = format!("{}\n", admission(policies, plan));
        if std::fs::write(file.path(), text).is_ok() {
            let _ = files::persist(file, &self.admission_file());
        }
    }

    fn admission_file(&self) -> PathBuf {
        self.path().join(FILE)
    }
}

fn admission(policies: Blake3, plan: &Plan) -> Blake3 {
    let packages: Vec<_> = plan.packages.iter().map(|one| (&one.name, &one.version, one.artifact)).collect();
    Blake3::of(format!("{:?}", (policies, packages)).as_bytes())
}
