//! One process at a time has a data folder.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::count;
use crate::server::{command, project};

/// How long the one that loses may take.
const LIMIT: Duration = Duration::from_secs(2);

/// What a process said first of all that matters.
enum Said {
    Serves,
    /// With the time that it took.
    Refuses(String, Duration),
}

#[test]
fn of_two_servers_that_race_one_wins_and_the_other_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let races = count(4, 100);
    let mut slowest = Duration::ZERO;
    for race in 0..races {
        slowest = slowest.max(run(folder.path(), race));
    }
    println!("{races} races, one winner each; the loser ended within {slowest:?}");
}

/// Lets two servers race; how long the loser took.
fn run(folder: &Path, race: usize) -> Duration {
    let started = Instant::now();
    let (sender, receiver) = mpsc::channel();
    let mut racers: Vec<Child> = (0..2)
        .map(|number| {
            let mut process = command(folder).stderr(Stdio::piped()).spawn().expect("docent starts");
            let lines = BufReader::new(process.stderr.take().expect("standard error")).lines();
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    if line.contains("Docent serves") {
                        let _ = sender.send((number, Said::Serves));
                    } else if line.starts_with("error: ") {
                        let _ = sender.send((number, Said::Refuses(line, started.elapsed())));
                    }
                }
            });
            process
        })
        .collect();
    let (mut winner, mut loser) = (None, None);
    while winner.is_none() || loser.is_none() {
        let (number, said) = receiver.recv_timeout(Duration::from_secs(60)).expect("both say something");
        match said {
            Said::Serves => assert!(winner.replace(number).is_none(), "race {race}: both serve"),
            Said::Refuses(line, took) => {
                assert!(loser.replace((number, line, took)).is_none(), "race {race}: both refuse");
            }
        }
    }
    let (winner, (loser, line, took)) = (winner.expect("one serves"), loser.expect("one refuses"));
    let ended = racers[loser].wait().expect("an end");
    assert_eq!(ended.code(), Some(1), "race {race}: {line}");
    assert!(took < LIMIT, "race {race}: the loser took {took:?}");
    let holder = format!("is in use by process {}:", racers[winner].id());
    assert!(line.contains(&holder), "race {race}: `{holder}` is not in `{line}`");
    // Half of the winners have no chance to tidy up.
    let signal = if race.is_multiple_of(2) { "-KILL" } else { "-TERM" };
    let pid = racers[winner].id().to_string();
    assert!(std::process::Command::new("kill").args([signal, &pid]).status().expect("kill runs").success());
    racers[winner].wait().expect("an end");
    took
}
