//! Random commands from the grammar's patterns, in batches, on two connections in turn.

use crate::grammar::{
    ALL_KEYS, ANYWHERE, DATABASE, DUMPS, IN_TRANSACTION, OPENINGS, OUTSIDE_TRANSACTIONS, Rule,
    SESSION, SIZE, TRANSACTIONS, WHOLE, WHOLE_DATABASE,
};
use crate::pattern::expand;
use crate::server::Engine;
use crate::vocabulary::all_keys;
use crate::word::{Source, Words};

/// How many connections there are to each server.
pub(crate) const CONNECTIONS: usize = 2;

/// What a batch may be long, in bytes: less than a socket takes in from a peer who does not read.
const MOST_BYTES: usize = 48 * 1024;

/// What is done next, on one connection.
#[derive(Debug)]
pub(crate) enum Step {
    /// Commands in one write.
    Batch(Vec<Words>),
    /// A whole iteration by SCAN with these options.
    Iteration(Words),
    /// These commands, of which DBSIZE is one, once a whole iteration has removed the keys whose
    /// time has come, which Valkey counts until it comes across them.
    Size(Vec<Words>),
    /// The connection is closed and another one made, whose first line is this where there is one,
    /// and then commands, all in one write.
    Open(Option<Words>, Vec<Words>),
    /// A list is put behind kvsock's back.
    List,
}

/// What the generator has to know of a connection.
#[derive(Debug, Clone, Copy)]
struct Place {
    in_transaction: bool,
    resp3: bool,
    /// The server has closed it.
    is_closed: bool,
}

/// The endless sequence of one seed.
#[derive(Debug)]
pub(crate) struct Generator {
    source: Source,
    resp3: bool,
    on_valkey: bool,
    /// Whether there is a prefix, under which some commands are refused in a transaction.
    has_prefix: bool,
    places: [Place; CONNECTIONS],
}

impl Generator {
    /// With connections that speak RESP3 or RESP2, mostly; with what the engine can do.
    pub(crate) fn new(seed: u64, resp3: bool, engine: Engine) -> Generator {
        let on_valkey = engine != Engine::Embedded;
        let has_prefix = engine == Engine::Prefixed;
        let places = [Place::new(resp3); CONNECTIONS];
        Generator { source: Source::new(seed), resp3, on_valkey, has_prefix, places }
    }

    /// All connections are new.
    pub(crate) fn reconnected(&mut self) {
        self.places = [Place::new(self.resp3); CONNECTIONS];
    }

    /// The next step, and the connection that takes it.
    pub(crate) fn next(&mut self) -> (usize, Step) {
        let connection = self.source.below(CONNECTIONS);
        let place = self.places[connection];
        if place.is_closed || self.source.below(40) == 0 {
            return (connection, self.open(connection));
        }
        if self.on_valkey && self.source.below(100) == 0 {
            return (connection, Step::List);
        }
        if !place.in_transaction {
            match self.source.below(60) {
                0 => return (connection, Step::Size(self.size())),
                1 => return (connection, Step::Iteration(self.iteration())),
                2 => return (connection, Step::Batch(survey())),
                _ => {}
            }
        }
        (connection, Step::Batch(self.batch(connection, true)))
    }

    fn iteration(&mut self) -> Words {
        expand(
            &mut self.source,
            "(MATCH <pattern>)? (COUNT 3|COUNT 1000)? (TYPE string|TYPE hash)?",
        )
    }

    fn size(&mut self) -> Vec<Words> {
        let names: &[&str] = match self.source.below(2) {
            1 if !self.has_prefix => &["MULTI", "DBSIZE", "EXEC"],
            _ => &["DBSIZE"],
        };
        names.iter().map(|name| vec![name.as_bytes().to_vec()]).collect()
    }

    fn open(&mut self, connection: usize) -> Step {
        self.places[connection] = Place::new(self.resp3);
        if self.source.percent(30) {
            return Step::Open(None, self.batch(connection, true));
        }
        self.places[connection].resp3 = false;
        let pattern = one_of(&mut self.source, &[OPENINGS]);
        let line = expand(&mut self.source, pattern);
        self.follow(connection, &line);
        let has_more = self.source.percent(50);
        let batch = if has_more { self.batch(connection, false) } else { Vec::new() };
        Step::Open(Some(line), batch)
    }

    /// A whole transaction in one write.
    fn transaction(&mut self) -> Vec<Words> {
        let tables: &[&[Rule]] = if self.has_prefix { &[WHOLE] } else { &[WHOLE, WHOLE_DATABASE] };
        let begin = vec![b"MULTI".to_vec()];
        let mut batch = vec![begin];
        for _ in 0..=self.source.below(8) {
            let pattern = one_of(&mut self.source, tables);
            batch.push(expand(&mut self.source, pattern));
        }
        batch.push(vec![b"EXEC".to_vec()]);
        batch
    }

