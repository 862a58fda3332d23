//! Every limit of the daemon, with its unit, in one place. None has a default elsewhere.

/// Limits of one call into a connector and of what it may answer.
pub mod connector {
    use std::time::Duration;

    /// Time for `describe` and `validate`.
    pub const DESCRIBE: Duration = Duration::from_secs(2);
    /// Time for `prove`, which runs before anything is known about the sender.
    pub const PROVE: Duration = Duration::from_secs(1);
    /// Time for one step of a conversation.
    pub const STEP: Duration = Duration::from_secs(10);
    /// Time for one batch of rows.
    pub const READ_BATCH: Duration = Duration::from_secs(30);
    /// Linear memory of one instance, bytes.
    pub const MEMORY_BYTES: usize = 256 << 20;
    /// Size of a connector file, bytes.
    pub const FILE_BYTES: u64 = 64 << 20;
    /// Changes in one step; a batch of rows may make this many for every 4,096 rows.
    pub const CHANGES: usize = 8_192;
    /// Rejects in one answer.
    pub const REJECTS: usize = 8_192;
    /// Requests in one step.
    pub const REQUESTS: usize = 128;
    /// Orders looked up in one step.
    pub const ORDERS: usize = 1_024;
    /// Steps of one webhook delivery that only looks up orders.
    pub const LOOKUP_STEPS: usize = 8;
    /// Steps in a row of one poll that only look up orders: the SDK hands over many changes, and asks for many orders, that
    /// way.
    pub const POLL_LOOKUP_STEPS: usize = 4_096;
    /// State between steps, bytes.
    pub const STATE_BYTES: usize = 1 << 20;
    /// Memory kept for an integration, bytes.
    pub const KEPT_MEMORY_BYTES: usize = 64 << 10;
    /// Tag of a request, bytes.
    pub const REQUEST_TAG_BYTES: usize = 64 << 10;
    /// An id of an entry or order, bytes.
    pub const ID_BYTES: usize = 200;
    /// Weaker names of one entry.
    pub const NAMES: usize = 8;
    /// Lines of one entry.
    pub const LINES: usize = 1_000;
    /// Tags of one entry.
    pub const TAGS: usize = 64;
    /// Name of a tag, bytes.
    pub const TAG_NAME_BYTES: usize = 64;
    /// Value of a tag, and any other text of an entry, bytes.
    pub const TEXT_BYTES: usize = 1_024;
    /// A message for people (a reason, a note, a failure), bytes; longer ones are cut.
    pub const MESSAGE_BYTES: usize = 2_048;
    /// Lines a connector may log in one call; the rest is counted.
    pub const LOG_LINES: usize = 100;
    /// Logged lines kept until somebody takes them.
    pub const CAPTURED_LINES: usize = 1_000;
    /// Pause between two ticks of the clock that deadlines are counted in.
    pub const TICK: Duration = Duration::from_millis(10);
    /// What a manifest may occupy in the daemon, bytes.
    pub const MANIFEST_BYTES: usize = 4 << 20;
    /// What one answer may occupy in the daemon, bytes; a batch of rows may occupy this for every 4,096 rows.
    pub const ANSWER_BYTES: usize = 64 << 20;
    /// What the answer for one batch of rows may occupy however long the batch is, bytes.
    pub const BATCH_ANSWER_BYTES: usize = 256 << 20;
    /// Elements of all tables of one instance.
    pub const TABLE_ELEMENTS: usize = 1 << 20;
    /// Core instances, tables and memories of one instance, each.
    pub const PARTS: usize = 256;
    /// Short calls that run at a time on memory that is kept mapped; more get memory of their own.
    pub const POOL_PLACES: u32 = 32;
    /// Core instances and tables of one instance in the pool, each, on average.
    pub const POOL_PARTS: u32 = 8;
    /// What a place of the pool keeps of its memory between calls, wiped, bytes.
    pub const POOL_KEPT_BYTES: usize = 1 << 20;
    /// Settings, hosts, topics, formats and choices of a manifest, each.
    pub const MANIFEST_ITEMS: usize = 256;
    /// An amount of money, minor units either way. So that sums of thousands of entries fit 64 bits.
    pub const AMOUNT_MINOR: i64 = 1_000_000_000_000_000;
    /// Address of a request, bytes.
    pub const URL_BYTES: usize = 8_192;
    /// Fields of a query, headers or a form, each.
    pub const FIELDS: usize = 1_024;
    /// Longest pause before a request that a connector may ask for, milliseconds.
    pub const REQUEST_WAIT_MS: u32 = 60_000;
    /// Tallies, subscriptions and lines for people in one outcome, each.
    pub const OUTCOME_ITEMS: usize = 1_024;
    /// Notes on one batch of rows; one for each row is meant to fit.
    pub const NOTES: usize = 65_536;
    /// Signatures in one proof.
    pub const SIGNATURES: usize = 16;
}

