//! What names a transaction on its link, and by what else it can be found.

use super::super::cast::{LINKS, NETWORKS};
use super::Arrival;
use authswitch::message::Request;

/// The values of the fields that name a transaction on its link; what the link does not name it by is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    network: u64,
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

/// Whose it is: network and card number.
pub type Party = (u64, u64);

/// And DE37.
pub(super) type Reference = (Party, [u8; 12]);

/// The name a message's own fields give on a link.
pub fn name_of(request: &Request, link: usize) -> Name {
    name(request, (link, NETWORKS[link]), request.stan, request.transmission, request.acquirer)
}

/// The name the message's own fields give.
pub(super) fn own_name(arrival: &Arrival) -> Name {
    let request = &arrival.request;
    let at = (arrival.link, arrival.network);
    name(request, at, request.stan, request.transmission, request.acquirer)
}

/// The name that DE90 gives; what is zeros in it is as in the message.
pub(super) fn original_name(arrival: &Arrival) -> Option<Name> {
    let request = &arrival.request;
    let original = request.original?;
    let known = |part: u32, own: u32| if part == 0 { own } else { part };
    let acquirer = if original.acquirer == 0 { request.acquirer } else { original.acquirer };
    let stan = known(original.stan, request.stan);
    let transmission = known(original.transmission, request.transmission);
    Some(name(request, (arrival.link, arrival.network), stan, transmission, acquirer))
}

fn name(
    request: &Request,
    (link, network): (usize, u64),
    stan: u32,
    transmission: u32,
    acquirer: u64,
) -> Name {
    let mut name = Name { network, ..Name::default() };
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

pub(super) fn party(request: &Request, network: u64) -> Party {
    (network, digits(request))
}

pub(super) fn reference_of(request: &Request, network: u64) -> Option<Reference> {
    let reference = (party(request, network), request.retrieval_reference);
    Some(reference).filter(|(_, text)| *text != [b' '; 12])
}
