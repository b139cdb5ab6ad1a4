//! The desk without a terminal: keys in, screens and effects out.

mod keys;
