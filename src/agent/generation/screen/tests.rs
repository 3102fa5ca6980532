//! What is taken out of a text, and that it does not matter how it is cut.

use proptest::prelude::*;

use super::*;

struct Some3;

impl Allowed for Some3 {
    fn cites(&self, number: u32) -> bool {
        (1..=3).contains(&number)
    }

    fn leads_to(&self, address: &str) -> bool {
        address == "https://docs.example.com/a" || address == "/articles/export"
    }
}

/// The text with its citations as `⟦1,2⟧`.
fn read<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut screen = Screen::new();
    let mut pieces: Vec<Piece> = parts.into_iter().flat_map(|part| screen.push(part, &Some3)).collect();
    pieces.extend(screen.finish(&Some3));
    let mut text = String::new();
    for piece in pieces {
        text.push_str(&piece.text);
        for number in piece.cites {
            text.push_str(&format!("⟦{number}⟧"));
        }
    }
    text
}

const CASES: &[(&str, &str)] = &[
    ("Open **Export** [1]. Then save [2][3].", "Open **Export**⟦1⟧. Then save⟦2⟧⟦3⟧."),
    ("Both [1, 2] and [^3] and 【2†source】.", "Both⟦1⟧⟦2⟧ and⟦3⟧ and⟦2⟧."),
    ("As said [1]: so.\n[1]: https://evil.example\n", "As said⟦1⟧: so.\n⟦1⟧: \n"),
    ("<[9]http> ![9][x](https://docs.example.com/a)", "< http> ! [x](https://docs.example.com/a)"),
    ("http[9]s://evil.example www[9].evil.example", "http s://evil.example www .evil.example"),
    ("Invented [7] and [1,9].", "Invented and⟦1⟧."),
    ("A list:\n\n1. one [1]\n2. two", "A list:\n\n1. one⟦1⟧\n2. two"),
    ("See [the page](https://docs.example.com/a) now", "See [the page](https://docs.example.com/a) now"),
    ("See [the page](/articles/export \"title\").", "See [the page](/articles/export)."),
    ("See [the page](https://evil.example/?q=secret) now", "See the page now"),
    ("[a](javascript:alert(1)) b", "a b"),
    ("![x](https://evil.example/p.png?q=1) y", "x y"),
    ("[![x](https://evil.example/p.png)](https://evil.example)", "x()"),
    ("Go to https://evil.example/a?b=c, or https://docs.example.com/a.", "Go to , or https://docs.example.com/a."),
    ("<https://evil.example> <https://docs.example.com/a>", " <https://docs.example.com/a>"),
    ("(see www.evil.example)", "(see )"),
    ("mail mailto:x@evil.example?subject=s", "mail "),
    ("<img src=\"https://evil.example/x\"> a < b <script>", "\\<img src=\"\"> a < b \\<script>"),
    ("[x]: https://evil.example\n\n[x]", "\\[x\\]: \n\n[x]"),
    ("`code [1] <b> https://evil.example` [1]", "`code [1] <b> https://evil.example`⟦1⟧"),
    ("```sh\ncurl https://evil.example [1]\n```\nDone [1]", "```sh\ncurl https://evil.example [1]\n```\nDone⟦1⟧"),
    ("hidden\u{e0041}\u{e0042} text\u{7}", "hidden text"),
    ("a [b] c [ ] d", "a [b] c [ ] d"),
    ("open [", "open \\["),
    ("half [link](https://evil.example", "half \\[link\\]("),
    ("HTTPS://EVIL.example", ""),
    ("xhttps://evil.example", "x"),
    ("`\n`<http> `", "`\n`\\<http> `"),
    ("`\n\n`<http>`", "`\n\n`<http>`"),
    ("[a ` b](https://docs.example.com/a) ` <i>`", "[a ` b](https://docs.example.com/a) ` \\<i>`"),
    ("`\n[`<b>`](https://evil.example)", "`\n`\\<b>`"),
    (" ```\n```\n<img src=x> ![p](https://evil.example/?q=s)\n", " ```\n```\n\\<img src=x> p\n"),
    ("```\n    ```\n```\n<b>", "```\n    ```\n```\n\\<b>"),
    ("```\n```\u{a0}\n```\n<b>", "```\n```\u{a0}\n```\n\\<b>"),
    ("[~~](https://evil.example)~\n~~~\n<b>", "~~ ~\n~~~\n\\<b>"),
    ("<[9]!x> and <[9]?x>", "< !x> and < ?x>"),
    ("[[[]]]", "\\[\\[[]]]"),
    ("[([1](www.(>)]", "[(\\[1\\](>)]"),
    ("[a [b]: c]", "[a \\[b\\]: c]"),
    ("[1]```\n<b>", "⟦1⟧```\n\\<b>"),
    ("a![x](https://docs.example.com/a)!", "a x!"),
    ("| `a | [x](https://evil.example) | b` |", "| `a | x | b` |"),
    ("- a\n  ```\n[x](https://evil.example)", "- a\n  ```\nx"),
    ("> [x]:\n> //evil.example\n\n[x]", "> \\[x\\]:\n> //evil.example\n\n[x]"),
    ("\\[1] and \\<b>", "\\[1] and \\<b>"),
    ("键 [1]。然后", "键⟦1⟧。然后"),
    ("the http protocol and www", "the http protocol and www"),
    ("emoji 👩‍👩‍👧 می‌خواهم", "emoji 👩‍👩‍👧 می‌خواهم"),
];

