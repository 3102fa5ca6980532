//! Cases of the splitter.
