//! A store, as the tasks ask it: finds out the way that works, and remembers it.

use std::cell::RefCell;

use ltv_connector::prelude::*;

use crate::answer::{self, Answer};
use crate::learnt::{self, Learnt, ROWS_MIN};
use crate::settings::Settings;
use crate::trouble::Trouble;
use crate::way::{Keys, Route, Way};

/// Ways tried for one request: three for the keys, each twice, and one more with another address signed.
const WAYS_MAX: usize = 7;

/// What is asked of a store: a path such as `orders/7`, and a query.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    path: String,
    fields: Vec<(&'static str, String)>,
    attempts: u8,
}

impl Query {
    /// A path of the API, without query.
    pub(crate) fn new(path: impl Into<String>) -> Self {
        Query { path: path.into(), ..Query::default() }
    }

    /// Adds a parameter.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }

    /// After how many attempts the daemon gives up.
    #[must_use]
    pub(crate) fn attempts(mut self, attempts: u8) -> Self {
        self.attempts = attempts;
        self
    }
}

/// A store.
#[derive(Debug)]
pub(crate) struct Store {
    /// Where changes go.
    pub(crate) daemon: Daemon,
    /// The settings of the integration.
    pub(crate) settings: Settings,
    learnt: RefCell<Learnt>,
}

impl Store {
    /// A store of which is known what was remembered.
    ///
    /// # Errors
    /// If the settings lack the address.
    pub(crate) fn open(daemon: Daemon, context: &Context) -> Result<Self, Failure> {
        let settings = Settings::read(context)?;
        let learnt = RefCell::new(Learnt::recall(context, &settings.url));
        Ok(Store { daemon, settings, learnt })
    }

    // ---- what is known ----------------------------------------------------------------------------------------------

    /// Rows in a page.
    pub(crate) fn rows(&self) -> u64 {
        self.learnt.borrow().rows
    }

    /// Whether there is a list of all refunds.
    pub(crate) fn lists_refunds(&self) -> bool {
        self.learnt.borrow().refunds_listed
    }

    /// Whether the filter by date of modification works.
    pub(crate) fn filters_modified(&self) -> bool {
        self.learnt.borrow().modified_filter
    }

    /// The way that works.
    pub(crate) fn way(&self) -> Way {
        self.learnt.borrow().way.unwrap_or(learnt::first_way(self.settings.is_https()))
    }

    /// Keeps a lesson, if it is one.
    pub(crate) fn learn(&self, lesson: impl FnOnce(&mut Learnt)) {
        let mut learnt = self.learnt.borrow_mut();
        let before = learnt.clone();
        lesson(&mut learnt);
        if *learnt != before {
            self.daemon.remember(learnt.to_bytes());
        }
    }

    /// Pages with more rows are too much.
    pub(crate) fn ask_for_at_most(&self, rows: u64) {
        self.learn(|learnt| learnt.rows = learnt.rows.min(rows).max(ROWS_MIN));
    }

    /// The failure that this trouble is, told for the shop's owner.
    pub(crate) fn failure(&self, trouble: Trouble) -> Failure {
        let known = self.learnt.borrow().way.is_some();
        trouble.into_failure(&self.settings.url, known)
    }

    fn home(&self) -> String {
        let learnt = self.learnt.borrow();
        self.settings.signed_url.as_ref().or(learnt.home.as_ref()).unwrap_or(&self.settings.url).clone()
    }

    // ---- asking -----------------------------------------------------------------------------------------------------

