//! One complaint as `klachtd show` tells it, from top to bottom. `UPDATE=1` rewrites what is expected; read the difference.

#[path = "common/world.rs"]
mod world;

use std::path::Path;
use std::{env, fs};

use jiff::Timestamp;
use klachtd::outbox::deliver::Delivery;
use klachtd::register::{self, ComplaintView, Filter};
use serde_json::Value;
use world::World;

const CUSTOMER: &str = "j.devries@klant.test";

fn at(moment: &str) -> Timestamp {
    moment.parse().expect("a moment")
}

fn letter(n: u32, subject: &str, more: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "From: J. de Vries <{CUSTOMER}>\nTo: directie@omnistock.test\nSubject: {subject}\nMessage-ID: <m{n}@klant.test>\n{more}"
    );
    format!("{head}\n{body}\n").replace('\n', "\r\n").into_bytes()
}

/// What the command prints: it has the answer of the service as JSON.
fn printed(world: &mut World, reference: &str) -> String {
    let shown: ComplaintView = serde_json::from_value(world.shown(reference)).expect("it reads back");
    format!("{}\n", register::as_file(&shown))
}

async fn order(world: &mut World, reference: &str, order: &str) {
    let reply = world.engine.order(reference, order, "jan", world.now).await.expect("the order is heard");
    let reply = reply.expect("there is such a complaint");
    assert!(reply.outcome.is_ok(), "{order}: {reply:?}");
    world.settle_down().await;
}

