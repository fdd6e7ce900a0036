//! The demo, played from first mail to closed file by people with nothing but a mail program: the real service on
//! `config/demo.toml`, its letters, and `scripts/demo-send` to answer what is read in the outboxes.

#![expect(clippy::unwrap_used, reason = "a test may fail at once")]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use klachtd::domain::signing::sha256_hex;
use mail_parser::MessageParser;
use serde_json::Value;
use tempfile::TempDir;

/// How often a condition is looked at, and how long at most: far more than it takes on a busy machine.
const LOOK: Duration = Duration::from_millis(25);
const LOOKS: u32 = 1_600;

fn eventually<T>(what: impl Fn() -> String, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(LOOK);
    }
    panic!("did not come in {:?}: {}", LOOK * LOOKS, what());
}

/// A mail as its reader sees it.
#[derive(Debug, Clone)]
struct Mail {
    /// The one recipient, with name.
    to: String,
    /// Where an answer goes: Reply-To, else From.
    answers_to: String,
    subject: String,
    id: String,
    text: String,
}

impl Mail {
    fn read(raw: &[u8]) -> Self {
        let mail = MessageParser::default().parse(raw).unwrap();
        let raw_header = |name| mail.header_raw(name).map(|value| value.trim().to_owned());
        Self {
            to: raw_header("To").unwrap(),
            answers_to: raw_header("Reply-To").or_else(|| raw_header("From")).unwrap(),
            subject: mail.subject().unwrap().to_owned(),
            id: raw_header("Message-ID").unwrap(),
            text: mail.body_text(0).unwrap().replace('\r', ""),
        }
    }

    /// The number in the tag of its subject.
    fn reference(&self) -> String {
        self.subject.split_once('[').unwrap().1.split_once(']').unwrap().0.to_owned()
    }

    /// The text on one line, as nobody reads where lines end.
    fn says(&self, words: &str) -> bool {
        self.text.split_whitespace().collect::<Vec<_>>().join(" ").contains(words)
    }
}

/// The demo in a directory of its own, and the service on it.
struct Demo {
    dir: TempDir,
    service: Child,
}

impl Demo {
    fn start() -> Self {
        let dir = TempDir::with_prefix("klachtd-demo-").unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["config", "demo", "scripts"] {
            copy(&source.join(part), &dir.path().join(part));
        }
        let filled = Command::new(dir.path().join("scripts/demo-inbox")).output().unwrap();
        assert!(filled.status.success(), "{filled:?}");
        let service = klachtd(dir.path()).arg("run").stderr(Stdio::null()).spawn().unwrap();
        Self { dir, service }
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = klachtd(self.dir.path()).args(arguments).arg("--json").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Whoever plays one complaint: its customer and its staff, with one mail program.
struct Play<'a> {
    demo: &'a Demo,
    /// The Maildir that is read, under `var/demo`.
    outbox: &'static str,
    /// The mails that were read, by Message-ID.
    read: BTreeSet<String>,
    /// How many mails were sent: each gets a Message-ID of its own.
    sent: Cell<usize>,
    /// The complaint that is played: the others of the demo are left alone.
    reference: String,
}

impl<'a> Play<'a> {
    fn new(demo: &'a Demo, outbox: &'static str) -> Self {
        Self { demo, outbox, read: BTreeSet::new(), sent: Cell::new(0), reference: String::new() }
    }

    fn unread(&self) -> Vec<Mail> {
        let new = self.demo.dir.path().join("var/demo").join(self.outbox).join("new");
        let mut files: Vec<PathBuf> = fs::read_dir(new).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let mails = files.iter().map(|file| Mail::read(&fs::read(file).unwrap()));
        mails.filter(|mail| !self.read.contains(&mail.id)).collect()
    }

    /// The next mail to somebody with these words in its subject.
    #[track_caller]
    fn next(&mut self, to: &str, words: &str) -> Mail {
        let mine = |mail: &Mail| mail.subject.contains(&self.reference);
        let seen = || {
            let unread = self.unread().into_iter().filter(mine);
            let rows: Vec<_> = unread.map(|m| format!("{}: {}\n{}", m.to, m.subject, m.text)).collect();
            format!("{words:?} for {to}; unread:\n{}", rows.join("\n"))
        };
        let wanted = |mail: &Mail| mine(mail) && mail.to.contains(to) && mail.subject.contains(words);
        let mail = eventually(seen, || self.unread().into_iter().find(wanted));
        self.read.insert(mail.id.clone());
        mail
    }

