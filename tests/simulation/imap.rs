//! An IMAP server (RFC 3501, RFC 2177, RFC 4315, RFC 6851) that misbehaves by chance.

use std::fmt::Write as _;
use std::io;

use jiff::tz::TimeZone;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};
use tokio::sync::watch;

use super::post::{Folder, IMAP, Message, Post, State};

/// How a command goes wrong.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    CutBefore,
    CutHalfway,
    CutAfter,
    Stall,
    Bye,
    No,
    /// A FETCH leaves out a message, and says OK.
    Omit,
}

const MISHAPS: [Mishap; 7] = [
    Mishap::CutBefore,
    Mishap::CutHalfway,
    Mishap::CutAfter,
    Mishap::Stall,
    Mishap::Bye,
    Mishap::No,
    Mishap::Omit,
];

struct Session {
    stream: BufReader<DuplexStream>,
    post: Post,
    connection: u64,
    commands: u64,
    /// The UIDVALIDITY under which the inbox was selected.
    selected: Option<u32>,
}

/// Serves one connection to its end.
pub(crate) async fn serve(
    stream: DuplexStream,
    post: Post,
    connection: u64,
    mut news: watch::Receiver<u64>,
) -> io::Result<()> {
    let mut session =
        Session { stream: BufReader::new(stream), post, connection, commands: 0, selected: None };
    if !session.greets().await? {
        return Ok(());
    }
    loop {
        let mut line = String::new();
        if session.stream.read_line(&mut line).await? == 0 || session.is_gone() {
            return Ok(());
        }
        let Some((tag, command)) = line.trim_end().split_once(' ') else { return Ok(()) };
        if !session.command(tag, command, &mut news).await? {
            return Ok(());
        }
    }
}

impl Session {
    fn is_gone(&self) -> bool {
        let state = self.post.lock();
        state.is_dead() || state.is_away(IMAP)
    }

