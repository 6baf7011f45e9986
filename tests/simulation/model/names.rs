//! What names a transaction on its link, and by what else it can be found.

use super::super::cast::LINKS;
use authswitch::message::Request;

/// The values of the fields that name a transaction on its link; what the link does not name it by is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    card: u64,
    transmission: u32,
    stan: u32,
    local_time: u32,
    local_date: u16,
    acquirer: u64,
    reference: [u8; 12],
    terminal: [u8; 8],
    merchant: [u8; 15],
}

/// Card number and DE37.
pub(super) type Reference = (u64, [u8; 12]);

/// The name a message's own fields give.
pub fn name_of(request: &Request, link: usize) -> Name {
    name(request, link, request.stan, request.transmission, request.acquirer)
}

/// The name that DE90 gives; what is zeros in it is as in the message.
pub fn original_name(request: &Request, link: usize) -> Option<Name> {
    let original = request.original?;
    let known = |part: u32, own: u32| if part == 0 { own } else { part };
    let acquirer = if original.acquirer == 0 { request.acquirer } else { original.acquirer };
    let stan = known(original.stan, request.stan);
    Some(name(request, link, stan, known(original.transmission, request.transmission), acquirer))
}

fn name(request: &Request, link: usize, stan: u32, transmission: u32, acquirer: u64) -> Name {
    let mut name = Name::default();
    for field in LINKS[link] {
        match field {
            2 => name.card = digits(request),
            7 => name.transmission = transmission,
            11 => name.stan = stan,
            12 => name.local_time = request.local_time,
            13 => name.local_date = request.local_date,
            32 => name.acquirer = acquirer,
            37 => name.reference = request.retrieval_reference,
            41 => name.terminal = request.terminal,
            _ => name.merchant = request.merchant,
        }
    }
    name
}

pub(super) fn digits(request: &Request) -> u64 {
    request.pan.map_or(0, |pan| pan.parts().0)
}

pub(super) fn reference_of(request: &Request) -> Option<Reference> {
    let reference = (digits(request), request.retrieval_reference);
    Some(reference).filter(|(_, text)| *text != [b' '; 12])
}
