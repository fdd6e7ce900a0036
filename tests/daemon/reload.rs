//! SIGHUP reads procedures and templates again; a bad file leaves the old set in force.

use std::fs;

use crate::site::{MAILDIRS, Site, eventually};

#[test]
fn a_broken_template_leaves_the_old_set_and_raises_an_alarm() {
    let site = Site::new(MAILDIRS);
    fs::create_dir_all(site.path("templates/nl")).unwrap();
    let service = site.start();
    site.run(&["status"]).ends(0, &["healthy"]);
    site.write("templates/nl/acknowledgement.txt", "Subject: [{{ case }}] x\n\n{{ no_such_thing }}\n");
    service.signal("HUP");
    let status = eventually("the alarm", || {
        let status = site.run(&["status"]);
        (status.code == 69).then_some(status)
    });
    status.ends(69, &["ALARM", "acknowledgement.txt", "no_such_thing"]);
    fs::remove_file(site.path("templates/nl/acknowledgement.txt")).unwrap();
    service.signal("HUP");
    eventually("the alarm is gone", || (site.run(&["status"]).code == 0).then_some(()));
    service.stop();
}
