//! Orders that nobody gave, and answers that did not arrive: what people and machines send by mistake or by malice.

#[path = "common/world.rs"]
mod world;

use jiff::Timestamp;
use klachtd::domain::fact::Fate;
use klachtd::engine::Settings;
use klachtd::outbox::deliver::Delivery;
use serde_json::Value;
use world::{Sent, World};

const JAN: &str = "jan@omnistock.test";
const BERTA: &str = "berta@omnistock.test";
const CUSTOMER: &str = "k@klant.test";
const OURS: &str = "directie@omnistock.test";
const ANSWER: &str = "\nBevindingen: gevonden\nConclusie: besluit\nOplossing: geld terug\nOnderzoek: gedaan\nActie: hersteld\n\
    Maatregelen: nieuw\nKlachtpunten: punt\n";

fn at(moment: &str) -> Timestamp {
    format!("{moment}+01:00").parse().expect("a moment")
}

async fn world(procedure: &str) -> World {
    World::new(procedure, at("2026-03-02T09:15:00"), |_| {}).await
}

fn mail(n: u32, from: &str, to: &str, more: &str, text: &str) -> Vec<u8> {
    let kind = if more.contains("Content-Type") { "" } else { "Content-Type: text/plain; charset=utf-8\n" };
    format!(
        "From: {from}\nTo: {to}\nSubject: Klacht\nMessage-ID: <m{n}@test>\nDate: Mon, 2 Mar 2026 09:00:00 +0100\n\
         {more}{kind}\n{text}\n"
    )
    .replace('\n', "\r\n")
    .into_bytes()
}

async fn complain(world: &mut World, n: u32, from: &str) -> String {
    let to = world.engine.settings().house.mailboxes[0].from.email.clone();
    let raw = mail(n, from, &to, "", &format!("Ik heb een klacht over factuur {n}."));
    world.mail(&raw).await.reference.expect("it is a complaint")
}

fn newest<'a>(world: &'a World, to: &str) -> &'a Sent {
    world.sent.iter().rfind(|sent| sent.to == to).expect("there is one")
}

fn reply_to(world: &World, to: &str) -> String {
    newest(world, to).header("Reply-To").expect("a token").trim_matches(['<', '>']).to_owned()
}

fn bounce_of(sent: &Sent) -> Vec<u8> {
    let more = "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n";
    let parts = format!(
        "--b\nContent-Type: text/plain\n\nNo such user.\n--b\nContent-Type: message/delivery-status\n\n\
         Reporting-MTA: dns; mx.test\n\nFinal-Recipient: rfc822; {}\nAction: failed\nStatus: 5.1.1\n\n--b--",
        sent.to
    );
    mail(900, "MAILER-DAEMON@mx.test", &sent.envelope_from, more, &parts)
}

fn term<'a>(shown: &'a Value, id: &str) -> &'a Value {
    shown["terms"].as_array().expect("terms").iter().find(|term| term["id"] == id).expect("the term")
}

fn sent_kinds(world: &World, to: &str) -> usize {
    world.sent.iter().filter(|sent| sent.to == to).count()
}

#[tokio::test]
async fn what_staff_quote_or_attach_orders_nothing() {
    let attached = format!(
        "--b\nContent-Type: text/plain\n\n\n--b\nContent-Type: message/rfc822\n\nFrom: {CUSTOMER}\nTo: {JAN}\nSubject: bewijs\n\
         Message-ID: <z@z>\nContent-Type: text/plain\n\n#antwoord gegrond{ANSWER}\n--b--"
    );
    let html = "<div><br></div><div>Verzonden vanuit Outlook voor Android</div><hr><div><b>From:</b> klachtd<br><b>Sent:</b> Monday, \
        March 2, 2026 9:15 AM<br><b>To:</b> jan@omnistock.test<br><b>Subject:</b> Nieuwe klacht</div><div>    #intrekken</div>";
    let mixed = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n";
    let cases = [
        (mixed, attached.as_str()),
        (
            "",
            "-----Oorspronkelijk bericht-----\nVan: Klant <k@klant.test>\nVerzonden: maandag 2 maart 2026 09:00\n\
              Aan: jan@omnistock.test\nOnderwerp: klacht\n\n#intrekken",
        ),
        ("", "Op ma 2 mrt 2026 om 09:00 schreef Klant <k@klant.test>:\n\n#intrekken"),
        ("Content-Type: text/html; charset=utf-8\n", html),
    ];
    for (more, text) in cases {
        let mut world = world("omnistock").await;
        let reference = complain(&mut world, 1, CUSTOMER).await;
        let to = reply_to(&world, JAN);
        let told = sent_kinds(&world, CUSTOMER);
        let reply = world.mail(&mail(2, JAN, &to, more, text)).await.reply.expect("it is answered");
        assert!(reply.outcome.is_err(), "{text}: {:?}", reply.outcome);
        assert_eq!(world.shown(&reference)["state"], "open", "{text}");
        assert_eq!(sent_kinds(&world, CUSTOMER), told, "the customer hears nothing: {text}");
    }
}

