//! Who may ask: basic authentication against bcrypt hashes.
//!
//! bcrypt is slow on purpose, so it runs on a blocking thread, one at a time, with a short queue. A password
//! that was right is remembered as a keyed digest, so that each scrape does not pay again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::SystemRandom;
use tokio::sync::Semaphore;

use super::Error;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Welcome,
    Stranger,
    /// Too many are waiting to be checked.
    Busy,
}

/// The checker, and what it remembers.
pub(super) struct Passwords {
    /// Made at start: a digest tells nothing to whoever reads it from a core dump.
    key: hmac::Key,
    /// The last password that was right, for each user of the file; so never more than the file names.
    proven: Mutex<BTreeMap<String, hmac::Tag>>,
    queue: Arc<Semaphore>,
    bench: Arc<Semaphore>,
}

impl Passwords {
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn new(waiting: usize) -> Result<Self, Error> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).map_err(|_| Error::Random)?;
        Ok(Self {
            key,
            proven: Mutex::default(),
            queue: Arc::new(Semaphore::new(waiting)),
            bench: Arc::new(Semaphore::new(1)),
        })
    }

    /// Judges an `Authorization` header. Without users everyone is welcome.
    pub(super) async fn judge(
        &self,
        users: &BTreeMap<String, String>,
        header: Option<&HeaderValue>,
    ) -> Verdict {
        // An unknown user is checked against someone's hash: the answer takes as long, so it names no user.
        let Some(any) = users.values().next() else {
            return Verdict::Welcome;
        };
        let Some((user, password)) = header.and_then(credentials) else {
            return Verdict::Stranger;
        };
        let known = users.get(&user);
        let hash = known.unwrap_or(any).clone();
        let claim = claim(&user, &hash, &password);
        if known.is_some() && self.is_proven(&user, &claim) {
            return Verdict::Welcome;
        }
        let Ok(place) = Arc::clone(&self.queue).try_acquire_owned() else {
            return Verdict::Busy;
        };
        let Ok(turn) = Arc::clone(&self.bench).acquire_owned().await else {
            return Verdict::Busy;
        };
        if known.is_some() && self.is_proven(&user, &claim) {
            return Verdict::Welcome;
        }
        // The permits go with the work: a client that hangs up does not make room for another.
        let checked = tokio::task::spawn_blocking(move || {
            let right = bcrypt::verify(password, &hash).unwrap_or(false);
            drop((place, turn));
            right
        });
        if !checked.await.unwrap_or(false) || known.is_none() {
            return Verdict::Stranger;
        }
        self.remember(users, user, &claim);
        Verdict::Welcome
    }

    fn is_proven(&self, user: &str, claim: &[u8]) -> bool {
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        // `verify` compares in constant time.
        proven.get(user).is_some_and(|tag| hmac::verify(&self.key, claim, tag.as_ref()).is_ok())
    }

    fn remember(&self, users: &BTreeMap<String, String>, user: String, claim: &[u8]) {
        let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.retain(|user, _| users.contains_key(user));
        proven.insert(user, hmac::sign(&self.key, claim));
    }
}

/// User and password of a basic header. [RFC 7617 §2](https://www.rfc-editor.org/rfc/rfc7617#section-2)
fn credentials(header: &HeaderValue) -> Option<(String, Vec<u8>)> {
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let mut parts = decoded.splitn(2, |byte| *byte == b':');
    let user = String::from_utf8(parts.next()?.to_vec()).ok()?;
    Some((user, parts.next()?.to_vec()))
}

/// What a digest is taken of: the hash is part of it, so a changed password is checked anew. A user name holds no
/// colon and a hash no line end, so no two claims look alike.
fn claim(user: &str, hash: &str, password: &[u8]) -> Vec<u8> {
    [user.as_bytes(), b":", hash.as_bytes(), b"\n", password].concat()
}
