//! A register of every released format opens, and its export is imported, for ever: fixtures in `tests/data/formats`.
//!
//! When the format changes, those of the present one are made once more and kept beside the others:
//! `cargo test --test upgrade -- --ignored`.

#[path = "common/world.rs"]
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use klachtd::answers::{Added, Ask};
use klachtd::domain::complaint::State;
use klachtd::domain::fact::{ComplaintId, Fate};
use klachtd::domain::house::Mailbox;
use klachtd::domain::procedure::Channel;
use klachtd::outbox::deliver::Delivery;
use klachtd::store::{Import, Snapshot, Store};
use world::World;

const SHOP: &str = "complaints@shop.test";

fn monday() -> Timestamp {
    "2026-03-02T09:15:00+01:00".parse().expect("a moment")
}

fn mail(n: u32, to: &str, more: &str, text: &str) -> Vec<u8> {
    format!(
        "From: \"Klant {n}\" <k{n}@klant.test>\nTo: {to}\nSubject: Klacht {n}\nMessage-ID: <m{n}@klant.test>\n\
         Date: Mon, 2 Mar 2026 09:00:00 +0100\n{more}Content-Type: text/plain; charset=utf-8\n\n{text}\n"
    )
    .replace('\n', "\r\n")
    .into_bytes()
}

async fn complaint(world: &mut World, n: u32) -> String {
    let outcome =
        world.mail(&mail(n, SHOP, "", "Mijn bestelling 31337 kwam kapot aan, ik wil mijn geld.")).await;
    outcome.reference.expect("a complaint")
}

async fn order(world: &mut World, reference: &str, text: &str) {
    let text = text.replace('|', "\n");
    world.order(reference, &text).await.unwrap_or_else(|e| panic!("{text}: {e}"));
}

const ANSWER: &str = "#answer partly||Onderzoek:|De foto is bekeken.||Conclusie:|De doos was te dun.||Actie:|Geld terug.||\
    Maatregelen:|Dikkere dozen.";

/// Complaints in every state that there is, notices that wait, failed and were given up, mail that was set aside, ignored
/// and came twice, orders, a complaint by telephone in another mailbox.
async fn everything() -> World {
    let mut world = World::new("webshop", monday(), |house| {
        let other = world::house("websec");
        house
            .mailboxes
            .extend(other.mailboxes.into_iter().map(|m| Mailbox { delimiter: String::new(), ..m }));
        house.staff.extend(other.staff);
    })
    .await;
    let refused = |to: &str, delivery| (to.to_owned(), [delivery].into());
    world.answers.extend([
        refused("k6@klant.test", Delivery::Rejected { reply: "550 5.1.1 unknown".into() }),
        refused("k7@klant.test", Delivery::Rejected { reply: "550 5.1.1 unknown".into() }),
        refused("k8@klant.test", Delivery::Deferred { reply: "451 4.3.0 later".into() }),
    ]);
    complaint(&mut world, 1).await;
    for (n, orders) in [
        (2, &["#ask|Welk nummer?"][..]),
        (3, &["#assign hanna@shop.test", ANSWER]),
        (4, &[ANSWER, "#review"]),
        (
            5,
            &[
                "#extend 20-03-2026 de leverancier zoekt het uit",
                "#note|Gebeld.",
                "#close resolved geld terug",
            ],
        ),
    ] {
        let reference = complaint(&mut world, n).await;
        for text in orders {
            order(&mut world, &reference, text).await;
        }
    }
    for n in 6..=8 {
        complaint(&mut world, n).await;
    }
    let failed = world.engine.store().outbox_open().expect("readable");
    let failed = failed.iter().find(|o| o.to == "k7@klant.test").expect("it failed").id;
    world.ask(Ask::Drop { id: failed }).await;
    world.mail(&mail(1, SHOP, "", "Mijn bestelling 31337 kwam kapot aan, ik wil mijn geld.")).await;
    world.mail(&mail(20, SHOP, "Auto-Submitted: auto-replied\n", "Ik ben met vakantie.")).await;
    let forged = "Authentication-Results: mx.shop.test; dmarc=fail header.from=klant.test\n";
    world.mail(&mail(21, SHOP, forged, "Mijn factuur klopt niet.")).await;
    world
        .mail(&mail(9, SHOP, "In-Reply-To: <m5@klant.test>\n", "Er kwam nog niets. De é en de € ook niet."))
        .await;
    world.turn_to("websec");
    world.add(&by_telephone()).await;
    world.run_until("2026-03-04T10:00:00+01:00".parse().expect("a moment")).await;
    world
}

fn by_telephone() -> Added {
    Added {
        mailbox: String::new(),
        channel: Channel::Phone,
        email: "mulder@klant.test".into(),
        name: "M. Mulder".into(),
        subject: None,
        received: None,
        order_number: None,
        text: "De scan van vorige week is niet af.".into(),
        by: "operator".into(),
    }
}

/// The export without its first line, which tells when it was made.
fn exported(store: &Store) -> String {
    let (mut bytes, mut told) = (Vec::new(), Vec::new());
    store.export(monday(), true, &mut bytes, &mut |words| told.push(words)).expect("exported");
    assert!(told.is_empty(), "{told:#?}");
    let text = String::from_utf8(bytes).expect("UTF-8");
    text.split_once('\n').expect("lines").1.to_owned()
}

fn imported(lines: &str, into: &Path, now: Timestamp) -> Store {
    let how = Import { replace: false, stale: false, now };
    how.run(into, &mut lines.as_bytes(), &mut |words| panic!("{words}")).expect("imported");
    let store = Store::open(into).expect("it opens");
    let verified = store.verify().expect("readable");
    assert!(verified.ok, "{:#?}", verified.faults);
    store
}

