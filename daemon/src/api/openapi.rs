//! The description of the API for programs: OpenAPI 3.1, made of the table of routes.

use axum::http::StatusCode;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::parameter::Parameter;
use super::problem::Problem;
use super::route::{Column, Content, Route};
use super::routes::routes;
use super::schema::{CurrencyCode, ZoneName};

const ABOUT: &str = "What customers of your shops are worth. Amounts are exact decimals in text. An unknown parameter is an \
    error: a typo must not widen an answer. Every figure carries its definition, its numerator and denominator, and what \
    was left out. Errors are problem details (RFC 9457).";

/// The whole description.
pub(super) fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut schemas = settings.into_generator();
    let mut paths = Map::new();
    for route in routes() {
        let operation = operation(&route, &mut schemas);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.to_owned(), operation);
        }
    }
    // Parameters name these.
    schemas.subschema_for::<CurrencyCode>();
    schemas.subschema_for::<ZoneName>();
    let schemas = schemas.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ltvd",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The `token` of [api] in the configuration, if there is one.",
                },
            },
        },
    })
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<Value> = route
        .place
        .iter()
        .map(|(name, about, schema)| {
            json!({ "name": name, "in": "path", "required": true, "description": about, "schema": schema })
        })
        .collect();
    parameters.extend(route.parameters.iter().map(|parameter| query(parameter)));
    let mut operation = json!({
        "operationId": id(route),
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses(route, schemas),
        // Without a token in the configuration, none is needed.
        "security": if route.open { json!([]) } else { json!([{}, { "token": [] }]) },
    });
    if let (Some(about), Some(members)) = (route.body, operation.as_object_mut()) {
        let body = json!({ "description": about, "required": false, "content": { "application/octet-stream": {} } });
        members.insert("requestBody".to_owned(), body);
    }
    operation
}

/// A name for programs: `get_v1_ltv`.
fn id(route: &Route) -> String {
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(route.method).chain(words).collect::<Vec<_>>().join("_")
}

fn query(parameter: &Parameter) -> Value {
    let Parameter { name, about, kind } = parameter;
    let schema = match kind.times_max() {
        None => kind.schema(),
        Some(max) => json!({ "type": "array", "items": kind.schema(), "minItems": 1, "maxItems": max }),
    };
    json!({ "name": name, "in": "query", "required": false, "description": about, "schema": schema })
}

fn responses(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    let content: Map<String, Value> = route.answers.iter().map(|answer| content(answer, schemas)).collect();
    let mut success = json!({ "description": route.summary, "content": content });
    if route.cached {
        let etag = json!({ "ETag": {
            "description": "Changes with the answer; send it as If-None-Match.",
            "schema": { "type": "string" },
        } });
        if let Some(success) = success.as_object_mut() {
            success.insert("headers".to_owned(), etag.clone());
        }
        let known = json!({ "description": "The answer is the one that the asker has", "headers": etag });
        responses.insert("304".to_owned(), known);
    }
    responses.insert("200".to_owned(), success);
    let mut problems = vec![StatusCode::BAD_REQUEST, StatusCode::INTERNAL_SERVER_ERROR];
    problems.extend(&route.problems);
    if !route.open {
        problems.extend([StatusCode::UNAUTHORIZED, StatusCode::MISDIRECTED_REQUEST]);
    }
    if route.method != "get" {
        problems.push(StatusCode::FORBIDDEN);
    }
    for status in problems {
        let problem = json!({
            "description": about(status),
            "content": { "application/problem+json": { "schema": schemas.subschema_for::<Problem>() } },
        });
        responses.insert(status.as_str().to_owned(), problem);
    }
    Value::Object(responses)
}

fn about(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => {
            "The question cannot be answered as it stands: a parameter is unknown or does not fit"
        }
        StatusCode::UNAUTHORIZED => "The token is missing or wrong",
        StatusCode::FORBIDDEN => "A page of another site may not change anything here",
        StatusCode::NOT_FOUND => "There is no such thing",
        StatusCode::MISDIRECTED_REQUEST => "The Host header does not name this server",
        StatusCode::UNPROCESSABLE_ENTITY => {
            "The question is understood, and there is no answer: rates are missing, nobody knows how far the data is \
             complete, sums are too large, or a configuration is wrong"
        }
        StatusCode::BAD_GATEWAY => "The platform refused, or did not answer",
        StatusCode::SERVICE_UNAVAILABLE => "The daemon cannot answer at the moment",
        _ => "The daemon is at fault; its log has the cause",
    }
}

/// The media type of an answer, and what OpenAPI says of it.
fn content(content: &Content, schemas: &mut SchemaGenerator) -> (String, Value) {
    let (media_type, told) = match content {
        Content::Json(schema) => ("application/json", json!({ "schema": schema(schemas) })),
        // OpenAPI 3.1 has no word for the lines of a stream.
        Content::Lines(schema) => (
            "application/x-ndjson",
            json!({
                "schema": { "type": "string", "description": "One JSON value a line." },
                "x-line-schema": schema(schemas),
            }),
        ),
        Content::Csv(columns) => ("text/csv", json!({ "schema": { "type": "string", "description": csv(columns) } })),
        Content::Bytes(about) => ("application/octet-stream", json!({ "schema": { "description": about } })),
        Content::Text(about) => ("text/plain", json!({ "schema": { "type": "string", "description": about } })),
    };
    (media_type.to_owned(), told)
}

fn csv(columns: &[Column]) -> String {
    let columns: String = columns.iter().map(|(heading, about)| format!("\n- `{heading}`: {about}")).collect();
    format!("RFC 4180, with the same numbers as JSON; `null` there is empty here. The columns are{columns}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every `$ref` in it.
    fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn names_of_operations_and_of_schemas_are_their_own() {
        let all = routes();
        let ids: BTreeSet<String> = all.iter().map(id).collect();
        assert_eq!(ids.len(), all.len());
        // Two types of one name would be told apart by a number.
        let document = document();
        let schemas = document.pointer("/components/schemas").unwrap().as_object().unwrap();
        for name in schemas.keys() {
            assert!(!name.ends_with(|last: char| last.is_ascii_digit()), "{name}");
        }
    }

    #[test]
    fn what_differs_in_a_path_is_described() {
        for route in routes() {
            let named = route.path.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(name, _)| name);
            assert_eq!(named, route.place.as_ref().map(|(name, ..)| *name), "{}", route.path);
        }
    }

    #[test]
    fn every_parameter_and_answer_is_explained() {
        for route in routes() {
            assert!(!route.answers.is_empty(), "{}", route.path);
            for Parameter { name, about, .. } in route.parameters {
                assert!(
                    !about.is_empty() && !about.ends_with('.') && !about.contains("  "),
                    "{} {name}: {about}",
                    route.path
                );
            }
        }
    }

    #[test]
    fn figures_are_decimals_in_text() {
        let document = document();
        let figure = document.pointer("/components/schemas/LtvCell/properties/ltv/anyOf/0/$ref");
        assert_eq!(figure, Some(&json!("#/components/schemas/Figure")));
    }
}
