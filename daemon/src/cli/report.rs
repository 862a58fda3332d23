//! `ltvd ltv`, `revenue`, `customer`: the questions of the API as options.

use super::call::Call;
use super::client::Client;
use super::failure::Failure;

/// Options that several questions have.
#[derive(Debug, clap::Args)]
struct Common {
    /// Zone in which days are cut [default: report.timezone]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Currency of the figures [default: report.currency]
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
}

/// Options of questions about all customers.
#[derive(Debug, clap::Args)]
struct Scope {
    /// What goes into a value: net is without tax and shipping, total is all money that moved [default: net]
    #[arg(long, value_parser = ["net", "total", "net_with_shipping"], hide_possible_values = false)]
    basis: Option<String>,
    /// Only this integration; may be given several times
    #[arg(long, value_name = "NAME")]
    integration: Vec<String>,
    /// What is known up to here, the day itself excluded [default: up to where everything is complete]
    #[arg(long, value_name = "YYYY-MM-DD")]
    as_of: Option<String>,
    #[command(flatten)]
    common: Common,
    /// How the answer is written
    #[arg(long, value_parser = ["table", "json", "csv"], default_value = "table")]
    format: String,
}

/// Arguments of `ltvd ltv`.
#[derive(Debug, clap::Args)]
pub(super) struct LtvArgs {
    /// Cohorts by the period of the first order [default: month]
    #[arg(long, value_parser = ["month", "week", "none"])]
    group: Option<String>,
    /// Ages in days; first_order and to_date also go [default: as the API says]
    #[arg(long, value_name = "DAYS", value_delimiter = ',')]
    horizons: Vec<String>,
    /// Whether refunds count on their own day or on that of their order [default: event]
    #[arg(long, value_parser = ["event", "order"])]
    refunds: Option<String>,
    /// Who must be old enough for a value: each customer, or the whole cohort [default: customer]
    #[arg(long, value_parser = ["customer", "cohort"])]
    maturity: Option<String>,
    #[command(flatten)]
    scope: Scope,
}

/// Arguments of `ltvd revenue`.
#[derive(Debug, clap::Args)]
pub(super) struct RevenueArgs {
    /// One row for each of these [default: month]
    #[arg(long, value_parser = ["day", "week", "month"])]
    by: Option<String>,
    /// First day
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<String>,
    /// First day that does not count any more
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<String>,
    #[command(flatten)]
    scope: Scope,
}

/// Arguments of `ltvd customer`.
#[derive(Debug, clap::Args)]
pub(super) struct CustomerArgs {
    /// E-mail address of the customer
    email: String,
    #[command(flatten)]
    common: Common,
    /// How the answer is written
    #[arg(long, value_parser = ["table", "json"], default_value = "table")]
    format: String,
}

impl Common {
    fn add_to(&self, call: Call) -> Call {
        call.with("timezone", self.timezone.as_ref()).with("currency", self.currency.as_ref())
    }
}

impl Scope {
    fn add_to(&self, call: Call) -> Call {
        let call = call.with("basis", self.basis.as_ref()).with_each("integration", &self.integration);
        self.common.add_to(call.with("as_of", self.as_of.as_ref())).with("format", Some(&self.format))
    }
}

pub(super) async fn ltv(client: Client, args: LtvArgs) -> Result<(), Failure> {
    let horizons = (!args.horizons.is_empty()).then(|| args.horizons.join(","));
    let call = Call::get(&["v1", "ltv"])
        .with("group", args.group)
        .with("horizons", horizons)
        .with("refunds", args.refunds)
        .with("maturity", args.maturity);
    client.print(args.scope.add_to(call)).await
}

pub(super) async fn revenue(client: Client, args: RevenueArgs) -> Result<(), Failure> {
    let call = Call::get(&["v1", "revenue"]).with("by", args.by).with("from", args.from).with("to", args.to);
    client.print(args.scope.add_to(call)).await
}

pub(super) async fn customer(client: Client, args: CustomerArgs) -> Result<(), Failure> {
    let call = args.common.add_to(Call::get(&["v1", "customers", &args.email]));
    client.print(call.with("format", Some(args.format))).await
}