/// Limits of requests to platforms.
pub mod platform {
    use std::time::Duration;

    /// Attempts at one request that may be sent twice, unless the connector wants fewer.
    pub const ATTEMPTS: u32 = 5;
    /// Pause before the second attempt; it doubles with each.
    pub const PAUSE: Duration = Duration::from_millis(1_000);
    /// Longest pause between two attempts that the daemon chooses.
    pub const PAUSE_MAX: Duration = Duration::from_secs(60);
    /// Longest pause that a platform may ask for between two attempts; if it wants more, the task ends and waits for the
    /// next pass.
    pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
    /// Longest silence that is kept, whatever a platform asks for; then one request tries.
    pub const SILENCE_MAX: Duration = Duration::from_secs(3_600);
    /// Time to connect, name resolution and TLS included.
    pub const CONNECT: Duration = Duration::from_secs(15);
    /// One response, bytes after decompression.
    pub const RESPONSE_BYTES: u64 = 8 << 20;
    /// All responses of one step, bytes.
    pub const STEP_BYTES: u64 = 64 << 20;
    /// Requests of one conversation, attempts included.
    pub const REQUESTS: u64 = 100_000;
    /// Bytes that one conversation may receive.
    pub const RECEIVED_BYTES: u64 = 8 << 30;
    /// Time for one conversation; what it has stored by then stays.
    pub const CONVERSATION: Duration = Duration::from_secs(2 * 3_600);
    /// Time for `ltvd check --online`, one integration.
    pub const CHECK: Duration = Duration::from_secs(120);
    /// Shortest secret that is struck out, bytes: shorter ones cannot be told from data.
    pub const REDACTED_BYTES_MIN: usize = 6;
    /// A file of certificates that the operator trusts, bytes.
    pub const CA_FILE_BYTES: u64 = 1 << 20;
    /// Value of one header of a response that is handed on, bytes; longer ones are left out.
    pub const HEADER_BYTES: usize = 8 << 10;
    /// Headers of a response that are handed on.
    pub const HEADERS: usize = 128;
}

/// Limits of reading files.
pub mod files {
    /// Rows in a batch, unless one group is larger.
    pub const BATCH_ROWS: usize = 4_096;
    /// Text of a batch, bytes, unless one group is larger.
    pub const BATCH_BYTES: usize = 8 << 20;
    /// Rows of one group.
    pub const GROUP_ROWS: usize = 65_536;
    /// Text of one group, bytes.
    pub const GROUP_BYTES: usize = 64 << 20;
    /// Bad rows of a file that are listed with their reasons; the rest is counted. No fewer than are quarantined one by one,
    /// or some would be left out without a trace.
    pub const BAD_ROWS: usize = super::ledger::QUARANTINED_ROWS;
    /// Text of a row that is kept for people, bytes; longer rows are cut.
    pub const RAW_ROW_BYTES: usize = 64 << 10;
    /// One record, bytes.
    pub const RECORD_BYTES: usize = 1 << 20;
    /// Columns of a file.
    pub const COLUMNS: usize = 1_000;
    /// Lines looked at to find the header.
    pub const HEADER_LINES: usize = 20;
    /// A file in the drop folder, bytes.
    pub const FILE_BYTES: u64 = 16 << 30;
}

