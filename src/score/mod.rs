//! From loss, delay and codec to R and MOS: the E-model. Arithmetic only; knows no other module.

pub mod emodel;
pub mod opinion;
pub mod scale;
pub mod wideband;
