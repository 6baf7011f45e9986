//! What the message that made a transaction said of itself, by which others are told to belong to it when its key is not
//! theirs. Kept beside it. Must not know when two agree.

use super::asked::Asked;
use super::layout::layout;
use super::transaction::{State, Transaction};

/// Numbers as they were said, texts as keyed hashes. 0 is what was not said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// Keyed hash of DE2 and DE11: its second name, which stays when DE7 does not. Of a reversal that of the original it names.
    pub name: u64,
    /// The record that made it.
    pub made: u64,
    /// DE4.
    pub amount_minor: i64,
    /// DE7; of a reversal what DE90 says of it.
    pub transmission: u32,
    /// DE3.
    pub processing_code: u32,
    /// DE12, hhmmss; not kept of a reversal that names its original's DE11, since it may be its own.
    pub local_time: u32,
    /// DE32; of a reversal what DE90 says of it, if anything.
    pub acquirer: u32,
    /// DE37.
    pub retrieval_reference: u32,
    /// DE41.
    pub terminal: u32,
    /// DE42.
    pub merchant: u32,
    /// DE13, MMDD; as DE12.
    pub local_date: u16,
    /// DE49.
    pub currency: u16,
    /// The message type, four BCD digits.
    pub mti: u16,
    /// The message type's class: 1 or 2. Of a reversal that of DE90; 0 where that does not say it.
    pub class: u8,
    /// 1 where it says that it adds to an authorization, which may have its trace number.
    pub adds: u8,
    /// When the transaction last changed, seconds since 1970 by its records: how long it is remembered is counted from there.
    pub changed_s: u32,
}

layout! { Traits {
    name: u64, made: u64, amount_minor: i64, transmission: u32, processing_code: u32, local_time: u32, acquirer: u32,
    retrieval_reference: u32, terminal: u32, merchant: u32, local_date: u16, currency: u16, mti: u16, class: u8, adds: u8,
    changed_s: u32,
} }

/// The class of a message type: its second digit.
fn class(mti: u16) -> u8 {
    (mti >> 8 & 0xf) as u8
}

const REVERSAL: u8 = 4;

impl Traits {
    /// Of a message with this second name. `hash` is the folder's keyed hash.
    pub(super) fn of(asked: &Asked, name: u64, hash: impl Fn(&[u8]) -> u64) -> Traits {
        let hashed = |said: bool, bytes: &[u8]| if said { (hash(bytes) as u32).max(1) } else { 0 };
        // Some senders fill what they do not know with zeros.
        let text = |bytes: &[u8]| hashed(bytes.iter().any(|byte| !matches!(byte, b' ' | b'0' | 0)), bytes);
        let reverses = class(asked.mti) == REVERSAL;
        let acquirer = match asked.original_acquirer {
            named if reverses && named != 0 => named,
            _ => asked.acquirer,
        };
        let own_time = reverses && asked.original_stan != 0;
        Traits {
            name,
            made: 0,
            amount_minor: asked.amount_minor,
            transmission: if reverses { asked.original_transmission } else { asked.transmission },
            processing_code: asked.processing_code,
            local_time: if own_time { 0 } else { asked.local_time },
            acquirer: hashed(acquirer != 0, &acquirer.to_le_bytes()),
            retrieval_reference: text(&asked.retrieval_reference),
            terminal: text(&asked.terminal),
            merchant: text(&asked.merchant),
            local_date: if own_time { 0 } else { asked.local_date },
            currency: asked.currency,
            mti: asked.mti,
            class: class(if reverses { asked.original_mti } else { asked.mti }),
            adds: asked.adds().into(),
            changed_s: 0,
        }
    }

    /// Made by a message whose type says that it is sent again.
    pub fn is_repeat(&self) -> bool {
        self.mti & 1 == 1
    }

    /// The function of its message type: 0 a request, 2 an advice.
    pub fn function(&self) -> u16 {
        self.mti >> 4 & 0xf
    }

    /// Made by a reversal.
    pub fn reverses(&self) -> bool {
        class(self.mti) == REVERSAL
    }

    /// Its rank among those of its second name: the later record before the earlier. The lowest bit says whether an original
    /// request may belong to it: one that came behind its own repeat, its advice or its reversal.
    pub(super) fn rank(&self) -> u64 {
        let precedes = self.is_repeat() || self.reverses() || self.function() != 0;
        self.made << 1 | u64::from(precedes)
    }
}

/// Whether a rank among those of a second name is of what may have come before its original request.
pub(super) fn precedes(rank: u64) -> bool {
    rank & 1 == 1
}

const APPROVED: u64 = 1 << 63;
/// The lowest rank of a transaction that a reference leads to. Below are the reversals that came before theirs.
pub(super) const FOUND: u64 = 1 << 62;

/// The rank of a transaction among those of its reference. Approved ones before declined ones; of the approved the latest,
/// of the declined the first, by the record that made them so. What an approved one becomes later does not change its
/// rank. Never 0.
pub(super) fn rank(transaction: &Transaction, sequence: u64) -> u64 {
    match transaction.state {
        State::Tombstone => sequence.clamp(1, FOUND - 1),
        State::Declined => (APPROVED - 1).saturating_sub(sequence).max(FOUND),
        _ => APPROVED | sequence,
    }
}
