//! To what a mail belongs, and by what right it may order (product: "How a mail is read").

use super::{Batch, Letterbox};
use crate::domain::event::Right;
use crate::domain::fact::{ComplaintId, NoticeId};
use crate::domain::mail::Class;
use crate::domain::outgoing::Outgoing;
use crate::domain::signing::Token;
use crate::engine::{Arrived, EngineError};
use crate::store::Store;

/// By what right a mail gives an order, and who its sender is.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The right.
    pub right: Right,
    /// The sender's address.
    pub by: String,
}

/// To what a mail belongs.
#[derive(Debug, Default)]
pub struct Found {
    /// The complaint.
    pub complaint: Option<ComplaintId>,
    /// The notice of ours that it returns or answers.
    pub about: Option<NoticeId>,
    /// The reference that a stranger quotes.
    pub related: Option<String>,
    /// By what right it may give an order; `None` for everybody but staff and those who use their tokens.
    pub claim: Option<Claim>,
    /// The question of ours that it answers.
    pub question: Option<NoticeId>,
}

impl Found {
    /// The same with a token that gives no right here.
    fn foreign(self) -> Self {
        Self { claim: self.claim.map(|claim| Claim { right: Right::Foreign, ..claim }), ..self }
    }
}

impl Batch {
    /// To what a mail belongs, in the order of product, "How a mail is read": the token in the recipient address,
    /// our own signed Message-ID, Message-IDs of stored letters, the reference when a party writes.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn place_of(&self, at: &Letterbox, mail: &Arrived) -> Result<Found, EngineError> {
        let owners = at.settings.house.staff.iter().map(|s| s.email.as_str());
        let token = mail.letter.keys.token.as_deref().and_then(|t| at.store.signer().token(t, owners));
        let claim = |owner: &str| {
            let own = owner.eq_ignore_ascii_case(sender(mail));
            Some(Claim {
                right: if own { Right::Token } else { Right::Foreign },
                by: sender(mail).to_owned(),
            })
        };
        match token {
            Some(Token::Order { complaint, owner }) => {
                let known = self.complaint(at.store, complaint)?;
                let here = known.is_some_and(|known| known.mailbox == mail.mailbox);
                let found = Found { claim: claim(owner), ..Found::default() };
                // What belongs to another company of the house is not decided in this one's name.
                if here { Ok(Found { complaint: Some(complaint), ..found }) } else { Ok(found.foreign()) }
            }
            Some(Token::Question { notice, owner }) => {
                Ok(Found { question: Some(notice), claim: claim(owner), ..Found::default() })
            }
            Some(Token::Notice(id)) => self.by_thread(at, mail, Some(id)),
            None => self.by_thread(at, mail, None),
        }
    }

    /// By the notice that it returns or answers, else by the letters that it answers, else by a reference.
    fn by_thread(
        &self,
        at: &Letterbox,
        mail: &Arrived,
        returned: Option<NoticeId>,
    ) -> Result<Found, EngineError> {
        let (store, keys) = (at.store, &mail.letter.keys);
        let original = mail.letter.bounce.as_ref().and_then(|b| b.original_message_id.as_deref());
        let ids = || keys.in_reply_to.iter().chain(keys.references.iter().rev()).map(String::as_str);
        let answered = || original.into_iter().chain(ids()).find_map(|id| store.signer().notice_of(id));
        let about = returned.or_else(answered);
        let entry = about.map(|id| store.outgoing(id)).transpose()?.flatten();
        let claim = claim_by_thread(at, mail, entry.as_ref());
        let proved = claim.as_ref().is_some_and(|c| c.right == Right::Token);
        if let Some(entry) = entry.as_ref().filter(|e| proved && e.asks_about.is_some()) {
            return Ok(Found { question: Some(entry.id), claim, ..Found::default() });
        }
        if let Some(complaint) = entry.and_then(|o| o.complaint) {
            return Ok(Found { complaint: Some(complaint), about, claim, ..Found::default() });
        }
        for id in ids() {
            let staged = self.message_ids.get(&(mail.mailbox.clone(), id.to_owned())).copied();
            let complaint = match staged {
                Some(id) => Some(id),
                None => store.by_message_id(&mail.mailbox, id)?,
            };
            if complaint.is_some() {
                return Ok(Found { complaint, about, claim, ..Found::default() });
            }
        }
        self.by_reference(store, mail).map(|found| Found { about, claim, ..found })
    }

    /// A reference alone proves nothing: it counts from a party only; from a stranger it is a hint to staff.
    fn by_reference(&self, store: &Store, mail: &Arrived) -> Result<Found, EngineError> {
        let Some(reference) = mail.letter.keys.reference.as_deref() else {
            return Ok(Found::default());
        };
        let Some(complaint) =
            store.by_reference(reference)?.map(|id| self.complaint(store, id)).transpose()?.flatten()
        else {
            return Ok(Found::default());
        };
        let party = mail.letter.from.as_ref().is_some_and(|from| complaint.is_party(&from.email));
        if party {
            return Ok(Found { complaint: Some(complaint.id), ..Found::default() });
        }
        Ok(Found { related: Some(complaint.reference), ..Found::default() })
    }
}

fn sender(mail: &Arrived) -> &str {
    mail.letter.from.as_ref().map_or("", |from| from.email.as_str())
}

/// The right of a mail without a token: staff have none but their address, unless the server has no plus-addresses;
/// then the signed Message-ID of a mail to this very person gives the right (product: "Orders").
fn claim_by_thread(at: &Letterbox, mail: &Arrived, entry: Option<&Outgoing>) -> Option<Claim> {
    let sender = sender(mail);
    let by = sender.to_owned();
    if let Some(entry) = entry.filter(|e| at.mailbox.delimiter.is_empty() && e.kind.to_staff()) {
        let answers = mail.letter.class == Class::Letter;
        let own = entry.to.eq_ignore_ascii_case(sender);
        return answers.then_some(Claim { right: if own { Right::Token } else { Right::Foreign }, by });
    }
    at.settings.house.staff(sender).map(|_| Claim { right: Right::Address, by })
}
