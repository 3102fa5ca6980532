//! Prints the trace of a turn for people.

use anstream::println;
use anstyle::{AnsiColor, Style};
use serde_json::Value as Json;

/// Prints `trace`, the JSON of a [`crate::agent::trace::TurnTrace`].
pub(super) fn print(trace: &Json) {
    let heading = |text: &str| {
        let bold = Style::new().bold();
        println!("\n{bold}{text}{bold:#}");
    };
    heading("Message");
    println!("  normalized  {}", text(&trace["input"]["normalized"]));
    if let Some(corrected) = trace["input"]["corrected"].as_str() {
        println!("  corrected   {corrected}");
    }
    println!("  language    {}", text(&trace["input"]["language"]));
    println!("  knowledge   version {}", trace["knowledge_version"]);

    if let Some(intent) = trace.get("intent") {
        heading("Custom Answers");
        println!(
            "  {}  (threshold {}, margin {} of at least {})",
            text(&intent["outcome"]),
            score(&intent["threshold"]),
            score(&intent["margin"]),
            score(&intent["min_margin"])
        );
        print_semantic(&intent["semantic"]);
        println!("  {:>6} {:>6} {:>6}  answer", "score", "words", "mean");
        for candidate in list(&intent["candidates"]) {
            println!(
                "  {:>6} {:>6} {:>6}  {} “{}”",
                score(&candidate["score"]),
                score(&candidate["lexical"]),
                score(&candidate["semantic"]),
                text(&candidate["answer_id"]),
                text(&candidate["phrase"])
            );
            for gate in list(&candidate["gates"]) {
                print_check(gate);
            }
        }
    }
    if trace.get("questions").is_some() {
        heading("Questions, each answered by itself");
        for question in list(&trace["questions"]) {
            println!("  {:<14} {}", text(&question["kind"]), text(&question["text"]));
        }
    }
    if let Some(retrieval) = trace.get("retrieval") {
        heading("Passages");
        let confidence = &retrieval["confidence"];
        println!(
            "  {}, confidence {} of at least {}",
            text(&retrieval["mode"]),
            score(&confidence["value"]),
            score(&confidence["threshold"])
        );
        print_semantic(&retrieval["semantic"]);
        for correction in list(&retrieval["corrections"]) {
            println!("  “{}” is taken for “{}”", text(&correction["written"]), text(&correction["meant"]));
        }
        println!("  {:>6} {:>6} {:>6} {:>6} {:>6} {:>6}  passage", "fused", "words", "mean", "cover", "title", "near");
        for passage in list(&retrieval["passages"]) {
            let path: Vec<&str> = list(&passage["heading_path"]).map(text).collect();
            let wording = &passage["wording"];
            println!(
                "  {:>6} {:>6} {:>6} {:>6} {:>6} {:>6}  {} › {}",
                score(&passage["fused"]),
                score(&passage["lexical"]),
                score(&passage["semantic"]),
                score(&wording["coverage"]),
                score(&wording["title"]),
                score(&wording["nearness"]),
                text(&passage["article_id"]),
                path.join(" › ")
            );
        }
    }
    if let Some(generation) = trace.get("generation") {
        heading("Language model");
        print_generation(generation);
    }
    if list(&trace["automations"]).next().is_some() {
        heading("Automations");
        println!("  {:>6} {:>6} {:>6} {:>6}  automation", "score", "least", "words", "mean");
        for automation in list(&trace["automations"]) {
            println!(
                "  {:>6} {:>6} {:>6} {:>6}  {} “{}”: {}",
                score(&automation["score"]),
                score(&automation["threshold"]),
                score(&automation["words"]),
                score(&automation["meaning"]),
                text(&automation["automation_id"]),
                text(&automation["text"]),
                text(&automation["detail"])
            );
        }
    }
    if list(&trace["actions"]).next().is_some() {
        heading("Actions");
        for action in list(&trace["actions"]) {
            let verdict = if action["offered"] == true { "offered" } else { "not offered" };
            println!("  {} {}: {verdict}", text(&action["action"]), text(&action["target"]));
            for check in list(&action["checks"]) {
                print_check(check);
            }
        }
    }
    heading("Time");
    let mut total = 0;
    for timing in list(&trace["timings"]) {
        let micros = timing["micros"].as_u64().unwrap_or(0);
        total += micros;
        println!("  {:>7} us  {}", micros, text(&timing["step"]));
    }
    println!("  {total:>7} us  in all");
}

fn print_generation(generation: &Json) {
    println!(
        "  {}: {} after {} requests",
        text(&generation["model"]),
        text(&generation["verdict"]),
        generation["steps"]
    );
    if let Some(question) = generation["question"].as_str() {
        println!("  the follow-up is taken for “{question}”");
    }
    for call in list(&generation["calls"]) {
        let refused = call["refused"].as_str().map(|reason| format!(": refused, {reason}")).unwrap_or_default();
        println!("  calls {} {}{refused}", text(&call["tool"]), text(&call["arguments"]));
    }
    println!("  {} of {} claims are in the passages", generation["supported_claims"], generation["claims"]);
    println!(
        "  taken out: {} citations of nothing, {} links and images",
        generation["removed_citations"], generation["removed_links"]
    );
    if let Some(fault) = generation["fault"].as_str() {
        println!("  fault: {fault}");
    }
    println!("  prompt\n");
    text(&generation["prompt"]).lines().for_each(|line| println!("    {line}"));
}

fn print_semantic(semantic: &Json) {
    if let Some(reason) = semantic["reason"].as_str() {
        println!("  meanings are not compared: {reason}");
    }
}

fn print_check(check: &Json) {
    let passed = check["passed"] == true;
    let style = if passed { AnsiColor::Green.on_default() } else { AnsiColor::Red.on_default() };
    let mark = if passed { "passed" } else { "failed" };
    println!("                       {style}{mark}{style:#} {}: {}", text(&check["name"]), text(&check["detail"]));
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Json) -> impl Iterator<Item = &Json> {
    value.as_array().into_iter().flatten()
}

fn score(value: &Json) -> String {
    value.as_f64().map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}
