//! Timelines: mails and clock in, every mail out, word for word. One file each in `tests/procedures/<procedure>/`.
//!
//! A file begins with comments that cite the clauses it exercises, then its events, each starting with `@ MOMENT`, then
//! `=== out` and everything that must have left by then. `UPDATE=1` rewrites that part; read the difference. Morning
//! digests are made where the head says `digest = on`. `TIMELINE=websec/` plays those files alone.

#[path = "common/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use klachtd::answers::Added;
use klachtd::domain::house::House;
use klachtd::domain::procedure::Channel;
use klachtd::outbox::deliver::Delivery;
use klachtd::rules::Rules;
use world::World;

const OUT: &str = "=== out\n";

#[derive(Debug)]
enum Happens {
    Mail(String),
    Answer { to: String, delivery: Delivery },
    Add(Box<Added>),
    Shell { complaint: usize, order: String },
    End,
}

#[derive(Debug)]
struct Timeline {
    procedure: String,
    changes: Vec<(String, String)>,
    events: Vec<(Timestamp, Happens)>,
    input: String,
    expected: String,
}

impl Timeline {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a timeline can be read");
        let (input, expected) = text.split_once(OUT).unwrap_or((&text, ""));
        let procedure =
            path.parent().and_then(Path::file_name).expect("a folder").to_string_lossy().into_owned();
        let mut parts = format!("\n{input}").split("\n@ ").map(str::to_owned).collect::<Vec<_>>().into_iter();
        let head = parts.next().unwrap_or_default();
        let changes = head.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(" = "));
        let changes = changes.map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned())).collect();
        Self {
            procedure,
            changes,
            events: parts.map(|part| event(&part, path)).collect(),
            input: input.to_owned(),
            expected: expected.to_owned(),
        }
    }

    /// The procedure with the file's changes to its top-level keys, such as `safety_net = "off"`.
    fn rules(&self) -> Option<Rules> {
        let changed: Vec<_> = self.changes.iter().filter(|(key, _)| key == "safety_net").collect();
        if changed.is_empty() {
            return None;
        }
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir_all(directory.path().join("procedures")).expect("a directory");
        fs::create_dir_all(directory.path().join("texts")).expect("a directory");
        let name = format!("{}.toml", self.procedure);
        let mut source = fs::read_to_string(config.join("procedures").join(&name)).expect("the procedure");
        for (key, value) in changed {
            let line = source
                .lines()
                .find(|l| l.starts_with(&format!("{key} ")))
                .expect("the key is there")
                .to_owned();
            source = source.replace(&line, &format!("{key} = {value}"));
        }
        fs::write(directory.path().join("procedures").join(&name), source).expect("written");
        let text = format!("{}.txt", self.procedure);
        fs::copy(config.join("texts").join(&text), directory.path().join("texts").join(&text))
            .expect("copied");
        let (rules, faults) = Rules::load(Some(&directory.path().join("procedures")));
        assert!(faults.is_empty(), "{faults:?}");
        Some(rules)
    }

    fn change(&self, house: &mut House) {
        for (key, value) in self.changes.iter().filter(|(key, _)| key != "safety_net" && key != "digest") {
            let number = || value.parse().expect("a number");
            match key.as_str() {
                "notices_per_sender_per_day" => house.limits.notices_per_sender_per_day = number(),
                "notices_per_complaint_per_day" => house.limits.notices_per_complaint_per_day = number(),
                "notices_per_hour" => house.limits.notices_per_hour = number(),
                "handler" => {
                    house.mailboxes[0].roles.insert("handler".to_owned(), value.clone());
                }
                "staff" if value == "none" => house.staff.clear(),
                // For the register below, see `register`.
                "show" => {}
                other => panic!("a timeline can't change {other:?}"),
            }
        }
    }
}

