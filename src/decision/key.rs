//! Which fields name a transaction, and the hashes made of them.

use super::names::disagree;
use super::{Case, Desk, LinkTerms};
use crate::message::{Kind, Original, Pan, Request};
use crate::portfolio::{State, TransactionKey};

/// The data elements that together name a transaction on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFields(u64);

/// A data element that cannot be part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("DE{0} cannot name a transaction: 2, 7, 11, 12, 13, 32, 37, 41 and 42 can")]
pub struct UnknownKeyField(pub u8);

const POSSIBLE: &[u8] = &[2, 7, 11, 12, 13, 32, 37, 41, 42];

impl KeyFields {
    /// A key of these data elements. In a message without DE7 its DE12, 13 and 41 stand for it.
    pub fn new(fields: &[u8]) -> Result<KeyFields, UnknownKeyField> {
        let mut set = 0;
        for de in fields {
            if !POSSIBLE.contains(de) {
                return Err(UnknownKeyField(*de));
            }
            set |= 1 << de;
        }
        Ok(KeyFields(set))
    }

    pub(super) fn has(self, de: u8) -> bool {
        self.0 >> de & 1 == 1
    }

    fn pick(self, de: u8, value: u64) -> u64 {
        if self.has(de) { value } else { 0 }
    }

    /// Terminals send no DE7: when and where it was made stands for it, so that no other terminal's trace number is taken
    /// for a repeat.
    fn without_transmission(self) -> KeyFields {
        if self.has(7) { KeyFields(self.0 | 1 << 12 | 1 << 13 | 1 << 41) } else { self }
    }
}

impl Default for KeyFields {
    /// DE2, 7, 11 and 32.
    fn default() -> KeyFields {
        KeyFields(1 << 2 | 1 << 7 | 1 << 11 | 1 << 32)
    }
}

impl Desk {
    /// The key of the transaction this message belongs to by its own fields.
    pub(super) fn own_key(&self, case: &Case<'_>) -> TransactionKey {
        let request = case.request;
        case.of.map(|record| record.key).unwrap_or_else(|| {
            self.key(request, case.terms, request.stan, request.transmission, request.acquirer)
        })
    }

    /// The key of the transaction that DE90 names. What it does not know (zeros) is as in the message itself.
    pub(super) fn original_key(&self, case: &Case<'_>, original: Original) -> TransactionKey {
        let request = case.request;
        let stan = if original.stan == 0 { request.stan } else { original.stan };
        let transmission =
            if original.transmission == 0 { request.transmission } else { original.transmission };
        let acquirer = if original.acquirer == 0 { request.acquirer } else { original.acquirer };
        let kept = case.of.map(|record| record.transaction.map_or(record.key, |transaction| transaction.key));
        kept.unwrap_or_else(|| self.key(request, case.terms, stan, transmission, acquirer))
    }

