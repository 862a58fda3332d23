//! Faults by count, in front of any platform.

use crate::{Answer, Call, Platform, Wire};

/// What goes wrong with a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The platform is not asked; this comes instead.
    Instead(Answer),
    /// The platform answers, and its answer is sent in another way.
    Sent(Wire),
}

/// A platform of which some requests go wrong, by number, and which keeps every request it saw.
#[derive(Debug)]
pub struct Faults<P> {
    /// The platform behind.
    pub platform: P,
    /// Every request, in the order of arrival.
    pub calls: Vec<Call>,
    faults: Vec<(usize, usize, Fault)>,
}

impl<P: Platform> Faults<P> {
    /// Without faults.
    pub fn none(platform: P) -> Self {
        Faults { platform, calls: Vec::new(), faults: Vec::new() }
    }

    /// The request with this number, from 0 for the first ever, goes wrong.
    #[must_use]
    pub fn at(self, number: usize, fault: Fault) -> Self {
        self.from(number, 1, fault)
    }

    /// So many requests from this number on go wrong.
    #[must_use]
    pub fn from(mut self, number: usize, count: usize, fault: Fault) -> Self {
        self.plan(number, count, fault);
        self
    }

    /// So many of the next requests go wrong.
    pub fn next(&mut self, count: usize, fault: Fault) {
        self.plan(self.calls.len(), count, fault);
    }

    /// So many requests from this number on, from 0 for the first ever, go wrong.
    pub fn plan(&mut self, number: usize, count: usize, fault: Fault) {
        self.faults.push((number, count, fault));
    }

    /// Nothing goes wrong any more.
    pub fn heal(&mut self) {
        self.faults.clear();
    }
}

impl<P: Platform> Platform for Faults<P> {
    fn answer(&mut self, call: &Call) -> Answer {
        let number = self.calls.len();
        self.calls.push(call.clone());
        let fault = self.faults.iter().find(|(from, count, _)| (*from..from.saturating_add(*count)).contains(&number));
        match fault {
            Some((_, _, Fault::Instead(answer))) => answer.clone(),
            Some((_, _, Fault::Sent(wire))) => {
                let wire = *wire;
                self.platform.answer(call).wire(wire)
            }
            None => self.platform.answer(call),
        }
    }
}
