//! What the complainant is promised by orders: one date at a time, none that can't be kept, and none that disappears.

#[path = "common/world.rs"]
mod world;

use jiff::Timestamp;
use klachtd::answers::{Ask, exit};
use klachtd::domain::fact::NoticeId;
use klachtd::outbox::deliver::Delivery;
use serde_json::Value;
use world::{Sent, World};

const JAN: &str = "jan@omnistock.test";
const OURS: &str = "directie@omnistock.test";
const KLANT: &str = "k@klant.test";
const MONDAY: &str = "2026-03-02T09:15:00+01:00";
const ANSWER: &str = "\nBevindingen: gevonden\nConclusie: besluit\nOplossing: geld terug\n";
const PROVED: &str = "Authentication-Results: mx.websec.test; dmarc=pass header.from=websec.test\n";

fn at(moment: &str) -> Timestamp {
    moment.parse().expect("a moment")
}

fn mail(n: u32, from: &str, to: &str, more: &str, text: &str) -> Vec<u8> {
    format!(
        "From: {from}\nTo: {to}\nSubject: Klacht\nMessage-ID: <m{n}@test>\nDate: Mon, 2 Mar 2026 09:00:00 +0100\n\
         {more}Content-Type: text/plain; charset=utf-8\n\n{text}\n"
    )
    .replace('\n', "\r\n")
    .into_bytes()
}

async fn complained(procedure: &str, to: &str) -> (World, String) {
    let mut world = World::new(procedure, at(MONDAY), |_| {}).await;
    let reference = complain(&mut world, 1, KLANT, to).await;
    (world, reference)
}

async fn complain(world: &mut World, n: u32, from: &str, to: &str) -> String {
    world.mail(&mail(n, from, to, "", "Ik heb een klacht.")).await.reference.expect("a complaint")
}

fn newest<'a>(world: &'a World, to: &str) -> &'a Sent {
    world.sent.iter().rfind(|sent| sent.to == to).expect("there is one")
}

/// The customer, or somebody else, answers the newest mail to the customer.
async fn writes(world: &mut World, n: u32, from: &str, to: &str, text: &str) {
    let id = newest(world, KLANT).header("Message-ID").expect("it has one");
    world.mail(&mail(n, from, to, &format!("In-Reply-To: {id}\n"), text)).await;
}

fn term(shown: &Value, id: &str) -> (String, String) {
    let term = shown["terms"].as_array().expect("terms").iter().find(|t| t["id"] == id).expect("it runs");
    let word = |name: &str| term[name].as_str().expect("a word").to_owned();
    (word("due"), word("status"))
}

/// How many mails that the customer has say this, however their lines break.
fn told(world: &World, words: &str) -> usize {
    let says = |sent: &&Sent| sent.text().split_whitespace().collect::<Vec<_>>().join(" ").contains(words);
    world.sent.iter().filter(|s| s.to == KLANT && s.reply.starts_with("250")).filter(says).count()
}

async fn refused(world: &mut World, reference: &str, order: &str, why: &str) {
    let refusal = world.order(reference, order).await.expect_err("it is refused");
    assert!(refusal.contains(why), "{refusal}");
}

#[tokio::test]
async fn the_safety_net_waits_for_an_extension_that_is_on_its_way() {
    let (mut world, reference) = complained("omnistock", OURS).await;
    world.run_until(at("2026-03-16T15:59:55+01:00")).await;
    let later = Delivery::Deferred { reply: "451 greylisted".to_owned() };
    world.answers.insert(KLANT.to_owned(), [later].into());
    world
        .order(&reference, "#extend 20-3-2026 de leverancier heeft nog niet geantwoord")
        .await
        .expect("done");
    refused(&mut world, &reference, "#extend 27-3-2026 toch langer", "already on its way").await;
    world.run_until(at("2026-03-17T12:00:00+01:00")).await;
    assert_eq!((told(&world, "20 maart 2026"), told(&world, "30 maart")), (1, 0));
    assert_eq!(term(&world.shown(&reference), "respond").0, "2026-03-20");
    world.check();
}

#[tokio::test]
async fn the_safety_net_acts_when_the_extension_was_refused() {
    let (mut world, reference) = complained("omnistock", OURS).await;
    world.run_until(at("2026-03-16T14:00:00+01:00")).await;
    let no = Delivery::Rejected { reply: "552 mailbox full".to_owned() };
    world.answers.insert(KLANT.to_owned(), [no].into());
    world
        .order(&reference, "#extend 20-3-2026 de leverancier heeft nog niet geantwoord")
        .await
        .expect("done");
    world.run_until(at("2026-03-17T12:00:00+01:00")).await;
    assert_eq!((told(&world, "20 maart 2026"), told(&world, "30 maart 2026")), (0, 1));
}

