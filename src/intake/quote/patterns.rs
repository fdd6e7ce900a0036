//! The lines that mail programs write around a reply, in the languages of Dutch users' programs and their neighbours'.

use std::sync::LazyLock;

use regex::Regex;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of ours is right: the tests of this folder use every one")
}

/// "Op 3 maart 2026 om 10:00 schreef Jan <…>:", "On … wrote:", "Jan <…> schreef op …:", "2026-03-03 10:00 Jan <…>:".
pub(super) static ATTRIBUTION: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?ix)^(?:
            (?:op|on|am|le|il|el|em|den|dnia|w\ dniu|in\ data)\s.{3,350}\b(?:schreef|geschreven|wrote|schrieb|geschrieben
                |écrit|scritto|escribió|escreveu|napisał\w*|skrev)(?:\(a\))?(?:\b|\s).{0,200}
          | .{2,250}\b(?:schreef|wrote|schrieb)\s+(?:op|on|am)\s.{3,120}
          | .{0,100}<[^<>\s]+@[^<>\s]+>.{0,40}\b(?:schreef|wrote|schrieb|kirjoitti)(?:\s+het\ volgende)?
          | (?:ma|di|wo|do|vr|za|zo|pe|ti|ke|to|su|la|man|tir|ons|tor|fre|lør|søn)\.?\s\d.{3,200}\b(?:schreef|skrev|kirjoitti)\b.{0,200}
          | \d{4}-\d\d-\d\d.{3,120}<[^<>\s]+@[^<>\s]+>
          | (?:citeren|quoting|zitat\ von)\s.{0,150}[^<>\s]+@[^<>\s]+>?
        )\s*:\s*$",
    )
});

/// A date and whose words they are, without a verb, as Yandex, Mail.ru and others write: "30.09.2026, 18.30, Jan <…>:".
pub(super) static UNVERBED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)^(?:\d|\p{L}{2,12}[.,]{0,2}\s+\d).{3,200}(?:<[^<>\s]+@[^<>\s]+>|\([^()\s]+@[^()\s]+\))\s*:\s*$",
    )
});

/// The same without a colon, as Zoho and others write: "---- On Wed, 24 Feb 2026 14:02 jan@… wrote ----".
pub(super) static BARE_ATTRIBUTION: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)^[-\s]*(?:op|on|am|le)\s.{6,250}\b(?:wrote|schreef|schrieb|écrit)\s*-*$"));

/// An attribution that goes on with the quotation in the same line, as Yahoo's program for Android writes.
pub(super) static UNBROKEN: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)^\s*(?:op|on)\s.{6,150}\b(?:schreef|wrote)\b[^:<>]{0,120}<[^<>@\s]+@[^<>\s]+>:\s+\S")
});

/// A time of day: with an address it tells a mail program's line from a sentence.
pub(super) static TIME: LazyLock<Regex> = LazyLock::new(|| regex(r"\b\d{1,2}[:.h]\d{2}\b"));

/// A year, or a date in numbers.
pub(super) static YEAR: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:(?:19|20)\d\d|\d{1,2}[-/.]\d{1,2}[-/.]\d\d)\b"));

/// A day of the week.
pub(super) static WEEKDAY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|(?:mon|tues|wednes|thurs|fri|satur|sun)day|ma|di|wo|do|vr|za|zo|mon|tue|wed|thu|fri|sat|sun|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)\b",
    )
});

/// Words by which a writer speaks of ours, as a mail program does not.
pub(super) static TO_US: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\b(?:uw|jullie|your)\s"));

/// The subject, as programs show headers.
pub(super) static SUBJECT_LABEL: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)^[\s*>]*(?:onderwerp|subject|betreff|emne|objet|sujet|oggetto|asunto|ämne)\s*:")
});

/// An address.
pub(super) static ADDRESS: LazyLock<Regex> = LazyLock::new(|| regex(r"\S@\S+\.\S"));

/// Lines that mail programs put above a whole mail that they quote or forward.
pub(super) static DIVIDER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?ix)^\s*(?:
            -{2,}\s*(?:(?:oorspronkelijk|origineel)\ bericht|original\ (?:message|appointment|email)|doorgestuurd\ bericht
                |forwarded\ (?:message|by.{0,80})|(?:ursprüngliche|weitergeleitete)\ nachricht|oprindelig\ besked
                |message\ (?:d.origine|transféré|original)|mensaje\ original|messaggio\ originale
                |doorgestuurd\ door.{0,80})\s*-{2,}
          | (?:begin\ doorgestuurd\ bericht|begin\ forwarded\ message|anfang\ der\ weitergeleiteten\ nachricht)\s*:
          | \W*(?:(?:please\ )?(?:type\ your\ )?reply\ above\ this\ line
                |(?:typ\ (?:uw|je)\ )?(?:antwoord|reactie|reageer|antwoorden)\ boven\ deze\ (?:regel|lijn))\W*
          | message\ du\s*:\s*\d.{4,40}
        )\s*$",
    )
});

/// Who wrote the quoted mail, as Outlook and others show its headers.
pub(super) static SENDER_LABEL: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)^[\s*>]*(?:van|from|von|de|da|fra|från)\s*:\*?\s*\S"));