#[test]
fn texts_are_shown_without_what_they_may_not_have() {
    for (written, shown) in CASES {
        assert_eq!(read([*written]), *shown, "{written}");
    }
}

#[test]
fn how_a_text_is_cut_changes_nothing() {
    for (written, shown) in CASES {
        for cut in (0..=written.len()).filter(|at| written.is_char_boundary(*at)) {
            assert_eq!(read([&written[..cut], &written[cut..]]), *shown, "{written} cut at {cut}");
        }
        let single: Vec<String> = written.chars().map(String::from).collect();
        assert_eq!(read(single.iter().map(String::as_str)), *shown, "{written} by characters");
    }
}

#[test]
fn words_are_shown_as_they_come() {
    let mut screen = Screen::new();
    let shown: Vec<String> = ["Open", " the", " set", "tings", " page"]
        .iter()
        .flat_map(|part| screen.push(part, &Some3))
        .map(|p| p.text)
        .collect();
    assert_eq!(shown.concat(), "Open the settings page");
    assert_eq!(shown.len(), 5);
}

proptest! {
    #[test]
    fn no_cut_and_no_text_leads_elsewhere(
        parts in proptest::collection::vec(
            prop::sample::select(vec![
                "[", "]", "(", ")", "!", "<", ">", "`", "```", "\n", " ", "\\", "http", "s://", "- ", "> ", "    ", "|", "//evil.example", "evil.example", "www.",
                "mailto:", "[1]", "[9]", "a", "https://evil.example/x", "https://docs.example.com/a", ":", "\"", "~~~", "【", "】", "<b>", "\u{a0}",
            ]),
            0..40,
        ),
        cut in 0_usize..200,
    ) {
        let whole: String = parts.concat();
        let shown = read([whole.as_str()]);
        let mut at = cut.min(whole.len());
        while !whole.is_char_boundary(at) {
            at -= 1;
        }
        prop_assert_eq!(&read([&whole[..at], &whole[at..]]), &shown);
        for event in pulldown_cmark::Parser::new_ext(&shown, pulldown_cmark::Options::all()) {
            match event {
                pulldown_cmark::Event::Start(pulldown_cmark::Tag::Link { dest_url, .. }) => {
                    prop_assert!(Some3.leads_to(&dest_url), "{shown:?} leads to {dest_url}");
                }
                pulldown_cmark::Event::Start(pulldown_cmark::Tag::Image { .. })
                | pulldown_cmark::Event::Html(_)
                | pulldown_cmark::Event::InlineHtml(_) => prop_assert!(false, "{shown:?} has an image or HTML"),
                _ => {}
            }
        }
    }
}