#[tokio::test]
async fn one_mail_announces_one_date() {
    let (mut world, reference) = complained("omnistock", OURS).await;
    refused(&mut world, &reference, "#extend 27-3-2026 een\n#extend 20-3-2026 twee", "already on its way")
        .await;
    assert_eq!(term(&world.shown(&reference), "respond").0, "2026-03-16");
    world.order(&reference, "#extend 27-3-2026 een").await.expect("done");
    refused(&mut world, &reference, "#extend 20-3-2026 twee", "must be later than Friday 27 March 2026")
        .await;
}

/// The later letter asks after the objection; it is none.
#[tokio::test]
async fn an_objection_counts_from_the_first_letter() {
    let ours = "klachten@ingressus.test";
    let (mut world, reference) = complained("ingressus", ours).await;
    world.order(&reference, &format!("#answer unfounded{ANSWER}")).await.expect("done");
    world.run_until(at("2026-03-10T10:00:00+01:00")).await;
    writes(&mut world, 2, KLANT, ours, "Ik maak bezwaar bij de directie.").await;
    world.run_until(at("2026-03-18T10:00:00+01:00")).await;
    writes(&mut world, 3, KLANT, ours, "Hebt u mijn bezwaar gekregen?").await;
    let done = world.order(&reference, "#review").await.expect("done");
    assert!(done[0].contains("Tuesday 10 March 2026") && !done[0].contains("after the term"), "{done:?}");
    assert!(newest(&world, KLANT).text().contains("dinsdag 10 maart"), "{}", newest(&world, KLANT).text());
    assert_eq!(term(&world.shown(&reference), "objection").1, "met");
}

#[tokio::test]
async fn a_complaint_is_reopened_as_of_the_complainants_first_letter() {
    let (mut world, reference) = complained("omnistock", OURS).await;
    world.order(&reference, &format!("#answer unfounded{ANSWER}")).await.expect("done");
    world.order(&reference, "#close beantwoord").await.expect("done");
    world.run_until(at("2026-03-10T10:00:00+01:00")).await;
    writes(&mut world, 2, KLANT, OURS, "Het is nog niet opgelost.").await;
    world.run_until(at("2026-03-19T10:00:00+01:00")).await;
    writes(&mut world, 3, "vreemd@elders.test", OURS, "Koop mijn spullen.").await;
    world.order(&reference, "#reopen").await.expect("done");
    assert_eq!(term(&world.shown(&reference), "respond").0, "2026-03-24");
}

#[tokio::test]
async fn a_strangers_letter_does_not_start_the_clock_of_an_agreement() {
    let ours = "complaints@websec.test";
    let mut world = World::new("websec", at(MONDAY), |_| {}).await;
    let record = mail(1, "joel@websec.test", ours, PROVED, &format!("#opname {KLANT}\nMijn klacht."));
    let reference = world.mail(&record).await.reference.expect("a complaint");
    world.run_until(at("2026-03-04T10:00:00+01:00")).await;
    writes(&mut world, 2, "vreemd@elders.test", ours, "akkoord").await;
    world.run_until(at("2026-03-06T10:00:00+01:00")).await;
    let done = world.order(&reference, "#agreed\nZij zei ja aan de telefoon.").await.expect("done");
    assert!(done[0].contains("Friday 6 March 2026"), "{done:?}");
}

#[tokio::test]
async fn merging_takes_no_earlier_date_away() {
    let (mut world, first) = complained("omnistock", OURS).await;
    world.run_until(at("2026-03-12T10:00:00+01:00")).await;
    let second = complain(&mut world, 2, "k@thuis.test", OURS).await;
    refused(&mut world, &first, &format!("#merge {second}"), "Merge that complaint into this one").await;
    assert_eq!(term(&world.shown(&first), "respond"), ("2026-03-16".to_owned(), "running".to_owned()));
    world.order(&second, &format!("#merge {first}")).await.expect("the other way round it can be done");
    assert_eq!(term(&world.shown(&first), "respond").1, "running");
}

