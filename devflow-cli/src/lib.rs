//! The devflow command.
