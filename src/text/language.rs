//! Languages by their primary subtag, and finding out which one a text is in.

use std::fmt;

use whatlang::{Detector, Lang};

use super::ballot::Ballot;
use super::script::Script;
use crate::domain::locale::Locale;

/// A language by its primary subtag in lower case, such as `en` or `zh`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language([u8; 3]);

impl Language {
    /// English.
    pub const ENGLISH: Self = Self(*b"en\0");

    /// Reads a primary subtag of two or three letters; old and overlapping
    /// codes count as the one in common use (`nb` as `no`, `iw` as `he`).
    pub fn new(subtag: &str) -> Option<Self> {
        if !(2..=3).contains(&subtag.len()) || !subtag.bytes().all(|letter| letter.is_ascii_alphabetic()) {
            return None;
        }
        let mut code = [0; 3];
        code[..subtag.len()].copy_from_slice(subtag.as_bytes());
        code.make_ascii_lowercase();
        Some(Self(match &code {
            b"nb\0" | b"nn\0" => *b"no\0",
            b"iw\0" => *b"he\0",
            b"in\0" => *b"id\0",
            b"cmn" | b"yue" => *b"zh\0",
            _ => code,
        }))
    }

    /// The language of a locale.
    pub fn of_locale(locale: &Locale) -> Self {
        Self::new(locale.language()).unwrap_or(Self::ENGLISH)
    }

    /// The primary subtag.
    pub fn as_str(&self) -> &str {
        let length = if self.0[2] == 0 { 2 } else { 3 };
        std::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }

    /// The script that it is mostly written in, for the languages that share a
    /// script with others; absent for languages unknown here.
    fn shared_script(self) -> Option<Script> {
        LATIN_AND_SHARED.iter().find(|(code, ..)| *code == self.as_str()).map(|(.., script)| *script)
    }

    /// Whether text in `script` may be in this language.
    pub fn writes(self, script: Script) -> bool {
        match (script.only_language(), self.shared_script()) {
            (_, Some(own)) => own == script,
            (Some(only), None) => only == self.as_str() || (script == Script::Han && self.as_str() == "ja"),
            (None, None) => script == Script::Latin || script == Script::Common,
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Language({self})")
    }
}

/// Languages whose script is not theirs alone.
const LATIN_AND_SHARED: [(&str, Lang, Script); 38] = [
    ("af", Lang::Afr, Script::Latin),
    ("ar", Lang::Ara, Script::Arabic),
    ("az", Lang::Aze, Script::Latin),
    ("be", Lang::Bel, Script::Cyrillic),
    ("bg", Lang::Bul, Script::Cyrillic),
    ("ca", Lang::Cat, Script::Latin),
    ("cs", Lang::Ces, Script::Latin),
    ("da", Lang::Dan, Script::Latin),
    ("de", Lang::Deu, Script::Latin),
    ("en", Lang::Eng, Script::Latin),
    ("es", Lang::Spa, Script::Latin),
    ("et", Lang::Est, Script::Latin),
    ("fa", Lang::Pes, Script::Arabic),
    ("fi", Lang::Fin, Script::Latin),
    ("fr", Lang::Fra, Script::Latin),
    ("hi", Lang::Hin, Script::Devanagari),
    ("hr", Lang::Hrv, Script::Latin),
    ("hu", Lang::Hun, Script::Latin),
    ("id", Lang::Ind, Script::Latin),
    ("it", Lang::Ita, Script::Latin),
    ("lt", Lang::Lit, Script::Latin),
    ("lv", Lang::Lav, Script::Latin),
    ("mk", Lang::Mkd, Script::Cyrillic),
    ("mr", Lang::Mar, Script::Devanagari),
    ("nl", Lang::Nld, Script::Latin),
    ("no", Lang::Nob, Script::Latin),
    ("pl", Lang::Pol, Script::Latin),
    ("pt", Lang::Por, Script::Latin),
    ("ro", Lang::Ron, Script::Latin),
    ("ru", Lang::Rus, Script::Cyrillic),
    ("sk", Lang::Slk, Script::Latin),
    ("sl", Lang::Slv, Script::Latin),
    ("sr", Lang::Srp, Script::Cyrillic),
    ("sv", Lang::Swe, Script::Latin),
    ("tr", Lang::Tur, Script::Latin),
    ("uk", Lang::Ukr, Script::Cyrillic),
    ("ur", Lang::Urd, Script::Arabic),
    ("vi", Lang::Vie, Script::Latin),
];

/// What [`detect`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detection {
    /// The most likely language.
    pub language: Language,
    /// Whether it may overrule what was declared or is usual.
    pub confident: bool,
}