fn header() -> String {
    format!("{{\"kind\":\"klachtd\",\"v\":1,\"at\":\"{}\"}}\n", monday())
}

#[tokio::test]
async fn an_import_of_an_export_is_the_same_register() {
    let world = everything().await;
    let store = world.engine.store();
    let copy = Snapshot::hold(&store.snapshot(|| ()).await.expect("a copy")).expect("held");
    let lines = exported(&copy.open().expect("it opens"));
    for kind in
        ["content", "entry", "outgoing", "place", "seen", "message_id", "cursor", "count", "numbers", "end"]
    {
        assert!(lines.contains(&format!("{{\"kind\":\"{kind}\"")), "no {kind}");
    }
    let dir = tempfile::tempdir().expect("a directory");
    let again = imported(&format!("{}{lines}", header()), dir.path(), world.now);
    assert_eq!(exported(&again), lines);
    assert_eq!(again.totals().expect("readable"), store.totals().expect("readable"));
    assert_eq!(again.outbox_open().expect("readable"), store.outbox_open().expect("readable"));
    assert_eq!(again.set_aside().expect("readable"), store.set_aside().expect("readable"));
    let states: Vec<State> = (1..)
        .map_while(|id| again.complaint(ComplaintId(id)).expect("readable").map(|complaint| complaint.state))
        .collect();
    for state in
        [State::Agreeing, State::Open, State::Asking, State::Answered, State::InReview, State::Closed]
    {
        assert!(states.contains(&state), "{state:?} is not among {states:?}");
    }
    let letters = again.totals().expect("readable");
    for fate in [Fate::Complaint, Fate::FollowUp, Fate::SetAside, Fate::Ignored, Fate::Duplicate] {
        assert!(letters.letters(fate) > 0, "{fate:?}");
    }
    // Every pending complaint is looked at anew, and what was closed for good is not.
    let due = again.complaints_due(world.now, 100).expect("readable");
    let pending = again.open_complaints_page(None, 100).expect("readable");
    assert_eq!(due, pending.iter().map(|(id, _)| *id).collect::<Vec<_>>());
}

fn formats() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats")
}

fn tar(arguments: &[&str]) {
    assert!(Command::new("tar").args(arguments).status().expect("tar").success(), "tar {arguments:?}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[tokio::test]
async fn a_register_of_every_released_format_opens_and_says_the_same() {
    let mut found = Vec::new();
    for entry in fs::read_dir(formats()).expect("fixtures") {
        let path = entry.expect("an entry").path();
        let Some(number) = text(&path).strip_suffix(".tar.gz").and_then(|p| p.rsplit('-').next()) else {
            continue;
        };
        let kept = fs::read_to_string(formats().join(format!("export-{number}.jsonl"))).expect("the export");
        let (_, kept) = kept.split_once('\n').expect("lines");
        let dir = tempfile::tempdir().expect("a directory");
        tar(&["-xzf", text(&path), "-C", text(dir.path())]);
        let store = Store::open(dir.path()).expect("it opens");
        let verified = store.verify().expect("readable");
        assert!(verified.ok && verified.complaints > 5, "{verified:#?}");
        assert!(exported(&store) == kept, "the export of store-{number} is not what it was");
        found.push(number.to_owned());
    }
    let dir = tempfile::tempdir().expect("a directory");
    drop(Store::open(dir.path()).expect("an empty register"));
    let present = format_of(dir.path());
    assert!(found.contains(&present), "no fixture of the present format {present} among {found:?}");
}

#[test]
fn an_export_of_every_released_format_is_imported_and_says_the_same() {
    let mut found = 0;
    for entry in fs::read_dir(formats()).expect("fixtures") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|e| e != "jsonl") {
            continue;
        }
        let lines = fs::read_to_string(&path).expect("readable");
        let dir = tempfile::tempdir().expect("a directory");
        let store = imported(&lines, dir.path(), monday());
        assert!(exported(&store) == lines.split_once('\n').expect("lines").1, "{}", path.display());
        found += 1;
    }
    assert!(found > 0, "there are no fixtures");
}

/// The number of the format in which a register was written.
fn format_of(dir: &Path) -> String {
    let format = fs::read_to_string(dir.join("format")).expect("the format");
    format.trim().rsplit(' ').next().expect("a number").to_owned()
}

/// Not a test: makes the fixtures of the present format. What is there is never replaced.
#[tokio::test]
#[ignore = "makes the fixtures"]
async fn make_the_fixtures() {
    let world = everything().await;
    let dir = tempfile::tempdir().expect("a directory");
    let made = world.engine.store().snapshot(|| ()).await.expect("a copy");
    let copy = Snapshot::hold(&made).expect("held");
    let backup =
        klachtd::store::Backup::begin(dir.path(), made.parent().and_then(Path::parent).expect("a place"));
    assert!(backup.expect("an empty place").make(&copy).expect("a backup").0.ok);
    let number = format_of(dir.path());
    let (store, export) =
        (formats().join(format!("store-{number}.tar.gz")), formats().join(format!("export-{number}.jsonl")));
    assert!(!store.exists() && !export.exists(), "fixtures of format {number} are there and stay");
    fs::remove_file(dir.path().join("lock")).expect("the lock");
    let whole =
        ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-czf", text(&store), "-C", text(dir.path())];
    tar(&[&whole[..], &["."]].concat());
    let lines = exported(&copy.open().expect("it opens"));
    fs::write(export, format!("{}{lines}", header())).expect("written");
}
