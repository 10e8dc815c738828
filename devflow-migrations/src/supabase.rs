//! The Supabase CLI's table: what it holds, and how it and devflow's ledger beside it are read as one.

mod elements;
mod reconcile;
mod recorded;

pub use elements::elements;
pub use reconcile::Adoption;
pub use recorded::{Likeness, Recorded, misfit};
