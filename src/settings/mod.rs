//! Configuration text -> checked `Settings`, once, at start. Must not know who uses them.
