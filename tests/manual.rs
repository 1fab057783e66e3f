//! The manual pages and completions that packages install: they say all that the programs know,
//! and the programs that read them have no complaint.

mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use kvsock::client;
use kvsock::command::{COMMANDS, Run};
use kvsock::config::{self, table::SETTINGS};
use kvsock::exit::Exit;
use kvsock::manual::{completions, pages};
use tempfile::NamedTempFile;

use support::daemon::Daemon;

/// The source of a page.
fn page(name: &str) -> String {
    let pages = pages().expect("the templates are sound");
    pages.into_iter().find(|(found, _)| *found == name).expect("a page").1
}

/// The page as somebody reads it, in lines that nothing is too long for; `None` without `man`.
fn rendered(name: &str) -> Option<String> {
    let text = run(&["man", "-E", "UTF-8", "-l", "-P", "cat"], &page(name), Some("1000"))?;
    // What is between two words depends on the formatter.
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Runs a program on a file with this text; gives its output, which has no complaint. `None`, if
/// there is no such program.
fn run(command: &[&str], text: &str, width: Option<&str>) -> Option<String> {
    let [program, args @ ..] = command else { panic!("a program") };
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("the text");
    let mut command = Command::new(program);
    command.args(args).arg(file.path()).stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
    command.env("GROFF_NO_SGR", "1").env_remove("MANOPT");
    command.envs(width.map(|width| ("MANWIDTH", width)));
    let Ok(output) = command.output() else {
        let required = std::env::var("KVSOCK_TEST_REQUIRE").is_ok_and(|value| value == "1");
        assert!(!required, "no {program}, which KVSOCK_TEST_REQUIRE=1 asks for");
        eprintln!("not run: no {program}");
        return None;
    };
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{program}: {complaints}");
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn every_setting_is_explained_with_its_default_and_its_flag() {
    let Some(text) = rendered("kvsock.env.5") else { return };
    for setting in SETTINGS {
        let entry = format!("{}={} {}", setting.variable(), setting.value, setting.help);
        let (_, facts) = text.split_once(&entry).unwrap_or_else(|| panic!("no {entry}"));
        let default = match setting.default {
            "" => "No default;".to_owned(),
            default => format!("Default: {default};"),
        };
        assert!(facts.trim_start_matches(". ").starts_with(&default), "{}", setting.name);
        let flag = setting.flag().map(|flag| format!("flag --{flag};"));
        assert!(flag.is_none_or(|flag| text.contains(&flag)), "{}", setting.name);
    }
}

#[test]
fn every_kind_of_value_is_explained() {
    let text = page("kvsock.env.5");
    for kind in ["SIZE", "TIME", "NUMBER", "PATH"] {
        assert!(SETTINGS.iter().any(|setting| setting.value == kind), "{kind}");
        assert!(text.contains(&format!(".TP\n.I {kind}\n")), "{kind}");
    }
}

#[test]
fn every_option_of_both_programs_is_explained() {
    for (name, mut program) in
        [("kvsockd.8", config::command()), ("kvsock.1", client::definition())]
    {
        let Some(text) = rendered(name) else { return };
        program.build();
        let subcommands = program.get_subcommands().flat_map(clap::Command::get_arguments);
        let of_subcommands = subcommands.filter(|arg| arg.get_id() != "help");
        for arg in program.get_arguments().chain(of_subcommands) {
            let Some(long) = arg.get_long() else { continue };
            let value = match arg.get_value_names() {
                Some([value]) if arg.get_action().takes_values() => format!("={value}"),
                _ => String::new(),
            };
            let help = arg.get_help().expect("its meaning");
            let entry = format!("--{long}{value} {help}");
            assert!(text.contains(&entry), "{name}: {entry}");
        }
    }
}

#[test]
fn every_subcommand_of_the_client_has_its_section() {
    let text = page("kvsock.1");
    for subcommand in client::definition().get_subcommands() {
        let title = format!("\n.SS kvsock {}", subcommand.get_name());
        assert!(text.contains(&title), "{title}");
    }
}

#[test]
fn every_command_is_explained_with_its_arguments() {
    let Some(text) = rendered("kvsock-protocol.7") else { return };
    for command in COMMANDS {
        let rows: &[_] = if let Run::Container(rows) = command.run { rows } else { &[] };
        for row in rows.iter().chain([command]) {
            let usage = [row.full_name, &row.synopsis.replace(['<', '>'], "")].join(" ");
            let summary = row.summary.get(1..).expect("a sentence");
            let (_, entry) = text
                .split_once(&format!(" {} ", usage.trim_end()))
                .unwrap_or_else(|| panic!("no {usage}"));
            assert!(entry.contains(summary), "{usage}");
        }
    }
}

#[test]
fn every_exit_status_of_the_daemon_is_explained() {
    let text = page("kvsockd.8");
    for exit in [Exit::Ok, Exit::Usage, Exit::Unavailable, Exit::Io, Exit::Config] {
        let entry = format!("\n.TP\n.B {}\n", exit as u8);
        assert!(text.contains(&entry), "{exit:?}");
    }
}

#[test]
fn every_field_of_the_status_is_named() {
    let text = page("kvsock-protocol.7");
    let status = Daemon::start(&[]).ask("status json");
    let status: serde_json::Value = serde_json::from_str(&status).expect("one line of JSON");
    let own = status.as_object().expect("an object");
    for name in own.keys().chain(own["store"].as_object().expect("an object").keys()) {
        assert!(text.contains(&format!("\\fB{name}\\fR")), "{name}");
    }
}

#[test]
fn the_example_of_the_protocol_is_what_the_daemon_says() {
    let template = include_str!("../packaging/man/kvsock-protocol.7.in");
    let daemon = Daemon::start(&[]);
    let mut client = daemon.connect();
    let requests: Vec<&str> = template.split("\n> ").skip(1).collect();
    assert!(requests.len() > 5);
    for exchange in requests {
        let (request, rest) = exchange.split_once("\n< ").expect("a reply");
        let reply = rest.lines().next().expect("its line");
        assert_eq!(client.ask(request), reply, "{request}");
    }
}

#[test]
fn the_formatter_of_the_pages_has_no_warning() {
    for (name, text) in pages().expect("the templates are sound") {
        assert!(text.is_ascii(), "{name}");
        run(&["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"], &text, None);
    }
}

#[test]
fn the_shells_understand_their_completions() {
    for (name, script) in completions() {
        let shell = match &name[..] {
            "kvsock.bash" => "bash",
            "_kvsock" => "zsh",
            "kvsock.fish" => "fish",
            other => panic!("{other}"),
        };
        let script = String::from_utf8(script).expect("UTF-8");
        for command in COMMANDS {
            assert!(script.contains(command.name), "{shell}: {}", command.name);
        }
        run(&[shell, "-n"], &script, None);
    }
}
