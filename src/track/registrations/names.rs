//! By what an address-of-record, a contact and a device are known again.

use crate::decode::sip::{Message, NameAddr, Uri, unfold};
use crate::track::repeats::hashed;

/// Octets kept of a header at most.
const MAX_TEXT: usize = 256;

/// The address-of-record of a REGISTER and its responses: `To` (RFC 3261 §10.2), its host in lower case,
/// without scheme, port and parameters.
pub(super) fn aor(message: &Message<'_>) -> Option<String> {
    let uri = message.to()?.uri;
    let host = uri.host().map(|host| text(host).to_ascii_lowercase());
    match (uri.user().map(text), host) {
        (Some(user), Some(host)) => Some(format!("{user}@{host}")),
        (user, host) => user.or(host),
    }
}

/// The number of a contact: what is left of its URI without parameters, which devices change at will.
pub(super) fn contact_key(aor_key: u64, uri: Uri<'_>) -> u64 {
    let Some(host) = uri.host() else { return hashed((aor_key, uri.as_bytes())) };
    let default = if uri.scheme().is_some_and(|s| s.eq_ignore_ascii_case(b"sips")) { 5061 } else { 5060 };
    let host = host.to_ascii_lowercase();
    hashed((aor_key, uri.user(), host, uri.port().unwrap_or(default)))
}

/// The number of a device that names itself, and of its flow where it has several
/// ([RFC 5626 §4.1](https://www.rfc-editor.org/rfc/rfc5626#section-4.1), §4.2).
pub(super) fn device_key(aor_key: u64, contact: &NameAddr<'_>) -> Option<u64> {
    let instance = contact.params.find("+sip.instance").filter(|name| !name.is_empty())?;
    Some(hashed((aor_key, instance, contact.params.find("reg-id"))))
}

/// A header's value as bounded text.
pub(super) fn text(bytes: &[u8]) -> String {
    let cut = bytes.get(..MAX_TEXT).unwrap_or(bytes);
    String::from_utf8_lossy(&unfold(cut)).into_owned()
}
