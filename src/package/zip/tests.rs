use super::super::test_support::{message, write};
use super::*;
use crate::testing::archive::{Member, zip};

fn content(bytes: &[u8], name: &str) -> Result<Option<Vec<u8>>, String> {
    let (folder, path) = write("a.zip", bytes);
    let read = || Archive::open(&path)?.read(name, 1 << 30);
    read().map_err(|error| message(&folder, &error))
}

/// Why an archive is refused when it is opened.
#[track_caller]
fn refused(bytes: &[u8], reason: &str) {
    let (folder, path) = write("a.zip", bytes);
    let error = Archive::open(&path).map(|_| "opened").map_err(|error| message(&folder, &error));
    assert_eq!(error, Err(format!("a.zip is not a safe archive: {reason}")));
}

#[track_caller]
fn refused_member(change: impl FnOnce(&mut Member), reason: &str) {
    let mut member = Member::deflated("a", b"some content, some content");
    change(&mut member);
    refused(&zip(&[member]), reason);
}

#[track_caller]
fn refused_name(name: &str, reason: &str) {
    refused_member(
        |member| {
            member.both(|header| {
                header.name = name.into();
                header.flags = if name.is_ascii() { 0 } else { 1 << 11 };
            });
        },
        reason,
    );
}

#[test]
fn what_was_written_is_read() {
    let long = vec![7; 3_000_000];
    let bytes = zip(&[
        Member::folder("a/"),
        Member::stored("a/b", b"stored"),
        Member::deflated("a/c", &long),
        Member::stored("empty", b""),
    ]);
    assert_eq!(content(&bytes, "a/b"), Ok(Some(b"stored".to_vec())));
    assert_eq!(content(&bytes, "a/c"), Ok(Some(long)));
    assert_eq!(content(&bytes, "empty"), Ok(Some(Vec::new())));
    assert_eq!(content(&bytes, "a"), Ok(None));
}

#[test]
fn all_forms_of_data_descriptor_are_read_and_checked() {
    let plain = Member::deflated("a", b"content");
    let (crc, compressed, size) = (plain.local.crc32, plain.local.compressed, plain.local.size);
    let narrow = [crc.to_le_bytes(), compressed.to_le_bytes(), size.to_le_bytes()].concat();
    let zeros = [0; 4];
    let wide = [crc.to_le_bytes(), compressed.to_le_bytes(), zeros, size.to_le_bytes(), zeros].concat();
    let signed = |form: &[u8]| [b"PK\x07\x08", form].concat();
    for descriptor in [signed(&narrow), signed(&wide), narrow.clone(), wide.clone()] {
        let mut member = plain.clone();
        member.both(|header| header.flags = 1 << 3);
        (member.local.crc32, member.local.compressed, member.local.size) = (0, 0, 0);
        member.data.extend_from_slice(&descriptor);
        let after = Member::stored("b", b"");
        assert_eq!(content(&zip(&[member.clone(), after.clone()]), "a"), Ok(Some(b"content".to_vec())));
        *member.data.last_mut().unwrap() ^= 1;
        refused(
            &zip(&[member, after]),
            "the entry `a` has another data descriptor in its local header than in the central directory",
        );
    }
}

#[test]
fn names_that_could_leave_the_folder_or_meet_another_file_are_refused() {
    refused_name("../a", "the entry `../a` has a name that contains `..`");
    refused_name("/a", "the entry `/a` has a name that is an absolute path");
    refused_name(
        "C:/a",
        "the entry `C:/a` has a name that contains `:`, which names a drive or a stream on Windows",
    );
    refused_name("a\\b", "the entry `a\\\\b` has a name that contains a backslash");
    refused_name("a\0b", "the entry `a\\0b` has a name that contains a control character");
    refused_name("a\nb", "the entry `a\\nb` has a name that contains a control character");
    refused_name(
        "x/Aux.py",
        "the entry `x/Aux.py` has a name that has a part that Windows reserves for a device",
    );
    refused_name(
        "x./b",
        "the entry `x./b` has a name that has a part that ends with a dot or a space, which Windows drops",
    );
    refused_name("a//", "the entry `a//` has a name that contains an empty part or `.`");
    refused_name("", "the entry `` has a name that is empty");
    refused_member(
        |member| member.both(|header| header.name = b"caf\xe9".into()),
        "the entry `caf\u{fffd}` has a name that is not UTF-8",
    );
    refused_member(
        |member| member.both(|header| header.name = "é".into()),
        "the entry `é` has a name with letters outside ASCII that is not marked as UTF-8",
    );
    refused_member(
        |member| member.local.extra = b"\x75\x70\x01\0\x01".into(),
        "the entry `a` carries a second name in an extra field",
    );
    refused_member(
        |member| member.central.extra = b"\x75\x70\x01\0\x01".into(),
        "the entry `a` carries a second name in an extra field",
    );
}

#[test]
fn entries_that_exclude_each_other_are_refused() {
    let file = |name: &str| Member::stored(name, b"x");
    refused(&zip(&[file("a"), file("a")]), "the entry `a` stands twice in the archive");
    refused(&zip(&[file("a/B"), file("a/b")]), "the entry `a/b` differs from `a/B` in letter case only");
    refused(
        &zip(&[file("a"), file("a/b")]),
        "the entry `a/b` and `a` need a file and a folder of the same name",
    );
    refused(
        &zip(&[file("a/b"), file("A")]),
        "the entry `a/b` and `A` need a file and a folder of the same name",
    );
}

