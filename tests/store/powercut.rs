//! Power cuts. Killing a process does not show what they do: what it wrote lives on in the page cache.

use std::path::Path;
use std::process::{Command, Stdio};

use klachtd::store::Store;

use crate::killed;

/// System calls by which the disk can be told.
const CALLS: &str = "trace=openat,open,write,pwrite64,writev,pwritev,lseek,ftruncate,fallocate,fsync,fdatasync,\
                     syncfs,sync_file_range,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat";
/// Names the directory that a power cut left.
const IMAGE: &str = "KLACHTD_TEST_STORE_IMAGE";
/// Set to 1 where strace or Python can't be installed: the test that needs them then says so and passes. Without it it
/// fails.
const WITHOUT_POWER_CUTS: &str = "KLACHTD_TEST_WITHOUT_POWER_CUTS";

/// Not a test of its own: opens what a power cut left and looks whether everything acknowledged is there.
#[tokio::test]
async fn image_keeps_what_was_acknowledged() {
    let Some(image) = std::env::var_os(IMAGE) else { return };
    let said = std::env::var("ACKNOWLEDGED").unwrap();
    let acknowledged = killed::acknowledged(&format!("ack {said}")).unwrap_or((0, 0));
    let store = Store::open(Path::new(&image)).unwrap();
    killed::assert_kept(&store, acknowledged, 1);
    // What was cut off comes again, and must not be taken for there because a file has its name.
    for id in acknowledged.0 + 1..=acknowledged.0 + 4 {
        let again = killed::many_letters(id);
        let names = store.keep(again.clone()).await.unwrap();
        for (name, letter) in names.iter().zip(again) {
            assert!(store.content(name).is_ok_and(|kept| kept == letter), "a letter of {id} stayed cut off");
        }
    }
}

#[test]
fn a_power_cut_takes_nothing_that_was_acknowledged() {
    for program in ["strace", "python3"] {
        if Command::new(program).arg("--version").output().is_err() {
            let allowed = std::env::var(WITHOUT_POWER_CUTS).is_ok_and(|value| value == "1");
            assert!(
                allowed,
                "{program} is missing: apt-get install {program}, or set {WITHOUT_POWER_CUTS}=1 to go without power cuts"
            );
            eprintln!("SKIPPED: {program} is missing and {WITHOUT_POWER_CUTS}=1");
            return;
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let (root, image) = (dir.join("store"), dir.join("image"));
    let mut traces = Vec::new();
    // The second run recovers what the first left.
    for (run, most) in [(1, "40"), (2, "15")] {
        let trace = dir.join(format!("trace.{run}"));
        let strace =
            ["strace", "-f", "-y", "-xx", "-s", "1000000", "-e", CALLS, "-o", trace.to_str().unwrap()];
        let mut child = killed::committing_child(&root, &strace);
        child.env(killed::MOST, most).stdout(Stdio::null());
        assert!(child.status().unwrap().success(), "the traced child failed");
        traces.push(trace);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/powercut/powercut.py");
    let cuts = std::env::var("KLACHTD_TEST_POWER_CUTS").unwrap_or_else(|_| "40".into());
    let outcome = Command::new("python3")
        .arg(script)
        .args([&root, &image])
        .args([cuts.as_str(), "1"])
        .args(&traces)
        .arg("--")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "powercut::image_keeps_what_was_acknowledged"])
        .env(IMAGE, &image)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&outcome.stdout);
    println!("{told}");
    assert!(outcome.status.success(), "{told}{}", String::from_utf8_lossy(&outcome.stderr));
}
