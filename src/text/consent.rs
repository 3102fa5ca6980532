//! Yes, no and "forget it", as people say it.

/// What a short answer says about a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Forget it.
    Cancel,
}

const YES: &[&str] = &[
    "yes",
    "y",
    "yeah",
    "yep",
    "sure",
    "ok",
    "okay",
    "yes please",
    "please do",
    "do it",
    "go ahead",
    "true",
    "ja",
    "ja bitte",
    "jawohl",
    "gerne",
    "klar",
    "oui",
    "d'accord",
    "bien sûr",
    "vas-y",
    "sí",
    "si",
    "claro",
    "vale",
    "sim",
    "sì",
    "va bene",
    "certo",
    "graag",
    "prima",
    "是",
    "是的",
    "好",
    "好的",
    "可以",
    "はい",
    "お願いします",
    "ええ",
];

const NO: &[&str] = &[
    "no",
    "n",
    "nope",
    "no thanks",
    "no thank you",
    "don't",
    "false",
    "nein",
    "nein danke",
    "non",
    "non merci",
    "no gracias",
    "não",
    "não obrigado",
    "não obrigada",
    "no grazie",
    "nee",
    "nee bedankt",
    "否",
    "不",
    "不是",
    "不用",
    "不要",
    "いいえ",
    "いえ",
    "結構です",
];

const CANCEL: &[&str] = &[
    "cancel",
    "stop",
    "stop it",
    "abort",
    "quit",
    "never mind",
    "nevermind",
    "forget it",
    "cancel it",
    "abbrechen",
    "abbruch",
    "stopp",
    "halt",
    "vergiss es",
    "vergessen sie es",
    "annuler",
    "annule",
    "arrête",
    "arrêtez",
    "laisse tomber",
    "cancelar",
    "cancela",
    "para",
    "olvídalo",
    "déjalo",
    "parar",
    "esquece",
    "deixa",
    "annulla",
    "ferma",
    "basta",
    "lascia stare",
    "annuleren",
    "annuleer",
    "laat maar",
    "取消",
    "停止",
    "算了",
    "キャンセル",
    "やめる",
    "やめて",
    "中止",
];

/// What `text` says, when it says nothing else.
pub fn of(text: &str) -> Option<Consent> {
    let lower = text.trim().to_lowercase().replace('’', "'");
    let bare = lower.trim_matches(|c: char| !c.is_alphanumeric());
    let said: Vec<&str> = bare.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()).collect();
    let said = said.join(" ");
    [(YES, Consent::Yes), (NO, Consent::No), (CANCEL, Consent::Cancel)]
        .into_iter()
        .find_map(|(words, consent)| words.contains(&said.as_str()).then_some(consent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_answers_are_understood() {
        for (text, expected) in [
            ("Yes!", Some(Consent::Yes)),
            (" yes, please.", Some(Consent::Yes)),
            ("Sí", Some(Consent::Yes)),
            ("はい。", Some(Consent::Yes)),
            ("No, thanks", Some(Consent::No)),
            ("Don’t", Some(Consent::No)),
            ("Never mind…", Some(Consent::Cancel)),
            ("取消", Some(Consent::Cancel)),
            ("yes, but what does it cost?", None),
            ("cancel my plan", None),
            ("", None),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
