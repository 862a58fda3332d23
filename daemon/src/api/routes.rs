//! All routes. The router and the description of the API are made of this table, so neither can have what the other lacks.

use axum::http::StatusCode;

use super::reports::{
    CohortsParameters, LtvParameters, PaybackParameters, RevenueParameters, SurvivalParameters, report,
};
use super::route::Route;
use super::{
    backup, behind, customers, deliveries, entries, forget, imports, lines, metrics, platform, raw, reading, server,
    state, syncs,
};
use crate::report::{
    COHORTS_COLUMNS, CohortsAnswer, LTV_COLUMNS, LtvAnswer, PAYBACK_COLUMNS, PaybackAnswer, REVENUE_COLUMNS,
    RevenueAnswer, SURVIVAL_COLUMNS, SurvivalAnswer,
};

/// What a question about figures may meet: rates are missing, nobody knows how far the data goes, sums are too large.
const NO_FIGURE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// Every route, in the sequence in which they are told.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/", "The version, and what can be asked", server::index).json::<server::Index>(),
        Route::get("/openapi.json", "This description", server::openapi).json::<server::OpenApi>().cached(),
        Route::get("/healthz", "Whether the process lives", server::healthz).text("`ok`").open(),
        Route::get("/readyz", "Whether the ledger can be read", server::readyz)
            .text("`ready`")
            .open()
            .problem(StatusCode::SERVICE_UNAVAILABLE),
        Route::get("/v1/ltv", "Lifetime value by cohort and horizon", report::<LtvParameters>)
            .json::<LtvAnswer>()
            .csv(&LTV_COLUMNS)
            .text("A table for people")
            .cached()
            .problem(NO_FIGURE),
        Route::get("/v1/revenue", "Orders, rebills, refunds and net revenue by period", report::<RevenueParameters>)
            .json::<RevenueAnswer>()
            .csv(&REVENUE_COLUMNS)
            .text("A table for people")
            .cached()
            .problem(NO_FIGURE),
        Route::get("/v1/ltv/customers", "Customers behind a cell of lifetime value", behind::customers)
            .json::<behind::CellCustomers>()
            .cached()
            .problem(StatusCode::CONFLICT)
            .problem(NO_FIGURE),
        Route::get("/v1/ltv/orders", "Entries behind a cell of lifetime value", behind::orders)
            .json::<behind::Entries>()
            .cached()
            .problem(StatusCode::CONFLICT)
            .problem(NO_FIGURE),
        Route::get("/v1/cohorts", "Orders, refunds, repetition and retention by cohort", report::<CohortsParameters>)
            .json::<CohortsAnswer>()
            .csv(&COHORTS_COLUMNS)
            .text("A table for people")
            .cached()
            .problem(NO_FIGURE),
        Route::get("/v1/survival", "Survival of rebills by billing cycle", report::<SurvivalParameters>)
            .json::<SurvivalAnswer>()
            .csv(&SURVIVAL_COLUMNS)
            .text("A table for people")
            .cached()
            .problem(NO_FIGURE),
        Route::get("/v1/payback", "The day from which cohorts have earned what they cost", report::<PaybackParameters>)
            .json::<PaybackAnswer>()
            .csv(&PAYBACK_COLUMNS)
            .text("A table for people")
            .cached()
            .problem(NO_FIGURE),
        Route::get("/v1/revenue/orders", "Entries behind a row of revenue", behind::revenue)
            .json::<behind::Entries>()
            .cached()
            .problem(StatusCode::CONFLICT)
            .problem(NO_FIGURE),
        Route::get("/v1/customers/{customer}", "Figures and entries of one customer", customers::customer)
            .json::<customers::CustomerLife>()
            .text("A table for people")
            .cached()
            .problem(StatusCode::NOT_FOUND)
            .problem(NO_FIGURE),
        Route::post(
            "/v1/customers/{customer}/forget",
            "Deletes a person: identity leaves the ledger and the archive, money stays",
            forget::forget,
        )
        .json::<forget::ForgottenAnswer>()
        .problem(StatusCode::NOT_FOUND)
        .problem(StatusCode::CONFLICT)
        .problem(StatusCode::SERVICE_UNAVAILABLE),
        Route::get("/v1/entries", "Every entry, oldest row of the book first", entries::entries)
            .lines::<entries::EntriesLine>(),
        Route::get("/v1/integrations", "The integrations, and how far each is complete", server::integrations)
            .json::<server::Integrations>()
            .cached(),
        Route::get("/v1/status", "The daemon, its drop folder, and what waits", server::status)
            .json::<server::Status>(),
        Route::get("/metrics", "How the running daemon is, for Prometheus", metrics::metrics)
            .text("The text format of Prometheus, 0.0.4"),
        Route::post("/v1/reload", "Reads configuration and connectors again, all or nothing", state::reload)
            .json::<state::Configuration>()
            .problem(StatusCode::UNPROCESSABLE_ENTITY)
            .problem(StatusCode::SERVICE_UNAVAILABLE),
        Route::get("/v1/imports", "Files that were imported, the latest first", imports::imports)
            .json::<imports::Imports>(),
        Route::post("/v1/imports", "Imports a file", imports::import)
            .body("The file as it was exported: CSV in any of the encodings that are known")
            .lines::<lines::Line<imports::Imported>>()
            .problem(StatusCode::SERVICE_UNAVAILABLE),
        Route::get("/v1/deliveries/{number}", "One delivery as it was kept", deliveries::delivery)
            .json::<deliveries::DeliveryAnswer>()
            .problem(StatusCode::NOT_FOUND),
        Route::get("/v1/deliveries/{number}/body", "What a delivery carried, as it was kept", raw::body)
            .bytes("The bytes of the webhook's body, of the file, or of one answer of a platform")
            .problem(StatusCode::NOT_FOUND),
        Route::get(
            "/v1/deliveries/{number}/exchanges",
            "What a platform was asked while a delivery was read, and what it answered",
            raw::exchanges,
        )
        .json::<raw::Exchanges>()
        .problem(StatusCode::NOT_FOUND),
        Route::get("/v1/quarantine", "What could not be read, and why", deliveries::quarantine)
            .json::<deliveries::Quarantine>(),
        Route::post("/v1/quarantine/retry", "Reads what is in quarantine again: one delivery, or all", reading::retry)
            .json::<reading::ReadAgain>()
            .problem(StatusCode::NOT_FOUND)
            .problem(StatusCode::INSUFFICIENT_STORAGE),
        Route::post("/v1/replay", "Reads everything again that was kept", reading::replay)
            .json::<reading::ReadAgain>()
            .problem(StatusCode::INSUFFICIENT_STORAGE),
        Route::post("/v1/backup", "Copies everything that is kept into a new folder", backup::backup)
            .lines::<lines::Line<backup::BackedUp>>(),
        Route::get("/v1/syncs", "The asking of platforms: state, what is under way, the last passes", syncs::syncs)
            .json::<syncs::Syncs>(),
        Route::post("/v1/integrations/{name}/sync", "Asks the platform now", platform::sync)
            .lines::<lines::Line<platform::Synced>>()
            .problem(StatusCode::NOT_FOUND),
        Route::post(
            "/v1/integrations/{name}/subscribe",
            "Has the platform deliver its webhooks here",
            platform::subscribe,
        )
        .json::<platform::Subscribed>()
        .problem(StatusCode::NOT_FOUND)
        .problem(StatusCode::BAD_GATEWAY),
        Route::post(
            "/v1/integrations/{name}/unsubscribe",
            "Ends the platform's webhooks to here",
            platform::unsubscribe,
        )
        .json::<platform::Unsubscribed>()
        .problem(StatusCode::NOT_FOUND)
        .problem(StatusCode::BAD_GATEWAY),
        Route::post(
            "/v1/integrations/{name}/reconcile",
            "Holds the ledger against the platform, or a file",
            platform::reconcile,
        )
        .body("With `name`: the file to compare with")
        .lines::<lines::Line<platform::Compared>>()
        .problem(StatusCode::NOT_FOUND),
    ]
}
