//! Monotonic and wall time, and the guard on a wall clock that jumps. Everything that decides, gives money back or forgets
//! takes its time from here. Must not know who asks, nor what hangs on it.

mod guard;
pub use guard::{Guard, Reading};

mod evidence;
pub use evidence::{Evidence, boot_id};

mod start;
pub use start::{Bounds, Doubt, Recorded, Start, start};

mod wall;
pub use wall::{WallClock, wall_us};

mod ticks;
pub use ticks::Ticks;