    fn send(&self, recipient: &str, mail: &str) {
        let mut send = Command::new(self.demo.dir.path().join("scripts/demo-send"))
            .args(["-oem", "-oi", "--", recipient])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        send.stdin.take().unwrap().write_all(mail.as_bytes()).unwrap();
        assert!(send.wait().unwrap().success(), "demo-send {recipient}");
    }

    /// Answers a mail as a mail program does: from its recipient, the text above the quote.
    fn answer(&self, mail: &Mail, text: &str) {
        let address = mail.answers_to.rsplit('<').next().unwrap().trim_end_matches('>');
        let quoted = format!("> {}", mail.text.trim_end().replace('\n', "\n> "));
        let Mail { to, answers_to, subject, id, .. } = mail;
        self.sent.set(self.sent.get() + 1);
        let fresh = format!("<{}.{}@people.test>", self.reference, self.sent.get());
        self.send(
            address,
            &format!(
                "From: {to}\nTo: {answers_to}\nSubject: Re: {subject}\nMessage-ID: {fresh}\nIn-Reply-To: {id}\n\
                 References: {id}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
                 Content-Transfer-Encoding: 8bit\n\n{text}\n\nOp 21 november 2026 schreef klachtd:\n{quoted}\n",
            ),
        );
    }

    /// Answers a mail with an order, and reads that it was done.
    #[track_caller]
    fn order(&mut self, mail: &Mail, text: &str) -> Mail {
        let to = mail.to.clone();
        self.answer(mail, text);
        self.next(&to, "Gedaan")
    }

    /// `show --notice` has the notice as it left.
    #[track_caller]
    fn kept(&self, notice: &Value) {
        let number = notice["id"].to_string();
        let asked = ["show", &self.reference, "--notice", &number];
        let mut show = klachtd(self.demo.dir.path());
        let raw = show.args(asked).arg("--raw").output().unwrap().stdout;
        assert_eq!(notice["sha256"], sha256_hex(&raw), "{notice}");
        let mail = Mail::read(&raw);
        assert_eq!(mail.id, format!("<{}>", notice["message_id"].as_str().unwrap()));
        let words = self.demo.json(&asked);
        assert_eq!(words["text"].as_str().unwrap(), mail.text);
        let headers = words["headers"].as_array().unwrap();
        assert!(headers.iter().any(|h| h[0] == "Subject" && h[1] == mail.subject), "{headers:?}");
        let said = klachtd(self.demo.dir.path()).args(asked).output().unwrap().stdout;
        let said = String::from_utf8(said).unwrap();
        assert!(
            said.contains(&format!("Subject: {}\n", mail.subject)) && said.ends_with(&mail.text),
            "{said}"
        );
    }

