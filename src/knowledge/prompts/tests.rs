//! Cases of the reader of prompts.

use std::fs;

use super::*;

fn told(purpose: Purpose, text: &str) -> Vec<String> {
    parse(purpose, "p.md".into(), text).1.iter().map(|one| one.to_string().replace("\n  hint", "; hint")).collect()
}

#[test]
fn the_built_in_prompts_have_no_mistakes() {
    for purpose in Purpose::ALL {
        let (prompt, diagnostics) = parse(purpose, purpose.file().into(), purpose.built_in());
        assert_eq!(diagnostics, [], "{purpose:?}");
        assert!(prompt.is_some());
    }
}

#[test]
fn values_are_put_in_once() {
    let text = "---\nvariables: [conversation, message]\n---\n{{conversation}}\n> {{message|nothing}}";
    let (prompt, _) = parse(Purpose::Condense, "condense.md".into(), text);
    let rendered = prompt.expect("a prompt").render(|name| (name == "conversation").then_some("a\n{{message}}"));
    assert_eq!(rendered, "a\n{{message}}\n> nothing");
}

#[test]
fn every_mistake_has_its_place() {
    for (purpose, text, expected) in [
        (
            Purpose::Condense,
            "Rewrite {{message}}.",
            &["p.md:1:1: error: a prompt begins with front matter; hint: write its keys between two lines `---`"][..],
        ),
        (
            Purpose::Condense,
            "---\nvariable: [message]\n---\nText {{message}} {{conversation}}",
            &["p.md:2:1: error: unknown key `variable` in a prompt; hint: did you mean `variables`?"],
        ),
        (
            Purpose::Condense,
            "---\nvariables: [conversation, mesage, message]\n---\n\nText {{message}},\nand {{conversaton}}.",
            &[
                "p.md:2:13: error: the text does not use the variable `conversation`; hint: write `{{conversation}}` in the \
                 text, or remove it from the list",
                "p.md:2:27: error: `condense.md` has no variable `mesage`; hint: did you mean `message`?",
                "p.md:2:27: error: the text does not use the variable `mesage`; hint: write `{{mesage}}` in the text, or \
                 remove it from the list",
                "p.md:6:5: error: the variable `conversaton` is not listed under `variables`; hint: did you mean \
                 `conversation`?",
            ],
        ),
        (
            Purpose::Answer,
            "---\nvariables: [name]\n---\nYou are {{name}}.",
            &[
                "p.md: error: `answer.md` cannot do its work without the variable `passages`; hint: write `{{passages}}` \
               where it belongs",
            ],
        ),
        (
            Purpose::Answer,
            "---\nvariables: [passages]\n---\n",
            &["p.md: error: this prompt has no text; hint: write it, or remove the file to use the built-in one"],
        ),
        (
            Purpose::Answer,
            "---\nvariables: [passages]\n---\nUse {{passages}} and {{na me}}",
            &[
                "p.md:4:22: error: `na me` is not the name of an attribute; names have letters, digits, `_`, `-` and dots; \
               hint: write `{{name}}` or `{{name|what stands there without it}}`",
            ],
        ),
    ] {
        let mut told = told(purpose, text);
        told.sort();
        assert_eq!(told, expected, "{text}");
    }
}

#[test]
fn a_folder_may_hold_some_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("prompts");
    assert_eq!(load(&path), (Prompts::built_in(), vec![]));
    fs::create_dir(&path).expect("a folder");
    let text = "---\nvariables: [conversation, message]\n---\n{{conversation}} {{message}}";
    fs::write(path.join("condense.md"), text).expect("a file");
    fs::write(path.join("anser.md"), "").expect("a file");
    fs::write(path.join("README.md"), "").expect("a file");
    fs::write(path.join("automation.md"), [0xff]).expect("a file");
    let (prompts, diagnostics) = load(&path);
    assert_eq!(prompts.get(Purpose::Condense).render(|_| Some("x")), "x x");
    assert_eq!(prompts.get(Purpose::Answer), Prompts::built_in().get(Purpose::Answer));
    let told: Vec<String> = diagnostics.iter().map(|one| format!("{}: {}", one.place, one.message)).collect();
    assert_eq!(
        told,
        ["prompts/anser.md: there is no prompt `anser.md`", "prompts/automation.md:1:1: the byte 0xff is not UTF-8"]
    );
}