/// Limits of the configuration.
pub mod config {
    /// The configuration file, bytes.
    pub const FILE_BYTES: u64 = 1 << 20;
    /// A file that holds one secret, bytes.
    pub const SECRET_BYTES: u64 = 64 << 10;
    /// A file of exchange rates or of spend, bytes. Thirty years of thirty currencies are 8 MiB.
    pub const SIDE_FILE_BYTES: u64 = 32 << 20;
    /// Problems named in such a file; the rest is counted.
    pub const SIDE_FILE_PROBLEMS: usize = 20;
    /// Name of an integration, characters.
    pub const NAME_CHARS: usize = 64;
    /// Shortest token of an API that other machines can reach, bytes.
    pub const API_TOKEN_BYTES_MIN: usize = 16;
    /// Smallest value of `webhooks.body_bytes_max`, bytes.
    pub const WEBHOOK_BODY_BYTES_LOWEST: i64 = 1 << 10;
    /// Largest value of `webhooks.body_bytes_max`, bytes.
    pub const WEBHOOK_BODY_BYTES_HIGHEST: i64 = 64 << 20;
    /// Paths of `webhooks.answer`.
    pub const ANSWERED_PATHS: usize = 16;
    /// A path of `webhooks.answer`, bytes.
    pub const ANSWERED_PATH_BYTES: usize = 256;
    /// Longest waits of the drop folder, seconds.
    pub const DROP_WAIT_S: i64 = 86_400;
    /// Shortest time between two passes, seconds.
    pub const EVERY_MIN_S: u64 = 10;
    /// Longest time between two passes, seconds.
    pub const EVERY_MAX_S: u64 = 31 * 86_400;
    /// Days that are read again, or for which responses are kept.
    pub const DAYS_MAX: i64 = 36_525;
    /// Requests in a minute or at a time.
    pub const REQUESTS_MAX: i64 = 100_000;
    /// Characters of a secret that the daemon makes.
    pub const GENERATED_CHARS: usize = 40;
    /// Characters of a line of the file that a message shows.
    pub const EXCERPT_CHARS: usize = 120;
    /// Characters of a word of the file that a message repeats.
    pub const QUOTED_CHARS: usize = 64;
}

/// Limits of questions to the reports.
pub mod report {
    /// How long a dated exchange rate holds when no later one follows, days.
    pub const RATE_AGE_DAYS: i32 = 7;
    /// Views kept for questions that come again; one takes about 11 bytes an entry.
    pub const VIEWS: usize = 3;
    /// A view is built anew once this many events have changed since, and over one in `CHANGED_SHARE` of all.
    pub const CHANGED_EVENTS: usize = 50_000;
    /// See `CHANGED_EVENTS`.
    pub const CHANGED_SHARE: usize = 16;
    /// Periods of thirty days that retention is followed for.
    pub const RETENTION_PERIODS: u32 = 120;
    /// Billing cycles of one answer.
    pub const CYCLES: u32 = 120;
    /// Rows of an answer about revenue.
    pub const REVENUE_ROWS: usize = 200_000;
    /// Cohorts of one answer. The largest are shown, and how many are not.
    pub const COHORTS: usize = 10_000;
    /// Horizons of one question.
    pub const HORIZONS: usize = 64;
    /// A horizon, days.
    pub const HORIZON_DAYS: u32 = 36_525;
}

/// Limits of the book.
pub mod book {
    /// Rows whose former state is remembered, so that what was made of the book can follow it; about 120 bytes each at most.
    pub const JOURNAL_ROWS: usize = 262_144;
    /// Sets of labels that a delivery finds by their texts without looking each of them up.
    pub const LABEL_SETS_AT_HAND: usize = 4_096;
    /// What the texts of such a set may take, bytes.
    pub const LABEL_SET_AT_HAND_BYTES: usize = 256;
    /// Threads that read a snapshot.
    pub const SNAPSHOT_READERS: usize = 2;
    /// What the list of tables in a snapshot may take for each table, bytes.
    pub const SNAPSHOT_TABLE_NAME_BYTES: usize = 64;
    /// Entries that must have come since the last snapshot before the end of the daemon writes another.
    pub const SNAPSHOT_AT_END: u64 = 10_000;
    /// New entries after which a snapshot is written while the daemon runs; and entries read from the log at a start.
    pub const SNAPSHOT_EVERY: u64 = 500_000;
}