fn event(part: &str, path: &Path) -> (Timestamp, Happens) {
    let (line, rest) = part.split_once('\n').unwrap_or((part, ""));
    let mut words = line.splitn(3, ' ');
    let at = words.next().unwrap_or_default();
    let at: Timestamp = at.parse().unwrap_or_else(|e| panic!("{}: {at:?}: {e}", path.display()));
    let happens = match words.next() {
        Some("mail") => Happens::Mail(rest.trim_end_matches('\n').to_owned() + "\n"),
        Some("add") => Happens::Add(Box::new(added(words.next().unwrap_or_default(), rest))),
        Some("answer") => answer(words.next().unwrap_or_default()),
        Some("shell") => shell(words.next().unwrap_or_default(), rest),
        Some("end") => Happens::End,
        other => {
            panic!("{}: {other:?} is no event; expected mail, add, shell, answer or end", path.display())
        }
    };
    (at, happens)
}

/// `phone|letter|form NAME <ADDRESS>`, perhaps `on MOMENT`, and text below: what `klachtd add` brings.
fn added(words: &str, text: &str) -> Added {
    let (words, received) = match words.split_once("> on ") {
        Some((words, at)) => (format!("{words}>"), Some(at.parse().expect("a moment"))),
        None => (words.to_owned(), None),
    };
    let (channel, party) = words.split_once(' ').expect("a channel and a person");
    let (name, address) = party.split_once('<').expect("a name and an <address>");
    Added {
        mailbox: String::new(),
        channel: match channel {
            "phone" => Channel::Phone,
            "letter" => Channel::Letter,
            "form" => Channel::Form,
            other => panic!("{other:?} is no channel; expected phone, letter or form"),
        },
        email: address.trim_end_matches('>').to_owned(),
        name: name.trim().to_owned(),
        subject: None,
        received,
        order_number: None,
        text: text.trim().to_owned(),
        by: "operator".to_owned(),
    }
}

/// `N #order…` and text below: what an operator types about the Nth complaint.
fn shell(words: &str, text: &str) -> Happens {
    let (n, order) = words.split_once(' ').expect("a number and an order");
    let complaint = n.parse().expect("the number of a complaint, from 1");
    Happens::Shell { complaint, order: format!("{order}\n{}", text.trim_end()) }
}

/// `ADDRESS 450 words…`, `ADDRESS 550 words…`, `ADDRESS silence`: what the outgoing server answers once.
fn answer(words: &str) -> Happens {
    let (to, reply) = words.split_once(' ').expect("an address and an answer");
    let reply = reply.to_owned();
    let delivery = match reply.as_bytes()[0] {
        b'4' => Delivery::Deferred { reply },
        b'5' => Delivery::Rejected { reply },
        _ => Delivery::Unknown { reason: "no answer after the final dot".to_owned() },
    };
    Happens::Answer { to: to.to_owned(), delivery }
}

async fn play(timeline: &Timeline) -> String {
    let start = timeline.events.first().expect("a timeline has events").0;
    let mut world =
        World::with_rules(&timeline.procedure, start, |house| timeline.change(house), timeline.rules()).await;
    if !timeline.changes.iter().any(|(key, value)| key == "digest" && value == "on") {
        world.quiet_mornings().await;
    }
    let mut shells = Vec::new();
    for (at, happens) in &timeline.events {
        world.run_until(*at).await;
        match happens {
            Happens::Mail(raw) => {
                world.mail(filled(raw, &world).as_bytes()).await;
            }
            Happens::Add(added) => world.add(added).await,
            Happens::Answer { to, delivery } => {
                world.answers.entry(to.clone()).or_default().push_back(delivery.clone());
            }
            Happens::Shell { complaint, order } => {
                let reference =
                    world.list()[complaint - 1]["reference"].as_str().expect("a complaint").to_owned();
                let said = world.order(&reference, order).await;
                shells.push(format!("==== shell: {}\n{said:?}", order.lines().next().unwrap_or_default()));
            }
            Happens::End => {}
        }
    }
    world.check();
    let shells = if shells.is_empty() { String::new() } else { shells.join("\n") + "\n" };
    let fields = timeline.changes.iter().any(|(key, value)| key == "show" && value == "fields");
    world.transcript() + &shells + &register(&mut world, fields)
}