/// Hashes change with every word of a template or procedure: here only their place is of interest.
fn without_hashes(text: &str) -> String {
    let is_hash = |word: &str| word.len() >= 64 && word.chars().filter(char::is_ascii_hexdigit).count() == 64;
    let line = |line: &str| {
        let words = line.split(' ').map(|word| if is_hash(word) { "<hash>" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

fn expect(name: &str, text: &str) {
    let text = without_hashes(text);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/files").join(name);
    if env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
        fs::write(&path, &text).expect("it is written");
    }
    let expected = fs::read_to_string(&path).expect("it can be read");
    assert!(text == expected, "{name} differs; UPDATE=1 rewrites it. It is now:\n{text}");
}

/// Everything that can happen to a complaint under Ingressus: a late notice of delay, an outcome, an objection, a
/// conversation, and the end.
#[tokio::test]
async fn a_whole_life_reads_like_a_file() {
    let mut world = World::new("ingressus", at("2026-03-02T09:15:00+01:00"), |_| {}).await;
    let body = "Op factuur 2026-1187 staat een bedrag van 248 euro, de offerte zegt 148. Graag verbeteren.";
    let reference =
        world.mail(&letter(1, "Factuur klopt niet", "", body)).await.reference.expect("a complaint");

    world.run_until(at("2026-03-03T10:00:00+01:00")).await;
    order(&mut world, &reference, "#note Gebeld met de administratie, die zoekt de offerte op.").await;
    order(&mut world, &reference, "#contacted Telefonisch toegelicht dat wij dit uitzoeken.").await;
    world.run_until(at("2026-03-30T14:00:00+02:00")).await;
    let running = printed(&mut world, &reference);
    expect("ingressus-running.txt", &running);

    order(
        &mut world,
        &reference,
        "#verleng 30-4-2026 de leverancier heeft de offerte nog niet teruggevonden",
    )
    .await;
    world.run_until(at("2026-04-28T11:00:00+02:00")).await;
    let answer = "#antwoord deels\n\nKlachtpunten: het bedrag op de factuur.\nOnderzoek: factuur en offerte vergeleken.\n\
                  Bevindingen: de offerte was verlopen, dat is niet gezegd.\nConclusie: deels gegrond.\nOplossing: u krijgt \
                  50 euro terug.\nUiterlijk: 12 mei 2026";
    order(&mut world, &reference, answer).await;
    world.run_until(at("2026-05-01T09:00:00+02:00")).await;
    let answered = flat(&printed(&mut world, &reference));
    assert!(
        answered.contains("the complainant may object until the end of Tuesday 12 May 2026"),
        "{answered}"
    );

    let more = "In-Reply-To: <m1@klant.test>\nReferences: <m1@klant.test>\n";
    world
        .mail(&letter(2, "Re: Factuur klopt niet", more, "Ik ben het hier niet mee eens en maak bezwaar."))
        .await;
    order(&mut world, &reference, "#bezwaar").await;
    order(&mut world, &reference, "#uitnodiging 6-5-2026 14:00 kantoor Rotterdam").await;
    world.run_until(at("2026-05-07T09:00:00+02:00")).await;
    let minutes = "#verslag\nVerslag: partijen hebben elkaar gesproken.\nConclusie: het hele verschil wordt terugbetaald.";
    order(&mut world, &reference, minutes).await;
    world.run_until(at("2026-05-08T09:00:00+02:00")).await;
    order(&mut world, &reference, "#close de klant is tevreden met de terugbetaling").await;
    let closed = printed(&mut world, &reference);
    let shown = world.shown(&reference);
    let notices = shown["notices"].as_array().expect("notices").iter().filter(|n| n["to"] == CUSTOMER);
    let hashes = notices.map(|n| &n["sha256"]).chain([&shown["text_sha256"], &shown["procedure_sha256"]]);
    let hashes = hashes.chain(shown["journal"].as_array().expect("a journal").iter().map(|e| &e["hash"]));
    for hash in hashes {
        assert!(closed.contains(hash.as_str().expect("a hash")), "{hash} is not in: {closed}");
    }
    expect("ingressus-closed.txt", &closed);
    assert!(closed.contains("WHAT IS STILL OPEN\n  Nothing.\n"), "{closed}");
    world.check();
}

/// What comes from outside is shown, and obeyed by nobody; what came back proves nothing any more.
#[tokio::test]
async fn a_bounce_withdraws_and_nothing_from_outside_is_obeyed() {
    let mut world = World::new("omnistock", at("2026-03-02T09:15:00+01:00"), |_| {}).await;
    let replies = [
        Delivery::Deferred { reply: "450 4.2.0 later \u{1b}[2J please".to_owned() },
        Delivery::Accepted { reply: "250 2.0.0 Ok: queued as 4F2A".to_owned() },
    ];
    world.answers.insert(CUSTOMER.to_owned(), replies.into());
    let subject = "=?utf-8?Q?Klacht=0D=0AJOURNAL=1B[31m_=E2=80=AEdaar?=";
    let body =
        "Mijn bestelling is nog steeds niet geleverd, en niemand neemt de telefoon op. Wat doet u eraan?";
    let reference = world.mail(&letter(1, subject, "", body)).await.reference.expect("a complaint");
    world.run_until(at("2026-03-02T09:20:00+01:00")).await;
    let acknowledgement =
        world.sent.iter().find(|sent| sent.to == CUSTOMER).expect("an acknowledgement").clone();
    let id = acknowledgement.header("Message-ID").expect("a Message-ID");
    let bounce = format!(
        "From: MAILER-DAEMON@mx.klant.test\nTo: {}\nSubject: Undelivered Mail\nMessage-ID: <d1@mx.klant.test>\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b1\n\n--b1\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.klant.test\n\nFinal-Recipient: rfc822; {CUSTOMER}\n\
         Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n\n--b1\n\
         Content-Type: text/rfc822-headers\n\nMessage-ID: {id}\nTo: {CUSTOMER}\n\n--b1--\n",
        acknowledgement.envelope_from
    );
    world.mail(bounce.replace('\n', "\r\n").as_bytes()).await;
    world.run_until(at("2026-03-04T12:00:00+01:00")).await;
    let text = printed(&mut world, &reference);
    expect("omnistock-bounced.txt", &text);
    assert!(!text.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text:?}");
    let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("JOURNAL")).collect();
    assert_eq!(headings, ["JOURNAL"]);
    world.check();
}

/// Words without line breaks.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn what_was_late_is_counted_and_what_was_erased_is_said() {
    let mut world = World::new("omnistock", at("2026-03-02T09:15:00+01:00"), |_| {}).await;
    let body = "Mijn bestelling is nog steeds niet geleverd. Wat doet u eraan?";
    let reference = world.mail(&letter(1, "Klacht", "", body)).await.reference.expect("a complaint");
    // The safety net has moved the date to Monday 30 March.
    world.run_until(at("2026-03-31T10:00:00+02:00")).await;
    let overdue = flat(&printed(&mut world, &reference));
    assert!(
        overdue.contains("OVERDUE since the end of Monday 30 March 2026, for 1 calendar day."),
        "{overdue}"
    );
    order(&mut world, &reference, "#extend 3-4-2026 the carrier has not replied yet").await;
    // Friday 3 April to Tuesday 7 April: Monday is Easter Monday.
    world.run_until(at("2026-04-07T10:00:00+02:00")).await;
    order(
        &mut world,
        &reference,
        "#answer founded\n\nFindings: it lay in the shop.\nConclusion: we were wrong.\nSettlement: you get it tomorrow.",
    )
    .await;
    let text = flat(&printed(&mut world, &reference));
    let announced =
        "Friday 3 April 2026, told on Tuesday 31 March 2026 10:00:00 CEST, LATE: after the last moment";
    let done = "Done Tuesday 7 April 2026 10:00:00 CEST, LATE by 4 calendar days (1 working day)";
    let state =
        "State Answered on Tuesday 7 April 2026 10:00:00 CEST; the text offers no review inside the company.";
    for words in [announced, done, state, "because: the carrier has not replied yet", "Judgement founded"] {
        assert!(text.contains(words), "{words:?} is not in: {text}");
    }
    let mut shown = world.shown(&reference);
    for entry in shown["journal"].as_array_mut().expect("a journal") {
        entry["detail"] = Value::Null;
    }
    let erased: ComplaintView = serde_json::from_value(shown).expect("it reads back");
    let erased = register::as_file(&erased);
    assert!(erased.contains("(erased)"), "{erased}");
}

fn references(world: &mut World, filter: &Filter) -> Vec<String> {
    let page = register::list(&mut world.engine, filter, None, world.now).expect("the register can be read");
    let list = serde_json::to_value(page.complaints).expect("it is JSON");
    let references =
        list.as_array().expect("an array").iter().map(|c| c["reference"].as_str().unwrap_or_default());
    references.map(str::to_owned).collect()
}

#[tokio::test]
async fn filters_leave_out_what_is_closed() {
    let mut world = World::new("omnistock", at("2026-03-02T09:15:00+01:00"), |_| {}).await;
    let mut made = Vec::new();
    for n in 1..=3 {
        let body = format!("Mijn bestelling nummer {n} is nog steeds niet geleverd. Wat doet u eraan?");
        let raw = letter(n, &format!("Klacht {n}"), "", &body);
        let raw = String::from_utf8(raw).expect("UTF-8").replace(CUSTOMER, &format!("klant{n}@klant.test"));
        made.push(world.mail(raw.as_bytes()).await.reference.expect("a complaint"));
    }
    order(&mut world, &made[1], "#intrekken").await;
    world.now = at("2026-03-15T12:00:00+01:00");
    let day = 24 * 60 * 60;
    let both = vec![made[0].clone(), made[2].clone()];
    assert_eq!(references(&mut world, &Filter { open: true, ..Filter::default() }), both);
    assert_eq!(references(&mut world, &Filter { due_within: Some(2 * day), ..Filter::default() }), both);
    assert_eq!(
        references(&mut world, &Filter { due_within: Some(day), ..Filter::default() }),
        Vec::<String>::new()
    );
    assert_eq!(references(&mut world, &Filter { overdue: true, ..Filter::default() }), Vec::<String>::new());
    let closed: Filter = serde_json::from_value(serde_json::json!({ "state": "closed" })).expect("a filter");
    assert_eq!(references(&mut world, &closed), [made[1].clone()]);
    let handler = Some("JAN@omnistock.test".to_owned());
    assert_eq!(references(&mut world, &Filter { handler, open: true, ..Filter::default() }), both);
    world.now = at("2026-03-17T00:00:00+01:00");
    assert_eq!(references(&mut world, &Filter { overdue: true, ..Filter::default() }), both);
}

#[tokio::test]
async fn a_shell_is_offered_the_newest_references_that_fit() {
    let mut world = World::new("omnistock", at("2026-03-02T09:15:00+01:00"), |_| {}).await;
    let mut made = Vec::new();
    for n in 1..=2 {
        let body = format!("Mijn bestelling nummer {n} is nog steeds niet geleverd. Wat doet u eraan?");
        made.push(world.mail(&letter(n, "Klacht", "", &body)).await.reference.expect("a complaint"));
    }
    let mut offered = |prefix: &str| -> Vec<String> {
        let found = register::references(&mut world.engine, prefix).expect("the register can be read");
        found.into_iter().map(|candidate| candidate.reference).collect()
    };
    assert_eq!(offered("k-2026"), [made[1].clone(), made[0].clone()]);
    assert_eq!(offered(&made[0][..12]), [made[0].clone()]);
    assert_eq!(offered("K-1999"), Vec::<String>::new());
}

#[tokio::test]
async fn the_json_says_what_a_program_wants_to_know() {
    let mut world = World::new("omnistock", at("2026-03-02T09:15:00+01:00"), |_| {}).await;
    let body = "Mijn bestelling is nog steeds niet geleverd. Wat doet u eraan?";
    let reference = world.mail(&letter(1, "Klacht", "", body)).await.reference.expect("a complaint");
    order(&mut world, &reference, "#verleng 25-3-2026 het onderzoek loopt nog").await;
    let shown = world.shown(&reference);
    assert_eq!(shown["close_reason"], Value::Null);
    assert_eq!(shown["judgement"], Value::Null);
    assert_eq!(shown["terms"][1]["who"], "handler");
    assert_eq!(shown["terms"][1]["of"], "received");
    for absent in ["about", "referred_to", "question", "review", "closing", "related", "spoken"] {
        assert!(shown.get(absent).is_none(), "{absent} is empty and there: {shown}");
    }
    let notices = shown["notices"].as_array().expect("notices");
    let of_kind = |kind: &str| notices.iter().find(|n| n["kind"] == kind).expect("the notice is there");
    assert_eq!(of_kind("acknowledgement")["effect"], "ack_sent");
    assert_eq!(of_kind("progress")["promise"]["new_due"], "2026-03-25");
    let journal = shown["journal"].as_array().expect("a journal");
    let given = journal.iter().find(|entry| entry["event"] == "order_given").expect("the order is there");
    assert_eq!(
        (&given["actor"], &given["detail"]),
        (&"jan".into(), &"#verleng 25-3-2026 het onderzoek loopt nog".into())
    );
    assert!(journal.iter().all(|entry| entry["detail"].is_string()), "{journal:?}");
    order(&mut world, &reference, "#intrekken").await;
    let closed = world.shown(&reference);
    assert_eq!(
        (&closed["close_reason"], &closed["closing"]["reason"]),
        (&"withdrawn".into(), &"withdrawn".into())
    );
}
