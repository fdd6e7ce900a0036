//! The commands that keep a register safe, as an operator types them: backup, restore, export, import.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod common;
#[path = "daemon/site.rs"]
#[allow(dead_code, reason = "this crate uses its own part")]
mod site;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use site::{MAILDIRS, Site, complaint, eventually};

/// A mail into the inbox, as a mail server delivers it.
fn deliver(site: &Site, n: u32) {
    site.write(&format!("inbox/tmp/{n}"), &complaint(&format!("m{n}@klant.test")));
    fs::create_dir_all(site.path("inbox/new")).unwrap();
    fs::rename(site.path(&format!("inbox/tmp/{n}")), site.path(&format!("inbox/new/{n}"))).unwrap();
}

/// A site with so many complaints that were handled.
fn with_complaints(n: u32) -> Site {
    let site = Site::new(MAILDIRS);
    (0..n).for_each(|n| deliver(&site, n));
    // Of many from one sender some acknowledgements wait for the limits on automatic mail: 75.
    assert!([0, 75].contains(&site.run(&["run", "--once"]).code));
    site
}

fn without_header(export: &str) -> &str {
    export.split_once('\n').unwrap().1
}

#[test]
fn a_register_is_exported_and_imported_by_the_commands() {
    let site = with_complaints(3);
    let export = site.run(&["export"]).ends(0, &[]).text();
    site.run(&["export", "--output", site.path("file").to_str().unwrap()]).ends(0, &[]);
    let file = fs::read_to_string(site.path("file")).unwrap();
    assert_eq!(without_header(&file), without_header(&export));
    assert!(!site.path("file.tmp").exists());
    site.run_with(&["import"], export.as_bytes())
        .ends(65, &["holds a register with 3 complaints", "--replace"]);
    site.run_with(&["import", "--replace", "-"], export.as_bytes())
        .ends(0, &["3 complaints, ", "what was there before is now", "db.before-import-2"]);
    site.run(&["verify"]).ends(0, &["3 complaints"]);
    assert_eq!(without_header(&site.run(&["export"]).text()), without_header(&export));

    let cut = &export[..export.len() - 100];
    site.run_with(&["import", "--replace"], cut.as_bytes()).ends(65, &["it was cut off"]);
    site.run(&["import", "nowhere"]).ends(65, &["nowhere"]);
    let imported =
        site.run_with(&["import", "--replace", "--stale", "--json"], export.as_bytes()).ends(0, &[]);
    assert_eq!(imported.json()["complaints"], 3);
    deliver(&site, 9);
    site.run(&["run", "--once"]).ends(0, &[]);
    assert!(site.run(&["list"]).text().contains("-01004-"), "a gap in the references");
    site.run(&["verify"]).ends(0, &["4 complaints"]);

    let blob = site.path("state/blob");
    let content = fs::read_dir(blob.join("0")).unwrap().chain(fs::read_dir(blob.join("1")).unwrap()).next();
    fs::write(content.unwrap().unwrap().path(), "x").unwrap();
    site.run(&["export"])
        .ends(65, &["was changed", "1 faults; all the rest was exported", "\"kind\":\"end\""]);
}

#[test]
fn an_import_that_was_killed_harms_nothing_and_is_tried_again() {
    let site = with_complaints(20);
    let export = site.run(&["export"]).ends(0, &[]).out;
    let fresh = Site::new(MAILDIRS);
    let (config, entry) = (fresh.path("klachtd.toml"), b"\"kind\":\"entry\"");
    let journal = export.windows(entry.len()).rposition(|w| w == entry).unwrap();
    for cut in [200, journal / 2, journal] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_klachtd"))
            .args(["--config", config.to_str().unwrap(), "import"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.as_mut().unwrap().write_all(&export[..cut]).unwrap();
        eventually("the register that is being built", || {
            fresh.path("state/db.import-tmp/db").exists().then_some(())
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!fresh.path("state/db").exists());
    }
    fresh.run_with(&["import"], &export).ends(0, &["20 complaints"]);
    fresh.run(&["verify"]).ends(0, &["20 complaints"]);
    assert!(!fresh.path("state/db.import-tmp").exists());
}

#[test]
fn a_backup_is_made_in_a_burst_of_mail_and_what_came_since_comes_back_by_hand() {
    let site = Site::new(MAILDIRS);
    let elsewhere = tempfile::tempdir().unwrap();
    let into = elsewhere.path().join("backup");
    let into = into.to_str().unwrap();
    let service = site.start();
    let mut grew = 0;
    let listed = || site.json(&["list"]).as_array().unwrap().len();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..160 {
                deliver(&site, n);
                std::thread::sleep(Duration::from_millis(40));
            }
        });
        for round in 0..4 {
            let before = eventually("the burst is being handled", || {
                Some(listed()).filter(|listed| *listed > 30 * round)
            });
            let verified = site.run(&["backup", into, "--json"]).ends(0, &[]).json();
            assert_eq!(verified["ok"], true);
            grew += listed() - before;
            let export = site.run(&["export"]).ends(0, &[]).text();
            assert!(export.lines().next_back().unwrap().starts_with("{\"kind\":\"end\""));
        }
    });
    assert!(grew > 0, "nothing came while the backups were made");
    assert_eq!(fs::read_dir(site.path("state/snapshot")).unwrap().count(), 0);
    eventually("all are handled", || {
        let list = site.json(&["list"]);
        (list.as_array().unwrap().len() == 160).then_some(())
    });
    site.run(&["restore", into, "--replace"]).ends(75, &["in use"]);
    site.run_with(&["import", "--replace"], b"").ends(75, &["in use"]);
    site.run(&["backup", site.path("state/backup").to_str().unwrap()])
        .ends(64, &["must not lie with the store"]);
    service.kill();

    // The disk is lost; the mails are in the folder of what was handled.
    fs::remove_dir_all(site.path("state")).unwrap();
    site.run(&["restore", into]).ends(0, &["restored into", "verified"]);
    let known = site.json(&["list"]).as_array().unwrap().len();
    assert!((91..=160).contains(&known), "{known}");
    for handled in fs::read_dir(site.path("inbox/.Verwerkt/cur")).unwrap() {
        let handled = handled.unwrap();
        fs::rename(handled.path(), site.path("inbox/new").join(handled.file_name())).unwrap();
    }
    // Some notices wait for the limits on automatic mail: 75.
    assert!([0, 75].contains(&site.run(&["run", "--once"]).code));
    assert_eq!(site.json(&["list"]).as_array().unwrap().len(), 160, "none is lost and none comes twice");
    site.run(&["verify"]).ends(0, &["160 complaints"]);
}

