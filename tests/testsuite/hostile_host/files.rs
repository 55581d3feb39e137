//! Files of the registry that are altered, missing, or of another registry.

use std::fs;
use std::path::Path;

use super::{GEOMETRY, Report, WALLS, alter, find, on_nginx, truncate};
use crate::support::folder::copy;
use rvp::model::Blake3;
use rvp::registry::layout;
use rvp::registry::snapshot::Entry;

#[test]
fn blobs() {
    let (site, _nginx) = on_nginx();
    let mut report = Report::default();
    let walls = |served: &Path| find(served, "acme_walls-1.1-py3-none-any.whl");
    report.add("truncated", &site.sync(|served| truncate(&walls(served))));
    report.add("altered", &site.sync(|served| alter(&walls(served))));
    report.add(
        "swapped with an older release",
        &site.sync(|served| {
            fs::copy(find(served, "acme_walls-1.0-py3-none-any.whl"), walls(served)).unwrap();
        }),
    );
    report.add("missing", &site.sync(|served| fs::remove_file(walls(served)).unwrap()));
    report.add(
        "100 MB longer",
        &site.sync(|served| {
            fs::File::options().write(true).open(walls(served)).unwrap().set_len(100 << 20).unwrap();
        }),
    );
    report.check("blobs");
    site.recovers();
}

#[test]
fn index_files() {
    let (site, _nginx) = on_nginx();
    let mut report = Report::default();
    report.add("altered", &site.lock(|served| alter(&served.join(WALLS))));
    report.add("truncated", &site.lock(|served| truncate(&served.join(WALLS))));
    report.add("hidden", &site.lock(|served| fs::remove_file(served.join(WALLS)).unwrap()));
    report.add(
        "older than the checkpoint",
        &site.lock(|served| {
            fs::copy(site.world.path("old").join(WALLS), served.join(WALLS)).unwrap();
        }),
    );
    report.add(
        "of another package",
        &site.lock(|served| {
            fs::copy(served.join(GEOMETRY), served.join(WALLS)).unwrap();
        }),
    );
    report.check("index_files");
    // What anybody appended is not committed, however long it is.
    site.serve(|served| {
        fs::File::options().write(true).open(served.join(WALLS)).unwrap().set_len(100 << 20).unwrap();
    });
    site.world.done_in("app", "lock --upgrade");
    site.recovers();
}

