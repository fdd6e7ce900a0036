//! What our own mail server wrote on top of a mail: its verdict on the sender (RFC 8601) and when it took the mail.
//!
//! Only headers of the configured host count, and of those the topmost: everything below may be forged.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use mail_parser::DateTime;
use mail_parser::parsers::MessageStream;

use super::headers::Headers;
use crate::domain::mail::Authentication;

/// What the trusted host found, and whose domain it looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Results {
    /// Its verdicts.
    pub(super) found: Authentication,
    /// The domain in From that DMARC was checked for (RFC 8601 section 2.7.5), in lower case.
    pub(super) dmarc_domain: Option<String>,
}

/// The results in the topmost Authentication-Results headers of the trusted host that follow each other.
///
/// A server may write one for each check. What stands below a header of another host, or below the Received header with
/// which another host handed the mail to us, came with the mail and is the sender's to choose.
pub(super) fn results(headers: &Headers, host: &str) -> Results {
    let mut results = Results::default();
    if host.is_empty() {
        return results;
    }
    let (mut began, mut handed_over) = (false, false);
    for (name, value) in headers.fields() {
        match name {
            // Our server writes its verdict on top of its own Received: what stands below that one it did not write.
            "received" if began => break,
            "received" if is_by(value, host) => handed_over = true,
            "received" if handed_over => break,
            "authentication-results" if is_of(value, host) => {
                began = true;
                results.add(value);
            }
            "authentication-results" if began => break,
            _ => {}
        }
    }
    results
}

impl Results {
    /// The first header that speaks of a check decides it; a lower one only adds checks that are not in it.
    fn add(&mut self, value: &str) {
        let mut here = Authentication::default();
        let mut domain = None;
        for result in plain(value).split(';').skip(1) {
            let Some((method, rest)) = result.split_once('=') else { continue };
            let verdict = rest.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
            if verdict.is_empty() || !verdict.bytes().all(|b| b.is_ascii_alphabetic()) {
                continue;
            }
            let method = method.split('/').next().unwrap_or_default().trim().to_ascii_lowercase();
            match method.as_str() {
                "spf" => here.spf = here.spf.or(Some(verdict)),
                "dmarc" if here.dmarc.is_none() => {
                    here.dmarc = Some(verdict);
                    let property =
                        |word: &str| word.strip_prefix("header.from=").map(str::to_ascii_lowercase);
                    domain = rest.split_whitespace().find_map(property);
                }
                // A mail may bear several signatures: one that is right is enough (RFC 6376 section 6.1).
                "dkim" if here.dkim.is_none() || verdict == "pass" => here.dkim = Some(verdict),
                _ => {}
            }
        }
        if self.found.dmarc.is_none() {
            self.dmarc_domain = domain;
        }
        self.found = Authentication {
            spf: self.found.spf.take().or(here.spf),
            dkim: self.found.dkim.take().or(here.dkim),
            dmarc: self.found.dmarc.take().or(here.dmarc),
        };
    }

    /// Whether DMARC was checked for another domain than that of this address: then it says nothing of this sender.
    pub(super) fn is_of_another(&self, address: &str) -> bool {
        let domain =
            address.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase()).unwrap_or_default();
        let within = |inner: &str, outer: &str| inner == outer || inner.ends_with(&format!(".{outer}"));
        let differs = |checked: &String| !within(checked, &domain) && !within(&domain, checked);
        self.dmarc_domain
            .as_ref()
            .map(|d| d.rsplit('@').next().unwrap_or_default().to_owned())
            .is_some_and(|d| differs(&d))
    }
}

/// Whether the authserv-id, which may be quoted and followed by a version, is this host (RFC 8601 section 2.5).
fn is_of(value: &str, host: &str) -> bool {
    let unquoted = value.replace('"', "");
    let plain = plain(&unquoted);
    let id = plain.split([';', ' ', '\t']).find(|word| !word.is_empty());
    id.is_some_and(|id| id.eq_ignore_ascii_case(host))
}

/// Whether a Received header was written by this host.
fn is_by(value: &str, host: &str) -> bool {
    let plain = plain(value);
    let words: Vec<&str> = plain.split([' ', '\t', ';']).filter(|word| !word.is_empty()).collect();
    let by = words.windows(2).find(|pair| pair[0].eq_ignore_ascii_case("by"));
    by.is_some_and(|pair| pair[1].eq_ignore_ascii_case(host))
}

/// Without comments and quoted strings: what stands in them is the sender's to choose.
fn plain(value: &str) -> String {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    let mut kept = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ if depth == 0 && !quoted => kept.push(c),
            _ => {}
        }
    }
    kept
}

/// The moment in the newest Received header whose `by` host is ours (domain 3.1 rule 1).
pub(super) fn received_by(headers: &Headers, host: &str) -> Option<Timestamp> {
    let value = headers.all("received").find(|value| !host.is_empty() && is_by(value, host))?;
    let (_, date) = value.rsplit_once(';')?;
    MessageStream::new(format!("{}\n", date.trim()).as_bytes()).parse_date().as_datetime().and_then(moment)
}