/// When it was written.
pub(super) static DATE_LABEL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)^[\s*>]*(?:verzonden|datum|verstuurd|sent|date|gesendet|envoyé|inviato|data|dato|sendt|skickat|enviado|fecha)(?:\s+(?:op|on|at|le|am))?\s*:\*?\s*\S",
    )
});

/// To whom, and its subject.
pub(super) static OTHER_LABEL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)^[\s*>]*(?:aan|to|cc|kopie|onderwerp|subject|betreff|an|à|a|til|emne|objet|sujet|oggetto|para|asunto|ämne|till)\s*:\*?\s*\S?",
    )
});

/// What mobile and free programs put below.
pub(super) static MOBILE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?ix)^[\s\[*_]*(?:
            (?:verstuurd|verzonden|gestuurd|sent|gesendet|envoyé)\s+
                (?:vanaf|van|met|vanuit|via|from|with|using|von|mit|depuis|de|à\ partir\ de)\s+
                (?:(?:een|an?|de|the|une?)?\s*\[?(?:outlook|yahoo|gmail|proton\ ?mail|bluemail|samsung|spark|typeapp|ziggo|kpn|hotmail|huawei|xiaomi|blackberry|aol)\b(?:\]\(\S+\))?[^,.:;!?]{0,50}
                  | (?:mail|e-mail)\s+(?:voor|for|pour|für)\s+(?:windows|ios|android)[^,:;!?]{0,20}
                  | (?:de\ |the\ )?(?:e-?mail|mail)-?\s?app\b[^,:;!?]{0,40}
                  | [^,.:;!?]{0,20}\b(?:i?phone|ipad|android|galaxy|smartphone|tablet|gsm|handy|(?:mobiele?|vaste)\ (?:telefoon|apparaat|toestel)|mobiel|mobile|telefoon|t[ée]l[ée]phone|portable|laptop|macbook|samsung|huawei|nokia)\b[^,:;!?]{0,40})
          | (?:afkomstig\ )?van(?:af)?\ mijn\ (?:iphone|ipad|mobiel|mobiele\ telefoon|telefoon|tablet)(?:\ (?:verzonden|verstuurd))?
          | (?:download|get|ontvang|haal|téléchargez)?\s*outlook\s+(?:voor|for|pour|für)\s+(?:ios|android)(?:\s*<?\(?https?://\S+)?(?:\s+(?:downloaden|herunterladen))?
        )
        (?:\s*<?\(?https?://\S+)?[.\]*_\s]*$",
    )
});

/// The same of a device with any name: a person may also have sent something "from my address".
pub(super) static MOBILE_OF_MINE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?ix)^[\s\[*_]*(?:verstuurd|verzonden|gestuurd|sent|gesendet|envoyé)\s+(?:vanaf|van|met|vanuit|via|from|with|using|von|mit|depuis|de|à\ partir\ de)\s+
            (?:mijn|my|meinem|mon)\s+[^,.:;!?]{2,40}(?:\s*<?\(?https?://\S+)?[.\]*_\s]*$",
    )
});

/// The words by which a person says that the answers stand between the quoted lines.
pub(super) static INLINE_ANSWERS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?ix)\b(?:antwoord(?:en)?|reacties?|opmerkingen|commentaar|answers?|comments|replies|responses?)\b.{0,50}
          \b(?:hieronder|onderstaand\w*|tussen\ de\ regels|inline|in-line|in\ (?:het\ )?(?:rood|blauw|groen)|below|in\ (?:red|blue|green))\b",
    )
});

/// What disclaimers say; each expression counts once.
pub(super) static CONFIDENTIAL: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"(?i)\b(?:vertrouwelijk\w*|confidential|privileged)\b",
        r"(?i)\b(?:(?:uitsluitend|alleen|slechts)\b.{0,40}\b(?:bestemd|bedoeld|gebruik)|(?:solely|only|exclusively)\b.{0,60}\b(?:for|by)\b|intended\b.{0,20}\b(?:solely|only|exclusively|for))",
        r"(?i)\b(?:geadresseerden?|beoogde\s+ontvanger|addressee\w*|intended\s+recipient|individual\s+or\s+entity)\b",
        r"(?i)\b(?:(?:dit|deze)\s+(?:e-?mail\w*|bericht)|this\s+(?:e-?mail|message|communication))\b",
        r"(?i)\b(?:abusievelijk|ten\s+onrechte|per\s+(?:abuis|vergissing)|niet\s+voor\s+u\s+bestemd|in\s+error|by\s+mistake|not\s+the\s+intended)\b",
        r"(?i)\b(?:openbaarmaking|verspreiding|vermenigvuldiging|verstrekking|disclos\w+|dissemination|distribution|copying|unauthori[sz]ed)\b",
        r"(?i)\b(?:geen\s+aansprakelijkheid|niet\s+aansprakelijk|no\s+liability|not\s+liable|virus\w*)\b",
    ]
    .map(regex)
    .into()
});

/// The line above a disclaimer.
pub(super) static DISCLAIMER_TITLE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)^\W*(?:e-?mail\s+)?(?:disclaimer|proclaimer|vertrouwelijkheid|confidentiality(?:\s+notice)?)\W*$",
    )
});

/// The request to save paper.
pub(super) static ENVIRONMENT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)^\W*(?:denk\s+(?:a\.?u\.?b\.?\s+)?aan\s+het\s+milieu|(?:please\s+)?(?:consider|think\s+of)\s+the\s+environment).{0,120}$",
    )
});
