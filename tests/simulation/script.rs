//! What customers, staff, the operator and fate do, one thing after the other, as the seed has it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan};
use klachtd::clock::SimulatedClock;
use klachtd::store::faults::Faults;

use super::dice::Dice;
use super::model::{Kind, Model};
use super::month::{self, Usage};
use super::post::{Delivered, Post, Refusal, Weather};
use super::smtp::header;

/// Steps of one seed.
const STEPS: u64 = 9;
/// How long the world is calm at the end: longer than any pause before another attempt, more than once; then as many
/// mornings as may be needed for one of a working day, because no alert leaves at night.
const CALM: [Duration; 3] = [Duration::from_mins(2), Duration::from_mins(80), Duration::from_mins(80)];
const MORNINGS: usize = 4;

/// What is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plot {
    /// Whatever may go wrong.
    Storms,
    /// A month in which nothing does.
    Month,
}

/// The script of one seed: where it stands outlives the service.
pub(crate) struct Script {
    seed: u64,
    step: u64,
    calm: usize,
    mails: u64,
    plot: Plot,
    /// Alerts about new complaints that staff have answered.
    answered: usize,
    /// What was in use each evening of the month.
    pub(crate) evenings: Vec<Usage>,
}

impl Script {
    pub(crate) fn new(seed: u64, plot: Plot) -> Self {
        Self { seed, step: 0, calm: 0, mails: 0, plot, answered: 0, evenings: Vec::new() }
    }

    /// Whether nothing more goes wrong.
    pub(crate) fn is_over(&self) -> bool {
        self.plot == Plot::Month || self.step >= STEPS
    }