/// A date of a header as a moment; `None` when there is no such day, such as 31 February.
pub(super) fn moment(date: &DateTime) -> Option<Timestamp> {
    let small = |number: u8| i8::try_from(number).ok();
    let year = i16::try_from(date.year).ok()?;
    let day = Date::new(year, small(date.month)?, small(date.day)?).ok()?;
    // RFC 5322 allows second 60.
    let second = small(date.second.min(if date.second == 60 { 59 } else { date.second }))?;
    let valid =
        date.hour < 24 && date.minute < 60 && date.second <= 60 && date.tz_hour < 24 && date.tz_minute < 60;
    let local =
        valid.then(|| day.at(small(date.hour).unwrap_or(0), small(date.minute).unwrap_or(0), second, 0))?;
    let east = i32::from(date.tz_hour) * 3600 + i32::from(date.tz_minute) * 60;
    let offset = Offset::from_seconds(if date.tz_before_gmt { -east } else { east }).ok()?;
    TimeZone::fixed(offset).to_timestamp(local).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "mx.omnistock.test";

    fn verdicts(block: &str) -> (Option<String>, Option<String>, Option<String>) {
        let found = results(&Headers::parse(block), HOST).found;
        (found.spf, found.dkim, found.dmarc)
    }

    #[test]
    fn only_the_topmost_of_the_trusted_host_counts() {
        let own = "Authentication-Results: MX.omnistock.test 1; spf=fail (x=y; spf=pass) smtp.mailfrom=a@b.test;\n \
                   dkim=none; dkim=pass header.d=b.test; dmarc=fail reason=\"x; dmarc=pass\"";
        let forged = "Authentication-Results: mx.omnistock.test; spf=pass; dkim=pass; dmarc=pass";
        let expected = (Some("fail".to_owned()), Some("pass".to_owned()), Some("fail".to_owned()));
        assert_eq!(verdicts(&format!("{own}\n{forged}")), expected);
        assert_eq!(verdicts("Authentication-Results: mx.evil.test; dmarc=pass"), (None, None, None));
        assert_eq!(results(&Headers::parse(forged), ""), Results::default());
    }

    #[test]
    fn one_header_for_each_check() {
        let block = "Authentication-Results: other.test; dmarc=pass\n\
                     Authentication-Results: mx.omnistock.test; spf=softfail\n\
                     Authentication-Results: \"mx.omnistock.test\" 1; dkim/1 = fail (bad; dkim=pass)\n header.d=b.test\n\
                     Authentication-Results: mx.omnistock.test; dkim=pass; dmarc=fail (p=none dis=none) header.from=b.test\n\
                     Authentication-Results: other.test; spf=pass\n\
                     Authentication-Results: mx.omnistock.test; spf=pass";
        let expected = (Some("softfail".to_owned()), Some("fail".to_owned()), Some("fail".to_owned()));
        assert_eq!(verdicts(block), expected);
    }

    #[test]
    fn what_came_with_the_mail_does_not_count() {
        let forged = "Authentication-Results: mx.omnistock.test; dmarc=pass";
        let ours = "Received: from mail.b.test by mx.omnistock.test; Mon, 2 Mar 2026 09:00:05 +0100";
        let theirs = "Received: from pc by mail.b.test; Mon, 2 Mar 2026 09:00:01 +0100";
        assert_eq!(verdicts(&format!("{ours}\n{theirs}\n{forged}")), (None, None, None));
        assert_eq!(verdicts(&format!("{ours}\n{forged}")).2.as_deref(), Some("pass"));
        let verdict = "Authentication-Results: mx.omnistock.test; spf=fail";
        let expected = (Some("fail".to_owned()), None, None);
        assert_eq!(verdicts(&format!("{verdict}\n{ours}\n{forged}")), expected);
        assert_eq!(verdicts("Authentication-Results: mx.omnistock.test 1; none"), (None, None, None));
        assert_eq!(
            verdicts("ARC-Authentication-Results: i=1; mx.omnistock.test; dmarc=pass"),
            (None, None, None)
        );
    }

    #[test]
    fn a_check_of_another_sender() {
        let block = "Authentication-Results: mx.omnistock.test; dmarc=pass header.from=evil.test";
        let results = results(&Headers::parse(block), HOST);
        assert!(results.is_of_another("directeur@bank.test"));
        assert!(!results.is_of_another("x@evil.test") && !results.is_of_another("x@mail.evil.test"));
        assert!(results.is_of_another("x@notevil.test"));
    }

    #[test]
    fn the_newest_received_of_the_trusted_host() {
        let block = "Received: from localhost by imap.omnistock.test; Mon, 2 Mar 2026 09:00:09 +0100\n\
                     Received: from a.test (by b) by mx.omnistock.test (Postfix) id 1; Mon, 2 Mar 2026 09:00:05 +0100 (CET)\n\
                     Received: from forged by mx.omnistock.test; Mon, 2 Feb 2026 09:00:00 +0100";
        let expected = "2026-03-02T08:00:05Z".parse().ok();
        assert_eq!(received_by(&Headers::parse(block), HOST), expected);
        assert_eq!(received_by(&Headers::parse(block), ""), None);
    }

    #[test]
    fn no_such_day_is_no_moment() {
        let read = |text: &str| {
            let line = format!("{text}\n");
            let parsed = MessageStream::new(line.as_bytes()).parse_date();
            parsed.as_datetime().and_then(moment)
        };
        assert_eq!(read("Tue, 31 Feb 2026 10:00:00 +0100"), None);
        assert_eq!(read("Mon, 2 Mar 2026 25:61:00 +0100"), None);
        assert_eq!(read("Mon, 2 Mar 2026 10:00:00 -0530"), "2026-03-02T15:30:00Z".parse().ok());
    }
}
