//! The files of a release: read from their first byte to their last, and compared with what the record says of them.

use std::fs::File;
use std::io::{Read as _, Write as _};

use futures::StreamExt as _;
use futures::executor::block_on;
use rayon::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Handle;

use super::proposed::ProposedRelease;
use super::{Problem, Question, Report};
use crate::model::{Artifact, Blake3, BundleFile, Family, PackageName, Release};
use crate::publish::{Hosts, Incoming, StagedBlob};
use crate::registry::{check_blob, layout};

/// Checks all files that the proposal brings to a release.
pub(super) fn check(question: &Question, release: &ProposedRelease, report: &mut Report) {
    let title = release.title();
    let files: Vec<&Artifact> = release.new_files().collect();
    let runtime = Handle::try_current().ok();
    let read = |file: &&Artifact| {
        // For files that have to be fetched.
        let _entered = runtime.as_ref().map(Handle::enter);
        read(question, &release.name, file)
    };
    let looked_at: Vec<(&Artifact, Result<Option<Incoming>, String>)> =
        files.par_iter().map(|file| (*file, read(file))).collect();
    let (mut speaking, mut all_read) = (Vec::new(), true);
    for (artifact, result) in looked_at {
        match result {
            Ok(Some(incoming)) if speaks(release, &incoming) => speaking.push((artifact, incoming)),
            Ok(Some(_)) => {}
            Ok(None) => all_read = false,
            Err(reason) => {
                all_read = false;
                let reason = format!("has a file that cannot be used: {reason}");
                report.failures.push(Problem::new(&title, reason));
            }
        }
    }
    if release.name.family() == Family::Vitte && !files.is_empty() {
        let reason = "has files whose content is not compared with its record: rvp cannot read them yet";
        report.warnings.push(Problem::new(&title, reason));
    }
    let offered =
        |extra: &String| speaking.iter().any(|(_, incoming)| incoming.release.extras.contains(extra));
    if let Some(extra) = release.entry.release.extras.iter().find(|extra| !offered(extra))
        && release.is_new
        && all_read
    {
        let reason = format!("has the extra `{extra}` in its record, and in none of its files");
        report.failures.push(Problem::new(&title, reason));
    }
    let is_wheel = |artifact: &&&Artifact| artifact.file.ends_with(".whl");
    let first = files.iter().find(is_wheel).or(files.first()).copied();
    for (artifact, incoming) in &speaking {
        let faults = faults(release, artifact, &incoming.release, first == Some(artifact));
        report.failures.extend(faults.into_iter().map(|reason| Problem::new(&title, reason)));
    }
    if let Some((artifact, incoming)) = speaking
        .iter()
        .find(|(_, incoming)| contradicts(&incoming.release.hosts, &release.entry.release.hosts))
    {
        let reason = format!(
            "says in {} that it runs in {}, and in its record {}",
            artifact.file,
            words(&incoming.release.hosts),
            words(&release.entry.release.hosts)
        );
        report.warnings.push(Problem::new(&title, reason));
    }
}

/// Reads a file, whose digests must be those of its record. None: rvp does not know this kind of file, or it is elsewhere.
fn read(question: &Question, name: &PackageName, artifact: &Artifact) -> Result<Option<Incoming>, String> {
    let path = layout::blob(artifact);
    let here = question.dir.join(&path);
    let fetched = if here.exists() { None } else { fetch(question, &path, artifact)? };
    let full = fetched.as_ref().map_or(here, |folder| folder.path().join(&artifact.file));
    match check_blob(&full, artifact) {
        None if question.blobs_elsewhere => return Ok(None),
        None => return Err(format!("{path} is missing")),
        Some(checked) => checked.map_err(|reason| format!("{path} {reason}"))?,
    }
    if let Some(provenance) = &artifact.provenance {
        check_provenance(question, artifact, provenance)?;
    }
    if name.family() != Family::Python {
        return Ok(None);
    }
    let Artifact { file, size, blake3, sha256, .. } = artifact.clone();
    let blob = StagedBlob { path: full, file, blake3, sha256, size };
    Incoming::read(blob, |_| Hosts::new()).map(Some).map_err(|error| error.to_string())
}

