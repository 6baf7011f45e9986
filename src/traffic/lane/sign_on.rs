//! Sessions: each connection sends 0800 with DE70 001 before anything else and waits for its 0810. Must not know what a
//! message is answered with.

use super::Lane;
use crate::traffic::calendar::{Moment, six};
use crate::traffic::score::write_fields;
use crate::wire::Mti;
use crate::wire::frame::Lead;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::time::{Duration, Instant};

impl Lane<'_> {
    /// Opens the session of every connection and waits for the answers, before the play's time begins.
    ///
    /// # Errors
    /// The address and the reason: it was refused, sent back, not answered in time, or the connection ended.
    pub(in crate::traffic) fn sign_on(&mut self) -> Result<(), (String, String)> {
        if !self.manner.sign_on {
            return Ok(());
        }
        for index in 0..self.connections.len() {
            let address = self.connections[index].address();
            self.open_session(index, 0).map_err(|reason| (address.to_string(), reason))?;
            self.touched.push(index);
        }
        let limit = Instant::now() + Duration::from_nanos(self.manner.timeout_ns);
        for index in 0..self.connections.len() {
            while self.connections[index].signing_on_ns(0).is_some() {
                let left = limit.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    self.sign_on_failed(self.unanswered_sign_on());
                } else {
                    self.hand_over(0, || 0);
                    self.wait_for_bytes(index, left);
                    self.take(index, || 0);
                }
                if let Some(reason) = self.tally.sign_on_failures.keys().next() {
                    return Err((self.connections[index].address().to_string(), reason.clone()));
                }
            }
        }
        Ok(())
    }

    /// Sends the message that opens a connection's session.
    pub(super) fn open_session(&mut self, index: usize, now_ns: u64) -> Result<(), String> {
        let endpoint = &self.endpoints[self.connections[index].endpoint];
        let moment = Moment::from_unix((self.manner.wall_start_ns + now_ns) / 1_000_000_000);
        let text = |digits: &[u8]| String::from_utf8_lossy(digits).into_owned();
        let fields = [
            (7, text(&moment.transmission())),
            (11, text(&six(self.keys.fresh_stan()))),
            (70, "001".to_owned()),
        ];
        let mti = Mti::new(0x0800).ok_or("0800 is no message type")?;
        let mut message = Vec::new();
        write_fields(&endpoint.dialect, mti, &fields, &mut message)?;
        let mut frame = Vec::new();
        let mark = endpoint.framing.begin(&mut frame, Lead::Own);
        frame.extend_from_slice(&message);
        endpoint.framing.finish(&mut frame, mark).map_err(|error| error.to_string())?;
        self.connections[index].open_session(&frame, message, now_ns);
        Ok(())
    }

    /// Gives up the connections whose sign-on was not answered in time.
    pub(super) fn give_up_sign_ons(&mut self, now_ns: u64) {
        for index in 0..self.connections.len() {
            let waited_ns = self.connections[index].signing_on_ns(now_ns);
            if waited_ns.is_some_and(|waited_ns| waited_ns >= self.manner.timeout_ns) {
                self.sign_on_failed(self.unanswered_sign_on());
                self.give_up(index, now_ns);
            }
        }
    }

    pub(super) fn sign_on_failed(&mut self, reason: String) {
        *self.tally.sign_on_failures.entry(reason).or_insert(0) += 1;
    }

    fn unanswered_sign_on(&self) -> String {
        format!("no answer to the sign-on within {:?}", Duration::from_nanos(self.manner.timeout_ns))
    }

    fn wait_for_bytes(&self, index: usize, at_most: Duration) {
        let Some(socket) = self.connections[index].socket() else { return };
        let at_most = Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: at_most.subsec_nanos().into() };
        // However it ends, the bytes are looked for, and the time is looked at.
        let _ = poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&at_most));
    }
}
