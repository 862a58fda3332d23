//! Settings given on the command line, read by their kinds.

use std::collections::BTreeMap;

use super::super::failure::Failure;
use crate::model::manifest::{Manifest, SettingDescription, SettingKind, SettingValue};
use crate::model::{Currency, Zone};

/// What a connector is told of its settings, and the secrets that are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub(super) values: BTreeMap<String, SettingValue>,
    /// By name. Only for what is checked here: a connector is never told.
    pub(super) secrets: BTreeMap<String, String>,
}

/// `NAME=VALUE`
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

/// Reads them against the manifest, and fills in what is not given.
pub(super) fn read(manifest: &Manifest, given: &[(String, String)]) -> Result<Given, Failure> {
    let mut read = Given::default();
    let known = |name: &str| manifest.settings.iter().any(|setting| setting.name == name);
    if let Some((name, _)) = given.iter().find(|(name, _)| !known(name)) {
        let names: Vec<_> = manifest.settings.iter().map(|setting| setting.name.as_str()).collect();
        let names = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
        return Err(Failure::Usage(format!("connector `{}` has no setting `{name}`; {names}", manifest.id)));
    }
    for setting in &manifest.settings {
        let of_this = given.iter().filter(|(name, _)| *name == setting.name);
        let texts: Vec<&str> = of_this.map(|(_, value)| value.as_str()).collect();
        if matches!(setting.kind, SettingKind::Secret | SettingKind::GeneratedSecret) {
            read.secrets.extend(texts.last().map(|word| (setting.name.clone(), (*word).to_owned())));
            continue;
        }
        let texts = if texts.is_empty() { setting.default.as_deref().into_iter().collect() } else { texts };
        if texts.is_empty() {
            if setting.required {
                let hint = [&setting.label, &setting.help].map(|text| text.trim()).join(": ");
                return Err(Failure::Usage(format!(
                    "the connector needs the setting `{}`, which is not given. {}",
                    setting.name,
                    hint.trim_matches([':', ' '])
                )));
            }
            continue;
        }
        let value = value(setting, &texts)
            .map_err(|what| Failure::Usage(format!("the setting `{}` is wrong: {what}", setting.name)))?;
        read.values.insert(setting.name.clone(), value);
    }
    Ok(read)
}

fn value(setting: &SettingDescription, texts: &[&str]) -> Result<SettingValue, String> {
    if setting.kind == SettingKind::TextList {
        // As in the configuration, where a list is written in brackets, or with commas, or once for each text.
        let parts = texts.iter().flat_map(|text| text.trim_matches(['[', ']']).split(','));
        let parts = parts.map(|part| part.trim().trim_matches('"')).filter(|part| !part.is_empty());
        return Ok(SettingValue::Texts(parts.map(str::to_owned).collect()));
    }
    let [text] = texts else { return Err("it is given more than once".to_owned()) };
    Ok(match &setting.kind {
        SettingKind::Integer => {
            SettingValue::Integer(text.parse().map_err(|_| format!("`{text}` is no whole number"))?)
        }
        SettingKind::Boolean => {
            SettingValue::Boolean(text.parse().map_err(|_| format!("`{text}` is neither true nor false"))?)
        }
        SettingKind::Currency => {
            SettingValue::Text(text.parse::<Currency>().map_err(|error| error.to_string())?.as_str().to_owned())
        }
        SettingKind::Zone => SettingValue::Text(zone(text)?.name().to_owned()),
        SettingKind::Choice(choices) if !choices.iter().any(|choice| choice.value == **text) => {
            let values: Vec<_> = choices.iter().map(|choice| choice.value.as_str()).collect();
            return Err(format!("`{text}` is none of {}", values.join(", ")));
        }
        _ => SettingValue::Text((*text).to_owned()),
    })
}

/// A zone of the IANA database.
pub(super) fn zone(text: &str) -> Result<Zone, String> {
    text.parse().map_err(|_| format!("`{text}` is no time zone; write it like Europe/Berlin or UTC"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::manifest::Choice;

    fn manifest(settings: Vec<(&str, SettingKind, bool, Option<&str>)>) -> Manifest {
        let described = settings.into_iter().map(|(name, kind, required, default)| SettingDescription {
            name: name.into(),
            label: "A setting".into(),
            help: String::new(),
            kind,
            required,
            default: default.map(str::to_owned),
        });
        Manifest {
            id: "test".into(),
            name: "Test".into(),
            version: "1.0.0".into(),
            settings: described.collect(),
            hosts: Vec::new(),
            polling: None,
            webhook: None,
            csv_formats: Vec::new(),
        }
    }

    fn given(manifest: &Manifest, texts: &[&str]) -> Result<Given, Failure> {
        let pairs: Vec<_> = texts.iter().map(|text| pair(text).unwrap()).collect();
        read(manifest, &pairs)
    }

    #[test]
    fn values_have_the_kind_of_their_setting() {
        let choice = SettingKind::Choice(vec![Choice { value: "a".into(), label: "A".into() }]);
        let manifest = manifest(vec![
            ("word", SettingKind::Secret, true, None),
            ("currency", SettingKind::Currency, true, None),
            ("days", SettingKind::Integer, false, Some("7")),
            ("mode", choice, false, None),
            ("ids", SettingKind::TextList, false, None),
        ]);
        let read = given(&manifest, &["currency=eur", "word=a=b", "ids=1, 2", "ids=3"]).unwrap();
        assert_eq!(read.secrets.get("word").map(String::as_str), Some("a=b"));
        assert!(!read.values.contains_key("word") && !read.values.contains_key("mode"));
        assert_eq!(read.values.get("currency"), Some(&SettingValue::Text("EUR".into())));
        assert_eq!(read.values.get("days"), Some(&SettingValue::Integer(7)));
        let texts = ["1", "2", "3"].map(str::to_owned).to_vec();
        assert_eq!(read.values.get("ids"), Some(&SettingValue::Texts(texts)));
        for wrong in [&["currency=EURO"][..], &["currency=EUR", "days=x"], &["currency=EUR", "mode=b"], &["days=1"]] {
            assert!(matches!(given(&manifest, wrong), Err(Failure::Usage(_))), "{wrong:?}");
        }
        assert!(matches!(given(&manifest, &["curency=EUR"]), Err(Failure::Usage(text)) if text.contains("currency")));
    }
}