#[tokio::test]
async fn what_was_written_is_not_merged_into_what_waits_for_agreement() {
    let ours = "complaints@websec.test";
    let (mut world, written) = complained("websec", ours).await;
    let record = mail(2, "joel@websec.test", ours, PROVED, &format!("#opname {KLANT}\nMijn klacht."));
    let spoken = world.mail(&record).await.reference.expect("a complaint");
    refused(&mut world, &written, &format!("#merge {spoken}"), "does not run there yet").await;
    world.order(&spoken, &format!("#merge {written}")).await.expect("the other way round it can be done");
}

/// Typed on the 12th: "11 March" is a slip, and not the day in a year.
#[tokio::test]
async fn a_day_that_has_passed_is_not_promised_for_next_year() {
    let (mut world, reference) = complained("omnistock", OURS).await;
    world.run_until(at("2026-03-12T09:15:00+01:00")).await;
    refused(&mut world, &reference, "#verleng 11 maart wacht op de leverancier", "a day without a year")
        .await;
    let answer = format!("#answer founded{ANSWER}Uiterlijk: 11 maart\n");
    refused(&mut world, &reference, &answer, "a day without a year").await;
    let answer = format!("#answer founded{ANSWER}Uiterlijk: 6-3-2026\n");
    refused(&mut world, &reference, &answer, "Friday 6 March 2026 has passed").await;
    assert_eq!(told(&world, "2027"), 0);
}

#[tokio::test]
async fn nobody_is_asked_to_reply_after_our_own_answer() {
    let (mut world, reference) = complained("omnistock", OURS).await;
    refused(&mut world, &reference, "#ask 1-6-2026\nEen?", "only after Monday 16 March 2026").await;
    world
        .order(&reference, "#extend 27-3-2026 wacht\n#ask 24-3-2026\nEen?")
        .await
        .expect("the date is later now");
    assert_eq!(told(&world, "24 maart"), 1);
    world.run_until(at("2026-03-26T10:00:00+01:00")).await;
    world.order(&reference, "#ask\nTwee?").await.expect("done");
    assert_eq!(
        told(&world, "uiterlijk vrijdag 27 maart 2026 antwoorden"),
        1,
        "{}",
        newest(&world, KLANT).text()
    );
}

#[tokio::test]
async fn somebody_of_staff_always_hears_of_a_complaint() {
    let mut world = World::new("omnistock", at(MONDAY), |house| house.staff.truncate(1)).await;
    let reference = complain(&mut world, 1, KLANT, OURS).await;
    refused(&mut world, &reference, &format!("#about {JAN}"), "nobody of staff is left").await;
    let before = world.sent.len();
    world.run_until(at("2026-03-25T10:00:00+01:00")).await;
    assert!(world.sent[before..].iter().any(|sent| sent.to == JAN), "he is told that it is due");
}

#[tokio::test]
async fn an_address_that_nobody_has_is_told() {
    let (mut world, reference) = complained("omnistock", OURS).await;
    let done = world.order(&reference, "#about jna@omnistock.test").await.expect("done");
    assert!(done[0].contains("nobody of staff of this mailbox has that address"), "{done:?}");
    let done = world.order(&reference, &format!("#about {JAN}")).await.expect("done");
    assert!(!done[0].contains("nobody of staff"), "{done:?}");
}

#[tokio::test]
async fn a_retry_revives_no_outcome_that_was_given_anew() {
    let (mut world, reference) = complained("omnistock", OURS).await;
    let full = Delivery::Rejected { reply: "552 mailbox full".to_owned() };
    world.answers.insert(KLANT.to_owned(), [full].into());
    world.order(&reference, &format!("#answer unfounded{ANSWER}")).await.expect("done");
    world.order(&reference, &format!("#answer founded{ANSWER}")).await.expect("done");
    let shown = world.shown(&reference);
    let outcome = shown["notices"].as_array().expect("notices").iter().find(|n| n["kind"] == "outcome");
    let id = NoticeId(outcome.expect("it failed")["id"].as_u64().expect("a number"));
    let reply = world.ask(Ask::Retry { id: Some(id) }).await;
    assert_eq!(reply.exit, exit::DATAERR);
    assert!(reply.error.expect("it says why").contains("outbox drop"), "and what to do");
    world.ask(Ask::Retry { id: None }).await;
    assert_eq!((told(&world, "niet gegrond"), told(&world, "gegrond")), (0, 1));
}