/// `{id 3}` is the Message-ID of the third mail that left, `{from 3}` its envelope sender, `{reply 3}` its Reply-To.
fn filled(raw: &str, world: &World) -> String {
    let mut text = raw.to_owned();
    for (n, sent) in world.sent.iter().enumerate() {
        let id = sent.header("Message-ID").unwrap_or_default();
        let reply_to = sent.header("Reply-To").unwrap_or_default();
        text = text
            .replace(&format!("{{reply {}}}", n + 1), reply_to.trim_matches(['<', '>']))
            .replace(&format!("{{id {}}}", n + 1), &id)
            .replace(&format!("{{from {}}}", n + 1), &sent.envelope_from);
    }
    assert!(
        !text.contains("{id ") && !text.contains("{reply "),
        "a mail names one that did not leave: {text}"
    );
    text
}

fn register(world: &mut World, fields: bool) -> String {
    let mut lines = vec!["==== register".to_owned()];
    let list = world.list();
    for complaint in list.as_array().expect("a list") {
        let field = |key: &str| complaint[key].as_str().unwrap_or("-").to_owned();
        let reference = field("reference");
        lines.push(format!("{reference} {} {} {}", field("state"), field("handler"), field("language")));
        for term in complaint["terms"].as_array().expect("terms") {
            let extended = term["extensions"].as_array().map_or(0, Vec::len);
            let (id, due, status) = (&term["id"], &term["due"], &term["status"]);
            lines.push(format!("  {id} due {due} {status} extended {extended} times"));
        }
        let shown = world.shown(&reference);
        let each = |key: &str| shown[key].as_array().expect("a list").clone();
        let notices = each("notices").into_iter();
        lines.extend(notices.map(|n| format!("  {} {} to {}", n["kind"], n["status"], n["to"])));
        if fields {
            let known = shown["fields"].as_object().into_iter().flatten();
            lines.extend(known.map(|(name, value)| format!("  field {name}: {value}")));
        }
        lines.extend(each("letters").into_iter().map(|l| format!("  letter {} {}", l["n"], l["role"])));
    }
    lines.join("\n") + "\n"
}

fn timelines() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/procedures");
    let mut found = Vec::new();
    for folder in fs::read_dir(root).expect("the timelines are there").flatten() {
        for file in fs::read_dir(folder.path()).expect("a folder").flatten() {
            if file.path().extension().is_some_and(|e| e == "timeline") {
                found.push(file.path());
            }
        }
    }
    found.sort();
    if let Ok(only) = std::env::var("TIMELINE") {
        found.retain(|path| path.to_string_lossy().contains(&only));
    }
    found
}