/// How much of a text is looked at, in bytes.
pub const EXAMINED_BYTES: usize = 2_000;
/// One Chinese character says about as much as so many Latin letters.
const UNSPACED_WEIGHT: usize = 3;
/// Text shorter than this many letters says too little for trigram statistics.
const MIN_TRIGRAM_LETTERS: usize = 40;
/// The same where only a few languages are candidates.
const MIN_TRIGRAM_LETTERS_OF_FEW: usize = 20;

/// The language of `text`, from its script first, then from its function words,
/// then from letter statistics. Where the function words of all languages leave
/// it open, `candidates` alone are chosen from, when there are any: over all
/// languages, letter statistics err often on a line of text, and cost more than a
/// search. `None` when nothing speaks for any.
pub fn detect(text: &str, candidates: &[Language]) -> Option<Detection> {
    let text = head(text);
    let (script, letters) = main_script(text)?;
    if let Some(code) = script.only_language() {
        let language = Language::new(code)?;
        return Some(Detection { language, confident: true });
    }
    let ballot = Ballot::of(text);
    let allowed = |language: Language| candidates.is_empty() || candidates.contains(&language);
    let clear = ballot.clear(|language| language.writes(script)).or_else(|| {
        if candidates.is_empty() {
            None
        } else {
            ballot.likely(|language| language.writes(script) && allowed(language))
        }
    });
    if let Some(language) = clear {
        return Some(Detection { language, confident: true });
    }
    let few_letters = if candidates.is_empty() { MIN_TRIGRAM_LETTERS } else { MIN_TRIGRAM_LETTERS_OF_FEW };
    if letters < few_letters {
        let usual = script.commonest_language().and_then(Language::new);
        return usual.map(|language| Detection { language, confident: false });
    }
    let listed: Vec<Lang> = LATIN_AND_SHARED
        .iter()
        .filter(|(code, _, own)| *own == script && Language::new(code).is_some_and(allowed))
        .map(|(_, lang, _)| *lang)
        .collect();
    match listed.as_slice() {
        [] => None,
        [only] => subtag_of(*only).map(|language| Detection { language, confident: false }),
        _ => {
            let found = Detector::with_allowlist(listed).detect(text)?;
            let language = subtag_of(found.lang())?;
            Some(Detection { language, confident: found.is_reliable() })
        }
    }
}

/// The language of an article: what its author declares, else the project's
/// default, unless the script or the words of the whole text clearly say otherwise.
pub fn of_article(text: &str, declared: Option<&Locale>, default: &Locale) -> Language {
    if let Some(locale) = declared {
        return Language::of_locale(locale);
    }
    let default = Language::of_locale(default);
    match detect(text, &[]) {
        Some(Detection { language, confident }) if confident || !default.writes(script_of(text)) => language,
        Some(_) | None => default,
    }
}

/// The language of a question; see [`detect_question`].
pub fn of_question(text: &str, user: Option<&Locale>, default: Language, known: &[Language]) -> Language {
    detect_question(text, user, default, known).language
}

/// The language of a question: what its script and words clearly say, else the
/// user's language, else the project's, as far as that can be written so; the
/// last is a guess. `known` are the languages of the project's articles.
pub fn detect_question(text: &str, user: Option<&Locale>, default: Language, known: &[Language]) -> Detection {
    let usual = user.map_or(default, Language::of_locale);
    let candidates: Vec<Language> =
        known.iter().copied().filter(|language| *language != usual).chain([usual]).collect();
    match detect(text, &candidates) {
        Some(found) if found.confident && !is_same_script_guess(found.language, usual) => found,
        Some(found) if !found.confident && !usual.writes(script_of(text)) => found,
        Some(_) | None => Detection { language: usual, confident: user.is_some() },
    }
}

/// Han alone cannot tell Japanese from Chinese; what is usual decides.
fn is_same_script_guess(found: Language, usual: Language) -> bool {
    found.as_str() == "zh" && usual.as_str() == "ja"
}

fn script_of(text: &str) -> Script {
    main_script(head(text)).map_or(Script::Common, |(script, _)| script)
}