/// Limits of the ledger.
pub mod ledger {
    /// Memory that redb may use to cache pages, bytes. Its default let a small server grow to 261 MB.
    pub const CACHE_BYTES: usize = 32 << 20;
    /// Entries in one block of the log.
    pub const BLOCK_ENTRIES: usize = 4_096;
    /// Blocks written ahead in one transaction; the inbox waits no longer than that takes.
    pub const BLOCKS_AHEAD: usize = 16;
    /// Decoded blocks that wait while the log is read back.
    pub const BLOCKS_READ_AHEAD: usize = 4;
    /// Raw text kept of a quarantined row, bytes.
    pub const RAW_ROW_BYTES: usize = 4 << 10;
    /// Rows of one file that are quarantined one by one; a file with more is refused.
    pub const QUARANTINED_ROWS: usize = 10_000;
    /// Passes over a platform that are remembered, for each integration.
    pub const PASSES_KEPT: usize = 200;
    /// Old responses forgotten in one transaction.
    pub const PRUNED_PER_COMMIT: usize = 1_000;
    /// Pieces of a file, a quarter of a MiB each, that wait for the thread which compresses them.
    pub const PIECES_WAITING: usize = 16;
    /// Part of an address before its sign that is looked for in texts, bytes.
    pub const LOCAL_PART_BYTES: usize = 64;
    /// Part of an address behind its sign that is looked for in texts, bytes.
    pub const DOMAIN_BYTES: usize = 255;
    /// Places where an address in a text may begin, or end, that are tried.
    pub const ADDRESS_EDGES: usize = 16;
    /// Folders in folders that are looked through for copies of a person.
    pub const FOLDERS_DEEP: usize = 8;
    /// What must be free on the disk before anything is taken in, bytes. More than the largest commit takes.
    pub const ROOM_BYTES: u64 = 64 << 20;
    /// Bytes of a file's copy, for the archive or for work, after which the room is looked at again. So few that all files which
    /// may be on their way at a time (`api::UPLOADS`, and one or two of the daemon's own) together leave some of the reserve.
    pub const ROOM_LOOK_BYTES: usize = 1 << 20;
    /// Bytes of a backup between two reports of its progress.
    pub const BACKUP_TOLD_BYTES: u64 = 4 << 20;
    /// Bytes of a file that are copied at a time.
    pub const BACKUP_PIECE_BYTES: usize = 256 << 10;
}

/// Limits of the doors.
pub mod doors {
    use std::time::Duration;

