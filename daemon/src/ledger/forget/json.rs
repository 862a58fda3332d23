//! Strikes one person out of a JSON text, and leaves every other byte of it as it was.
//!
//! Numbers are not read and written again, so that an amount stays what the platform said.

use std::ops::Range;

use crate::book::normalise_email;

use super::person::Person;

/// A value and where it stands.
#[derive(Debug)]
struct Node {
    span: Range<usize>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
    Text,
    /// A number, `true`, `false` or `null`.
    Plain,
}

/// The text without the person: in each record of hers, what names people becomes asterisks and her address the pseudonym; wherever
/// else her address stands it is struck out. `None` if this is no JSON.
pub(super) fn strike(person: &Person, email: &str, pseudonym: &str, text: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).ok()?;
    let root = Reader { text, at: 0 }.value()?;
    let mut strike = Strike { person, email, pseudonym, text, edits: Vec::new() };
    strike.look_through(&root);
    let mut clean = Vec::with_capacity(text.len());
    let mut from = 0;
    for (span, new) in strike.edits {
        clean.extend_from_slice(text.get(from..span.start)?);
        clean.extend_from_slice(&new);
        from = span.end;
    }
    clean.extend_from_slice(text.get(from..)?);
    Some(person.strike(&clean).unwrap_or(clean))
}

struct Strike<'a> {
    person: &'a Person,
    email: &'a str,
    pseudonym: &'a str,
    text: &'a [u8],
    /// In their order, and apart from each other.
    edits: Vec<(Range<usize>, Vec<u8>)>,
}

/// A pair of a name and a value is part of the record around it, not one itself.
fn is_pair(members: &[(String, Node)]) -> bool {
    members.iter().any(|(key, _)| key == "value")
}

impl Strike<'_> {
    fn bytes(&self, node: &Node) -> &[u8] {
        self.text.get(node.span.clone()).unwrap_or_default()
    }

    /// Looks for the smallest records that have the person in them.
    fn look_through(&mut self, node: &Node) {
        if !self.person.is_in(self.bytes(node)) {
            return;
        }
        if self.is_in_itself(node) {
            return self.strike_record(node, false);
        }
        match &node.kind {
            Kind::Object(members) => members.iter().for_each(|(_, member)| self.look_through(member)),
            Kind::Array(elements) => elements.iter().for_each(|element| self.look_through(element)),
            Kind::Text | Kind::Plain => {}
        }
    }

    /// True if the person occurs in this outside of any record within.
    fn is_in_itself(&self, node: &Node) -> bool {
        match &node.kind {
            Kind::Text | Kind::Plain => self.person.is_in(self.bytes(node)),
            Kind::Object(members) => members.iter().any(|(_, member)| self.is_in_itself(member)),
            Kind::Array(elements) => elements.iter().any(|element| match &element.kind {
                Kind::Object(members) if !is_pair(members) => false,
                _ => self.is_in_itself(element),
            }),
        }
    }

    /// Strikes out whatever names people in a record. `named` within a part that is about a person as a whole.
    fn strike_record(&mut self, node: &Node, named: bool) {
        match &node.kind {
            Kind::Object(members) => {
                for (key, member) in members {
                    let key: String =
                        key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
                    if is_of_goods(&key) {
                        continue;
                    }
                    match &member.kind {
                        Kind::Text | Kind::Plain if names_people(&key, named) => self.strike_value(member),
                        _ => self.strike_record(member, named || is_of_person(&key)),
                    }
                }
            }
            Kind::Array(elements) => elements.iter().for_each(|element| self.strike_record(element, named)),
            Kind::Text | Kind::Plain => {}
        }
    }

    fn strike_value(&mut self, node: &Node) {
        let new = match &node.kind {
            Kind::Text => {
                let said: String = serde_json::from_slice(self.bytes(node)).unwrap_or_default();
                if said.is_empty() {
                    return;
                }
                // Read again, this gives the entry that the ledger has.
                let hers = normalise_email(&said).is_some_and(|said| said == self.email);
                format!("\"{}\"", if hers { self.pseudonym } else { "***" }).into_bytes()
            }
            _ if self.bytes(node).first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-') => b"0".to_vec(),
            _ => return,
        };
        self.edits.push((node.span.clone(), new));
    }
}

/// Goods have names too, and those stay.
fn is_of_goods(key: &str) -> bool {
    ["lineitem", "item", "product", "line", "coupon", "tax", "shippingline", "feeline", "offer", "upsell", "refund"]
        .iter()
        .any(|word| key == *word || key.strip_suffix('s') == Some(word))
}

/// What lies below is about a person.
fn is_of_person(key: &str) -> bool {
    ["customer", "billing", "shipping", "buyer", "contact", "client", "person", "user", "affiliate", "card"]
        .iter()
        .any(|word| key.contains(word))
}

fn names_people(key: &str, named: bool) -> bool {
    let everywhere = [
        "email",
        "firstname",
        "lastname",
        "fullname",
        "surname",
        "nickname",
        "company",
        "address",
        "street",
        "postcode",
        "postalcode",
        "zip",
        "city",
        "phone",
        "mobile",
        "useragent",
        "birth",
        "vatnumber",
        "vatid",
        "taxid",
        "customername",
        "billingname",
        "shippingname",
        "username",
        "cardholder",
        "customernote",
        "ipaddr",
    ];
    let exactly = ["ip", "note", "notes", "mail", "tel", "fax", "vat", "buyer", "salutation"];
    let within = ["name", "first", "last", "middle", "line1", "line2", "display", "slug", "title"];
    everywhere.iter().any(|word| key.contains(word)) || exactly.contains(&key) || (named && within.contains(&key))
}