/// Plays the timelines of one procedure: one test each, so that they run side by side.
async fn play_all(procedure: &str) {
    let files =
        timelines().into_iter().filter(|p| p.parent().is_some_and(|folder| folder.ends_with(procedure)));
    let files: Vec<PathBuf> = files.collect();
    assert!(
        !files.is_empty() || std::env::var_os("TIMELINE").is_some(),
        "no timeline of {procedure} was found"
    );
    let mut wrong = Vec::new();
    for path in files {
        let timeline = Timeline::read(&path);
        let played = play(&timeline).await;
        if played == timeline.expected {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, format!("{}{OUT}{played}", timeline.input)).expect("written");
        } else {
            wrong.push(format!("{}: played:\n{played}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}\n(UPDATE=1 rewrites what is expected)", wrong.join("\n"));
}

#[tokio::test]
async fn omnistock_is_kept() {
    play_all("omnistock").await;
}

#[tokio::test]
async fn act_is_kept() {
    play_all("act").await;
}

#[tokio::test]
async fn webshop_is_kept() {
    play_all("webshop").await;
}

#[tokio::test]
async fn websec_is_kept() {
    play_all("websec").await;
}

#[tokio::test]
async fn ingressus_is_kept() {
    play_all("ingressus").await;
}

/// A folder that no test plays would only look like a test.
#[test]
fn every_timeline_is_of_a_procedure() {
    let known = CLAUSES.map(|(procedure, ..)| procedure);
    let strays: Vec<PathBuf> = timelines()
        .into_iter()
        .filter(|path| !known.iter().any(|p| path.parent().is_some_and(|folder| folder.ends_with(p))))
        .collect();
    assert!(strays.is_empty(), "nothing plays {strays:?}");
}

/// The clauses of each text that a program can keep; the others are advice to the complainant, or a matter of what
/// people write.
const CLAUSES: [(&str, char, &[u8]); 5] = [
    ("omnistock", 'A', &[1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13]),
    ("act", 'A', &[4, 7, 8, 9, 10, 11, 12]),
    ("webshop", 'B', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16]),
    ("websec", 'C', &[2, 3, 5, 6, 7, 8, 9, 10, 11, 12]),
    ("ingressus", 'D', &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
];

#[test]
fn every_clause_is_cited_by_a_timeline() {
    let mut missing = Vec::new();
    for (procedure, letter, numbers) in CLAUSES {
        let mut cited = BTreeSet::new();
        for path in timelines().iter().filter(|p| p.parent().is_some_and(|f| f.ends_with(procedure))) {
            let text = fs::read_to_string(path).expect("a timeline can be read");
            for line in text.lines().filter(|l| l.starts_with('#')) {
                let words = line.split(|c: char| !c.is_ascii_alphanumeric());
                cited.extend(words.filter_map(|w| w.strip_prefix(letter)?.parse::<u8>().ok()));
            }
        }
        let absent = numbers.iter().filter(|n| !cited.contains(n));
        missing.extend(absent.map(|n| format!("{procedure} {letter}{n}")));
    }
    assert!(missing.is_empty(), "no timeline cites {missing:?}");
}

/// ACT's published text still has the holes of the model, and its file no handler: `klachtd check` refuses a mailbox that
/// uses them, and names each; once they are filled in, it does not.
#[test]
fn the_model_is_refused_until_its_holes_are_filled() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let read = |name: &str| fs::read_to_string(config.join(name)).expect("it is shipped");
    let (source, text) = (read("procedures/act.toml"), read("texts/act.txt"));
    let errors = |source: &str, text: &str| {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for (folder, name, content) in [("procedures", "act.toml", source), ("texts", "act.txt", text)] {
            fs::create_dir_all(directory.path().join(folder)).expect("a directory");
            fs::write(directory.path().join(folder).join(name), content).expect("written");
        }
        let (rules, faults) = Rules::load(Some(&directory.path().join("procedures")));
        let errors = rules.errors(&faults, &world::house("act"), Path::new("klachtd.toml"));
        errors.iter().map(ToString::to_string).collect::<Vec<_>>()
    };

    let found = errors(&source, &text);
    for hole in ["roles.handler", "[EMAIL DIENSTVERLENER]", "[ADRESGEGEVENS]"] {
        assert!(found.iter().any(|error| error.contains(hole)), "{hole}: {found:?}");
    }
    let filled = text.replace("[EMAIL DIENSTVERLENER]", "directie@act.test");
    let half = errors(&source, &filled);
    assert!(half.iter().all(|error| !error.contains("[EMAIL")), "{half:?}");
    assert!(half.iter().any(|error| error.contains("[ADRESGEGEVENS]")), "{half:?}");
    let filled = filled.replace("[ADRESGEGEVENS]", "Kerkplein 1, 1234 AB Almere");
    let named = source.replace("handler = \"\"", "handler = \"anna@act.test\"");
    assert_eq!(errors(&named, &filled), Vec::<String>::new());
}