#[tokio::test]
async fn two_answers_to_one_question_register_one_complaint() {
    let mut world = world("omnistock").await;
    let forged = "Authentication-Results: mx.omnistock.test; dmarc=fail header.from=klant.test\n";
    world.mail(&mail(1, CUSTOMER, OURS, forged, "Mijn factuur klopt niet.")).await;
    let to = reply_to(&world, BERTA);
    let twice = [mail(2, BERTA, &to, "", "#vrijgeven"), mail(3, BERTA, &to, "", "#vrijgeven")];
    let outcomes = world.mails_at_once(&[&twice[0], &twice[1]]).await;
    assert!(outcomes[0].reply.as_ref().is_some_and(|reply| reply.outcome.is_ok()));
    assert!(outcomes[1].reply.as_ref().is_some_and(|reply| reply.outcome.is_err()));
    world.settle_down().await;
    assert_eq!(world.list().as_array().expect("a list").len(), 1);
    assert_eq!(sent_kinds(&world, CUSTOMER), 1, "one acknowledgement");
    world.check();
}

#[tokio::test]
async fn nobody_confirms_what_another_wrote() {
    let mut world = world("websec").await;
    let forged = "Authentication-Results: mx.websec.test; dmarc=fail header.from=klant.test\n";
    let text = "#opname slachtoffer@elders.test\nTekst van een vreemde.";
    world.mail(&mail(1, CUSTOMER, "complaints@websec.test", forged, text)).await;
    let operator = "karim@websec.test";
    let to = reply_to(&world, operator);
    let reply = world.mail(&mail(2, operator, &to, "", "#confirm")).await.reply.expect("it is answered");
    assert!(reply.outcome.is_err(), "{:?}", reply.outcome);
    assert_eq!(sent_kinds(&world, "slachtoffer@elders.test"), 0);
}

#[tokio::test]
async fn a_token_orders_in_its_own_mailbox_and_while_its_owner_works_there() {
    let mut world = World::new("omnistock", at("2026-03-02T09:15:00"), |house| {
        house.mailboxes.push(world::house("act").mailboxes.remove(0));
    })
    .await;
    let reference = complain(&mut world, 1, CUSTOMER).await;
    let to = reply_to(&world, JAN);
    world.turn_to("act");
    let elsewhere = to.replace("omnistock.test", "act.test");
    let outcome = world.mail(&mail(2, JAN, &elsewhere, "", "#vraag\nWelk nummer?")).await;
    assert_eq!(outcome.fate, Fate::SetAside, "{}", outcome.reason);
    world.turn_to("omnistock");
    let settings = world.engine.settings().clone();
    let mut house = settings.house.clone();
    house.staff[0].mailboxes = vec!["act".to_owned()];
    let (rules, templates) = (settings.rules.clone(), settings.templates.clone());
    world.engine.reload(Settings { house, rules, templates }).await.expect("reloaded");
    let outcome = world.mail(&mail(3, JAN, &to, "", "#intrekken")).await;
    assert_eq!(outcome.fate, Fate::SetAside, "{}", outcome.reason);
    assert_eq!(world.shown(&reference)["state"], "open");
    assert_eq!(sent_kinds(&world, CUSTOMER), 1, "the acknowledgement alone");
}