    /// Threads that read one file; more than the cores there are help nobody.
    pub const READERS: usize = 4;
    /// Batches of a file that wait for a reader, are read, or wait for those before them, for each reader. What one of them may
    /// occupy stands with the connector's limits.
    pub const BATCHES_AT_ONCE: usize = 4;
    /// Time for the rows of one file, beside `FILE_TIME_A_BATCH`. Until they are read nothing else is stored, of any integration.
    pub const FILE_TIME: Duration = Duration::from_secs(15 * 60);
    /// As much more for each `files::BATCH_ROWS` rows of it.
    pub const FILE_TIME_A_BATCH: Duration = Duration::from_secs(1);
    /// Rows named in the report of a file.
    pub const REPORTED_ROWS: usize = 100;
    /// Webhook deliveries that are being checked or wait for their commit. Beyond that the platform is asked to come back.
    pub const DELIVERIES_WAITING: usize = 512;
    /// How often it is told that some were turned away.
    pub const SHED_TOLD_EVERY: Duration = Duration::from_secs(10);
    /// Bodies of requests that are not answered yet, all together, bytes; no less than one body may have.
    pub const BODIES_BYTES: usize = 64 << 20;
    /// Bytes that are read of a request to a path of `webhooks.answer`, and forgotten. A platform's test has some hundred.
    pub const ANSWERED_BODY_BYTES: usize = 64 << 10;
    /// Requests with a wrong address or proof that one caller may make in one go, each kind by itself.
    pub const REFUSALS: u32 = 60;
    /// Time after which another one is allowed.
    pub const REFUSAL_EVERY: Duration = Duration::from_secs(1);
    /// What those who made more are told to wait.
    pub const REFUSED_PAUSE: Duration = Duration::from_secs(60);
    /// How long a caller that delivered something true is believed to be honest.
    pub const HONEST_FOR: Duration = Duration::from_secs(3_600);
    /// Callers that are remembered because of a refusal or a delivery.
    pub const CALLERS: usize = 4_096;
    /// Addresses that are looked at in `X-Forwarded-For` or `Forwarded`, from the end.
    pub const FORWARDED_HOPS: usize = 16;
    /// Deliveries in one commit.
    pub const DELIVERIES_PER_COMMIT: usize = 256;
    /// How long the end of the daemon waits for the last commit of deliveries.
    pub const LAST_COMMIT: Duration = Duration::from_secs(5);
    /// Deliveries read before the inbox is looked at again.
    pub const DELIVERIES_READ: usize = 64;
    /// Threads that call `prove`; more than the cores there are help nobody.
    pub const PROVERS: usize = 8;
    /// How far a signed time stamp may be off.
    pub const SIGNATURE_AGE: Duration = Duration::from_secs(5 * 60);
    /// Tries at a task that the connector says is worth it.
    pub const TASK_TRIES: u32 = 3;
    /// Pause before such a try, unless the connector knows better.
    pub const TASK_PAUSE: Duration = Duration::from_secs(5);
    /// Longest such pause; if a platform wants more, the next pass tries.
    pub const TASK_PAUSE_MAX: Duration = Duration::from_secs(300);
    /// Time for what a webhook delivery asks of its platform.
    pub const WEBHOOK_TALK: Duration = Duration::from_secs(300);
    /// So many deliveries in one commit are a rush.
    pub const RUSH_DELIVERIES: usize = 4;
    /// It is over so long after it was last seen.
    pub const RUSH_SEEN: Duration = Duration::from_millis(100);
    /// In a rush the reader of the inbox rests so many times as long as it has read.
    pub const RUSH_REST: u32 = 3;
    /// Longest such rest.
    pub const RUSH_REST_MAX: Duration = Duration::from_secs(1);
    /// Tries at a webhook delivery whose platform does not answer; then it goes to quarantine.
    pub const WEBHOOK_TRIES: u32 = 12;
    /// Deliveries of one integration that may be passed over because they wait for another try.
    pub const DELIVERIES_PASSED_OVER: usize = 10_000;
    /// Orders that a complete walk did not meet and that are asked for one by one, in one pass.
    pub const REFRESHED: usize = 10_000;
    /// Orders in one `refresh`.
    pub const REFRESHED_AT_ONCE: usize = 100;
    /// Differing orders that a comparison lists.
    pub const DIFFERENCES: usize = 10_000;
    /// Differing orders that its text shows.
    pub const DIFFERENCES_SHOWN: usize = 50;
    /// How often the platform is told again to deliver webhooks.
    pub const SUBSCRIBE: Duration = Duration::from_secs(86_400);
    /// How long a test call of the platform may take to arrive after a webhook was made.
    pub const TEST_CALL: Duration = Duration::from_secs(5);
    /// How long a file or a delivery that could not be dealt with waits before it is tried again.
    pub const RETRY: Duration = Duration::from_secs(5);
    /// Notes about the drop folder that are kept and shown.
    pub const DROP_NOTES: usize = 100;
    /// How often `drop.settle_s` a file has to rest that does not end with a line break: it may be cut off in the middle of a row.
    pub const CUT_SETTLES: u32 = 10;
    /// How long such a file rests at least, unless `drop.settle_s` is 0.
    pub const CUT_SETTLE_MIN: Duration = Duration::from_secs(60);
    /// How long it rests at most, unless `drop.settle_s` is longer.
    pub const CUT_SETTLE_MAX: Duration = Duration::from_secs(15 * 60);
    /// A file that could not be dealt with waits so many times as long as the try took, if that is more: one that fails for want
    /// of room for its copies must not be copied all the time.
    pub const RETRY_SHARE: u32 = 10;
    /// Longest such wait.
    pub const RETRY_MAX: Duration = Duration::from_secs(10 * 60);
    /// How long a file from the drop folder is looked at after it was put away, for the case that it goes on growing.
    pub const LATE_FOR: Duration = Duration::from_secs(15 * 60);
    /// Files that are looked at in this way, each held open.
    pub const LATE_FILES: usize = 64;
}

