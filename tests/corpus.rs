//! Mails from the test suites of other programs, when they lie beside the project: nothing panics, and the classes
//! are those that their own programs name. Skipped, and said so, where they are not there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use klachtd::domain::house::{House, Limits, Mailbox};
use klachtd::domain::mail::{Class, Language, Letter, Party};
use klachtd::intake::fields::Patterns;
use klachtd::intake::quote;
use klachtd::intake::read::{ReadLimits, Reading, read};

fn letter(raw: &[u8]) -> Letter {
    let mailbox = Mailbox {
        name: "corpus".to_owned(),
        procedure: "omnistock".to_owned(),
        from: Party { name: None, email: "directie@omnistock.test".to_owned() },
        aliases: Vec::new(),
        delimiter: "+".to_owned(),
        trusted_authserv: String::new(),
        form_senders: Vec::new(),
        roles: BTreeMap::new(),
    };
    let house = House { mailboxes: vec![mailbox.clone()], staff: Vec::new(), limits: Limits::default() };
    let patterns = Patterns::compile(&BTreeMap::new(), &[]).expect("no pattern is wrong");
    let reading = Reading {
        mailbox: &mailbox,
        house: &house,
        patterns: &patterns,
        languages: &Language::ALL,
        limits: ReadLimits::default(),
        is_ours: &|_| false,
    };
    read(raw, &reading)
}

fn corpora() -> Option<PathBuf> {
    let beside = || Some(Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join("shared/corpora"));
    let folder = std::env::var_os("KLACHTD_TEST_CORPORA").map(PathBuf::from).or_else(beside)?;
    let here = folder.join("truth.tsv").exists();
    if !here {
        eprintln!("SKIPPED: there are no corpora beside the project");
    }
    here.then_some(folder)
}

struct Row {
    path: String,
    class: String,
    ack: String,
    letter: Letter,
    /// Whether anything but white space stands below the headers.
    has_body: bool,
}

fn rows(folder: &Path) -> Vec<Row> {
    let truth = fs::read_to_string(folder.join("truth.tsv")).expect("truth.tsv");
    let mut rows = Vec::new();
    for line in truth.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let raw = fs::read(folder.join("mails").join(cells[0])).expect("a mail of the table");
        rows.push(Row {
            path: cells[0].to_owned(),
            class: cells[1].to_owned(),
            ack: cells[2].to_owned(),
            letter: letter(&raw),
            has_body: has_body(&raw),
        });
    }
    rows
}

fn name(class: Class) -> &'static str {
    match class {
        Class::Letter => "letter",
        Class::AutoReply => "auto_reply",
        Class::Bounce => "bounce",
        Class::Report => "report",
        Class::Bulk => "bulk",
        Class::Own => "own",
    }
}

fn has_body(raw: &[u8]) -> bool {
    let text = String::from_utf8_lossy(raw).replace("\r\n", "\n");
    text.split_once("\n\n").is_some_and(|(_, body)| !body.trim().is_empty())
}

/// Of the rows of a class, how many are of one of these classes; what is not is printed.
fn share(rows: &[Row], class: &str, right: &[Class]) -> f64 {
    let all: Vec<&Row> = rows.iter().filter(|r| r.class == class).collect();
    let fits = |row: &&&Row| right.contains(&row.letter.class);
    for row in all.iter().filter(|row| !fits(row)) {
        eprintln!(
            "{class} read as {}: {} {:?} {:?}",
            name(row.letter.class),
            row.path,
            row.letter.subject,
            row.letter.reasons
        );
    }
    let right = all.iter().filter(fits).count();
    assert!(!all.is_empty(), "no row of class {class}");
    f64::from(u32::try_from(right).expect("small")) / f64::from(u32::try_from(all.len()).expect("small"))
}

fn print_table(rows: &[Row]) {
    let mut table: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for row in rows {
        *table.entry((row.class.as_str(), name(row.letter.class))).or_default() += 1;
    }
    let letters = rows.iter().filter(|row| row.letter.answerable).count();
    eprintln!("{} mails, {letters} of them answerable", rows.len());
    for ((truth, read), count) in table {
        eprintln!("{truth:<24} read as {read:<10} {count:>4}");
    }
}

#[test]
fn mails_of_other_programs_are_classed_as_they_say() {
    let Some(folder) = corpora() else { return };
    let rows = rows(&folder);
    print_table(&rows);
    let human = share(&rows, "human", &[Class::Letter]);
    let bounce = share(&rows, "bounce", &[Class::Bounce, Class::Report]);
    let auto = share(&rows, "auto-reply", &[Class::AutoReply, Class::Report]);
    let bulk = share(&rows, "list/bulk", &[Class::Bulk]);
    let report = share(&rows, "delivery-report-success", &[Class::Report]);
    let answered: Vec<&Row> = rows.iter().filter(|r| r.ack == "no" && r.letter.answerable).collect();
    for row in &answered {
        eprintln!("answered: {} {} {:?} from {:?}", row.path, row.class, row.letter.subject, row.letter.from);
    }
    eprintln!("human {human:.3} bounce {bounce:.3} auto {auto:.3} bulk {bulk:.3} report {report:.3}");
    assert!(human >= 0.99 && bounce >= 0.97 && auto >= 0.97 && bulk >= 0.99 && report >= 1.0);
    let people = rows.iter().filter(|r| r.class == "human" && r.ack == "yes");
    let (kept_waiting, people): (Vec<&Row>, usize) =
        (people.clone().filter(|r| !r.letter.answerable).collect(), people.count());
    for row in &kept_waiting {
        eprintln!("not answered: {} {:?}", row.path, row.letter.reasons);
    }
    assert!(kept_waiting.len() * 50 <= people, "{} of {people} people get no answer", kept_waiting.len());
    assert!(answered.is_empty(), "{} mails are answered that must not be", answered.len());
}

#[test]
fn mails_of_people_have_text() {
    let Some(folder) = corpora() else { return };
    let mut people = 0;
    for row in rows(&folder).iter().filter(|row| row.class == "human" && row.has_body) {
        people += 1;
        let encrypted = row.letter.attachments.iter().any(|a| a.media_type == "application/pgp-encrypted");
        assert!(encrypted || !row.letter.text.is_empty(), "{} has no text", row.path);
    }
    assert!(people > 50, "only {people} mails of people have a body");
}

/// What the replies of a JavaScript parser's tests say: the new text is this, whatever the program that quoted.
#[test]
fn new_text_of_replies_in_many_languages() {
    let Some(folder) = corpora() else { return };
    let folder = folder.join("quotes/crisp-email-reply-parser/test");
    let tests = fs::read_to_string(folder.join("test.js")).expect("the tests of the corpus");
    let common = tests.split("COMMON_FIRST_FRAGMENT = '").nth(1).and_then(|rest| rest.split("';").next());
    let common = words(&common.expect("the text that most fixtures share").replace("\\n\\\n", "\n"));
    let (mut right, mut all) = (0, 0);
    for test in tests.split("export function").filter(|test| test.contains("(COMMON_FIRST_FRAGMENT, ")) {
        let name = test.split("get_email(\"").nth(1).and_then(|rest| rest.split('"').next());
        let name = format!("fixtures/{}.txt", name.expect("a test names its mail"));
        let split = quote::split(&fs::read_to_string(folder.join(&name)).expect("a mail of the tests"));
        all += 1;
        if words(&split.new) == common {
            right += 1;
        } else {
            eprintln!("{name}: {:?}", &split.new);
        }
    }
    eprintln!("new text: {right} of {all}");
    assert!(all > 30 && right * 100 >= all * 90, "{right} of {all}");
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