#[test]
fn only_plain_files_and_folders_are_read() {
    refused_member(|member| member.mode = 0o120_777, "the entry `a` is a symbolic link");
    refused_member(
        |member| member.mode = 0o010_644,
        "the entry `a` is neither a file nor a folder (type 0o10000)",
    );
    refused_member(|member| member.both(|header| header.flags = 1), "the entry `a` is encrypted");
    refused_member(
        |member| member.both(|header| header.method = 93),
        "the entry `a` is compressed by method 93; only stored and deflated entries are read",
    );
    refused(
        &zip(&[Member { mode: 0o040_755, ..Member::stored("a/", b"x") }]),
        "the entry `a/` is a folder with 1 bytes of content",
    );
}

#[test]
fn a_local_header_that_differs_is_refused() {
    let differs = |what: &str| {
        format!("the entry `a` has another {what} in its local header than in the central directory")
    };
    refused_member(|member| member.local.name = b"b".into(), &differs("name"));
    refused_member(|member| member.local.method = 0, &differs("compression method"));
    refused_member(|member| member.local.flags = 2, &differs("set of flags"));
    refused_member(|member| member.local.size += 1, &differs("size"));
    refused_member(|member| member.local.size = 0, &differs("size"));
    refused_member(|member| member.local.compressed -= 1, &differs("compressed size"));
    refused_member(|member| member.local.crc32 ^= 1, &differs("CRC-32"));
    refused_member(|member| member.offset = Some(3), "3 bytes stand before its first entry");
}

#[test]
fn entries_must_fill_the_archive_exactly() {
    let (first, second) = (Member::stored("a", b"1234"), Member::stored("b", b"5678"));
    let good = zip(&[first.clone(), second.clone()]);
    refused(&[b"#!/bin/sh\n", &good[..]].concat(), "10 bytes stand before its first entry");
    refused(&[&good[..], b"more"].concat(), "4 bytes stand after its end");
    refused(&good[..good.len() - 1], "it is not a whole zip archive: unexpected end of file");
    refused(
        &good[1..],
        "the entry `a` has no readable local header: invalid signature: expected 0x04034b50, got 0x1404034b",
    );

    let mut commented = good.clone();
    let length = commented.len();
    commented[length - 2] = 5;
    commented.extend_from_slice(b"hello");
    refused(&commented, "it has a comment of 5 bytes, in which another archive can hide");

    let mut counted = good.clone();
    counted[length - 12] = 1;
    refused(&counted, "it says that it has 1 entries, and has 2");
    counted[length - 12] = 3;
    refused(&counted, "it says that it has 3 entries, and has 2");

    let overlapping = Member { offset: Some(0), ..second.clone() };
    refused(&zip(&[first.clone(), overlapping]), "the entry `a` overlaps what follows it");
    let gap = Member { data: b"1234hidden".into(), ..first };
    refused(&zip(&[gap, second]), "the entry `a` is followed by 6 bytes that belong to nothing");
}

#[test]
fn an_archive_that_unpacks_to_too_much_is_refused() {
    refused_member(
        |member| member.both(|header| header.size = 1 << 21),
        "the entry `a` is said to unpack from 19 bytes to 2097152, more than deflate can",
    );
    let mut stored = Member::stored("a", b"x");
    stored.both(|header| header.size = 2);
    refused(&zip(&[stored]), "the entry `a` is stored as 1 bytes and said to hold 2");

    let mut huge = Member::deflated("0", b"");
    huge.both(|header| (header.compressed, header.size) = (u32::MAX - 1, u32::MAX - 1));
    let members: Vec<Member> = (0..5)
        .map(|number| {
            let mut member = huge.clone();
            member.both(|header| header.name = number.to_string().into());
            member
        })
        .collect();
    refused(&zip(&members), "its entries unpack to more than 17179869184 bytes");
}

#[test]
fn content_that_is_not_what_the_headers_declare_is_refused() {
    let read = |change: &dyn Fn(&mut Member)| {
        let mut member = Member::deflated("a", &b"some content ".repeat(10));
        change(&mut member);
        content(&zip(&[member]), "a").unwrap_err()
    };
    let reason = |text: &str| format!("a.zip is not a safe archive: the entry `a` {text}");
    assert_eq!(
        read(&|member| member.both(|header| header.size = 129)),
        reason("holds more than the 129 bytes that it declares")
    );
    assert_eq!(
        read(&|member| member.both(|header| header.size = 131)),
        reason("ends after 130 of its 131 bytes")
    );
    assert_eq!(
        read(&|member| member.both(|header| header.crc32 = 1)),
        reason("has the CRC-32 101d5139, and declares 00000001")
    );
    assert_eq!(
        read(&|member| {
            member.data.extend_from_slice(b"12345");
            member.both(|header| header.compressed += 5);
        }),
        reason("has 5 bytes of input left at its end")
    );
    assert_eq!(
        read(&|member| {
            member.data.pop();
            member.both(|header| header.compressed -= 1);
        }),
        reason("cannot be inflated: the stream has no end")
    );
    assert_eq!(
        read(&|member| member.data[0] = 0xff),
        reason("cannot be inflated: deflate decompression error: invalid block type")
    );
}