/// Reads valid JSON into nodes.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn value(&mut self) -> Option<Node> {
        let byte = self.peek()?;
        let start = self.at;
        let kind = match byte {
            b'{' => self
                .list(b'}', |reader| {
                    reader.peek()?;
                    let from = reader.at;
                    reader.skip_text();
                    let key = serde_json::from_slice(reader.text.get(from..reader.at)?).ok()?;
                    reader.peek()?;
                    reader.at += 1;
                    Some((key, reader.value()?))
                })
                .map(Kind::Object)?,
            b'[' => self.list(b']', Self::value).map(Kind::Array)?,
            b'"' => {
                self.skip_text();
                Kind::Text
            }
            _ => {
                let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'}');
                while self.text.get(self.at).is_some_and(|byte| !ends(byte)) {
                    self.at += 1;
                }
                Kind::Plain
            }
        };
        Some(Node { span: start..self.at, kind })
    }

    /// Everything up to the closing bracket. Each turn takes a byte at least.
    fn list<T>(&mut self, close: u8, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.at += 1;
        let mut all = Vec::new();
        loop {
            match self.peek()? {
                byte if byte == close => {
                    self.at += 1;
                    return Some(all);
                }
                b',' => self.at += 1,
                _ => all.push(one(self)?),
            }
        }
    }

    fn skip_text(&mut self) {
        self.at += 1;
        while let Some(byte) = self.text.get(self.at) {
            self.at += match byte {
                b'"' => {
                    self.at += 1;
                    return;
                }
                b'\\' => 2,
                _ => 1,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn struck(text: &str) -> Option<String> {
        let person = Person::new(&["ada@x.io".to_owned()].into());
        strike(&person, "ada@x.io", "forgotten-1@invalid", text.as_bytes())
            .map(|clean| String::from_utf8(clean).unwrap())
    }

    fn order(id: u32, email: &str, name: &str) -> Value {
        json!({
            "id": id, "total": "12.50", "customer_id": 7, "date_paid": "2025-01-01",
            "billing": { "first_name": name, "email": email, "phone": "", "country": "DE" },
            "line_items": [{ "id": 1, "name": "Tea", "sku": "t", "quantity": 2, "total": "1", "product_id": 5 }],
            "meta_data": [{ "id": 1, "key": "_gift_to", "value": email }],
        })
    }

    #[test]
    fn her_record_loses_its_names_and_others_keep_theirs() {
        let page = json!([order(1, "bob@x.io", "Bob"), order(2, "Ada@X.io", "Ada")]).to_string();
        let clean: Value = serde_json::from_str(&struck(&page).unwrap()).unwrap();
        assert_eq!(clean[0], order(1, "bob@x.io", "Bob"));
        let hers = &clean[1];
        assert_eq!(
            hers["billing"],
            json!({ "first_name": "***", "email": "forgotten-1@invalid", "phone": "", "country": "DE" })
        );
        assert_eq!(hers["meta_data"][0]["value"], "********");
        for member in ["id", "total", "customer_id", "line_items"] {
            assert_eq!(hers[member], order(2, "", "")[member], "{member}");
        }
    }

    #[test]
    fn amounts_are_not_written_anew() {
        let text =
            r#"{ "total": 12.10,  "big": 123456789012345678901234567890, "email": "ada\u0040x.io", "phone": 4915 }"#;
        let expected =
            r#"{ "total": 12.10,  "big": 123456789012345678901234567890, "email": "forgotten-1@invalid", "phone": 0 }"#;
        assert_eq!(struck(text).as_deref(), Some(expected));
    }

    #[test]
    fn what_is_no_json_is_left_to_the_caller() {
        assert_eq!(struck("email=ada@x.io"), None);
        assert_eq!(struck("[1, {]"), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            Just("ada@x.io".to_owned()),
            Just("Dear ADA@x.io,".to_owned()),
            "[a-z\"\\\\\u{e9}{},:\\[]{0,6}"
        ];
        let leaf = prop_oneof![Just(Value::Null), any::<i32>().prop_map(Value::from), text.prop_map(Value::from)];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("(email|id|items|na\"me|billing)", inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_shape_stays_and_she_is_gone(value in any_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
            let clean = struck(&text).unwrap();
            prop_assert!(!clean.to_lowercase().contains("ada@x.io"), "{clean}");
            if text.to_lowercase().contains("ada@x.io") {
                fn shape(value: &Value) -> Value {
                    match value {
                        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
                        Value::Array(all) => all.iter().map(shape).collect(),
                        Value::String(_) => "".into(),
                        Value::Number(_) => 0.into(),
                        other => other.clone(),
                    }
                }
                prop_assert_eq!(shape(&serde_json::from_str(&clean).unwrap()), shape(&value));
            } else {
                prop_assert_eq!(clean, text);
            }
        }
    }
}
