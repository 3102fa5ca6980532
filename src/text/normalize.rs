//! One form for what a reader would call the same text.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Rounds of [`normalize`] until nothing changes; lower case and compatibility
/// forms can each bring out something for the other, at most twice in Unicode 17.
const MAX_ROUNDS: usize = 4;

/// Compatibility form (NFKC), lower case, without control, zero-width and tag
/// characters, apostrophes and dashes folded to `'` and `-`, white space
/// collapsed to single spaces and trimmed. Idempotent.
pub fn normalize(text: &str) -> String {
    if text.is_ascii() {
        return collapse(&text.to_ascii_lowercase());
    }
    let mut current = round(text);
    for _ in 1..MAX_ROUNDS {
        let next = round(&current);
        if next == current {
            break;
        }
        current = next;
    }
    current
}

/// [`normalize`], and without punctuation and symbols at either end, so that
/// `"Export my data!"` and `export my data` are the same phrase. A text of
/// nothing but punctuation keeps it.
pub fn normalize_phrase(text: &str) -> String {
    let normal = normalize(text);
    let is_edge = |c: char| !c.is_alphanumeric() && !is_kept_edge(c);
    let trimmed = normal.trim_matches(is_edge);
    if trimmed.is_empty() { normal } else { trimmed.to_owned() }
}

/// Symbols that tell phrases apart even at their ends: `C++`, `C#`, `5%`, `10 €`, emoji.
fn is_kept_edge(c: char) -> bool {
    matches!(c, '+' | '#' | '%' | '$' | '€' | '£' | '¥') || u32::from(c) >= 0x1_F000
}

/// A word in the form that words are compared in: compatibility form, lower
/// case, without invisible characters. Borrowed when the word is so already.
pub fn fold_word(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        if word.bytes().any(|b| b.is_ascii_uppercase() || b.is_ascii_control()) {
            let kept = word.bytes().filter(|b| !b.is_ascii_control());
            return Cow::Owned(kept.map(|b| char::from(b.to_ascii_lowercase())).collect());
        }
        return Cow::Borrowed(word);
    }
    Cow::Owned(
        word.chars().filter(|c| !is_invisible(*c)).nfkc().flat_map(char::to_lowercase).map(fold_punctuation).collect(),
    )
}

/// Removes accents from Latin, Greek and Cyrillic letters, and the vowel marks,
/// the stretching and the letter variants of Arabic, which people leave out
/// when they type. `й` and other letters of their own lose their mark too, in
/// texts and questions alike.
pub fn strip_accents(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        return Cow::Borrowed(word);
    }
    Cow::Owned(word.nfd().filter(|c| !is_accent(*c)).map(fold_letter).nfc().collect())
}

fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{640}')
}

fn fold_letter(c: char) -> char {
    match c {
        'ø' => 'o',
        'ł' => 'l',
        'đ' => 'd',
        'ı' => 'i',
        'ς' => 'σ',
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        'ى' | 'ی' => 'ي',
        'ة' => 'ه',
        'ک' => 'ك',
        '\u{660}'..='\u{669}' | '\u{6F0}'..='\u{6F9}' => char::from_digit(u32::from(c) & 0xF, 10).unwrap_or(c),
        other => other,
    }
}

fn round(text: &str) -> String {
    let folded: String = text
        .chars()
        .filter(|c| !is_invisible(*c))
        .nfkc()
        .flat_map(char::to_lowercase)
        .filter(|c| !is_invisible(*c))
        .map(fold_punctuation)
        .nfkc()
        .collect();
    collapse(&folded)
}

/// Control (except white space), format, tag, variation and blank characters
/// that are not seen and must not make texts differ.
fn is_invisible(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(
            c,
            '\u{AD}'
                | '\u{34F}'
                | '\u{61C}'
                | '\u{115F}'
                | '\u{1160}'
                | '\u{17B4}'
                | '\u{17B5}'
                | '\u{180B}'..='\u{180F}'
                | '\u{200B}'..='\u{200F}'
                | '\u{202A}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{3164}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFB}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

fn fold_punctuation(c: char) -> char {
    match c {
        '‘' | '’' | '‚' | '‛' | 'ʼ' | 'ʹ' | '′' | '`' | '´' | '＇' => '\'',
        '“' | '”' | '„' | '‟' | '«' | '»' | '″' => '"',
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '﹘' | '﹣' | '－' => '-',
        other => other,
    }
}

fn collapse(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for part in text.split(|c: char| c.is_whitespace()) {
        let start = collapsed.len();
        if part.bytes().any(|b| b.is_ascii_control()) {
            collapsed.extend(part.chars().filter(|c| !c.is_control()));
        } else {
            collapsed.push_str(part);
        }
        if collapsed.len() > start {
            collapsed.push(' ');
        }
    }
    collapsed.truncate(collapsed.trim_end().len());
    collapsed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_reads_the_same_is_the_same() {
        for (text, normal) in [
            ("  Hello\t\nWorld ", "hello world"),
            ("ＡＢＣ　１２３", "abc 123"),
            ("don’t – stop", "don't - stop"),
            ("ﬁle", "file"),
            ("zero\u{200B}width\u{FEFF}", "zerowidth"),
            ("tag\u{E0041}\u{E0042}s", "tags"),
            ("be\u{7}ll", "bell"),
            ("e\u{301}", "é"),
            ("STRASSE", "strasse"),
            ("İ", "i\u{307}"),
            ("한국어", "한국어"),
            ("ｶﾞ", "ガ"),
            ("", ""),
            ("\u{200B}", ""),
        ] {
            assert_eq!(normalize(text), normal, "{text:?}");
        }
    }

    #[test]
    fn phrases_lose_the_punctuation_around_them() {
        for (text, phrase) in [
            ("Export my data!", "export my data"),
            ("¿Cómo exporto?", "cómo exporto"),
            ("“Quoted”.", "quoted"),
            ("如何导出？", "如何导出"),
            ("C++", "c++"),
            ("???", "???"),
            ("(a) b", "a) b"),
        ] {
            assert_eq!(normalize_phrase(text), phrase, "{text:?}");
        }
    }

    #[test]
    fn accents_come_off_letters() {
        for (word, bare) in [("café", "cafe"), ("łódź", "lodz"), ("مُدَرِّسَة", "مدرسه"), ("がぎ", "がぎ"), ("über", "uber")]
        {
            assert_eq!(strip_accents(word), bare);
        }
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(text in "\\PC*|[ -~\\u{80}-\\u{2FF}\\u{1E00}-\\u{2FFF}\\u{FB00}-\\u{FFFF}]*") {
            let once = normalize(&text);
            prop_assert_eq!(normalize(&once), once.clone());
            let phrase = normalize_phrase(&text);
            prop_assert_eq!(normalize_phrase(&phrase), phrase);
        }
    }
}
