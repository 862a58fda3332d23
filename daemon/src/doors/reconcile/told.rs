//! The comparison as people read it.

use super::{Reconciled, Side};
use crate::limits::doors as limits;
use crate::model::format_minor;

impl std::fmt::Display for Reconciled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}, {} to {}: the ledger beside {}", self.integration, self.from, self.to, self.source)?;
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["month", "what", "ledger", "sum", "source", "sum", "difference"]);
        for month in &self.months {
            let money = |minor: i64| format!("{} {}", format_minor(minor, month.currency), month.currency);
            let difference = month.ledger.minor.saturating_sub(month.source.minor);
            table.add_row([
                month.month.clone(),
                month.kind.as_str().to_owned(),
                month.ledger.count.to_string(),
                money(month.ledger.minor),
                month.source.count.to_string(),
                money(month.source.minor),
                if month.ledger == month.source { "-".to_owned() } else { money(difference) },
            ]);
        }
        writeln!(f, "\n{}\n", table.trim_fmt())?;
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        if !self.complete {
            writeln!(f, "The source was not read whole, so what differs may only be missing there.")?;
        }
        if self.differences_total == 0 {
            return writeln!(f, "no order differs");
        }
        writeln!(
            f,
            "{} that differ:",
            if self.differences_total == 1 {
                "1 order".to_owned()
            } else {
                format!("{} orders", self.differences_total)
            }
        )?;
        for difference in self.differences.iter().take(limits::DIFFERENCES_SHOWN) {
            let side = |side: Side| match side.count {
                0 => "nothing".to_owned(),
                count => {
                    format!("{count} x, {} {}", format_minor(side.minor, difference.currency), difference.currency)
                }
            };
            let (day, kind) = (&difference.day, difference.kind.as_str());
            writeln!(
                f,
                "  {day}  {}  {kind}: ledger {}, source {}",
                difference.order,
                side(difference.ledger),
                side(difference.source)
            )?;
        }
        let more = self.differences_total.saturating_sub(limits::DIFFERENCES_SHOWN as u64);
        if more > 0 {
            writeln!(f, "  and {more} more; --json has them")?;
        }
        Ok(())
    }
}
