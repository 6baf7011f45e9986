//! The vocabulary of the metrics: stages, outcomes, counters, known message types, answer codes.
//! One table each: label value, metric name, help and array index all come from it, and each is bounded.

/// A part of one message's way through the switch, in its order. The stages of a message add up to the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// From its arrival at the kernel to its turn: waiting to be read, and behind others of the same read.
    Arrival,
    /// Bytes of the frame to checked fields.
    Parse,
    /// Fields to a decision, locks and money included, the journal's append excluded.
    Decide,
    /// The record into the journal's buffer.
    Append,
    /// The decision to the bytes of the answer.
    Build,
    /// The answer waits until its record is durable.
    DurableWait,
    /// The answer, ready, to its last byte handed to the kernel: behind others of the same write, and for a slow reader.
    Write,
}

impl Stage {
    /// Every stage, in the order in which a message passes them and in which samples carry them.
    pub const ALL: [Stage; 7] = [
        Stage::Arrival,
        Stage::Parse,
        Stage::Decide,
        Stage::Append,
        Stage::Build,
        Stage::DurableWait,
        Stage::Write,
    ];

    /// The label value and the row's name: `parse`.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Arrival => "arrival",
            Stage::Parse => "parse",
            Stage::Decide => "decide",
            Stage::Append => "append",
            Stage::Build => "build",
            Stage::DurableWait => "durable_wait",
            Stage::Write => "write",
        }
    }
}

/// What became of one message, as the on-call engineer would say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// An authorization or financial request was approved, fully or in part.
    Approved,
    /// An authorization or financial request was declined by the rules, the limits or the card's state.
    Declined,
    /// An advice, reversal or network management message was acknowledged.
    Accepted,
    /// The message was answered with a format error.
    FormatError,
    /// A repeat was answered with the stored answer, or refused because its content differs.
    Duplicate,
    /// The budget was spent before the decision: answered with 91.
    BudgetSpent,
    /// Approved in time, but the answer could not leave in time: undone, and answered with 91.
    Undone,
    /// The stored approval of a repeat, past the repeat's budget: not answered, the first answer stands.
    Withheld,
    /// The decision could not be stored: answered with 96.
    Unstored,
}

impl Outcome {
    /// Every outcome, in the order of its index.
    pub const ALL: [Outcome; 9] = [
        Outcome::Approved,
        Outcome::Declined,
        Outcome::Accepted,
        Outcome::FormatError,
        Outcome::Duplicate,
        Outcome::BudgetSpent,
        Outcome::Undone,
        Outcome::Withheld,
        Outcome::Unstored,
    ];

    /// The label value: `approved`.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Approved => "approved",
            Outcome::Declined => "declined",
            Outcome::Accepted => "accepted",
            Outcome::FormatError => "format_error",
            Outcome::Duplicate => "duplicate",
            Outcome::BudgetSpent => "budget_spent",
            Outcome::Undone => "undone",
            Outcome::Withheld => "withheld",
            Outcome::Unstored => "unstored",
        }
    }
}

/// Declares [`Counter`] and its table in one go, so that a counter cannot exist without its name and help.
macro_rules! counters {
    (@bytes bytes) => { true };
    (@bytes) => { false };
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal $(in $unit:ident)?;)+) => {
        /// What is counted by link besides messages and answer codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Counter { $($(#[doc = $doc])+ $variant,)+ }

        impl Counter {
            /// Every counter, in the order of its index.
            pub const ALL: [Counter; [$($name),+].len()] = [$(Counter::$variant),+];

            /// The metric's name without the prefix, the unit and `_total`.
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$variant => $name),+ }
            }

            /// What it counts, in one sentence; shown as the metric's HELP.
            pub const fn help(self) -> &'static str {
                match self { $(Counter::$variant => concat!($($doc),+).trim_ascii()),+ }
            }

            /// Whether it counts bytes, which then is part of the metric's name.
            pub const fn counts_bytes(self) -> bool {
                match self { $(Counter::$variant => counters!(@bytes $($unit)?)),+ }
            }
        }
    };
}