    /// The case with the other names of its transaction.
    pub(super) fn named<'a>(&self, case: &Case<'a>) -> Case<'a> {
        let request = case.request;
        let (name, reference) = case.of.map_or_else(
            || {
                let reverses = request.kind == Kind::Reversal;
                let original = request.original.map_or(0, |original| original.stan);
                let stan = if reverses && original != 0 { original } else { request.stan };
                (self.name(request, case.terms, stan), self.reference(request, case.terms))
            },
            |record| (record.name, record.reference),
        );
        Case { name, reference, ..*case }
    }

    /// The second name of a transaction of the message's card: the hash of network, DE2 and DE11, which stay the same when a
    /// message is sent again and DE7 does not. 0 without a card.
    pub(super) fn name(&self, request: &Request, terms: &LinkTerms, stan: u32) -> u64 {
        let hash = |pan: Pan| self.portfolio.keyed_hash(&[terms.network, pan.parts().0, u64::from(stan)]);
        request.pan.map_or(0, hash)
    }

    fn key(
        &self,
        request: &Request,
        terms: &LinkTerms,
        stan: u32,
        transmission: u32,
        acquirer: u64,
    ) -> TransactionKey {
        let (digits, length) = request.pan.map_or((0, 0), |pan| pan.parts());
        let [rrn_a, rrn_b] = words(&request.retrieval_reference);
        let [terminal, _] = words(&request.terminal);
        let [merchant_a, merchant_b] = words(&request.merchant);
        let fields = if transmission == 0 { terms.key.without_transmission() } else { terms.key };
        self.portfolio.transaction_key(&[
            fields.pick(2, digits),
            fields.pick(2, u64::from(length)),
            fields.pick(7, u64::from(transmission)),
            fields.pick(11, u64::from(stan)),
            fields.pick(12, u64::from(request.local_time)),
            fields.pick(13, u64::from(request.local_date)),
            fields.pick(32, acquirer),
            fields.pick(37, rrn_a),
            fields.pick(37, rrn_b),
            fields.pick(41, terminal),
            fields.pick(42, merchant_a),
            fields.pick(42, merchant_b),
            terms.network,
        ])
    }

    /// Hash of the content that a repeat must have too.
    pub(super) fn fingerprint(&self, request: &Request) -> u64 {
        let (digits, _) = request.pan.map_or((0, 0), |pan| pan.parts());
        let [rrn_a, rrn_b] = words(&request.retrieval_reference);
        let [terminal, _] = words(&request.terminal);
        let [merchant_a, merchant_b] = words(&request.merchant);
        self.portfolio.keyed_hash(&[
            u64::from(request.mti.class()),
            digits,
            u64::from(request.processing_code),
            request.amount_minor as u64,
            u64::from(request.currency),
            rrn_a,
            rrn_b,
            terminal,
            merchant_a,
            merchant_b,
        ])
    }

    /// Hash of network, card and the reference that the messages of a purchase share: the network's own where the link has one,
    /// else the retrieval reference number. 0 when there is none.
    fn reference(&self, request: &Request, terms: &LinkTerms) -> u64 {
        let [first, second] = match request.trace != [b' '; 16] {
            true => words(&request.trace),
            false => words(&request.retrieval_reference),
        };
        // Some senders fill what they do not know with zeros.
        let blank = request.trace == [b' '; 16]
            && request.retrieval_reference.iter().all(|byte| matches!(byte, b' ' | b'0'));
        match request.pan {
            Some(pan) if !blank => self.portfolio.keyed_hash(&[terms.network, pan.parts().0, first, second]),
            _ => 0,
        }
    }

    /// The authorization that a completion or an increment speaks of, by DE90 or its trace number (true), else by card and
    /// reference (false); never the message's own. An increment stands for what it adds to. Locks shards: for callers that hold none.
    pub(super) fn original_of(&self, case: &Case<'_>, own: TransactionKey) -> Option<(TransactionKey, bool)> {
        let (request, table) = (case.request, &self.portfolio.table);
        let root = |key: TransactionKey| -> Option<TransactionKey> {
            table.lock(key).get(key).map(|known| known.adds_to().unwrap_or(key))
        };
        let known = request.original.filter(|original| original.stan != 0 || original.transmission != 0);
        let by_original = known.map(|original| self.original_key(case, original)).and_then(root);
        let by_name = || self.named_original(case).and_then(root);
        let by_reference = || self.referred_original(case).and_then(root);
        by_original
            .or_else(by_name)
            .map(|key| (key, true))
            .or_else(|| by_reference().map(|key| (key, false)))
            .filter(|(key, _)| *key != own)
    }

    /// Of those with the message's reference the open authorization approved last, so that each of several completions
    /// finds the rest of it and not the completion before; else the one approved last, else the one declined first. Never one
    /// of another merchant or acquirer: they use references alike.
    fn referred_original(&self, case: &Case<'_>) -> Option<TransactionKey> {
        let referred = self.portfolio.table.referred(case.reference);
        let said = self.said(case);
        let mut first = None;
        for (known, kept) in self.portfolio.table.look(&referred) {
            let elsewhere = disagree(said.merchant, kept.merchant) || disagree(said.acquirer, kept.acquirer);
            match known.state {
                _ if elsewhere => {}
                State::Tombstone => {}
                State::Held | State::Added => return Some(known.key),
                _ => first = first.or(Some(known.key)),
            }
        }
        first
    }

    /// Hash of a reversal's own identity. What it is of (DE4, DE90's type and STAN) and leaves (DE95) is part of it: some
    /// senders give every message of a transaction's life the same STAN, a second reversal is then no repeat of the first. DE7
    /// is not: it is when a message was sent, and another each time it is sent again.
    pub(super) fn reversal_identity(&self, request: &Request) -> u64 {
        let original = request.original.unwrap_or_default();
        self.portfolio.keyed_hash(&[
            u64::from(request.stan),
            request.acquirer,
            request.replacement_minor.unwrap_or(0) as u64,
            request.amount_minor as u64,
            u64::from(original.mti >> 8) << 32 | u64::from(original.stan),
        ])
    }
}

/// Up to sixteen bytes as two numbers.
fn words(bytes: &[u8]) -> [u64; 2] {
    let mut room = [0; 16];
    let length = bytes.len().min(16);
    room[..length].copy_from_slice(&bytes[..length]);
    let number = u128::from_le_bytes(room);
    [number as u64, (number >> 64) as u64]
}