    /// Commands in one write; `begins` says that nothing comes before them in it.
    fn batch(&mut self, connection: usize, begins: bool) -> Vec<Words> {
        if !self.places[connection].in_transaction && self.source.percent(4) {
            return self.transaction();
        }
        let depth = match self.source.below(10) {
            0..5 => 1,
            5..9 => 1 + self.source.below(8),
            _ => 1 + self.source.below(60),
        };
        // Several in one write are where the order of what changes the connection shows.
        let session_percent = if depth > 1 && self.source.percent(25) { 40 } else { 0 };
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < depth && bytes < MOST_BYTES {
            let command = if self.source.percent(session_percent) {
                let pattern = one_of(&mut self.source, &[SESSION]);
                expand(&mut self.source, pattern)
            } else {
                self.command(self.places[connection])
            };
            let first = begins && batch.is_empty() && !self.places[connection].in_transaction;
            if logs_in(&command) && !first {
                continue;
            }
            bytes += command.iter().map(Vec::len).sum::<usize>();
            self.follow(connection, &command);
            let ends = is(&command, "QUIT");
            batch.push(command);
            if ends {
                break;
            }
        }
        batch
    }

    fn command(&mut self, place: Place) -> Words {
        if place.resp3 != self.resp3 && !place.in_transaction && self.source.percent(25) {
            let version = if self.resp3 { "3" } else { "2" };
            return vec![b"HELLO".to_vec(), version.into()];
        }
        let pattern = self.pattern(place);
        let mut words = expand(&mut self.source, pattern);
        if self.source.percent(if place.in_transaction { 3 } else { 8 }) {
            self.spoil(&mut words);
        }
        words
    }

    /// One of the patterns that may stand here, by their weights.
    fn pattern(&mut self, place: Place) -> &'static str {
        let mut tables = ANYWHERE.to_vec();
        tables.push(ALL_KEYS);
        match (place.in_transaction, self.has_prefix) {
            (true, true) => tables.push(IN_TRANSACTION),
            (true, false) => tables.extend([IN_TRANSACTION, DATABASE, SIZE]),
            (false, _) => tables.extend([TRANSACTIONS, DATABASE, OUTSIDE_TRANSACTIONS]),
        }
        if self.on_valkey {
            tables.push(DUMPS);
        }
        one_of(&mut self.source, &tables)
    }

    /// Makes the arguments too few, too many, or others than the command wants.
    fn spoil(&mut self, words: &mut Words) {
        let place = 1 + self.source.below(words.len());
        let whole = place == words.len();
        match self.source.below(5) {
            0 => words.truncate(place),
            1 if !whole => drop(words.remove(place)),
            2 if !whole => words.insert(place, words[place].clone()),
            3 if !whole => words[place] = self.source.word("bytes"),
            _ => words.push(self.source.word("odd")),
        }
    }

    /// Keeps up with what the command does to its connection.
    fn follow(&mut self, connection: usize, command: &Words) {
        let place = &mut self.places[connection];
        let alone = command.len() == 1;
        if is(command, "MULTI") && alone {
            place.in_transaction = true;
        } else if is(command, "EXEC") || (is(command, "DISCARD") && alone) {
            // EXEC with an argument ends the transaction too.
            place.in_transaction = false;
        } else if is(command, "RESET") && alone {
            *place = Place::new(false);
        } else if is(command, "QUIT") {
            place.is_closed = true;
        } else if is(command, "HELLO") && command.len() >= 2 {
            // If it is refused for its options, more HELLOs come than would have to.
            place.resp3 = match command[1].as_slice() {
                b"2" => false,
                b"3" => true,
                _ => place.resp3,
            };
        }
    }
}

impl Place {
    /// As that of a new connection.
    fn new(resp3: bool) -> Place {
        Place { in_transaction: false, resp3, is_closed: false }
    }
}

/// One of the patterns of the tables, by their weights.
fn one_of(source: &mut Source, tables: &[&'static [Rule]]) -> &'static str {
    let rules = || tables.iter().copied().flatten();
    let mut left = source.below(rules().map(|(weight, _)| weight).sum());
    for (weight, pattern) in rules() {
        match left.checked_sub(*weight) {
            Some(rest) => left = rest,
            None => return pattern,
        }
    }
    unreachable!("the number drawn is less than the sum of the weights")
}

/// Asks for everything that is there, so that no difference is overwritten before it is seen.
fn survey() -> Vec<Words> {
    let ask = |name: &[u8], key: Vec<u8>| vec![name.to_vec(), key];
    all_keys().flat_map(|key| [ask(b"GET", key.clone()), ask(b"PEXPIRETIME", key)]).collect()
}

/// Whether Valkey may refuse it with `WRONGPASS`, an error that it leaves out altogether (a fault
/// of its own) when replies to earlier commands of a pipeline or transaction still wait.
fn logs_in(command: &Words) -> bool {
    let is_other = |user: Option<&Vec<u8>>| user.is_some_and(|user| user != b"default");
    if is(command, "AUTH") {
        return command.len() > 2 && is_other(command.get(1));
    }
    let names_auth = |at: &usize| command[*at].eq_ignore_ascii_case(b"AUTH");
    is(command, "HELLO")
        && (1..command.len()).filter(names_auth).any(|at| is_other(command.get(at + 1)))
}

/// Whether it is the command of that name.
pub(crate) fn is(command: &Words, name: &str) -> bool {
    command[0].eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_steps() {
        let steps = |seed| {
            let mut generator = Generator::new(seed, true, Engine::Plain);
            (0..1000).map(|_| format!("{:?}", generator.next())).collect::<Vec<_>>()
        };
        assert_eq!(steps(7), steps(7));
        assert_ne!(steps(7), steps(8));
    }
}