/// Limits of keeping tasks alive.
pub mod supervise {
    use std::time::Duration;

    /// How often a start says that it goes on.
    pub const START_SIGN_EVERY: Duration = Duration::from_secs(10);
    /// How long the service manager is to wait for the next such sign.
    pub const START_PATIENCE: Duration = Duration::from_secs(60);
    /// How long a start goes on asking for it.
    pub const START_MAX: Duration = Duration::from_secs(2 * 3_600);
    /// Pause before a task that failed is begun again; it doubles with each failure in a row.
    pub const PAUSE: Duration = Duration::from_secs(1);
    /// Longest such pause.
    pub const PAUSE_MAX: Duration = Duration::from_secs(300);
    /// A task that ran for so long was well; its next failure is the first in a row.
    pub const HEALTHY: Duration = Duration::from_secs(600);
    /// How often in a row the process may die while it reads a delivery or a file; then that goes to quarantine.
    pub const DEATHS: u32 = 3;
    /// How long what was being read when the process died waits after the next start, once and twice in a row. The rest is read
    /// meanwhile, and who kills the process for other reasons does not meet the same delivery each time.
    pub const SUSPECT_PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(20)];
    /// How long a platform is left alone after a start if the process died as often while it was asked.
    pub const DEATHS_PAUSE: Duration = Duration::from_secs(900);
    /// Signs of life within the time after which the service manager gives the daemon up.
    pub const WATCHDOG_PARTS: u32 = 3;
}

/// Limits of taking over changes while the daemon runs.
pub mod reload {
    use std::time::Duration;

    /// How often configuration and connectors are looked at where no event tells of a change.
    pub const LOOK: Duration = Duration::from_secs(5);
    /// How long files must stay as they are before they are read.
    pub const SETTLE: Duration = Duration::from_millis(300);
    /// Looks at files that keep changing; then they are read as they are.
    pub const SETTLE_LOOKS: u32 = 20;
    /// A change that was refused is read again after this, though its files have not changed: what it lacked may be there.
    pub const RETRY: Duration = Duration::from_secs(60);
    /// Wishes for a reload that wait.
    pub const WISHES: usize = 16;
}

/// Limits of the end of the daemon; those of the listeners and of the last commit stand with them.
pub mod end {
    use std::time::Duration;

    /// For a listener beyond its time for requests under way.
    pub const SLACK: Duration = Duration::from_secs(1);
    /// Time to write the book's snapshot.
    pub const SAVE_BOOK: Duration = Duration::from_secs(30);
}

/// What is measured.
pub mod metrics {
    /// Bounds of the histogram of commits, seconds.
    pub const COMMIT_SECONDS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];
}

/// Limits of both HTTP listeners.
pub mod http {
    use std::time::Duration;

    /// Connections at a time, for each listener. When there are more, the one that was idle longest is closed.
    pub const CONNECTIONS: usize = 2_048;
    /// Of these, connections of one address that is no proxy (of IPv6, of one network of 64 bits).
    pub const CONNECTIONS_PER_ADDRESS: usize = 256;
    /// Open files that are left for everything else.
    pub const OTHER_FILES: usize = 128;
    /// Time for the head of a request.
    pub const HEADER_TIME: Duration = Duration::from_secs(10);
    /// Time for the body of a webhook request.
    pub const BODY_TIME: Duration = Duration::from_secs(20);
    /// Headers of a request.
    pub const HEADERS: usize = 100;
    /// Head of a request, bytes.
    pub const HEAD_BYTES: usize = 64 << 10;
    /// Time for requests that are under way when the daemon ends.
    pub const DRAIN: Duration = Duration::from_secs(10);
    /// Length of a query, bytes.
    pub const QUERY_BYTES: usize = 8 << 10;
}

