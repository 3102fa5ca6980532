//! What came of playing transcripts.

use std::fmt;

/// What came of all of them.
#[derive(Clone, Debug)]
pub struct Report {
    /// One for each transcript.
    pub findings: Vec<Finding>,
}

/// What came of one.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The transcript's file.
    pub file: String,
    /// What it shows.
    pub title: String,
    /// Whether the server is as it says.
    pub verdict: Verdict,
}

/// Whether a server is as a transcript says.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is.
    Passed,
    /// It is not.
    Failed(Fault),
    /// The transcript needs another project.
    Skipped,
}

/// Where a server is not as a transcript says.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The line of the transcript, from 1.
    pub line: usize,
    /// What was expected and what came, on lines of their own.
    pub what: String,
}

impl Report {
    /// How many transcripts passed, failed and were skipped.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |wanted: fn(&Verdict) -> bool| self.findings.iter().filter(|one| wanted(&one.verdict)).count();
        (
            count(|verdict| matches!(verdict, Verdict::Passed)),
            count(|verdict| matches!(verdict, Verdict::Failed(_))),
            count(|verdict| matches!(verdict, Verdict::Skipped)),
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { file, title, verdict } in &self.findings {
            match verdict {
                Verdict::Passed => writeln!(formatter, "passed   {file}  {title}")?,
                Verdict::Skipped => writeln!(formatter, "skipped  {file}  {title}")?,
                Verdict::Failed(Fault { line, what }) => {
                    writeln!(formatter, "FAILED   {file}:{line}  {title}")?;
                    for line in what.lines() {
                        writeln!(formatter, "         {line}")?;
                    }
                }
            }
        }
        let (passed, failed, skipped) = self.counts();
        write!(formatter, "{passed} passed, {failed} failed, {skipped} skipped")?;
        if skipped > 0 {
            write!(formatter, ": those need the project that `docent init` writes")?;
        }
        Ok(())
    }
}