counters! {
    /// Bytes read from the link's connections.
    BytesIn = "received" in bytes;
    /// Bytes of answers handed to the kernel.
    BytesOut = "sent" in bytes;
    /// Complete frames cut from the link's connections, keep-alives and session control excluded.
    FramesIn = "received_frames";
    /// Answers handed to the kernel.
    AnswersOut = "sent_answers";
    /// Frames that were read and got no answer on purpose.
    Dropped = "dropped_frames";
    /// Frames whose message type or bitmap could not be read.
    Unreadable = "unreadable_frames";
    /// Frames that could not be cut: a length over the link's limit or not in digits, a mark that is missing. Each closes
    /// its connection.
    FrameErrors = "frame_errors";
    /// Connections accepted.
    ConnectionsOpened = "connections_opened";
    /// Connections closed, for whatever reason.
    ConnectionsClosed = "connections_closed";
    /// Connections refused because the link had its full number.
    ConnectionsRefused = "connections_refused";
    /// Connections closed because no whole frame came for the link's idle time.
    IdleClosed = "connections_idle_closed";
    /// Connections closed because the peer did not read its answers.
    SlowReaderClosed = "connections_slow_reader_closed";
    /// Connections closed because a frame was begun and not finished within the link's time for one.
    FrameTimeoutClosed = "connections_frame_timeout_closed";
    /// Connections closed because most of what they sent was refused, and more than the link takes of that in a second.
    RefusedClosed = "connections_refused_messages_closed";
    /// Frames whose network header or check byte is wrong: dropped.
    WrongFrames = "wrong_frames";
    /// Frames by which the network says that it could not read a message of ours.
    Rejects = "rejects";
    /// Zero-length frames, which only keep the connection open.
    KeepAlives = "keep_alives";
    /// Session control frames, read and discarded.
    ControlFrames = "control_frames";
    /// Approvals decided in time whose budget was spent before they could be sent: undone and answered with 91.
    Undone = "undone_approvals";
    /// Stored approvals of repeats whose budget was spent before they could be sent: not answered.
    Withheld = "withheld_repeats";
    /// Responses that came in without a request of ours.
    Unsolicited = "unsolicited_responses";
    /// Requests whose budget was spent before they were decided: answered 91, which is remembered.
    BudgetSpent = "budget_spent_requests";
    /// Of the requests whose budget was spent before they were decided, those that were more than is remembered: answered 91
    /// without a record.
    Shed = "shed_requests";
    /// Requests refused because their decision could not be stored.
    NotStored = "not_stored_requests";
    /// Requests refused because the table of open authorizations was full.
    Overload = "overload_requests";
    /// Advices by which another declined what was approved here.
    DeclinedThere = "advices_declined_there";
    /// Advices by which another approved what was declined here.
    ApprovedThere = "advices_approved_there";
    /// Advices of another amount than was approved here.
    AmountDiffers = "advices_of_other_amount";
    /// Completions that are more than was authorized and than the tolerance: posted all the same.
    OverTolerance = "completions_over_tolerance";
    /// Advices of what was never seen here: posted all the same.
    NoOriginal = "advices_without_original";
    /// Reversals that fit no open transaction, or more than one, of those they may speak of: nothing was released.
    ReversalAmbiguous = "reversals_ambiguous";
    /// Reversals of what was never seen here: kept for an original that comes later.
    ReversalNoOriginal = "reversals_without_original";
    /// Advices that came again and said something else; what they said first stays.
    AdviceRepeat = "advices_repeated_otherwise";
    /// Balances of more than 12 digits: answered with the largest that DE54 has room for.
    BalanceCut = "balances_cut";
    /// Reversals of what came by another network's link: nothing was released.
    ReversalElsewhere = "reversals_through_another_link";
}

/// The message types with a label of their own; any other is `other`, so that a peer cannot make new labels.
pub const KNOWN_MTIS: [u16; 15] = [
    0x0100, 0x0101, 0x0120, 0x0121, 0x0200, 0x0201, 0x0220, 0x0221, 0x0400, 0x0401, 0x0420, 0x0421, 0x0800,
    0x0801, 0x0820,
];

/// The number of message type labels, `other` included.
pub(super) const MTI_SLOTS: usize = KNOWN_MTIS.len() + 1;
const OTHER_MTI: u8 = KNOWN_MTIS.len() as u8;

