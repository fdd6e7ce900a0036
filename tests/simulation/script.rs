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
    /// Whether there is no room on the disk.
    full: bool,
}

impl Script {
    pub(crate) fn new(seed: u64, plot: Plot) -> Self {
        Self { seed, step: 0, calm: 0, mails: 0, plot, answered: 0, evenings: Vec::new(), full: false }
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
        // The service gets up, with room on its disk.
        self.full = false;
        tokio::time::sleep(Duration::from_secs(1)).await;
        if self.plot == Plot::Month {
            self.evenings = month::go_on(self, post, model).await;
            return;
        }
        while self.step < STEPS {
            self.step += 1;
            let mut dice = Dice::of(self.seed, &[4, self.step]);
            self.act(&mut dice, post, model, clock, faults).await;
            self.runs(Duration::from_secs(20 + dice.below(280)), post).await;
        }
        {
            let mut state = post.lock();
            state.turn(Weather::default());
            state.expunges = false;
            state.refusals.retain(|_, refusal| refusal.reply.starts_with('5'));
            state.note("the world is calm");
        }
        self.fill(false, post, faults);
        while self.calm < CALM.len() + MORNINGS {
            pass(post, CALM.get(self.calm).copied().unwrap_or_else(|| until_morning(post.now()))).await;
            self.calm += 1;
            self.runs(Duration::from_mins(1), post).await;
        }
    }

    /// The service runs for a while.
    async fn runs(&self, long: Duration, post: &Post) {
        let began = post.now();
        tokio::time::sleep(long).await;
        let mut state = post.lock();
        let ended = state.clock.now();
        if !self.full {
            state.awake.push((began, ended));
        }
    }

    fn fill(&mut self, full: bool, post: &Post, faults: &Faults) {
        let mut state = post.lock();
        state.note(&format!("the disk is full: {full}"));
        if full {
            state.happens("the disk is full");
            // What lasts long enough is a mailbox that is not fetched, too.
            state.causes.extend(["disk", "disk_low", "outbox", "mailbox"]);
        }
        faults.fill(full);
        self.full = full;
    }

