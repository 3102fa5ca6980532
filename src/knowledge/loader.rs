//! shim
use crate::diagnostic::Diagnostic;
use crate::domain::project::Project;
/// x
pub struct Loader;
/// x
pub struct Loaded {
    /// x
    pub project: Project,
    /// x
    pub diagnostics: Vec<Diagnostic>,
}
impl Loader {
    /// x
    pub fn load(&mut self) -> Loaded {
        unimplemented!()
    }
    /// x
    pub fn reload(&mut self, _: &[std::path::PathBuf]) -> Loaded {
        unimplemented!()
    }
}
