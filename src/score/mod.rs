//! The E-model: arithmetic only; knows no other module.
