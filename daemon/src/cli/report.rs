//! `ltvd ltv`, `revenue`, `customer`: the questions of the API as options. The options are made of the API's own table of
//! parameters, so a report that the API has needs no more than a line in the list of commands.

use std::marker::PhantomData;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};

use super::call::Call;
use super::client::Client;
use super::failure::Failure;
use crate::api::customers::CustomerParameters;
use crate::api::parameter::{Asked, Parameter};

/// Answers are written so, unless an option says otherwise. Programs that ask the API get JSON.
const FORMAT: (&str, &str) = ("format", "table");

/// The parameters of a route as options.
#[derive(Debug)]
pub(super) struct Question<P> {
    /// As they were given, by the names of the API.
    given: Vec<(&'static str, Vec<String>)>,
    parameters: PhantomData<P>,
}

impl<P: Asked> clap::Args for Question<P> {
    fn augment_args(command: Command) -> Command {
        P::table().fold(command, |command, parameter| command.arg(option(parameter)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<P: Asked> FromArgMatches for Question<P> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let values = |name| matches.get_many(name).into_iter().flatten().cloned().collect();
        let given = P::table().map(|parameter| (parameter.name, values(parameter.name))).collect();
        Ok(Self { given, parameters: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<P> Question<P> {
    fn add_to(&self, call: Call) -> Call {
        self.given.iter().fold(call, |call, (name, values)| call.with_each(name, values))
    }
}

/// `as_of` is `--as-of` here.
fn option(parameter: &'static Parameter) -> Arg {
    let Parameter { name, about, kind } = parameter;
    let mut help = about.replace('`', "");
    let action = if kind.times_max().is_some() { ArgAction::Append } else { ArgAction::Set };
    let mut option = Arg::new(*name).long(name.replace('_', "-")).value_name(kind.placeholder()).action(action);
    if !kind.words().is_empty() {
        option = option.value_parser(PossibleValuesParser::new(kind.words()));
    }
    if *name == FORMAT.0 {
        option = option.default_value(FORMAT.1);
    } else if let Some(default) = kind.default() {
        help.push_str(&format!(" [default: {default}]"));
    }
    option.help(help)
}

/// Arguments of `ltvd customer`.
#[derive(Debug, clap::Args)]
pub(super) struct CustomerArgs {
    /// E-mail address of the customer
    email: String,
    #[command(flatten)]
    question: Question<CustomerParameters>,
}

/// Prints the answer of `/v1/…`.
pub(super) async fn report<P>(client: Client, name: &str, question: Question<P>) -> Result<(), Failure> {
    client.print(question.add_to(Call::get(&["v1", name]))).await
}

pub(super) async fn customer(client: Client, args: CustomerArgs) -> Result<(), Failure> {
    client.print(args.question.add_to(Call::get(&["v1", "customers", &args.email]))).await
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use super::*;
    use crate::api::reports::LtvParameters;

    fn asked(options: &[&str]) -> Result<String, clap::error::ErrorKind> {
        let command = Question::<LtvParameters>::augment_args(Command::new("ltv"));
        let matches = command.try_get_matches_from(["ltv"].iter().chain(options)).map_err(|error| error.kind())?;
        let question = Question::<LtvParameters>::from_arg_matches(&matches).unwrap();
        Ok(question.add_to(Call::get(&["v1", "ltv"])).path)
    }

    #[test]
    fn options_become_parameters() {
        assert_eq!(asked(&[]).unwrap(), "/v1/ltv?format=table");
        let options = ["--integration", "a b", "--as-of=2026-01-01", "--integration", "c", "--horizons", "30,to_date"];
        assert_eq!(
            asked(&options).unwrap(),
            "/v1/ltv?horizons=30%2Cto_date&as_of=2026-01-01&format=table&integration=a%20b&integration=c"
        );
    }

    #[test]
    fn what_the_api_would_refuse_is_wrong_usage() {
        use clap::error::ErrorKind;
        assert_eq!(asked(&["--group", "year"]), Err(ErrorKind::InvalidValue));
        assert_eq!(asked(&["--grup", "week"]), Err(ErrorKind::UnknownArgument));
        assert_eq!(asked(&["--as-of", "2026-01-01", "--as-of", "2026-01-02"]), Err(ErrorKind::ArgumentConflict));
    }
}