#[test]
fn who_asks_for_a_copy_at_the_same_time_waits_for_his_turn() {
    let site = with_complaints(1);
    let elsewhere = tempfile::tempdir().unwrap();
    let service = site.start();
    for round in 0..3 {
        let config = site.path("klachtd.toml");
        let started = (0..6).map(|n| {
            Command::new(env!("CARGO_BIN_EXE_klachtd"))
                .args(["--config".as_ref(), config.as_os_str(), "backup".as_ref()])
                .arg(elsewhere.path().join(format!("{round}-{n}")))
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        });
        let started: Vec<_> = started.collect();
        for mut backup in started {
            assert!(backup.wait().unwrap().success());
        }
    }
    service.stop();
}

#[test]
fn a_complaint_that_cannot_be_read_is_told_and_the_others_are_listed() {
    let site = with_complaints(3);
    let db = sled::open(site.path("state/db")).unwrap();
    db.open_tree("records").unwrap().insert([0, 0, 0, 0, 0, 0, 0, 2, 0, 0], b"x").unwrap();
    db.flush().unwrap();
    drop(db);
    let words = ["2 complaints", "complaint 2 can't be read", "1 can't be read"];
    eventually("the register is free", || (site.run(&["list"]).code != 75).then_some(()));
    site.run(&["list"]).ends(65, &words);
    let said = site.run(&["list", "--json"]).ends(65, &words[1..]);
    assert_eq!(said.json().as_array().unwrap().len(), 2);
}

#[test]
fn what_is_not_there_is_neither_made_nor_copied() {
    let site = Site::new(MAILDIRS);
    let elsewhere = tempfile::tempdir().unwrap();
    let empty = elsewhere.path().to_str().unwrap();
    site.run(&["export"]).ends(65, &["there is no register in"]);
    site.run(&["backup", empty]).ends(65, &["there is no register in"]);
    site.run(&["restore", empty]).ends(65, &["no complete backup"]);
    assert!(!site.path("state").exists());
}

#[test]
fn commands_find_the_service_where_systemd_put_its_socket() {
    let site = Site::new(MAILDIRS);
    let runtime = site.path("run");
    fs::create_dir(&runtime).unwrap();
    let service = site.spawn_with(&[("RUNTIME_DIRECTORY", runtime.to_str().unwrap())]);
    eventually("ready", || service.log().contains("ready").then_some(()));
    assert!(runtime.join("control.sock").exists());
    site.run(&["status"]).ends(0, &["healthy"]);
    let into = site.dir.path().join("backup");
    site.run(&["backup", into.to_str().unwrap()]).ends(0, &["verified"]);
    service.kill();
    let said = site.run(&["status"]).ends(69, &["no service is running"]);
    assert!(!said.text().contains("is in use"));
    // Without that directory the next one has its socket where the link stands.
    let service = site.start();
    site.run(&["status"]).ends(0, &["healthy"]);
    service.stop();
    assert!(!site.path("state/control.sock").exists());
    let service = site.spawn_with(&[("RUNTIME_DIRECTORY", runtime.to_str().unwrap())]);
    eventually("ready", || service.log().contains("ready").then_some(()));
    service.stop();
    assert!(
        fs::symlink_metadata(site.path("state/control.sock")).is_err()
            && !runtime.join("control.sock").exists()
    );
}

#[test]
fn what_proves_makes_no_register() {
    let site = Site::new(MAILDIRS);
    for command in [&["verify"][..], &["export"]] {
        site.run(command).ends(65, &["there is no register in"]);
    }
    assert!(!site.path("state").exists());
    if rustix::process::geteuid().is_root() {
        fs::create_dir(site.path("state")).unwrap();
        std::os::unix::fs::chown(site.path("state"), Some(65_534), None).unwrap();
        site.run(&["list"]).ends(64, &["sudo -u '#65534' klachtd"]);
        assert_eq!(fs::read_dir(site.path("state")).unwrap().count(), 0);
    }
}