#[tokio::test]
async fn a_retry_of_the_newest_still_helps_until_it_is_not_true_any_more() {
    let (mut world, reference) = complained("omnistock", OURS).await;
    let full = || Delivery::Rejected { reply: "552 mailbox full".to_owned() };
    world.answers.insert(KLANT.to_owned(), [full(), full()].into());
    world.order(&reference, "#extend 27-3-2026 wacht").await.expect("done");
    world.ask(Ask::Retry { id: None }).await;
    assert_eq!(told(&world, "27 maart"), 0, "the mailbox was still full");
    world.order(&reference, "#withdraw").await.expect("done");
    let reply = world.ask(Ask::Retry { id: None }).await;
    assert_eq!(reply.body["overtaken"].as_array().map(Vec::len), Some(1), "{:?}", reply.body);
    assert_eq!(told(&world, "27 maart"), 0, "nobody waits for an answer to what was withdrawn");
}

#[tokio::test]
async fn who_agrees_but_has_not_agreed_with_all() {
    let ours = "complaints@websec.test";
    let cases = [
        ("Akkoord,\nmaar het bedrag is fout: het was 900 euro, niet 90.", "agreeing"),
        ("Akkoord.\nMet vriendelijke groet,\nHenk\nP.S. het was dinsdag", "agreeing"),
        ("Akkoord.\n\nHenk de Boer", "open"),
        ("Akkoord.\n\nMet vriendelijke groet,\nH. de Boer\nTel. 06 12345678", "open"),
    ];
    for (text, state) in cases {
        let mut world = World::new("websec", at(MONDAY), |_| {}).await;
        let order = format!("#opname Henk de Boer <{KLANT}>\nMijn klacht.");
        let raw = mail(1, "joel@websec.test", ours, PROVED, &order);
        let reference = world.mail(&raw).await.reference.expect("a complaint");
        let before = world.sent.len();
        writes(&mut world, 2, KLANT, ours, text).await;
        assert_eq!(world.shown(&reference)["state"], state, "{text}");
        let asked =
            world.sent[before..].iter().any(|s| s.to == "joel@websec.test" && s.text().contains("#akkoord"));
        assert_eq!(asked, state == "agreeing", "{text}");
    }
}

#[tokio::test]
async fn a_subject_names_the_order_and_nobody() {
    let mut world = World::new("websec", at(MONDAY), |_| {}).await;
    let order = "#opname Henk de Boer <k@klant.test>\nMijn klacht.";
    let raw = mail(1, "joel@websec.test", "complaints@websec.test", PROVED, order);
    world.mail(&raw).await;
    let subject = newest(&world, "joel@websec.test").subject();
    assert!(subject.ends_with("Gedaan: #opname"), "{subject}");
    let mut world = World::new("websec", at(MONDAY), |_| {}).await;
    world.mail(&mail(1, "joel@websec.test", "complaints@websec.test", "", order)).await;
    let asked = newest(&world, "joel@websec.test").text();
    assert!(asked.contains("(#opname)") && !asked.contains("Henk"), "{asked}");
}

#[tokio::test]
async fn an_unanswered_complaint_is_resolved_in_words() {
    let (mut world, reference) = complained("omnistock", OURS).await;
    refused(&mut world, &reference, "#close opgelost", "how it was resolved").await;
    world.order(&reference, "#close opgelost: het geld is teruggestort").await.expect("done");
    assert_eq!(world.shown(&reference)["close_reason"], "resolved");
    assert_eq!(told(&world, "geld is teruggestort"), 1);
    let (mut world, reference) = complained("omnistock", OURS).await;
    world.order(&reference, &format!("#answer founded{ANSWER}")).await.expect("done");
    world.order(&reference, "#close opgelost").await.expect("the answer said how");
}

/// The order waited in the mailbox over the weekend.
#[tokio::test]
async fn two_weeks_count_from_the_day_on_which_they_were_written() {
    let (mut world, reference) = complained("omnistock", OURS).await;
    let to = newest(&world, JAN).header("Reply-To").expect("a token").trim_matches(['<', '>']).to_owned();
    world.now = at("2026-03-09T08:00:00+01:00");
    let raw = mail(2, JAN, &to, "", "#verleng over 2 weken wacht op de leverancier");
    let mut order = world.arrived(&raw, "imap:1/2", Some((1, 2))).await;
    order.taken_at = at("2026-03-06T17:00:00+01:00");
    world.engine.take(&[order], world.now).await.expect("taken");
    world.settle_down().await;
    assert_eq!(term(&world.shown(&reference), "respond").0, "2026-03-20");
}
