//! Unmodified Redis and Valkey clients at kvsock's socket, over both engines, and in both versions
//! of RESP. The same tests run against a plain Valkey, which shows that they ask for what is so.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod benchmark;
mod cli;
mod dotenvx;
mod library;
mod program;
mod prompt;
mod raw;
mod rust;
mod server;
#[path = "../support/mod.rs"]
mod support;

/// The tests at one server.
macro_rules! at {
    ($server:ident: $($test:ident => $file:ident::$check:ident($($value:expr),*);)*) => {
        mod $server {
            $(#[test]
            fn $test() {
                crate::server::check(crate::server::$server, |server| {
                    crate::$file::$check(server $(, $value)*);
                });
            })*
        }
    };
}

/// All tests, at each of the servers.
macro_rules! at_each_server {
    ($($tests:tt)*) => {
        at! { kvsock_embedded: $($tests)* }
        at! { kvsock_on_valkey: $($tests)* }
        at! { plain_valkey: $($tests)* }
    };
}

at_each_server! {
    redis_py_works_in_resp2 => library::python("redis", 2);
    redis_py_works_in_resp3 => library::python("redis", 3);
    valkey_py_works_in_resp2 => library::python("valkey", 2);
    valkey_py_works_in_resp3 => library::python("valkey", 3);
    ioredis_works_in_resp2 => library::node("ioredis", 2);
    ioredis_works_in_resp3 => library::node("ioredis", 3);
    ioredis_5_works_in_resp2 => library::node("ioredis-5", 2);
    iovalkey_works_in_resp2 => library::node("iovalkey", 2);
    node_redis_works_in_resp2 => library::node("redis", 2);
    node_redis_works_in_resp3 => library::node("redis", 3);
    node_redis_5_works_in_resp2 => library::node("redis-5", 2);
    node_redis_5_works_in_resp3 => library::node("redis-5", 3);
    redis_rs_works_in_resp2 => rust::works(2);
    redis_rs_works_in_resp3 => rust::works(3);
    redis_rs_outlives_a_restart_of_the_server => rust::outlives_a_restart();
    the_command_line_works_in_resp2 => cli::works(&[]);
    the_command_line_works_in_resp3 => cli::works(&["-3"]);
    the_command_line_shows_types_in_resp2 => cli::shows_types_in_resp2();
    the_command_line_shows_types_in_resp3 => cli::shows_types_in_resp3();
    the_command_line_scans => cli::scans();
    the_command_line_pipes_thousands_of_frames => cli::pipes_thousands_of_frames();
    the_prompt_works_in_resp2 => prompt::works(&[]);
    the_prompt_works_in_resp3 => prompt::works(&["-3"]);
    benchmarks_run_in_resp2 => benchmark::runs(&[]);
    benchmarks_run_in_resp3 => benchmark::runs(&["-3"]);
    benchmarks_run_with_pipelines => benchmark::runs(&["-P", "16"]);
    go_redis_learns_that_there_are_no_maintenance_notices => raw::maintenance_notices();
}