#[tokio::test]
async fn an_order_for_a_merged_complaint_is_not_one_for_the_other() {
    let mut world = world("omnistock").await;
    let first = complain(&mut world, 1, CUSTOMER).await;
    let to = reply_to(&world, JAN);
    let second = complain(&mut world, 2, CUSTOMER).await;
    world.order(&first, &format!("#merge {second}")).await.expect("merged");
    let reply = world.mail(&mail(3, JAN, &to, "", &format!("#antwoord ongegrond{ANSWER}"))).await.reply;
    assert!(reply.is_some_and(|reply| reply.outcome.is_err()));
    assert_eq!(world.shown(&second)["state"], "open");
    // What came back is the first one's, whoever handles it now.
    let closing = world.sent.iter().rfind(|sent| sent.to == CUSTOMER).expect("told of the merger");
    let returned = bounce_of(closing);
    assert_eq!(world.mail(&returned).await.fate, Fate::Bounced);
    let shown = world.shown(&first);
    let closing = shown["notices"].as_array().expect("notices").iter().rfind(|n| n["kind"] == "closing");
    assert_eq!(closing.expect("a closing")["status"], "bounced");
}

#[tokio::test]
async fn the_customer_who_answers_all_has_written_a_letter() {
    let mut world = world("ingressus").await;
    let reference = complain(&mut world, 1, CUSTOMER).await;
    let to = reply_to(&world, "ilse@ingressus.test");
    world.order(&reference, &format!("#answer unfounded{ANSWER}")).await.expect("answered");
    assert_eq!(world.mail(&mail(2, CUSTOMER, &to, "", "Ik maak bezwaar.")).await.fate, Fate::FollowUp);
    // To ask what is possible settles no letter: the file waits for whoever answers it.
    world.order(&reference, "#help").await.expect("help");
    world.run_until(at("2026-04-20T10:00:00")).await;
    assert_eq!(world.shown(&reference)["state"], "answered", "it was not closed with a letter unread");
    world.order(&reference, "#note\nGelezen, vraagt niets.").await.expect("noted");
    world.run_until(at("2026-06-20T10:00:00")).await;
    assert_eq!(world.shown(&reference)["state"], "closed");
}

#[tokio::test]
async fn an_order_that_a_gateway_marks_as_bulk_counts() {
    let mut world = world("omnistock").await;
    let reference = complain(&mut world, 1, CUSTOMER).await;
    let to = reply_to(&world, JAN);
    let raw = mail(2, JAN, &to, "Precedence: bulk\n", "#verleng 20-3-2026 de leverancier antwoordt niet");
    assert_eq!(world.mail(&raw).await.fate, Fate::Order);
    assert_eq!(term(&world.shown(&reference), "respond")["due"], "2026-03-20");
}

#[tokio::test]
async fn an_outcome_that_comes_back_after_closing_opens_the_complaint() {
    let mut world = world("omnistock").await;
    let reference = complain(&mut world, 1, CUSTOMER).await;
    world.order(&reference, &format!("#answer unfounded{ANSWER}")).await.expect("answered");
    let returned = bounce_of(newest(&world, CUSTOMER));
    world.order(&reference, "#close beantwoord").await.expect("closed");
    assert_eq!(world.shown(&reference)["state"], "closed");
    assert_eq!(world.mail(&returned).await.fate, Fate::Bounced);
    let shown = world.shown(&reference);
    assert_eq!((&shown["state"], &term(&shown, "respond")["status"]), (&"open".into(), &"running".into()));
    assert!(newest(&world, JAN).text().contains("#antwoord"), "{}", newest(&world, JAN).text());
    world.order(&reference, &format!("#answer founded{ANSWER}")).await.expect("answered again");
    world.check();
}