    async fn act(
        &mut self,
        dice: &mut Dice,
        post: &Post,
        model: &mut Model,
        clock: &SimulatedClock,
        faults: &Faults,
    ) {
        match dice.below(23) {
            0..=3 => self.complain(1 + dice.below(3), post, model),
            4 => self.complain(12, post, model),
            5 => self.reply(dice, post, model),
            6 => self.answer_by_machine(dice, post, model),
            7 => self.bounce(dice, post, model),
            8 | 9 => self.order(dice, post, model),
            10 => again(dice, post),
            11 => tamper(dice, post),
            12 | 13 => storm(dice, post),
            14 => {
                if let Some(customer) = dice.pick(&model.customers()) {
                    refuse(dice, customer, post);
                }
            }
            20 => {
                refuse(dice, &customer(self.mails + 1), post);
                self.complain(1, post, model);
            }
            21 => self.outlast(dice, post, model, faults).await,
            15 => {
                let full = dice.percent(50);
                self.fill(full, post, faults);
            }
            16 => {
                post.lock().note("killed");
                post.lock().happens("killed");
                faults.kill();
                // Nothing comes after it in this life.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            17 => step_clock(dice, !self.full, post, clock).await,
            _ => {
                let most = if dice.percent(50) { 30 } else { 24 * 20 };
                let hours = 1 + dice.below(most);
                pass(post, Duration::from_hours(hours)).await;
            }
        }
    }

    /// A trouble lasts: staff must have been told of it.
    async fn outlast(&mut self, dice: &mut Dice, post: &Post, model: &mut Model, faults: &Faults) {
        if self.full {
            // On a full disk nothing can be told: first it is seen that there is room.
            self.fill(false, post, faults);
            tokio::time::sleep(Duration::from_mins(2)).await;
        }
        let kind = *dice.pick(&["mailbox", "smtp", "disk"]).expect("there are some");
        let calm = Weather::default();
        post.lock().expunges = false;
        match kind {
            "disk" => self.fill(true, post, faults),
            "smtp" => post.lock().turn(Weather { smtp_away: true, ..calm }),
            _ => post.lock().turn(Weather { imap_away: true, ..calm }),
        }
        post.lock().note(&format!("{kind}: for half an hour"));
        // Of a way out that nothing takes nobody knows that it is shut.
        self.complain(1, post, model);
        let before = post.lock().told_so_far();
        // So long that it is an alarm, whenever mail was last looked for.
        tokio::time::sleep(Duration::from_mins(30)).await;
        post.lock().must_be_told(kind, before);
    }

    fn next(&mut self) -> u64 {
        self.mails += 1;
        self.mails
    }

    pub(crate) fn complain(&mut self, count: u64, post: &Post, model: &mut Model) {
        for _ in 0..count {
            let n = self.next();
            let customer = customer(n);
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
        model.bounces(&mail, &back.message_id);
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

/// The machine sleeps for so long: then even what is due in between is late.
async fn pass(post: &Post, long: Duration) {
    {
        let mut state = post.lock();
        state.note(&format!("{} minutes pass", long.as_secs() / 60));
        state.causes.insert("term");
    }
    tokio::time::advance(long).await;
}

fn customer(n: u64) -> String {
    format!("klant{n}@klant.test")
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
fn tamper(dice: &mut Dice, post: &Post) {
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
        state.happens("renumbered");
    } else if let Some(message) = dice.pick(&inbox.messages).cloned() {
        inbox.messages.retain(|m| m.uid != message.uid);
        state.note(&format!("message {} is deleted by hand", message.uid));
        state.happens("deleted by hand");
        state.deleted.push(message.bytes);
    } else {
        state.expunges = true;
    }
}

fn storm(dice: &mut Dice, post: &Post) {
    let mut state = post.lock();
    let weather = match dice.below(6) {
        0 => Weather { imap_away: true, ..Weather::default() },
        1 => Weather { smtp_away: true, ..Weather::default() },
        2 => Weather::default(),
        _ => Weather { storm: 3 + dice.below(35), ..Weather::default() },
    };
    state.note(&format!("weather: {weather:?}"));
    state.turn(weather);
}

/// A customer's server refuses for now (greylisting) or for good.
fn refuse(dice: &mut Dice, customer: &str, post: &Post) {
    let (reply, times) = if dice.percent(60) {
        ("450 4.2.0 greylisted", 1 + u32::try_from(dice.below(4)).unwrap_or(0))
    } else {
        ("550 5.1.1 unknown", u32::MAX)
    };
    let mut state = post.lock();
    state.note(&format!("{customer} is refused: {reply} {times} times"));
    state.causes.extend(["outbox", "failed"]);
    // Who is gone stays gone.
    let gone = state.refusals.get(customer).is_some_and(|r| r.reply.starts_with('5'));
    if !gone {
        state.refusals.insert(customer.to_owned(), Refusal { reply: reply.to_owned(), times });
    }
}

/// What staff must have been told of when there was room to tell it, unless they were before in this life.
async fn step_clock(dice: &mut Dice, room: bool, post: &Post, clock: &SimulatedClock) {
    let minutes = i64::try_from(dice.below(300)).expect("a small number") - 120;
    let (fresh, before) = {
        let mut state = post.lock();
        state.note(&format!("the wall clock is set by {minutes} minutes"));
        state.happens("the clock is set");
        state.causes.extend(["term", "outbox"]);
        (state.causes.insert("clock"), state.told_so_far())
    };
    clock.set(clock.now() + SignedDuration::from_mins(minutes));
    if room && fresh && minutes.abs() > 5 {
        tokio::time::sleep(Duration::from_mins(2)).await;
        post.lock().must_be_told("clock", before);
    }
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
