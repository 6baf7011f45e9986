//! What came of a replay as one self-contained HTML page.

use super::replay::{Outcome, Plan};

/// The page.
pub fn html(_outcome: &Outcome, _plan: &Plan) -> String {
    String::new()
}
