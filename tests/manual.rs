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
        missing(program);
        return None;
    };
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{program}: {complaints}");
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

/// Says that a program is not there, which fails where the run promised it.
fn missing(program: &str) {
    let required = std::env::var("KVSOCK_TEST_REQUIRE").is_ok_and(|value| value == "1");
    assert!(!required, "no {program}, which KVSOCK_TEST_REQUIRE=1 asks for");
    eprintln!("not run: no {program}");
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
fn the_packaged_settings_are_told_as_they_are() {
    let packaged = include_str!("../packaging/kvsock.env");
    let set = packaged.lines().filter(|line| line.starts_with("KVSOCK_")).collect::<Vec<_>>();
    let example = format!("@example\n{}\n@end", set.join("\n"));
    let page = include_str!("../packaging/man/kvsock.env.5.in");
    let (_, packaged) = page.split_once(".SS The packaged settings\n").expect("their section");
    let (section, _) = packaged.split_once("\n.S").expect("its end");
    assert!(section.contains(&example), "{section} does not tell {set:#?}");
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
                Some([value]) if arg.get_num_args().is_some_and(|it| it.min_values() == 0) => {
                    format!("[={value}]")
                }
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
    let failures = [Exit::Usage, Exit::Unavailable, Exit::Io, Exit::TemporaryFailure, Exit::Config];
    for exit in [Exit::Ok].into_iter().chain(failures) {
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

/// Types into a zsh of its own with the completions in `$1`, and ends well when what it completes
/// is on its terminal.
const ZSH: &str = r"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; fpath=('$1' $fpath); autoload -Uz compinit; compinit -u -D; print READY-$((40+2))'
zpty -r shell seen '*READY-42*' || exit 1
zpty -w -n shell $'kvsock getr\t'
zpty -r shell seen '*getrange*' || exit 2
zpty -w -n shell $'\x15kvsock client setn\t'
zpty -r shell seen '*client setname*' || exit 3
zpty -w -n shell $'\x15kvsock export --all\t'
zpty -r shell seen '*--all-users*' || exit 4
zpty -d shell
print done
";

#[test]
fn zsh_and_fish_complete_commands_subcommands_and_options() {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, script) in completions() {
        std::fs::write(dir.path().join(name), script).expect("written");
    }
    let path = dir.path().to_str().expect("UTF-8");
    let ask = |words: &str| {
        let script = format!("source {path}/kvsock.fish; complete -C 'kvsock {words}'");
        in_shell(&["fish", "--no-config", "-c", &script], path)
    };
    if let Some(commands) = ask("getr") {
        assert!(commands.starts_with("getrange\t"), "{commands}");
        let subcommands = ask("client set").expect("fish is there");
        let names: Vec<&str> = subcommands.lines().filter_map(|it| it.split('\t').next()).collect();
        assert_eq!(names, ["setinfo", "setname"]);
        let options = ask("export --all").expect("fish is there");
        assert!(options.starts_with("--all-users\t"), "{options}");
    }
    if let Some(done) = in_shell(&["zsh", "-f", "-c", ZSH, "zsh", path], path) {
        assert_eq!(done, "done\n");
    }
}

/// What a shell that starts with nobody's settings prints. `None` without that shell.
fn in_shell(command: &[&str], home: &str) -> Option<String> {
    let [program, ..] = command else { panic!("a program") };
    // It would wait without end for what is not completed.
    let output = Command::new("timeout")
        .arg("20")
        .args(command)
        .env("HOME", home)
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output()
        .expect("timeout");
    if output.status.code() == Some(127) {
        missing(program);
        return None;
    }
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}
