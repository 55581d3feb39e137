//! Proposals that a push carries: git takes what is made for each forge, and the server gets it whole.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use insta::assert_snapshot;
use rvp::publish::forge::{Forge, ForgeSettings, Opened, Proposal};
use rvp::registry::{GitPlace, HttpSettings, StoreOptions};

use crate::support::git_server::Repository;

/// What the server got, and what has become of the proposal, with a server that says `answer`.
fn pushed(location: &str, answer: &str) -> String {
    let repository = Repository::new();
    repository.push("main");
    repository.git("registry.git", &["config", "receive.advertisePushOptions", "true"]);
    let hook = repository.path().join("hooks/post-receive");
    let script = format!(
        "#!/bin/sh\nread -r _ _ reference\necho \"$reference\" >got\nenv | grep '^GIT_PUSH_OPTION_[0-9]' | sort >>got\ncat <<'END'\n{answer}\nEND\n"
    );
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();

    let forge = Forge::of(&GitPlace::parse(location).unwrap(), ForgeSettings::default());
    let proposal = Proposal {
        title: "Publish acme-walls 1.2".to_owned(),
        body: "### <code>acme-walls 1.2</code>\n\n| a | $(b) |\n|---|---|\n`c` \"d\" 'e' -o f\\n\n"
            .to_owned(),
        branch: "rvp/acme-walls-1.2".to_owned(),
        base: "main".to_owned(),
    };
    let push = forge.push(&proposal);
    let output = Command::new("git")
        .current_dir(repository.work())
        .arg("push")
        .args(push.options.iter().flat_map(|option| ["-o", option.as_str()]))
        .args(["../registry.git", &format!("HEAD:{}", push.reference)])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let options = StoreOptions {
        http: HttpSettings::default(),
        sources: None,
        clones: repository.folder().join("clones"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let opened = match runtime.block_on(forge.open(&proposal, &said, &options)).unwrap() {
        Opened::Request { url, is_new } => format!("request {url}, new: {is_new:?}"),
        Opened::Link(url) => format!("link {url}"),
        Opened::Branch => "branch".to_owned(),
    };
    format!("{}{opened}", fs::read_to_string(repository.path().join("got")).unwrap())
}

#[test]
fn gitlab_makes_a_merge_request_of_a_push() {
    let place = "git+https://gitlab.com/acme/registry.git";
    let answer = "\nView merge request for rvp/acme-walls-1.2:\n  https://gitlab.com/acme/registry/-/merge_requests/7\n";
    assert_snapshot!(pushed(place, answer), @r#"
    refs/heads/rvp/acme-walls-1.2
    GIT_PUSH_OPTION_0=merge_request.create
    GIT_PUSH_OPTION_1=merge_request.target=main
    GIT_PUSH_OPTION_2=merge_request.title=Publish acme-walls 1.2
    GIT_PUSH_OPTION_3=merge_request.description=### <code>acme-walls 1.2</code>\n\n| a | $(b) |\n|---|---|\n`c` "d" 'e' -o f&#92;n\n
    GIT_PUSH_OPTION_4=merge_request.remove_source_branch
    request https://gitlab.com/acme/registry/-/merge_requests/7, new: None
    "#);
    assert_snapshot!(pushed(place, "WARNINGS: Merge requests are not enabled"), @r#"
    refs/heads/rvp/acme-walls-1.2
    GIT_PUSH_OPTION_0=merge_request.create
    GIT_PUSH_OPTION_1=merge_request.target=main
    GIT_PUSH_OPTION_2=merge_request.title=Publish acme-walls 1.2
    GIT_PUSH_OPTION_3=merge_request.description=### <code>acme-walls 1.2</code>\n\n| a | $(b) |\n|---|---|\n`c` "d" 'e' -o f&#92;n\n
    GIT_PUSH_OPTION_4=merge_request.remove_source_branch
    link https://gitlab.com/acme/registry/-/merge_requests/new?merge_request%5Bsource_branch%5D=rvp%2Facme-walls-1.2&merge_request%5Btarget_branch%5D=main&merge_request%5Btitle%5D=Publish+acme-walls+1.2&merge_request%5Bdescription%5D=%23%23%23+%3Ccode%3Eacme-walls+1.2%3C%2Fcode%3E%0A%0A%7C+a+%7C+%24%28b%29+%7C%0A%7C---%7C---%7C%0A%60c%60+%22d%22+%27e%27+-o+f%5Cn
    "#);
}

#[test]
fn gitea_makes_a_pull_request_of_a_push() {
    let answer = "Visit the existing pull request:\n  https://codeberg.org/acme/registry/pulls/7\n";
    assert_snapshot!(pushed("git+ssh://git@codeberg.org/acme/registry.git", answer), @r"
    refs/for/main
    GIT_PUSH_OPTION_0=topic=rvp/acme-walls-1.2
    GIT_PUSH_OPTION_1=title=Publish acme-walls 1.2
    GIT_PUSH_OPTION_2=description={base64}IyMjIDxjb2RlPmFjbWUtd2FsbHMgMS4yPC9jb2RlPgoKfCBhIHwgJChiKSB8CnwtLS18LS0tfApgY2AgImQiICdlJyAtbyBmXG4K
    GIT_PUSH_OPTION_3=force-push=true
    request https://codeberg.org/acme/registry/pulls/7, new: None
    ");
}

#[test]
fn what_is_not_known_gets_a_branch() {
    assert_snapshot!(pushed("git+https://git.acme.example/acme/registry.git", ""), @r"
    refs/heads/rvp/acme-walls-1.2
    branch
    ");
    let answer = "https://git.acme.example/acme/registry/-/merge_requests/7";
    assert_snapshot!(pushed("git+https://git.acme.example/acme/registry.git", answer), @r"
    refs/heads/rvp/acme-walls-1.2
    request https://git.acme.example/acme/registry/-/merge_requests/7, new: None
    ");
}
