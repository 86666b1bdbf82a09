//! What signalling shows, counted.
//!
//! A call between two configured sites counts once at each, as a stream does. A device, and how it registers,
//! counts at the device's own site; at the registrar's only where that of the device is not known.
//!
//! Further legs of a call (`hop`) count for their peer alone: under the site [`UNASSIGNED`], so that neither the
//! calls of a site nor those of a peer are counted twice by whoever sums up over the other. Without a configured
//! peer they are not counted at all.

use super::calls::CallSeconds;
use super::direction::Direction;
use super::interval::ViewLabels;
use super::site::ReportSource;
use super::totals::Totals;
#[cfg(doc)]
use super::totals::UNASSIGNED;
use crate::track::call::{EndedBy, Fault};
use crate::track::kpis::RequestDelay;
use crate::track::signal::{Attempt, Session, Signal, SignalEvent};

impl Totals {
    /// Counts what signalling showed: once at each site in `views`, or of [`ViewLabels::UNASSIGNED`]. `peer`: the
    /// name of the peer asked, else of the one that asked; of [`Signal::Answered`] of the one that answered.
    pub fn observe_signal(&mut self, event: &SignalEvent, views: &[ViewLabels<'_>], peer: Option<&str>) {
        if event.what.is_hop() {
            self.observe_hop(&event.what, peer);
            return;
        }
        match event.what {
            Signal::Attempted { redial, .. } => self.attempted(views, peer, redial),
            Signal::Settled(attempt) => self.settled(views, peer, &attempt),
            Signal::Began => self.move_calls(views, 1),
            Signal::Ended { by, .. } => {
                self.move_calls(views, -1);
                if let Some(by) = by {
                    self.observe_call_end(views, by, None);
                }
            }
            Signal::Session(session) => self.session(views, &session),
            Signal::Retransmitted(method) => {
                for view in views {
                    self.peer(view, peer).retransmitted(method);
                }
            }
            Signal::Answered => {
                if let Some(peer) = peer {
                    self.answered(peer, event.time);
                }
            }
            Signal::Registration { start, result } => {
                let delay = seconds(event.time.saturating_sub(start).max(0));
                for view in of_asker(views) {
                    self.peer(view, peer).registered(result, delay);
                }
            }
            Signal::Bound => self.move_devices(views, 1),
            Signal::Unbound { expired } => {
                self.move_devices(views, -1);
                if expired {
                    of_asker(views).for_each(|view| self.calls(view.customer, view.site).expired());
                }
            }
            Signal::Options { result, .. } => {
                for view in views {
                    self.peer(view, peer).asked_options(result);
                }
            }
            Signal::VoiceReport { loss_ppm, mos_lqe_milli } => {
                let loss = loss_ppm.map(|ppm| f64::from(ppm) / 1e6);
                let mos_lqe = mos_lqe_milli.map(|milli| f64::from(milli) / 1e3);
                for ViewLabels { customer, site, .. } in of_asker(views) {
                    self.observe_report(customer, site, ReportSource::SipVq, loss, mos_lqe);
                }
            }
        }
    }

    fn observe_hop(&mut self, what: &Signal, peer: Option<&str>) {
        let nowhere = ViewLabels::UNASSIGNED;
        match what {
            Signal::Attempted { .. } if peer.is_some() => {
                self.peer(&nowhere, peer).attempted(nowhere.direction);
            }
            Signal::Settled(attempt) if peer.is_some() => self.peer(&nowhere, peer).settled(attempt),
            // Nothing else has a peer.
            _ => {}
        }
    }

    fn attempted(&mut self, views: &[ViewLabels<'_>], peer: Option<&str>, redial: bool) {
        for view in views {
            self.peer(view, peer).attempted(view.direction);
            if redial {
                self.calls(view.customer, view.site).redialled(view.direction);
            }
        }
    }

    fn settled(&mut self, views: &[ViewLabels<'_>], peer: Option<&str>, attempt: &Attempt) {
        for view in views {
            self.peer(view, peer).settled(attempt);
            let calls = self.calls(view.customer, view.site);
            if let Some(delay) = attempt.request_delay() {
                calls.observe_post_dial_delay(view.direction, delay);
            }
            if let Some(delay) = attempt.answer_delay() {
                calls.observe_answer_delay(view.direction, seconds(delay));
            }
        }
    }

    fn session(&mut self, views: &[ViewLabels<'_>], session: &Session) {
        for view in views {
            let calls = self.calls(view.customer, view.site);
            if let Some(delay) = session.disconnect_delay() {
                calls.observe_disconnect(seconds(delay));
            }
            if let Some(duration) = session.duration() {
                calls.observe_duration(view.direction, seconds(duration));
            }
        }
    }

    /// Calls begin to go on, or cease to: [`Signal::Began`] and [`Signal::Ended`] without the end's other counts,
    /// for calls whose site a reload has changed.
    pub fn move_calls(&mut self, views: &[ViewLabels<'_>], by: i64) {
        for view in views {
            self.calls(view.customer, view.site).move_calls(by);
        }
    }

    /// Devices come to have a binding, or cease to, likewise.
    pub fn move_devices(&mut self, views: &[ViewLabels<'_>], by: i64) {
        of_asker(views).for_each(|view| self.calls(view.customer, view.site).move_devices(by));
    }

    /// A call ended, and lasted so long, seconds. What [`Self::observe_signal`] takes in is counted by it: this is
    /// for ends that no signal tells.
    pub fn observe_call_end(&mut self, views: &[ViewLabels<'_>], by: EndedBy, duration: Option<f64>) {
        for view in views {
            let calls = self.calls(view.customer, view.site);
            calls.ended(by);
            if let Some(duration) = duration {
                calls.observe_duration(view.direction, duration);
            }
        }
    }

    /// Lets a call be looked up by its record's id from the bucket of its post-dial delay. Where nothing was
    /// counted in that bucket, nothing is shown.
    pub fn exemplify_post_dial_delay(
        &mut self,
        views: &[ViewLabels<'_>],
        delay: RequestDelay,
        call_id: &str,
        time: i64,
    ) {
        for view in views {
            let calls = self.calls(view.customer, view.site);
            calls.exemplify_post_dial_delay(view.direction, delay, call_id, time);
        }
    }

    /// Seconds of answered calls by how they sounded.
    pub fn add_call_seconds(&mut self, customer: &str, site: &str, seconds: CallSeconds) {
        self.calls(customer, site).add_seconds(seconds);
    }

    /// Something is wrong with the audio of a call.
    pub fn count_audio_fault(&mut self, customer: &str, site: &str, fault: Fault) {
        self.calls(customer, site).count_fault(fault);
    }
}

/// Where who asked is: the views that go out of a site; where none does, the others.
fn of_asker<'v, 'a>(views: &'v [ViewLabels<'a>]) -> impl Iterator<Item = &'v ViewLabels<'a>> {
    let is_in = |view: &ViewLabels<'_>| view.direction == Direction::In;
    let only_in = views.iter().all(is_in);
    views.iter().filter(move |view| only_in || !is_in(view))
}

fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
pub(super) mod tests;