    /// Asks, and tries other ways if this one does not lead to the API.
    ///
    /// # Errors
    /// What stood in the way; of several the one that tells most.
    pub(crate) async fn get(&self, query: Query) -> Result<Answer, Trouble> {
        let mut way = self.way();
        let mut tried = vec![way];
        let mut home = self.home();
        let mut home_asked = false;
        let mut told: Option<Trouble> = None;
        for _ in 0..WAYS_MAX {
            let trouble = match answer::read(self.daemon.send(self.request(way, &home, &query)).await) {
                Ok(answer) => {
                    let believed = (home_asked && way.keys == Keys::Signed).then(|| home.clone());
                    self.learn(|learnt| {
                        learnt.way = Some(way);
                        learnt.home = believed.or(learnt.home.take());
                    });
                    return Ok(answer);
                }
                Err(trouble) => trouble,
            };
            if trouble.is_signature_mismatch() && !home_asked && self.settings.signed_url.is_none() {
                home_asked = true;
                if let Some(believed) = self.believed_home(way.route).await
                    && believed != home
                {
                    home = believed;
                    told = Some(trouble);
                    continue;
                }
            }
            let next = self.other_way(way, &trouble);
            told = Some(match told {
                // The later one tells more, unless it is but another page.
                Some(earlier) if matches!(trouble, Trouble::Foreign { .. }) => earlier,
                _ => trouble,
            });
            match next {
                Some(other) if !tried.contains(&other) => {
                    tried.push(other);
                    way = other;
                }
                _ => break,
            }
        }
        Err(told.unwrap_or_else(|| Trouble::Unreached("no request was sent".to_owned())))
    }

    /// The way to try after this trouble.
    fn other_way(&self, way: Way, trouble: &Trouble) -> Option<Way> {
        if way.route == Route::Pretty && trouble.may_be_permalinks(&self.settings.url) {
            return Some(Way { route: Route::Plain, ..way });
        }
        if trouble.saw_no_key() {
            let keys = match way.keys {
                Keys::Header => Some(Keys::Query),
                Keys::Query => Some(Keys::Signed),
                // What was learnt of a store may have changed.
                Keys::Signed => self.settings.is_https().then_some(Keys::Header),
            };
            return keys.map(|keys| Way { keys, ..way });
        }
        None
    }

    /// The address that WordPress believes to have, by its own index, which needs no key \[L\].
    async fn believed_home(&self, route: Route) -> Option<String> {
        let index = answer::read(self.daemon.send(self.index(route)).await).ok()?;
        let home = index.body.text("home")?.trim_end_matches('/');
        home.contains("://").then(|| home.to_owned())
    }

    /// The index of WordPress: name, addresses and zone of the site \[L\].
    pub(crate) fn index(&self, route: Route) -> Request {
        let url = &self.settings.url;
        let request = match route {
            Route::Pretty => Request::get(format!("{url}/wp-json/")),
            Route::Plain => Request::get(format!("{url}/")).query("rest_route", "/"),
        };
        request
            .header("accept", "application/json")
            .query("_fields", "name,home,gmt_offset,timezone_string")
            .attempts(1)
    }

    /// Asks several things at the same time, by the way that is known to work.
    pub(crate) async fn get_all(&self, queries: &[Query]) -> Vec<Result<Answer, Trouble>> {
        let (way, home) = (self.way(), self.home());
        let requests = queries.iter().map(|query| self.request(way, &home, query)).collect();
        self.daemon.send_all(requests).await.into_iter().map(answer::read).collect()
    }

    /// Sends something that changes the store, by the way that is known to work.
    ///
    /// # Errors
    /// What stood in the way.
    pub(crate) async fn change(&self, request: Request) -> Result<Answer, Trouble> {
        answer::read(self.daemon.send(request).await)
    }

    /// A request that changes the store.
    pub(crate) fn changing(&self, method: Method, path: &str) -> Request {
        self.way().request(method, &self.settings.url, &self.home(), path)
    }

    /// A request by the way that is known to work.
    pub(crate) fn asking(&self, query: &Query) -> Request {
        self.request(self.way(), &self.home(), query)
    }

    fn request(&self, way: Way, home: &str, query: &Query) -> Request {
        let mut request = way.request(Method::Get, &self.settings.url, home, &query.path).attempts(query.attempts);
        for (name, value) in &query.fields {
            request = request.query(*name, value);
        }
        request
    }
}
