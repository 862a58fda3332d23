//! Texts without what differs from run to run, for snapshots.

use super::shop::Shop;

/// Replaces the shop's folder and ports, moments, SHA-256 sums and tokens.
pub(crate) fn plain(shop: &Shop, text: &str) -> String {
    let folder = shop.path("");
    let folder = folder.to_str().expect("a folder with a plain name").trim_end_matches('/');
    let text = text
        .replace(folder, "[shop]")
        .replace(&format!("127.0.0.1:{}", shop.api), "127.0.0.1:[api]")
        .replace(&format!("127.0.0.1:{}", shop.hooks), "127.0.0.1:[hooks]");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let cut = if let Some(moment) = moment(rest) {
            out.push_str("[time]");
            moment
        } else if word == 64 && rest[..word].bytes().all(|byte| byte.is_ascii_hexdigit()) {
            out.push_str("[sha256]");
            word
        } else if word == 40 {
            out.push_str("[token]");
            word
        } else {
            let cut = word.max(first.len_utf8());
            out.push_str(&rest[..cut]);
            cut
        };
        rest = &rest[cut..];
    }
    out
}

/// Length of the moment that the text begins with, such as 2026-10-31T12:00:00Z.
fn moment(text: &str) -> Option<usize> {
    let shape = text.as_bytes().get(..11)?;
    let like_a_day = shape.iter().zip(b"0000-00-00T").all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        shape => byte == shape,
    });
    let end = text.find(|c: char| !c.is_ascii_digit() && !"-T:.Z+".contains(c)).unwrap_or(text.len());
    like_a_day.then_some(end)
}

#[test]
fn what_differs_is_replaced() {
    let shop = Shop::empty();
    let text = format!(
        "at 2026-10-31T12:00:00.5Z, {}/data é 127.0.0.1:{} {} {} 2026-10-31",
        shop.path("").display().to_string().trim_end_matches('/'),
        shop.hooks,
        "ab".repeat(32),
        "Zz9x".repeat(10)
    );
    assert_eq!(plain(&shop, &text), "at [time], [shop]/data é 127.0.0.1:[hooks] [sha256] [token] 2026-10-31");
}
