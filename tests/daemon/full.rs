//! A disk that is really full: nothing is half done, the service stays, and goes on by itself when there is room.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::site::{MAILDIRS, Site, complaint, eventually};

/// A small file system for the state of a site; taken away with it.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where no file system may be mounted: the kernel lets root alone.
    fn on(site: &Site) -> Option<Self> {
        let dir = site.path("state");
        fs::create_dir(&dir).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs"])
            .arg(&dir)
            .status()
            .is_ok_and(|status| status.success());
        assert!(mounted || !rustix::process::geteuid().is_root(), "root may mount a tmpfs");
        if !mounted {
            eprintln!("SKIPPED: a full disk needs root, to mount a small one");
        }
        mounted.then_some(Self(dir))
    }

    /// Fills it to its last byte.
    fn fill(&self) {
        let mut ballast = fs::File::create(self.0.join("ballast")).unwrap();
        let full = std::io::copy(&mut std::io::repeat(7), &mut ballast).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the service may be going still.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn deliver(site: &Site, n: u32) {
    site.write(
        &format!("inbox/tmp/{n}"),
        &complaint(&format!("vol{n}@klant.test")).replace("kapot", &format!("kapot {n}")),
    );
    fs::create_dir_all(site.path("inbox/new")).unwrap();
    fs::rename(site.path(&format!("inbox/tmp/{n}")), site.path(&format!("inbox/new/{n}"))).unwrap();
}

fn complaints(site: &Site) -> usize {
    site.json(&["list"]).as_array().unwrap().len()
}

#[test]
fn a_full_disk_is_waited_out_whatever_wants_to_write() {
    let site = Site::new(&MAILDIRS.replace("path = \"inbox\"", "path = \"inbox\"\npoll = \"1s\""));
    let Some(disk) = SmallDisk::on(&site) else { return };
    let service = site.start();
    deliver(&site, 1);
    eventually("the first complaint", || (complaints(&site) == 1).then_some(()));
    let reference = site.json(&["list"])[0]["reference"].as_str().unwrap().to_owned();

    disk.fill();
    for _ in 0..40 {
        site.run_with(&["order", &reference, "#notitie"], "gebeld".as_bytes()).ends(75, &["MB are free"]);
    }
    deliver(&site, 2);
    eventually("status knows", || {
        let status = site.run(&["status"]);
        (status.code == 69 && status.text().contains("ALARM disk")).then_some(())
    });
    assert_eq!(complaints(&site), 1);

    disk.make_room();
    eventually("it goes on by itself", || (complaints(&site) == 2).then_some(()));
    site.run_with(&["order", &reference, "#notitie"], "gebeld".as_bytes()).ends(0, &[]);
    eventually("all is well again", || (site.run(&["status"]).code == 0).then_some(()));

    disk.fill();
    service.kill();
    // Who starts it again and again says in words why it ends.
    site.run(&["run"]).ends(75, &["room"]);
    disk.make_room();
    let service = site.start();
    service.stop();
    site.run(&["verify"]).ends(0, &["2 complaints"]);
}