    /// Goes on from where it stands to its end.
    pub(crate) async fn go_on(
        &mut self,
        post: &Post,
        model: &mut Model,
        clock: &SimulatedClock,
        faults: &Faults,
    ) {
        // The service gets up.
        tokio::time::sleep(Duration::from_secs(1)).await;
        if self.plot == Plot::Month {
            self.evenings = month::go_on(self, post, model).await;
            return;
        }
        while self.step < STEPS {
            self.step += 1;
            let mut dice = Dice::of(self.seed, &[4, self.step]);
            self.act(&mut dice, post, model, clock, faults).await;
            tokio::time::sleep(Duration::from_secs(20 + dice.below(280))).await;
        }
        {
            let mut state = post.lock();
            state.weather = Weather::default();
            state.refusals.retain(|_, refusal| refusal.reply.starts_with('5'));
            state.note("the world is calm");
        }
        faults.fill(false);
        while self.calm < CALM.len() + MORNINGS {
            let pass = CALM.get(self.calm).copied().unwrap_or_else(|| until_morning(post.now()));
            tokio::time::advance(pass).await;
            self.calm += 1;
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
    }

    async fn act(
        &mut self,
        dice: &mut Dice,
        post: &Post,
        model: &mut Model,
        clock: &SimulatedClock,
        faults: &Faults,
    ) {
        match dice.below(20) {
            0..=3 => self.complain(1 + dice.below(3), post, model),
            4 => self.complain(12, post, model),
            5 => self.reply(dice, post, model),
            6 => self.answer_by_machine(dice, post, model),
            7 => self.bounce(dice, post, model),
            8 | 9 => self.order(dice, post, model),
            10 => again(dice, post),
            11 => tamper(dice, post, model),
            12 | 13 => storm(dice, post),
            14 => refuse(dice, post, model),
            15 => {
                let full = dice.percent(50);
                post.lock().note(&format!("the disk is full: {full}"));
                model.disk_was_full |= full;
                faults.fill(full);
            }
            16 => {
                post.lock().note("killed");
                faults.kill();
                // Nothing comes after it in this life.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            17 => step_clock(dice, post, clock),
            _ => {
                let most = if dice.percent(50) { 30 } else { 24 * 20 };
                let hours = 1 + dice.below(most);
                post.lock().note(&format!("{hours} hours pass"));
                tokio::time::advance(Duration::from_hours(hours)).await;
            }
        }
    }

    fn next(&mut self) -> u64 {
        self.mails += 1;
        self.mails
    }

    pub(crate) fn complain(&mut self, count: u64, post: &Post, model: &mut Model) {
        for _ in 0..count {
            let n = self.next();
            let customer = format!("klant{n}@klant.test");
            let text = format!("Mijn bestelling {n} is nog steeds niet geleverd. Wat doet u eraan?");
            let mail = mail(n, &customer, "klachten@huis.test", "Klacht over mijn bestelling", "", &text);
            model.sends(Kind::Complaint { customer }, &mail, post);
        }
    }

    /// Staff answer each alert about a new complaint that came since the last time.
    pub(crate) fn close_all(&mut self, post: &Post, model: &mut Model) {
        let fresh = post.lock().delivered[self.answered..].to_vec();
        self.answered += fresh.len();
        for alert in
            fresh.iter().filter(|d| header(&d.bytes, "Subject").is_some_and(|s| s.contains("Nieuwe klacht")))
        {
            self.answer_to(alert, "#intrekken", post, model);
        }
    }

    fn answer_to(&mut self, alert: &Delivered, text: &str, post: &Post, model: &mut Model) {
        let reply_to =
            header(&alert.bytes, "Reply-To").expect("an alert").trim_matches(['<', '>']).to_owned();
        let more = format!("In-Reply-To: <{}>\n", alert.message_id);
        let mail = mail(self.next(), &alert.to, &reply_to, "Re: alert", &more, text);
        model.sends(Kind::Order, &mail, post);
    }

    fn reply(&mut self, dice: &mut Dice, post: &Post, model: &mut Model) {
        let Some(ack) = pick_notice(dice, post, |d| d.to.ends_with("@klant.test")) else { return };
        let more = format!("In-Reply-To: <{}>\n", ack.message_id);
        let mail = mail(
            self.next(),
            &ack.to,
            "klachten@huis.test",
            "Re: Klacht over mijn bestelling",
            &more,
            "Ik wil nog iets toevoegen: het pakket is ook niet bij de buren.",
        );
        model.sends(Kind::FollowUp, &mail, post);
    }

    fn answer_by_machine(&mut self, dice: &mut Dice, post: &Post, model: &mut Model) {
        let Some(ack) = pick_notice(dice, post, |d| d.to.ends_with("@klant.test")) else { return };
        let more = format!("In-Reply-To: <{}>\nAuto-Submitted: auto-replied\n", ack.message_id);
        let mail = mail(self.next(), &ack.to, "klachten@huis.test", "Afwezig", &more, "Ik ben er niet.");
        model.sends(Kind::AutoReply, &mail, post);
    }

    fn bounce(&mut self, dice: &mut Dice, post: &Post, model: &mut Model) {
        let Some(back) = pick_notice(dice, post, |_| true) else { return };
        let more =
            "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n";
        let text = format!(
            "--b\nContent-Type: text/plain\n\nUndelivered.\n--b\nContent-Type: message/delivery-status\n\n\
             Reporting-MTA: dns; mx.klant.test\n\nFinal-Recipient: rfc822; {to}\nAction: failed\nStatus: 5.1.1\n\
             Diagnostic-Code: smtp; 550 5.1.1 unknown\n--b\nContent-Type: text/rfc822-headers\n\n\
             Message-ID: <{id}>\nTo: {to}\n--b--",
            to = back.to,
            id = back.message_id
        );
        let n = self.next();
        let mail =
            mail(n, "MAILER-DAEMON@mx.klant.test", &back.envelope_from, "Undelivered Mail", more, &text);
        model.bounces(&back.message_id);
        model.sends(Kind::Bounce, &mail, post);
    }

    fn order(&mut self, dice: &mut Dice, post: &Post, model: &mut Model) {
        let alerts = |d: &Delivered| {
            let reply_to = header(&d.bytes, "Reply-To");
            d.to.ends_with("@huis.test") && reply_to.is_some_and(|to| to.contains('+'))
        };
        let Some(alert) = pick_notice(dice, post, alerts) else { return };
        let today = post.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let to = (today + 16_i64.days()).strftime("%d-%m-%Y").to_string();
        let orders = [
            format!("#verleng {to} het onderzoek is nog niet klaar"),
            "#notitie gebeld met de klant".to_owned(),
            "#antwoord ongegrond\nBevindingen: wij vonden niets.\nConclusie: uw klacht is ongegrond."
                .to_owned(),
            "#sluit het is opgelost".to_owned(),
            "#vraag\nKunt u het ordernummer sturen?".to_owned(),
            "#help".to_owned(),
            "#verlng morgen".to_owned(),
        ];
        let text = dice.pick(&orders).expect("there are some").clone();
        self.answer_to(&alert, &text, post, model);
    }
}

/// How long until it is ten o'clock next.
pub(crate) fn until_morning(now: Timestamp) -> Duration {
    let here = now.in_tz("Europe/Amsterdam").expect("a zone");
    let ten = here.date().at(10, 0, 0, 0);
    let day = if here.datetime() < ten { here.date() } else { here.date().tomorrow().expect("a day") };
    let next = day.at(10, 0, 0, 0).in_tz("Europe/Amsterdam").expect("a moment");
    Duration::try_from(next.timestamp().duration_since(now)).expect("a later moment")
}

/// The same message comes again: delivered twice, or moved back by hand.
fn again(dice: &mut Dice, post: &Post) {
    let mut state = post.lock();
    let name = if dice.percent(50) { "INBOX" } else { "Verwerkt" };
    let Some(folder) = state.folders.get_mut(name) else { return };
    let Some(message) = dice.pick(&folder.messages).cloned() else { return };
    if name != "INBOX" {
        folder.messages.retain(|m| m.uid != message.uid);
    }
    state.note(&format!("a message of {name} appears in the inbox"));
    state.arrive(&message.bytes);
}

/// Somebody deletes a message, or the server renumbers all.
fn tamper(dice: &mut Dice, post: &Post, model: &mut Model) {
    let mut state = post.lock();
    let inbox = state.folders.get_mut("INBOX").expect("there is always an inbox");
    if dice.percent(60) {
        inbox.validity += 1;
        let first = u32::try_from(1 + dice.below(50)).expect("a small number");
        inbox.next = first;
        for message in &mut inbox.messages {
            message.uid = inbox.next;
            inbox.next += 1;
        }
        state.note("UIDVALIDITY changes");
    } else if let Some(message) = dice.pick(&inbox.messages).cloned() {
        inbox.messages.retain(|m| m.uid != message.uid);
        state.note(&format!("message {} is deleted by hand", message.uid));
        model.deleted(&message.bytes);
    }
}

fn storm(dice: &mut Dice, post: &Post) {
    let mut state = post.lock();
    state.weather = match dice.below(6) {
        0 => Weather { imap_away: true, ..Weather::default() },
        1 => Weather { smtp_away: true, ..Weather::default() },
        2 => Weather::default(),
        _ => Weather { storm: 3 + dice.below(35), ..Weather::default() },
    };
    let what = format!("weather: {:?}", state.weather);
    state.note(&what);
}

/// A customer's server refuses for now (greylisting) or for good.
fn refuse(dice: &mut Dice, post: &Post, model: &mut Model) {
    let Some(customer) = model.customers().get(usize::try_from(dice.below(50)).unwrap_or(0)).cloned() else {
        return;
    };
    let (reply, times) = if dice.percent(60) {
        ("450 4.2.0 greylisted", u32::try_from(dice.below(4)).unwrap_or(0))
    } else {
        ("550 5.1.1 unknown", u32::MAX)
    };
    let mut state = post.lock();
    state.note(&format!("{customer} is refused: {reply} {times} times"));
    state.refusals.insert(customer, Refusal { reply: reply.to_owned(), times });
}

fn step_clock(dice: &mut Dice, post: &Post, clock: &SimulatedClock) {
    let minutes = i64::try_from(dice.below(300)).expect("a small number") - 120;
    post.lock().note(&format!("the wall clock is set by {minutes} minutes"));
    clock.set(clock.now() + SignedDuration::from_mins(minutes));
}

fn pick_notice(dice: &mut Dice, post: &Post, which: impl Fn(&Delivered) -> bool) -> Option<Delivered> {
    let state = post.lock();
    let fitting: Vec<&Delivered> = state.delivered.iter().filter(|d| which(d)).collect();
    dice.pick(&fitting).map(|d| (*d).clone())
}

fn mail(n: u64, from: &str, to: &str, subject: &str, more: &str, text: &str) -> Arc<[u8]> {
    let kind = if more.contains("Content-Type") { "" } else { "Content-Type: text/plain; charset=utf-8\n" };
    format!(
        "From: {from}\nTo: {to}\nSubject: {subject}\nMessage-ID: <m{n}@klant.test>\n{more}{kind}\n{text}\n"
    )
    .replace('\n', "\r\n")
    .into_bytes()
    .into()
}