fn head(text: &str) -> &str {
    let mut end = text.len().min(EXAMINED_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The script with the most letters and their number; Japanese when kana is among Han.
fn main_script(text: &str) -> Option<(Script, usize)> {
    let mut counts: Vec<(Script, usize)> = Vec::new();
    for c in text.chars() {
        let script = Script::of(c);
        if script == Script::Common {
            continue;
        }
        let weight = if script.is_unspaced() { UNSPACED_WEIGHT } else { 1 };
        match counts.iter_mut().find(|(known, _)| *known == script) {
            Some((_, count)) => *count += weight,
            None => counts.push((script, weight)),
        }
    }
    let of = |script: Script| counts.iter().find(|(known, _)| *known == script).map_or(0, |(_, count)| *count);
    let (kana, han) = (of(Script::Kana), of(Script::Han));
    if kana * 10 >= han
        && kana > 0
        && let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == Script::Kana)
    {
        *count += han;
    }
    counts.into_iter().max_by_key(|(_, count)| *count)
}

fn subtag_of(lang: Lang) -> Option<Language> {
    LATIN_AND_SHARED.iter().find(|(_, known, _)| *known == lang).and_then(|(code, ..)| Language::new(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(code: &str) -> Language {
        Language::new(code).unwrap()
    }

    #[test]
    fn subtags_are_read_and_unified() {
        assert_eq!(language("EN"), Language::ENGLISH);
        assert_eq!(language("nb").as_str(), "no");
        assert_eq!(language("fil").as_str(), "fil");
        for bad in ["", "e", "engl", "e1"] {
            assert_eq!(Language::new(bad), None);
        }
    }

    #[test]
    fn questions_are_told_apart_by_script_and_words() {
        for (text, code) in [
            ("How do I export my data?", "en"),
            ("Wie kann ich meine Daten exportieren?", "de"),
            ("¿Cómo puedo exportar los datos de mi cuenta?", "es"),
            ("Comment puis-je exporter les données de mon compte ?", "fr"),
            ("Come posso esportare i dati del mio account?", "it"),
            ("Como posso exportar os dados da minha conta?", "pt"),
            ("Hoe kan ik mijn gegevens exporteren?", "nl"),
            ("如何导出数据", "zh"),
            ("データをエクスポートするには", "ja"),
            ("데이터를 내보내는 방법", "ko"),
            ("ส่งออกข้อมูลอย่างไร", "th"),
            ("Πώς εξάγω δεδομένα;", "el"),
        ] {
            let found = detect(text, &[]).unwrap();
            assert_eq!((found.language.as_str(), found.confident), (code, true), "{text}");
        }
        for (text, code) in [("Как мне экспортировать данные?", "ru"), ("كيف يمكنني تصدير البيانات؟", "ar")]
        {
            assert_eq!(detect(text, &[]).unwrap().language.as_str(), code, "{text}");
        }
    }

    #[test]
    fn few_words_do_not_overrule_what_is_usual() {
        let german = Locale::new("de-AT").unwrap();
        assert_eq!(of_question("API token", Some(&german), Language::ENGLISH, &[]).as_str(), "de");
        assert_eq!(of_question("API token", None, Language::ENGLISH, &[]).as_str(), "en");
        assert_eq!(of_question("How do I get the API token?", Some(&german), language("de"), &[]).as_str(), "en");
        assert_eq!(of_question("数据", Some(&Locale::new("ja").unwrap()), Language::ENGLISH, &[]).as_str(), "ja");
        assert_eq!(of_question("данные", None, Language::ENGLISH, &[]).as_str(), "ru");
        assert_eq!(of_question("", None, Language::ENGLISH, &[]).as_str(), "en");
    }

    #[test]
    fn an_article_is_in_the_declared_language_else_in_what_it_reads_like() {
        let english = Locale::new("en").unwrap();
        let german = "Sie können die Daten in den Einstellungen herunterladen, wenn Sie das Konto verwalten.";
        assert_eq!(of_article(german, None, &english).as_str(), "de");
        assert_eq!(of_article(german, Some(&english), &english).as_str(), "en");
        assert_eq!(of_article("npm install foo", None, &english).as_str(), "en");
        assert_eq!(of_article("导出数据", None, &english).as_str(), "zh");
        assert_eq!(of_article("تصدير", None, &english).as_str(), "ar");
    }
}