/// Limits of the command line.
pub mod cli {
    use std::time::Duration;

    /// Time to connect to the daemon, which is on this machine.
    pub const CONNECT: Duration = Duration::from_secs(5);
    /// An answer that is read as a whole, bytes. Answers that are only passed on have no limit.
    pub const ANSWER_BYTES: usize = 256 << 20;
    /// Time for blocking work that is left when the daemon ends.
    pub const SHUTDOWN: Duration = Duration::from_secs(5);
    /// Bytes of a file read at a time.
    pub const PIECE_BYTES: usize = 256 << 10;
    /// One line of the answer to an import, bytes.
    pub const LINE_BYTES: usize = 64 << 20;
    /// A body that is tried with `connector read`, bytes.
    pub const BODY_BYTES: u64 = 64 << 20;
    /// How often a command that reads the inbox itself looks whether that is done.
    pub const INBOX_LOOK: Duration = Duration::from_millis(20);
    /// Steps of one conversation that is tried with `connector read`.
    pub const STEPS: usize = 64;
    /// A case of `connector test`, bytes.
    pub const CASE_BYTES: u64 = 1 << 20;
    /// A file that a case delivers, bytes.
    pub const CASE_FILE_BYTES: u64 = 16 << 20;
    /// Steps of one conversation in a case; the daemon's own limits end it much later.
    pub const CASE_STEPS: usize = 1_000;
    /// Orders in which the deliveries of one case are tried.
    pub const CASE_ORDERS: usize = 24;
    /// Steps of one conversation that is broken off after them and held again, spread over all of it.
    pub const CASE_BREAKS: usize = 16;
    /// Damaged versions of one body or file that are tried.
    pub const CASE_DAMAGES: usize = 200;
    /// How often a connector is loaded to see how long it takes.
    pub const TIME_LOADS: usize = 3;
    /// Rounds over the deliveries of its cases at least.
    pub const TIME_ROUNDS: usize = 5;
    /// How long those rounds last together at least.
    pub const TIME_SPAN: Duration = Duration::from_secs(1);
    /// Violations of one law that are told; the rest is counted.
    pub const CASE_TOLD: usize = 5;
}

/// The HTTP API.
pub mod api {
    use std::time::Duration;

    /// Values of one filter.
    pub const FILTER_VALUES: usize = 100;
    /// Integrations that one question may name.
    pub const INTEGRATIONS: usize = 256;
    /// Rows of a page of a list, where the question does not say.
    pub const PAGE_ROWS: u64 = 100;
    /// Rows of a page of a list.
    pub const PAGE_ROWS_MAX: u64 = 1_000;
    /// Characters of a cursor.
    pub const CURSOR_CHARS: usize = 1_024;
    /// Text of an answer in lines that is sent at a time, bytes.
    pub const PIECE_BYTES: usize = 64 << 10;
    /// Lines of an answer that wait for whoever asked.
    pub const LINES_WAITING: usize = 64;
    /// Files that are uploaded at a time. Each holds threads that others need.
    pub const UPLOADS: usize = 16;
    /// How long an upload may bring nothing.
    pub const PIECE_PATIENCE: Duration = Duration::from_secs(60);
    /// Pieces of an uploaded file that wait to be read.
    pub const PIECES_WAITING: usize = 4;
    /// How often those who wait for a platform are told how far it is.
    pub const TOLD_EVERY: Duration = Duration::from_millis(200);
    /// How often those who wait for an import are told how far it is.
    pub const PROGRESS_EVERY: Duration = Duration::from_millis(100);
    /// Passes over a platform that are listed for each integration.
    pub const PASSES_LISTED: usize = 20;
}
