//! keygen.