#[test]
fn sealed_nonsense() {
    let (site, _nginx) = on_nginx();
    let mut report = Report::default();
    let mut seal = |case: &str, line: &str| {
        let error = site.lock(|served| site.forge(served).seal(WALLS, &[line]));
        report.add(case, &error);
    };
    seal("not JSON", "release acme-walls 2.0");
    seal(
        "not UTF-8 in JSON",
        r#"{"kind":"release","family":"python","name":"acme-walls","version":"\ud800"}"#,
    );
    seal(
        "a duplicate key",
        r#"{"kind":"release","family":"python","name":"acme-walls","version":"2.0","version":"3.0"}"#,
    );
    seal("an unknown kind that is critical", r#"{"kind":"transfer","critical":true,"name":"acme-walls"}"#);
    seal("another package", r#"{"kind":"release","family":"python","name":"acme-doors","version":"2.0"}"#);
    seal("no version", r#"{"kind":"release","family":"python","name":"acme-walls","version":"two"}"#);
    seal("a version twice", r#"{"kind":"release","family":"python","name":"acme-walls","version":"1.1.0"}"#);
    report.add(
        "a seal of other records than it counts",
        &site.lock(|served| {
            let line = r#"{"kind":"seal","path":"index/python/ac/me/acme-walls","first":0,"count":7,"time":"2026-11-20T12:00:00Z"}"#;
            site.forge(served).seal(WALLS, &[line]);
        }),
    );
    report.add(
        "an index file of 100 MB",
        &site.lock(|served| {
            let digest = Blake3::of(b"");
            site.forge(served).cover(WALLS, Entry { length: 100 << 20, digest });
        }),
    );
    report.add(
        "a line that is in the index file and not in the log",
        &site.lock(|served| {
            let mut forge = site.forge(served);
            let mut text = fs::read_to_string(served.join(WALLS)).unwrap();
            text = text.replace(r#""requires":["acme-geometry"],"#, "");
            fs::write(served.join(WALLS), &text).unwrap();
            let entry = Entry { length: text.len() as u64, digest: Blake3::of(text.as_bytes()) };
            // A new snapshot needs a larger log, or it is another state of the same size.
            forge.seal(GEOMETRY, &[]);
            forge.cover(WALLS, entry);
        }),
    );
    report.check("sealed_nonsense");
    // These states were signed, so that one with less is a step back to a client that remembers them.
    site.serve(|_| {});
    site.recovers();
}

#[test]
fn snapshot_and_log() {
    let (site, _nginx) = on_nginx();
    let mut report = Report::default();
    let root = |served: &Path| served.join(layout::snapshot_node(site.forge(served).checkpoint.snapshot));
    report.add("snapshot node altered", &site.lock(|served| alter(&root(served))));
    report.add("snapshot node truncated", &site.lock(|served| truncate(&root(served))));
    report.add("snapshot node missing", &site.lock(|served| fs::remove_file(root(served)).unwrap()));
    report.add(
        "snapshot node of 100 MB",
        &site.lock(|served| {
            fs::File::options().write(true).open(root(served)).unwrap().set_len(100 << 20).unwrap();
        }),
    );
    let tile = |served: &Path| {
        let size = site.forge(served).checkpoint.size;
        served.join(format!("log/tile/0/000.p/{size}"))
    };
    report.add("tile altered", &site.lock(|served| alter(&tile(served))));
    report.add("tile truncated", &site.lock(|served| truncate(&tile(served))));
    report.add("tile missing", &site.lock(|served| fs::remove_file(tile(served)).unwrap()));
    report.check("snapshot_and_log");
    site.recovers();
}

#[test]
fn checkpoints() {
    let (site, _nginx) = on_nginx();
    let mut report = Report::default();
    let checkpoint = |served: &Path| served.join(layout::CHECKPOINT);
    report.add("altered", &site.lock(|served| alter(&checkpoint(served))));
    report.add("truncated", &site.lock(|served| truncate(&checkpoint(served))));
    report.add("empty", &site.lock(|served| fs::write(checkpoint(served), "").unwrap()));
    report.add("missing", &site.lock(|served| fs::remove_file(checkpoint(served)).unwrap()));
    report.add(
        "100 MB long",
        &site.lock(|served| {
            fs::File::options().write(true).open(checkpoint(served)).unwrap().set_len(100 << 20).unwrap();
        }),
    );
    report.add(
        "with too large a size",
        &site.lock(|served| {
            let mut forge = site.forge(served);
            forge.checkpoint.size += 1000;
            forge.sign();
        }),
    );
    report.add(
        "with a root that is not the log's",
        &site.lock(|served| {
            let mut forge = site.forge(served);
            forge.checkpoint.root.0[0] ^= 1;
            forge.sign();
        }),
    );
    report.add(
        "from the far future",
        &site.lock(|served| {
            let mut forge = site.forge(served);
            forge.checkpoint.time = "2999-01-01T00:00:00Z".parse().unwrap();
            forge.sign();
        }),
    );
    report.add(
        "with a snapshot that is not there",
        &site.lock(|served| {
            let mut forge = site.forge(served);
            forge.checkpoint.snapshot.0[0] ^= 1;
            forge.sign();
        }),
    );
    report.check("checkpoints");
    site.recovers();
}

#[test]
fn other_histories() {
    let (site, _nginx) = on_nginx();
    let world = &site.world;
    let mut report = Report::default();
    let keys = world.path("home/keys");
    fs::rename(&keys, world.path("keys")).unwrap();
    world.done("registry init stranger --name acme");
    fs::remove_dir_all(&keys).unwrap();
    fs::rename(world.path("keys"), &keys).unwrap();

    let stranger = world.path("stranger");
    report.add("another registry of the same name", &site.lock(|served| copy(&stranger, served)));
    report.add(
        "the checkpoint of another registry",
        &site.lock(|served| {
            fs::copy(stranger.join(layout::CHECKPOINT), served.join(layout::CHECKPOINT)).unwrap();
        }),
    );
    report.add(
        "the config.json of another registry",
        &site.lock(|served| {
            fs::copy(stranger.join(layout::CONFIG), served.join(layout::CONFIG)).unwrap();
            // Nobody asks for it again while it is cached.
            fs::remove_dir_all(world.path("home/cache")).unwrap();
        }),
    );

    // The client sees the new state; then it is offered the old one, and two others that grew from the old one.
    site.serve(|_| {});
    world.done_in("app", "lock --upgrade");
    site.remember();
    report.add("an older state", &site.lock(|served| copy(&world.path("old"), served)));
    copy(&world.path("old"), &world.path("fork"));
    let line = r#"{"kind":"release","family":"python","name":"acme-walls","version":"1.1"}"#;
    site.forge(&world.path("fork")).seal(WALLS, &[line]);
    report.add("a fork of the same size", &site.lock(|served| copy(&world.path("fork"), served)));
    let line = r#"{"kind":"release","family":"python","name":"acme-walls","version":"1.2"}"#;
    site.forge(&world.path("fork")).seal(WALLS, &[line]);
    report.add("a longer fork", &site.lock(|served| copy(&world.path("fork"), served)));
    report.check("other_histories");
    site.recovers();
}

#[test]
fn the_first_visit() {
    let (site, _nginx) = on_nginx();
    let mut report = Report::default();
    let mut visit = |case: &str, change: &dyn Fn(&Path)| {
        let error = site.lock(|served| {
            change(served);
            for part in ["state", "cache"] {
                fs::remove_dir_all(site.world.path("home").join(part)).unwrap();
            }
        });
        report.add(case, &error);
    };
    visit("no config.json", &|served| fs::remove_file(served.join(layout::CONFIG)).unwrap());
    visit("not a registry", &|served| fs::remove_dir_all(served).unwrap());
    visit("config.json is not JSON", &|served| fs::write(served.join(layout::CONFIG), "hello").unwrap());
    visit("config.json of a later format", &|served| {
        fs::write(served.join(layout::CONFIG), r#"{"format":2}"#).unwrap();
    });
    visit("config.json altered", &|served| {
        let text = fs::read_to_string(served.join(layout::CONFIG)).unwrap();
        fs::write(
            served.join(layout::CONFIG),
            text.replace("\"format\"", "\"max-age-days\": 1,\n  \"format\""),
        )
        .unwrap();
    });
    visit("config.json of 100 MB", &|served| {
        fs::File::options()
            .write(true)
            .open(served.join(layout::CONFIG))
            .unwrap()
            .set_len(100 << 20)
            .unwrap();
    });
    report.check("the_first_visit");
}