#[tokio::test]
async fn an_outcome_that_comes_back_in_a_review_is_answered_by_the_review() {
    let mut world = world("webshop").await;
    let reference = complain(&mut world, 1, CUSTOMER).await;
    world.order(&reference, &format!("#answer unfounded{ANSWER}")).await.expect("answered");
    let returned = bounce_of(newest(&world, CUSTOMER));
    world.order(&reference, "#review").await.expect("in review");
    assert_eq!(world.mail(&returned).await.fate, Fate::Bounced);
    assert_eq!(world.shown(&reference)["state"], "in_review");
    world.order(&reference, "#answer\nBeoordeeld: a\nBeleid: b\nConclusie: c").await.expect("reviewed");
    world.run_until(at("2026-04-10T10:00:00")).await;
    let shown = world.shown(&reference);
    assert!(term(&shown, "respond")["status"].as_str().is_some_and(|s| s.starts_with("met")), "{shown}");
    let notices = shown["notices"].as_array().expect("notices");
    assert!(notices.iter().all(|n| n["kind"] != "progress"), "nothing is promised any more: {notices:?}");
}

#[tokio::test]
async fn an_outcome_of_which_nobody_knows_whether_it_came_can_be_given_again() {
    let mut world = world("omnistock").await;
    let reference = complain(&mut world, 1, CUSTOMER).await;
    let silent = || Delivery::Unknown { reason: "no answer".to_owned() };
    world.answers.insert(CUSTOMER.to_owned(), [silent(), silent()].into());
    world.order(&reference, &format!("#answer unfounded{ANSWER}")).await.expect("answered");
    world.run_until(at("2026-03-05T10:00:00")).await;
    world.order(&reference, &format!("#answer unfounded{ANSWER}")).await.expect("answered once more");
    assert_eq!(world.shown(&reference)["state"], "answered");
    world.check();
}

#[tokio::test]
async fn nothing_ends_a_complaint_whose_answer_is_on_the_way() {
    let mut world = world("omnistock").await;
    let reference = complain(&mut world, 1, CUSTOMER).await;
    let later = Delivery::Deferred { reply: "451 later".to_owned() };
    world.answers.insert(CUSTOMER.to_owned(), [later].into());
    world.order(&reference, &format!("#answer unfounded{ANSWER}")).await.expect("answered");
    for order in ["#withdraw", "#spam", "#not-a-complaint vraag", "#close beantwoord"] {
        let refused = world.order(&reference, order).await.expect_err("it must wait");
        assert!(refused.contains("already on its way"), "{order}: {refused}");
    }
    world.run_until(at("2026-03-05T10:00:00")).await;
    world.order(&reference, "#withdraw").await.expect("it has arrived");
}

#[tokio::test]
async fn an_older_question_that_comes_back_leaves_the_newer_one() {
    let mut world = world("omnistock").await;
    let reference = complain(&mut world, 1, CUSTOMER).await;
    world.order(&reference, "#vraag\nWelk nummer?").await.expect("asked");
    let returned = bounce_of(newest(&world, CUSTOMER));
    world.order(&reference, "#vraag\nWelke datum?").await.expect("asked again");
    world.mail(&returned).await;
    assert_eq!(world.shown(&reference)["state"], "asking");
}

#[tokio::test]
async fn staff_have_the_answer_to_an_order_whatever_else_came() {
    let mut world =
        World::new("omnistock", at("2026-03-02T09:15:00"), |house| house.limits.staff_mails_per_day = 1)
            .await;
    complain(&mut world, 1, CUSTOMER).await;
    complain(&mut world, 2, "l@klant.test").await;
    let to = reply_to(&world, JAN);
    world.mail(&mail(3, JAN, &to, "", "#verlng 20-3-2026 geen tijd")).await;
    assert!(newest(&world, JAN).subject().contains("Niet uitgevoerd"), "{}", newest(&world, JAN).subject());
}

#[tokio::test]
async fn what_was_never_agreed_with_is_not_reopened_as_agreed() {
    let mut world = world("websec").await;
    let vouched = "Authentication-Results: mx.websec.test; dmarc=pass header.from=websec.test\n";
    let raw =
        mail(1, "joel@websec.test", "complaints@websec.test", vouched, "#opname k@klant.test\nMijn klacht.");
    let reference = world.mail(&raw).await.reference.expect("a complaint");
    world.order(&reference, "#close vervallen").await.expect("closed");
    world.order(&reference, "#reopen").await.expect("reopened");
    assert_eq!(world.shown(&reference)["state"], "agreeing");
}