    async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes).await
    }

    /// Greets, or does not (RFC 3501 section 7.1.5: BYE as greeting); whether the connection goes on.
    async fn greets(&mut self) -> io::Result<bool> {
        let mishap =
            self.luck("greeting", &[Mishap::CutBefore, Mishap::CutHalfway, Mishap::Stall, Mishap::Bye]);
        let greeting: &[u8] = match mishap {
            None => b"* OK ready\r\n",
            Some(Mishap::Stall) => std::future::pending().await,
            Some(Mishap::Bye) => b"* BYE too many connections\r\n",
            Some(Mishap::CutHalfway) => b"* OK re",
            Some(_) => b"",
        };
        self.say(greeting).await?;
        Ok(mishap.is_none())
    }

    fn luck(&mut self, command: &str, of: &[Mishap]) -> Option<Mishap> {
        self.commands += 1;
        let mut state = self.post.lock();
        let (mut dice, wrong) = state.luck(self.connection, self.commands, 1);
        let mishap = wrong.then(|| *dice.pick(of).expect("there are some"))?;
        let whose = if command == "greeting" { "imap-greeting" } else { "imap" };
        state.goes_wrong(&format!("{whose} {}", self.connection), command, &format!("{mishap:?}"));
        Some(mishap)
    }

    /// Whether the connection goes on.
    async fn command(
        &mut self,
        tag: &str,
        command: &str,
        news: &mut watch::Receiver<u64>,
    ) -> io::Result<bool> {
        let fetches = command.starts_with("UID FETCH");
        // Only a FETCH can leave something out.
        let mishap = self.luck(command, if fetches { &MISHAPS } else { &MISHAPS[..MISHAPS.len() - 1] });
        match mishap {
            Some(Mishap::CutBefore) => return Ok(false),
            Some(Mishap::Stall) => std::future::pending().await,
            Some(Mishap::Bye) => {
                self.say(b"* BYE going down\r\n").await?;
                return Ok(false);
            }
            Some(Mishap::No) if command != "IDLE" => {
                self.say(format!("{tag} NO [UNAVAILABLE] not now\r\n").as_bytes()).await?;
                return Ok(true);
            }
            _ => {}
        }
        let validity = self.post.lock().folders["INBOX"].validity;
        if self.selected.is_some_and(|selected| selected != validity) {
            // The UIDs that this client knows mean other messages now.
            self.say(b"* BYE the folder was made anew\r\n").await?;
            return Ok(false);
        }
        if command == "IDLE" {
            return self.idle(tag, news, mishap).await;
        }
        let answer = self.answer(tag, command, matches!(mishap, Some(Mishap::Omit)));
        match mishap {
            Some(Mishap::CutHalfway) => {
                self.say(&answer[..answer.len() / 2]).await?;
                Ok(false)
            }
            Some(Mishap::CutAfter) => Ok(false),
            _ => {
                self.say(&answer).await?;
                Ok(command != "LOGOUT")
            }
        }
    }

    async fn idle(
        &mut self,
        tag: &str,
        news: &mut watch::Receiver<u64>,
        mishap: Option<Mishap>,
    ) -> io::Result<bool> {
        self.say(b"+ idling\r\n").await?;
        news.mark_unchanged();
        if mishap.is_some() {
            return Ok(false);
        }
        let mut line = String::new();
        loop {
            tokio::select! {
                biased;
                read = self.stream.read_line(&mut line) => {
                    if read? == 0 {
                        return Ok(false);
                    }
                    self.say(format!("{tag} OK idled\r\n").as_bytes()).await?;
                    return Ok(true);
                }
                changed = news.changed() => {
                    if changed.is_err() || self.is_gone() {
                        return Ok(false);
                    }
                    let exists = self.post.lock().folders["INBOX"].messages.len();
                    self.say(format!("* {exists} EXISTS\r\n").as_bytes()).await?;
                }
            }
        }
    }

    fn answer(&mut self, tag: &str, command: &str, omits: bool) -> Vec<u8> {
        let post = self.post.clone();
        let mut state = post.lock();
        let ok = |said: &str| format!("{said}{tag} OK done\r\n").into_bytes();
        let no = |why: &str| format!("{tag} NO {why}\r\n").into_bytes();
        let words: Vec<&str> = command.split(' ').collect();
        match words[..] {
            ["LOGIN" | "SUBSCRIBE", ..] | ["LOGOUT"] => ok(""),
            ["UID", "STORE", set, "+FLAGS.SILENT", "(\\Deleted)"] => {
                let inbox = state.inbox();
                inbox.messages.iter_mut().filter(|m| holds(set, m.uid)).for_each(|m| m.marked = true);
                ok("")
            }
            ["CAPABILITY"] => {
                let moves = if state.moves { " MOVE" } else { "" };
                let uidplus = if state.uidplus { " UIDPLUS" } else { "" };
                ok(&format!("* CAPABILITY IMAP4rev1 IDLE{moves}{uidplus}\r\n"))
            }
            ["LIST", ..] => ok("* LIST (\\Noselect) \"/\" \"\"\r\n"),
            ["STATUS", name, ..] => match state.folders.get(unquoted(name)) {
                Some(folder) => ok(&format!("* STATUS {name} (UIDVALIDITY {})\r\n", folder.validity)),
                None => no("[NONEXISTENT] no such folder"),
            },
            ["CREATE", name] => {
                let folder = Folder { validity: 200, next: 1, messages: Vec::new() };
                state.folders.entry(unquoted(name).to_owned()).or_insert(folder);
                ok("")
            }
            ["SELECT", name] => {
                let Some(folder) = state.folders.get(unquoted(name)) else { return no("no such folder") };
                let said = format!(
                    "* {} EXISTS\r\n* OK [UIDVALIDITY {}] .\r\n* OK [UIDNEXT {}] .\r\n",
                    folder.messages.len(),
                    folder.validity,
                    folder.next
                );
                self.selected = Some(folder.validity);
                format!("{said}{tag} OK [READ-WRITE] done\r\n").into_bytes()
            }
            ["NOOP"] => ok(&format!("* {} EXISTS\r\n", state.folders["INBOX"].messages.len())),
            ["UID", "FETCH", set, ..] => {
                if state.expunges && command.contains("BODY.PEEK[]") {
                    expunged_under_us(&mut state, set);
                }
                let mut said = fetched(&state.folders["INBOX"], set, command, omits);
                said.extend_from_slice(&ok(""));
                said
            }
            ["UID", "MOVE", set, name] => {
                carry(&mut state, set, unquoted(name), true);
                ok("")
            }
            ["UID", "COPY", set, name] => {
                carry(&mut state, set, unquoted(name), false);
                ok("")
            }
            ["UID", "EXPUNGE", set] => {
                remove(&mut state, |m| m.marked && holds(set, m.uid));
                ok("")
            }
            ["EXPUNGE"] => {
                remove(&mut state, |m| m.marked);
                ok("")
            }
            ["UID", "SEARCH", set, "DELETED"] => {
                let numbered = (1..).zip(&state.folders["INBOX"].messages);
                let marked = numbered.filter(|(n, m)| m.marked && holds(set, *n));
                let uids: Vec<String> = marked.map(|(_, m)| m.uid.to_string()).collect();
                ok(&format!("* SEARCH {}\r\n", uids.join(" ")))
            }
            _ => format!("{tag} BAD what?\r\n").into_bytes(),
        }
    }
}

