//! Folders that are wider than a reader can take in, each with its reason. Nothing may be added.

/// The folder, the number of its entries, and the reason.
pub(crate) const WIDE: &[(&str, usize, &str)] =
    &[("", 17, "One entry for each part of ARCHITECTURE.md.")];