    /// The file is closed, every mail of it was sent and read by somebody, and no term of it is open.
    #[track_caller]
    fn closed(&self, judgement: &str, told: &[&str]) {
        let sent = |shown: &Value| shown["notices"].as_array().unwrap().iter().all(|n| n["status"] == "sent");
        // A mail is read a moment before the service has committed that it left.
        let shown = eventually(
            || format!("every notice of {} is sent", self.reference),
            || Some(self.demo.json(&["show", &self.reference])).filter(sent),
        );
        assert_eq!((&shown["state"], &shown["close_reason"]), (&"closed".into(), &"resolved".into()));
        assert_eq!(shown["judgement"], judgement);
        let notices = shown["notices"].as_array().unwrap();
        for kind in told {
            let notice = notices.iter().find(|n| n["kind"] == *kind);
            self.kept(notice.unwrap_or_else(|| panic!("{kind}: {notices:#?}")));
        }
        for term in shown["terms"].as_array().unwrap() {
            assert!(["met", "void"].contains(&term["status"].as_str().unwrap()), "{term}");
        }
        let mine = |mail: &Mail| mail.subject.contains(&self.reference);
        let unread: Vec<Mail> = self.unread().into_iter().filter(mine).collect();
        assert!(unread.is_empty(), "nobody expected this: {unread:#?}");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It has ended already, when it failed.
        let _ = self.service.kill();
        let _ = self.service.wait();
    }
}

fn klachtd(demo: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_klachtd"));
    command.arg("--config").arg(demo.join("config/demo.toml"));
    for variable in ["KLACHTD_LOG", "NOTIFY_SOCKET", "RUNTIME_DIRECTORY"] {
        command.env_remove(variable);
    }
    command
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-RL").args([from, to]).status().unwrap();
    assert!(copied.success(), "cp {}", from.display());
}

/// One complaint, played from first mail to closed file.
type Player = fn(&Demo);

#[test]
fn each_of_the_five_is_played_to_its_end() {
    let demo = &Demo::start();
    let plays: [(&str, Player); 5] = [
        ("omnistock", omnistock_answers_a_complaint),
        ("act", act_needs_more_time),
        ("webshop", a_webshop_goes_to_its_board),
        ("websec", websec_writes_a_telephone_complaint_up),
        ("ingressus", ingressus_invites_to_a_conversation),
    ];
    // At the same time, as the inboxes are looked into once a second.
    thread::scope(|scope| {
        for (name, play) in plays {
            let player = thread::Builder::new().name(name.to_owned());
            player.spawn_scoped(scope, move || play(demo)).unwrap();
        }
    });
    assert_eq!(demo.json(&["verify"])["ok"], true);
}

/// The demo's ACT is the shipped one with its blanks filled in.
#[test]
fn acts_blanks_are_filled_in_and_nothing_else() {
    let read = |file: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    for file in ["procedures/act.toml", "texts/act.txt"] {
        let (shipped, filled) = (read(&format!("config/{file}")), read(&format!("demo/{file}")));
        let pairs: Vec<_> = shipped.lines().zip(filled.lines()).filter(|(a, b)| a != b).collect();
        assert_eq!(shipped.lines().count(), filled.lines().count(), "{file}");
        assert_eq!(pairs.len(), 2, "{file}: {pairs:?}");
        let blank = |line: &str| ["\"\"", "[]", "[EMAIL", "[ADRES"].iter().any(|blank| line.contains(blank));
        assert!(pairs.iter().all(|(shipped, _)| blank(shipped)), "{file}: {pairs:?}");
    }
}

fn omnistock_answers_a_complaint(demo: &Demo) {
    let mut play = Play::new(demo, "outbox");
    let received = play.next("j.devries@klant.test", "Wij hebben uw klacht ontvangen");
    let alert = play.next("jan@omnistock.test", "Nieuwe klacht");
    play.reference = received.reference();
    play.next("jan@omnistock.test", "Nieuw bericht in deze klacht");

    play.answer(&alert, "#antwoord gegrond\n\nBevindingen:\nHet bedrag is twee keer afgeschreven.");
    let refused = play.next("jan@omnistock.test", "Niet uitgevoerd");
    assert!(refused.says("Conclusie") && refused.says("Oplossing"), "{}", refused.text);

    play.order(
        &alert,
        "#antwoord gegrond\n\nKlachtpunten:\nde dubbele afschrijving van factuur 2026-1187\n\n\
         Bevindingen:\nHet bedrag is door een fout van ons twee keer afgeschreven.\n\n\
         Conclusie:\nHet tweede bedrag had niet afgeschreven mogen worden.\n\n\
         Oplossing:\nWij storten 84,70 euro terug op uw rekening.\n\nUiterlijk:\nover 1 week",
    );
    let outcome = play.next("j.devries@klant.test", "Ons antwoord op uw klacht");
    assert!(outcome.says("Uw klacht is gegrond.") && outcome.says("84,70 euro"), "{}", outcome.text);
    play.answer(&outcome, "Dank u wel, het geld is er al.");
    let thanks = play.next("jan@omnistock.test", "Nieuw bericht in deze klacht");
    play.order(&thanks, "#sluit opgelost");
    play.next("j.devries@klant.test", "Wij hebben uw klacht afgesloten");
    play.closed("founded", &["acknowledgement", "outcome", "closing"]);
}

fn act_needs_more_time(demo: &Demo) {
    let mut play = Play::new(demo, "act/outbox");
    play.reference = play.next("petra.smit@klant.test", "Wij hebben uw klacht ontvangen").reference();
    let alert = play.next("anna@act.test", "Nieuwe klacht");
    let extended = play.order(&alert, "#verleng over 3 weken de monteur van de telefooncentrale komt dan");
    let progress = play.next("petra.smit@klant.test", "");
    assert!(progress.says("de monteur van de telefooncentrale komt dan"), "{}", progress.text);
    play.order(
        &extended,
        "#antwoord deels\n\nBevindingen:\nDe telefooncentrale was verkeerd ingesteld; de mails zijn beantwoord.\n\n\
         Conclusie:\nDe helpdesk had bereikbaar moeten zijn.\n\nOplossing:\nU krijgt een rechtstreeks nummer.",
    );
    let outcome = play.next("petra.smit@klant.test", "Ons antwoord op uw klacht");
    assert!(outcome.says("deels gegrond") && outcome.says("ICTWaarborg"), "{}", outcome.text);
    play.answer(&outcome, "Prima zo.");
    let thanks = play.next("anna@act.test", "Nieuw bericht in deze klacht");
    play.order(&thanks, "#sluit opgelost");
    play.next("petra.smit@klant.test", "Wij hebben uw klacht afgesloten");
    play.closed("partly_founded", &["acknowledgement", "progress", "outcome", "closing"]);
}

fn a_webshop_goes_to_its_board(demo: &Demo) {
    let mut play = Play::new(demo, "webshop/outbox");
    let received = play.next("sanne.bakker@klant.test", "Wij hebben je klacht ontvangen");
    play.reference = received.reference();
    assert!(received.says("WS-31337"), "{}", received.text);
    let mark = play.next("mark@shop.test", "Nieuwe klacht");
    play.order(&mark, "#wijs-toe hanna@shop.test");
    play.next("sanne.bakker@klant.test", "andere behandelaar");
    let hanna = play.next("hanna@shop.test", "Nieuwe klacht");
    play.order(
        &hanna,
        "#antwoord ongegrond\n\nOnderzoek:\nDe leverancier heeft de stof getest.\n\n\
         Conclusie:\nOp 30 graden krimpt de trui niet.\n\nActie:\nWij hebben je foto met het rapport vergeleken.\n\n\
         Maatregelen:\nHet wasadvies komt ook in de bestelbevestiging.",
    );
    let outcome = play.next("sanne.bakker@klant.test", "Ons antwoord op je klacht");
    assert!(outcome.says("directie"), "{}", outcome.text);
    play.answer(&outcome, "Dat stond nergens. Ik wil dat de directie dit bekijkt.");
    let letter = play.next("hanna@shop.test", "Nieuw bericht in deze klacht");
    assert!(letter.says("#bezwaar"), "{}", letter.text);
    play.order(&letter, "#bezwaar");
    play.next("sanne.bakker@klant.test", "");
    let berta = play.next("berta@shop.test", "Beoordeling door u gevraagd");
    play.order(
        &berta,
        "#antwoord deels\n\nBeoordeeld:\nalle brieven en het testrapport\n\n\
         Beleid:\nDe klantenservice heeft het beleid gevolgd.\n\nConclusie:\nHet wasadvies stond te klein op het label.\n\n\
         Oplossing:\nJe krijgt de helft van de prijs terug.",
    );
    let reviewed = play.next("sanne.bakker@klant.test", "");
    assert!(
        reviewed.says("Trading Standards") && reviewed.says("de helft van de prijs"),
        "{}",
        reviewed.text
    );
    play.answer(&reviewed, "Dank jullie wel, zo is het goed.");
    let thanks = play.next("hanna@shop.test", "Nieuw bericht in deze klacht");
    play.order(&thanks, "#sluit opgelost");
    play.next("sanne.bakker@klant.test", "Wij hebben je klacht afgesloten");
    let told = ["acknowledgement", "handler_changed", "outcome", "review_received", "review_outcome"];
    play.closed("partly_founded", &told);
}

fn websec_writes_a_telephone_complaint_up(demo: &Demo) {
    let mut play = Play::new(demo, "websec/outbox");
    play.send(
        "complaints@websec.test",
        "From: Joel Ossi <joel@websec.test>\nTo: complaints@websec.test\nSubject: Telefonische klacht\n\
         Message-ID: <opname@websec.test>\nContent-Type: text/plain; charset=utf-8\n\n\
         #opname p.mulder@klant.test\nDe heer Mulder belde op maandag. De scan van zijn webwinkel is gestopt zonder bericht.\n",
    );
    let confirm = play.next("joel@websec.test", "Komt deze opdracht van u?");
    play.answer(&confirm, "#confirm");
    let recorded = play.next("joel@websec.test", "Gedaan");
    play.reference = recorded.reference();
    let record = play.next("p.mulder@klant.test", "Klopt onze weergave");
    play.answer(&record, "Niet akkoord: het was dinsdag.");
    let corrected = play.next("joel@websec.test", "Nieuw bericht in deze klacht");
    play.order(
        &corrected,
        "#opname\nDe heer Mulder belde op dinsdag. De scan van zijn webwinkel is gestopt zonder bericht.",
    );
    let record = play.next("p.mulder@klant.test", "Klopt onze weergave");
    assert!(record.says("versie 2") && record.says("belde op dinsdag"), "{}", record.text);
    play.answer(&record, "Akkoord.\n\nPiet Mulder");
    play.next("p.mulder@klant.test", "Wij hebben uw klacht ontvangen");
    let alert = play.next("joel@websec.test", "Nieuwe klacht");
    play.order(&alert, "#contact\nVera heeft gebeld: meneer Mulder wil weten wanneer de scan verder gaat.");
    play.order(&alert, "#vraag\nOp welke dag moet de scan klaar zijn?");
    let question = play.next("p.mulder@klant.test", "vraag");
    assert!(question.says("Op welke dag"), "{}", question.text);
    play.answer(&question, "Vrijdag.");
    let reply = play.next("joel@websec.test", "Nieuw bericht in deze klacht");
    play.order(
        &reply,
        "#antwoord gegrond\n\nBevindingen:\nDe scan stopte omdat een certificaat verliep.\n\n\
         Conclusie:\nWij hadden u dat moeten melden.\n\nOplossing:\nDe scan is vrijdag klaar.",
    );
    let outcome = play.next("p.mulder@klant.test", "Ons antwoord op uw klacht");
    play.answer(&outcome, "Daar ben ik blij mee.");
    let thanks = play.next("joel@websec.test", "Nieuw bericht in deze klacht");
    play.order(&thanks, "#sluit opgelost");
    play.next("p.mulder@klant.test", "Wij hebben uw klacht afgesloten");
    let told = ["record_for_agreement", "acknowledgement", "info_request", "outcome", "closing"];
    play.closed("founded", &told);
}

fn ingressus_invites_to_a_conversation(demo: &Demo) {
    let mut play = Play::new(demo, "ingressus/outbox");
    let received = play.next("v.bakker@bouwbedrijf.test", "Wij hebben uw klacht ontvangen");
    play.reference = received.reference();
    assert!(received.says("Ilse Jansen") && received.says("Klachtenregeling Ingressus"), "{}", received.text);
    let alert = play.next("ilse@ingressus.test", "Nieuwe klacht");
    play.order(
        &alert,
        "#antwoord gegrond\n\nKlachtpunten:\nde bewaker die drie nachten niet verscheen\n\n\
         Bevindingen:\nDe planning was niet bevestigd.\n\nConclusie:\nDe bewaker had er moeten zijn.\n\n\
         Oplossing:\nU krijgt een creditnota voor drie nachten.",
    );
    let outcome = play.next("v.bakker@bouwbedrijf.test", "Ons antwoord op uw klacht");
    play.answer(&outcome, "Hier ben ik het niet mee eens. Ik wil in gesprek.");
    let letter = play.next("ilse@ingressus.test", "Nieuw bericht in deze klacht");
    play.order(&letter, "#bezwaar");
    play.next("v.bakker@bouwbedrijf.test", "");
    let board = play.next("dirk@ingressus.test", "Beoordeling door u gevraagd");
    let invited = play.order(&board, "#uitnodiging vandaag Rotterdam");
    let invitation = play.next("v.bakker@bouwbedrijf.test", "Uitnodiging");
    assert!(invitation.says("Rotterdam"), "{}", invitation.text);
    play.order(
        &invited,
        "#verslag\n\nVerslag:\nAanwezig waren mevrouw Bakker en Dirk Directie.\n\n\
         Conclusie:\nDe planning wordt voortaan vooraf bevestigd.",
    );
    let reviewed = play.next("v.bakker@bouwbedrijf.test", "");
    assert!(reviewed.says("rechter in het arrondissement Rotterdam"), "{}", reviewed.text);
    play.answer(&reviewed, "Akkoord, dank u wel.");
    let thanks = play.next("ilse@ingressus.test", "Nieuw bericht in deze klacht");
    play.order(&thanks, "#sluit opgelost");
    play.next("v.bakker@bouwbedrijf.test", "Wij hebben uw klacht afgesloten");
    let told = ["acknowledgement", "outcome", "review_received", "interview_invitation", "review_outcome"];
    play.closed("founded", &told);
}