/// Between the moments at which it was listed and fetched somebody deletes the last message of a set.
fn expunged_under_us(state: &mut State, set: &str) {
    let inbox = state.inbox();
    let Some(at) = inbox.messages.iter().rposition(|m| holds(set, m.uid)) else { return };
    let message = inbox.messages.remove(at);
    state.expunges = false;
    state.note(&format!("message {} is deleted while it is fetched", message.uid));
    state.happens("deleted while it is fetched");
    state.deleted.push(message.bytes);
}

fn unquoted(name: &str) -> &str {
    name.trim_matches('"')
}

/// Whether a number stands in a set like `1:3,7,9:*`.
fn holds(set: &str, number: u32) -> bool {
    set.split(',').any(|part| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        let bound = |text: &str| if text == "*" { u32::MAX } else { text.parse().unwrap_or(0) };
        (bound(first)..=bound(last)).contains(&number)
    })
}

fn fetched(folder: &Folder, set: &str, command: &str, omits: bool) -> Vec<u8> {
    let mut said = Vec::new();
    let wanted: Vec<(usize, &Message)> =
        folder.messages.iter().enumerate().filter(|(_, m)| holds(set, m.uid)).collect();
    let shown = wanted.len() - usize::from(omits && !wanted.is_empty());
    for (n, message) in &wanted[..shown] {
        let (n, uid, size) = (n + 1, message.uid, message.bytes.len());
        if command.contains("BODY.PEEK[]<") {
            let part = &message.bytes[..size.min(64 * 1024)];
            said.extend(format!("* {n} FETCH (UID {uid} BODY[]<0> {{{}}}\r\n", part.len()).bytes());
            said.extend_from_slice(part);
            said.extend_from_slice(b")\r\n");
        } else if command.contains("BODY.PEEK[]") {
            said.extend(format!("* {n} FETCH (UID {uid} BODY[] {{{size}}}\r\n").bytes());
            said.extend_from_slice(&message.bytes);
            said.extend_from_slice(b")\r\n");
        } else if command.contains("RFC822.SIZE") {
            let at = message.at.to_zoned(TimeZone::UTC).strftime("%d-%b-%Y %H:%M:%S +0000").to_string();
            said.extend(
                format!("* {n} FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE \"{at}\")\r\n").bytes(),
            );
        } else {
            said.extend(format!("* {n} FETCH (UID {uid})\r\n").bytes());
        }
    }
    said
}

fn carry(state: &mut State, set: &str, to: &str, moves: bool) {
    let going: Vec<Message> =
        state.folders["INBOX"].messages.iter().filter(|m| holds(set, m.uid)).cloned().collect();
    for message in going {
        state.leaves(message.uid);
        if moves {
            state.inbox().messages.retain(|m| m.uid != message.uid);
        }
        let folder = state.folders.entry(to.to_owned()).or_default();
        folder.next += 1;
        folder.messages.push(Message { uid: folder.next, marked: false, ..message });
    }
    let mut line = String::new();
    let _ = write!(line, "{set} to {to}");
    state.note(&line);
}

fn remove(state: &mut State, which: impl Fn(&Message) -> bool) {
    let going: Vec<u32> = state.inbox().messages.iter().filter(|m| which(m)).map(|m| m.uid).collect();
    for uid in going {
        state.leaves(uid);
        state.inbox().messages.retain(|m| m.uid != uid);
    }
}
