//! What the platform's texts mean, and what the operator is told about them.

/// Addresses of the API \[C, the last L\].
pub(crate) const USUAL_ADDRESSES: &str =
    "https://api.checkoutchamp.com, https://api.konnektive.com and, for older accounts, https://api2.konnektive.com";

/// Characters of a text of the platform that are shown.
const SHOWN_CHARS: usize = 200;

/// Why the platform let nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// This machine's address is not on the API user's list.
    Address,
    /// The API user may not do this.
    Permission,
    /// Login id or password, or the user is locked.
    Login,
}

/// Whether the text of an error speaks of who is asking \[C\]. `None`: it speaks of something else.
///
/// Such a text may itself contain words like "no … found", so it is asked before [`is_empty`].
pub(crate) fn refusal(text: &str) -> Option<Refusal> {
    let text = text.to_lowercase();
    let words = || text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let begins = |starts: &[&str]| words().any(|word| starts.iter().any(|start| word.starts_with(start)));
    // `ip` as a word of its own: it is also in `ship`, `description` and `recipient`.
    if words().any(|word| matches!(word, "ip" | "ips" | "ipaddress")) || begins(&["whitelist", "allowlist"]) {
        return Some(Refusal::Address);
    }
    if begins(&["login", "password", "credential", "authentic", "username"]) {
        return Some(Refusal::Login);
    }
    if begins(&["permission", "permitted", "access", "unauthori", "forbidden"]) || text.contains("not authori") {
        return Some(Refusal::Permission);
    }
    begins(&["user"]).then_some(Refusal::Login)
}

/// Whether the text of an error says that there are no rows: `^No .* (could be found|found|matching)` \[C\].
pub(crate) fn is_empty(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    text.strip_prefix("no ")
        .is_some_and(|rest| [" could be found", " found", " matching"].iter().any(|end| rest.contains(end)))
}

/// What the operator reads when the platform lets nobody in.
pub(crate) fn advice(said: &str, why: Refusal) -> String {
    let said = shown(said);
    let what = match (why, address(&said)) {
        (Refusal::Address, Some(ip)) => {
            format!("Add {ip}, the address of this machine, to the addresses allowed for the API user")
        }
        (Refusal::Address, None) => {
            "Add the address of this machine to the addresses allowed for the API user".to_owned()
        }
        (Refusal::Permission, _) => {
            "Give the API user the query permission for transactions (`transactions/query`)".to_owned()
        }
        (Refusal::Login, _) => {
            "Compare `login_id` and `password` with the API user, and see there that it is active and not locked"
                .to_owned()
        }
    };
    format!(
        "the platform let nobody in: \"{said}\". {what}; in most accounts it is under Admin > Users. Nothing is asked again \
         before you have seen to it, since repeated refusals can lock the user"
    )
}

/// The address in `IP must be whitelisted - 203.0.113.7` \[C\].
pub(crate) fn address(text: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
    text.split(|c: char| !is_part(c))
        .map(|word| word.trim_matches(['.', ':']))
        .find(|word| word.parse::<std::net::IpAddr>().is_ok())
}

/// A text of the platform as it may be shown: without markup, credentials that it echoes, and length.
pub(crate) fn shown(text: &str) -> String {
    let plain = without_markup(text);
    let text = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = echo(&text).unwrap_or(text.len());
    let limit = text.char_indices().nth(SHOWN_CHARS).map_or(text.len(), |(at, _)| at);
    match text.get(..end.min(limit)) {
        Some(cut) if cut.len() < text.len() => format!("{cut}…"),
        _ => text,
    }
}

/// Where an echo of the request begins: `loginId=…`, `"password": "…"`. A password may hold any sign, so there is no
/// telling where it ends.
fn echo(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let begins = |name: &str| {
        lower.match_indices(name).map(|(at, _)| at + name.len()).find(|at| {
            let behind = lower.get(*at..).unwrap_or_default().trim_start_matches(['"', '\'', ']', ' ']);
            behind.starts_with(['=', ':'])
        })
    };
    ["loginid", "password"].into_iter().filter_map(begins).min()
}

/// The words of a page, without its scripts and styles.
fn without_markup(text: &str) -> String {
    let mut plain = String::with_capacity(text.len().min(4 * SHOWN_CHARS));
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        plain.push_str(before);
        plain.push(' ');
        let lower: String = behind.chars().take(6).flat_map(char::to_lowercase).collect();
        let element = ["script", "style"].into_iter().find(|element| lower.starts_with(element));
        let end = element.and_then(|element| behind.find(&format!("</{element}"))).unwrap_or_default();
        rest = behind.get(end..).and_then(|behind| behind.split_once('>')).map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain
}