/// Fetches a file, by its name, into a folder of its own from the other places of the registry's blobs; none if it is in none of them.
fn fetch(question: &Question, path: &str, artifact: &Artifact) -> Result<Option<TempDir>, String> {
    let Some((_, reader)) = question.registries.readers().next() else { return Ok(None) };
    let unread = |error: &dyn std::fmt::Display| format!("{path} cannot be read: {error}");
    if !layout::is_file_name(&artifact.file) {
        return Ok(None);
    }
    let store = reader.store().map_err(|error| unread(&error))?;
    block_on(async {
        let stream = store.stream(path, 0, artifact.size.saturating_add(1)).await;
        let Some(mut pieces) = stream.map_err(|error| unread(&error))? else { return Ok(None) };
        let folder = tempfile::tempdir().map_err(|error| unread(&error))?;
        let mut file = File::create(folder.path().join(&artifact.file)).map_err(|error| unread(&error))?;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| unread(&error))?;
            file.write_all(&piece).map_err(|error| unread(&error))?;
        }
        Ok(Some(folder))
    })
}

/// Checks the attestations that came with a file (PEP 740).
fn check_provenance(question: &Question, artifact: &Artifact, provenance: &BundleFile) -> Result<(), String> {
    let path = layout::provenance(provenance);
    let failed = |reason: String| format!("the attestations of {} in {path} {reason}", artifact.file);
    if provenance.size > layout::MAX_PROVENANCE {
        return Err(failed(format!("would be {} bytes long", provenance.size)));
    }
    let full = question.dir.join(&path);
    if question.blobs_elsewhere && !full.exists() {
        return Ok(());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(full)
        .and_then(|file| file.take(provenance.size + 1).read_to_end(&mut bytes))
        .map_err(|error| failed(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 != provenance.size || Blake3::of(&bytes) != provenance.blake3 {
        return Err(failed("are not those that the record names, by size or digest".into()));
    }
    match question.verifier.attesters(&bytes, &artifact.file, artifact.sha256) {
        Ok(_) => Ok(()),
        Err(error) => Err(failed(format!("do not hold: {error}"))),
    }
}

/// Whether the metadata of a file is what the record is made from: that of wheels, and of a source distribution only where
/// there is none, as a build may still change it.
fn speaks(release: &ProposedRelease, incoming: &Incoming) -> bool {
    let has_wheel = || release.entry.artifacts.iter().any(|artifact| artifact.file.ends_with(".whl"));
    incoming.is_wheel || (release.is_new && !has_wheel())
}

/// What the record says otherwise than the file.
fn faults(release: &ProposedRelease, artifact: &Artifact, own: &Release, is_first: bool) -> Vec<String> {
    let record = &release.entry.release;
    let mut faults = Vec::new();
    let mut compare = |what: &str, file: &[String], record: &[String], same: bool| {
        let words = |texts: &[String]| match texts {
            [] => "none".to_owned(),
            texts => format!("`{}`", texts.join("`, `")),
        };
        if !same {
            let (file, record) = (words(file), words(record));
            faults.push(format!("has as {what} {record} in its record, and {file} in {}", artifact.file));
        }
    };
    let requires = artifact.requires.as_ref().unwrap_or(&record.requires);
    compare("requirements", &own.requires, requires, own.requires == *requires);
    // The empty text stands for metadata that asks for none.
    let requires_python = artifact.requires_python.as_ref().or(record.requires_python.as_ref());
    let requires_python = requires_python.filter(|text| !text.is_empty());
    let own_python = own.requires_python.as_ref().filter(|text| !text.is_empty());
    let texts = |text: Option<&String>| text.into_iter().cloned().collect::<Vec<_>>();
    compare("requires-python", &texts(own_python), &texts(requires_python), own_python == requires_python);
    let known = |extra: &String| record.extras.contains(extra);
    compare("extras", &own.extras, &record.extras, !release.is_new || own.extras.iter().all(known));
    // The release record says these as its first file does.
    if is_first && release.is_new {
        let of = |text: &Option<String>| texts(text.as_ref());
        compare("licence", &of(&own.license), &of(&record.license), own.license == record.license);
        compare("summary", &of(&own.summary), &of(&record.summary), own.summary == record.summary);
    }
    faults
}

/// Whether the metadata names hosts, and the record others. A record may name hosts that no metadata knows.
fn contradicts(metadata: &Hosts, record: &Hosts) -> bool {
    metadata.iter().any(|(host, versions)| record.get(host) != Some(versions))
}

fn words(hosts: &Hosts) -> String {
    match hosts.is_empty() {
        true => "any host".into(),
        false => {
            hosts.iter().map(|(host, versions)| format!("{host} {versions}")).collect::<Vec<_>>().join(", ")
        }
    }
}