/// From the last three digits of a 1987 message type to its slot: one load instead of a search per message.
static MTI_SLOT_OF: [u8; 0x1000] = {
    let mut table = [OTHER_MTI; 0x1000];
    let mut slot = 0;
    while slot < KNOWN_MTIS.len() {
        table[KNOWN_MTIS[slot] as usize] = slot as u8;
        slot += 1;
    }
    table
};

/// The slot of a message type given as four BCD digits.
pub(super) fn mti_slot(mti: u16) -> usize {
    MTI_SLOT_OF.get(usize::from(mti)).map_or(usize::from(OTHER_MTI), |&slot| usize::from(slot))
}

/// The label value of a slot: `0100`, or `other`.
pub(super) fn mti_name(slot: usize) -> String {
    KNOWN_MTIS.get(slot).map_or_else(|| "other".to_owned(), |mti| format!("{mti:04x}"))
}

/// The code of a sample that was not answered: counted under no code.
pub const NO_CODE: [u8; 2] = [0, 0];

const CODE_DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The number of answer code labels: two letters or digits, and `other`.
pub(super) const CODE_SLOTS: usize = CODE_DIGITS.len() * CODE_DIGITS.len() + 1;

/// The slot of an answer code (DE39, two letters or digits).
pub(super) fn code_slot(code: [u8; 2]) -> usize {
    fn digit(byte: u8) -> Option<usize> {
        match byte {
            b'0'..=b'9' => Some(usize::from(byte - b'0')),
            b'A'..=b'Z' => Some(usize::from(byte - b'A') + 10),
            b'a'..=b'z' => Some(usize::from(byte - b'a') + 10),
            _ => None,
        }
    }
    match (digit(code[0]), digit(code[1])) {
        (Some(high), Some(low)) => high * CODE_DIGITS.len() + low,
        _ => CODE_SLOTS - 1,
    }
}

/// The label value of a slot: `00`, `N7`, or `other`.
pub(super) fn code_name(slot: usize) -> String {
    if slot >= CODE_SLOTS - 1 {
        return "other".to_owned();
    }
    let (high, low) = (CODE_DIGITS[slot / CODE_DIGITS.len()], CODE_DIGITS[slot % CODE_DIGITS.len()]);
    [char::from(high), char::from(low)].iter().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_index_is_its_place_in_the_table() {
        for (index, stage) in Stage::ALL.iter().enumerate() {
            assert_eq!(*stage as usize, index);
        }
        for (index, outcome) in Outcome::ALL.iter().enumerate() {
            assert_eq!(*outcome as usize, index);
        }
        for (index, counter) in Counter::ALL.iter().enumerate() {
            assert_eq!(*counter as usize, index);
        }
    }

    #[test]
    fn counter_names_are_unique_and_have_a_help() {
        let names: BTreeSet<_> = Counter::ALL.iter().map(|counter| counter.name()).collect();
        assert_eq!(names.len(), Counter::ALL.len());
        for counter in Counter::ALL {
            assert!(counter.help().ends_with('.'), "{counter:?}: {}", counter.help());
            assert!(!counter.help().contains('\n'));
        }
        assert!(Counter::BytesIn.counts_bytes() && !Counter::FramesIn.counts_bytes());
    }

    #[test]
    fn every_message_type_has_a_slot() {
        let mut own = BTreeSet::new();
        for mti in 0..=u16::MAX {
            let slot = mti_slot(mti);
            assert!(slot < MTI_SLOTS);
            match KNOWN_MTIS.contains(&mti) {
                true => {
                    own.insert(slot);
                    assert_eq!(mti_name(slot), format!("{mti:04x}"));
                }
                false => assert_eq!(mti_name(slot), "other"),
            }
        }
        assert_eq!(own.len(), KNOWN_MTIS.len());
    }

    #[test]
    fn every_code_has_a_slot() {
        for (code, name) in
            [(b"00", "00"), (b"51", "51"), (b"N7", "N7"), (b"z9", "Z9"), (b"ZZ", "ZZ"), (b"\"\n", "other")]
        {
            assert_eq!(code_name(code_slot(*code)), name);
        }
        for high in 0..=u8::MAX {
            for low in 0..=u8::MAX {
                assert!(code_slot([high, low]) < CODE_SLOTS);
            }
        }
    }
}
