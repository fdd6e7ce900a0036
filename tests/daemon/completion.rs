//! What a shell completes: commands, options, and references from the running service.

use std::process::Command;

use crate::site::{MAILDIRS, Site, complaint, klachtd};

/// What bash would offer for the last of these words.
fn offered(site: &Site, words: &[&str]) -> Vec<String> {
    let config = site.path("klachtd.toml");
    let line = [&["klachtd", "--config", config.to_str().unwrap()], words].concat();
    let output = Command::new(env!("CARGO_BIN_EXE_klachtd"))
        .env("KLACHTD_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", (line.len() - 1).to_string())
        .env("_CLAP_IFS", "\n")
        .env_remove("KLACHTD_CONFIG")
        .arg("--")
        .args(line)
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn references_come_from_the_running_service_and_from_nowhere_else() {
    let site = Site::new(MAILDIRS);
    site.run_with(&["ingest", "omnistock"], complaint("een@klant.test").as_bytes()).ends(0, &[]);
    let reference = site.json(&["list"])[0]["reference"].as_str().unwrap().to_owned();
    assert_eq!(offered(&site, &["show", "K-"]), Vec::<String>::new(), "no service runs");
    let service = site.start();
    for words in [&["show", "K-"][..], &["show", "k-2"], &["show", ""], &["order", &reference[..9]]] {
        assert!(offered(&site, words).contains(&reference), "{words:?}");
    }
    assert_eq!(offered(&site, &["show", "K-1999"]), Vec::<String>::new());
    service.stop();
    assert_eq!(offered(&site, &["show", "K-"]), Vec::<String>::new(), "no service runs any more");
}

#[test]
fn every_shell_gets_a_script_that_it_can_read() {
    for shell in ["bash", "zsh", "fish", "elvish"] {
        let script = klachtd(&["completions", shell], b"").ends(0, &["KLACHTD_COMPLETE", "klachtd"]).text();
        let checked = Command::new(shell).args(["-n", "-c", &script]).output();
        // Where the shell is not installed its script can't be read.
        if let Ok(checked) =
            checked.as_ref().map(|output| output.status.success()).map_err(std::io::Error::kind)
        {
            assert!(checked || shell == "elvish", "{shell} can't read: {script}");
        }
    }
    klachtd(&["completions", "tcsh"], b"").ends(64, &["tcsh", "bash", "fish"]);
    let site = Site::new(MAILDIRS);
    assert!(offered(&site, &["sh"]).contains(&"show".to_owned()));
    let states = offered(&site, &["list", "--state", ""]);
    assert!(
        ["agreeing", "in_review", "erased"].iter().all(|s| states.contains(&(*s).to_owned())),
        "{states:?}"
    );
}
