//! The simulator's parts, in reading order, for the test and for the bench that plays many worlds.

// The one uses what the other does not.
#![allow(dead_code)]

#[path = "../support/mod.rs"]
pub mod support;

pub mod dice;

pub mod steps;

pub mod law;

pub mod cast;

pub mod model;

pub mod disk;

pub mod files;

pub mod restart;

pub mod again;

pub mod judges;

pub mod world;

pub mod forgotten;

pub mod shrink;

pub mod run;
