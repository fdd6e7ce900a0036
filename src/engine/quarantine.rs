//! Mail that was set aside: found again, read again, and what an operator makes of it.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Arrived, Engine, EngineError, Outcome, TRIES};
use crate::batch::{Batch, Letterbox};
use crate::desk::Desk;
use crate::domain::event::{Aside, Event, Judged};
use crate::domain::fact::{Fact, Fate, LetterNote};
use crate::domain::signing::sha256_hex;
use crate::store::{Place, TakenRecord};

/// Characters of an id as it is shown: 48 bits, so that two alike are not to be expected.
const SHOWN: usize = 12;

/// A mail that waits for a person.
#[derive(Debug, Clone)]
pub struct SetAside {
    /// What it is called, the same for as long as it is set aside.
    pub id: String,
    /// Where it stands, why it is set aside, and since when.
    pub place: Place,
    /// What the journal tells of it; `None` when that was erased.
    pub note: Option<LetterNote>,
}

impl Engine {
    /// Every mail that is set aside, the oldest first.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn quarantine(&self) -> Result<Vec<SetAside>, EngineError> {
        let mut places = self.store.set_aside()?;
        places.sort_by_key(|place| place.taken.at);
        places.into_iter().map(|place| self.described(place)).collect()
    }

    /// Those whose id begins with `prefix`: one when it is an id.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn set_aside_as(&self, prefix: &str) -> Result<Vec<SetAside>, EngineError> {
        let prefix = prefix.trim().to_ascii_lowercase();
        let places = self.store.set_aside()?.into_iter();
        let named = places.filter(|place| !prefix.is_empty() && hash_of(place).starts_with(&prefix));
        named.map(|place| self.described(place)).collect()
    }

    fn described(&self, place: Place) -> Result<SetAside, EngineError> {
        let entry = match place.taken.entry {
            Some(seq) => self.store.journal_page(seq.saturating_sub(1), 1)?.into_iter().next(),
            None => None,
        };
        let note = match entry.map(|entry| entry.fact()).transpose()?.flatten() {
            Some(Fact::LetterKept { letter, .. }) => Some(letter),
            _ => None,
        };
        let mut id = hash_of(&place);
        id.truncate(SHOWN);
        Ok(SetAside { id, place, note })
    }

    /// Reads such a mail again, under today's limits. Its receipt stays what it was.
    ///
    /// # Errors
    /// [`EngineError::Store`] when its bytes are not what was saved, or not there.
    pub async fn read_again(&self, held: &SetAside) -> Result<Arrived, EngineError> {
        let raw = self.store.content(&held.place.taken.sha256)?;
        let kept = raw.len() as u64;
        let size = held.note.as_ref().map_or(kept, |note| note.size);
        let desk = Desk {
            mailbox: held.place.mailbox.clone(),
            settings: Arc::clone(&self.settings),
            signer: self.store.signer().clone(),
        };
        let (letter, failure) = desk.again(raw).await;
        let limit = self.settings.house.limits.message_size;
        let too_large = if size > limit {
            Some(format!("it has {size} bytes, more than the limit of {limit}"))
        } else {
            (kept < size).then(|| format!("of its {size} bytes only the first {kept} were kept"))
        };
        Ok(Arrived {
            mailbox: held.place.mailbox.clone(),
            place: held.place.place.clone(),
            cursor: None,
            taken_at: held.note.as_ref().map_or(held.place.taken.at, |note| note.received_at),
            size,
            sha256: held.place.taken.sha256.clone(),
            letter,
            set_aside: too_large.or(failure),
        })
    }

    /// Decides again about a mail, as if it had just come. What set it aside may do so again: then nothing happens.
    /// `None` when it is not set aside any more.
    ///
    /// # Errors
    /// As [`Engine::tick`].
    pub async fn retry_set_aside(
        &mut self,
        mail: &Arrived,
        now: Timestamp,
    ) -> Result<Option<Outcome>, EngineError> {
        for _ in 0..TRIES {
            let Some(before) = self.still_set_aside(mail)? else { return Ok(None) };
            let mut batch = Batch::new(now);
            let outcome = self.judge(&mut batch, mail)?;
            let unchanged = outcome.fate == Fate::SetAside && outcome.reason == before.reason;
            if unchanged || self.commit(batch).await? {
                return Ok(Some(outcome));
            }
        }
        Err(EngineError::Contended)
    }

    /// Carries out what an operator decided about a mail. `None` when it is not set aside any more; a refusal stands in
    /// the reply, and then nothing happened.
    ///
    /// # Errors
    /// As [`Engine::tick`].
    pub async fn judge_set_aside(
        &mut self,
        mail: &Arrived,
        (judgement, by): (Aside, &str),
        now: Timestamp,
    ) -> Result<Option<Outcome>, EngineError> {
        let settings = Arc::clone(&self.settings);
        for _ in 0..TRIES {
            if self.still_set_aside(mail)?.is_none() {
                return Ok(None);
            }
            let mut batch = Batch::new(now);
            let procedure = self.present_procedure(&mail.mailbox)?;
            let at = Letterbox::new(&self.store, &settings, &mail.mailbox, procedure)?;
            let found = batch.place_of(&at, mail)?;
            let complaint = found.complaint.filter(|_| judgement == Aside::Release);
            let complaint = complaint.map(|id| self.present(&batch, id)).transpose()?;
            let arrival = self.arrival(&batch, &at, mail, found)?;
            let event = Event::SetAsideJudged(Box::new(Judged { arrival, judgement, by: by.to_owned() }));
            let outcome = self.step(&mut batch, complaint, &mail.mailbox, &event, Some(mail))?;
            let refused = outcome.reply.as_ref().is_some_and(|reply| reply.outcome.is_err());
            if refused || self.commit(batch).await? {
                return Ok(Some(outcome));
            }
        }
        Err(EngineError::Contended)
    }

    fn still_set_aside(&self, mail: &Arrived) -> Result<Option<TakenRecord>, EngineError> {
        let taken = self.store.place(&mail.mailbox, &mail.place)?;
        Ok(taken.filter(|taken| taken.fate == Fate::SetAside))
    }
}

/// By its place, because the same bytes may lie in two mailboxes.
fn hash_of(place: &Place) -> String {
    sha256_hex(format!("{}\0{}", place.mailbox, place.place).as_bytes())
}
