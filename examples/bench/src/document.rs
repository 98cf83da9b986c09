//! What was measured, kept as JSON, and `BENCHMARKS.md` made of it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::BoxError;
use crate::build_cost::BuildCost;
use crate::comparison::Compared;
use crate::growth::Growth;
use crate::inbox::handling::Handled;
use crate::parts;
use crate::peers::StoreCost;
use crate::plot::{draw, grouped, whole};
use crate::statistics::Spread;

/// Where results are kept, and what is measured keeps its files: on a disk and not in memory.
pub(crate) fn results_directory() -> Result<PathBuf, BoxError> {
    let directory =
        std::env::var_os("LIPDUB_BENCH_RESULTS").map_or_else(|| root().join("target/bench"), PathBuf::from);
    fs::create_dir_all(&directory)?;
    Ok(directory.canonicalize()?)
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Keeps what a part of the measurements came to.
pub(crate) fn save(part: &str, name: &str, result: &impl Serialize) -> Result<(), BoxError> {
    let directory = results_directory()?.join(part);
    fs::create_dir_all(&directory)?;
    let file = name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    Ok(fs::write(directory.join(file).with_extension("json"), serde_json::to_vec_pretty(result)?)?)
}

/// All that a part came to, by name. Nothing, if it has not been measured.
fn saved<T: DeserializeOwned>(part: &str) -> Result<Vec<T>, BoxError> {
    let Ok(directory) = fs::read_dir(results_directory()?.join(part)) else { return Ok(Vec::new()) };
    let mut files = directory.map(|file| Ok(file?.path())).collect::<Result<Vec<_>, BoxError>>()?;
    files.sort();
    files.iter().map(|file| Ok(serde_json::from_slice(&fs::read(file)?)?)).collect()
}

/// Makes `BENCHMARKS.md` and its drawings.
pub(crate) fn write() -> Result<(), BoxError> {
    let mut text = INTRODUCTION.replace("MACHINE", &machine()?);
    http(&mut text)?;
    parts(&mut text)?;
    inbox(&mut text)?;
    growth(&mut text)?;
    peers(&mut text)?;
    build_cost(&mut text)?;
    Ok(fs::write(root().join("BENCHMARKS.md"), text)?)
}

const INTRODUCTION: &str = "\
# Benchmarks

What lipdub costs, beside a handler that reads the body and answers 200, and beside what people write by hand. Made by
`./scripts/bench` (all of it takes some forty minutes), or a part of it by `./scripts/bench http`, `parts`, `inbox`,
`growth`, `peers` or `build-cost`.

MACHINE

Absolute times mean little on a machine that is shared, so read the ratios. Contenders take turns in one run, and a ratio is
that of two turns of one round: the median of the rounds, and beside it the least and the greatest.
";

fn http(text: &mut String) -> Result<(), BoxError> {
    text.push_str(
        "\n## What a delivery costs the server\n\n\
         Processor time of the server, user and system, for each request. The server has one core, the load (and Redis) the\n\
         other; 32 connections that are kept, events of 430 bytes. lipdub has everything on: its claim, a task of its own, the\n\
         lease, the deadline, a typed handler. *By hand* is a key compared with `==`, a serde enum, and a `HashSet` under a mutex, or\n\
         one `SET NX PX`, by an id in the event: none of the guarantees. For what is refused, each request has a\n\
         wrong key and a connection of its own, since one whose body was not read cannot be used again, and most of the time is\n\
         the kernel's, for the connection; by hand everything is answered 401 then, without a look at it.\n",
    );
    text.push_str("\n| | µs of a bare handler | by hand | lipdub | | goal |\n|---|---|---|---|---|---|\n");
    for compared in saved::<Compared>("http")? {
        let [bare, between @ .., lipdub] = &compared.contenders[..] else { continue };
        let by_hand = between.first().map_or_else(String::new, |figures| cell(figures.processor_ratio));
        let goal = compared.goal.map_or_else(String::new, |goal| format!("≤ {goal:.2}"));
        let (name, micros) = (&compared.name, bare.processor.median);
        let lipdub = cells(lipdub.processor_ratio);
        writeln!(text, "| {name} | {micros:.1} | {by_hand} | {lipdub} | {goal} |")?;
    }
    Ok(())
}

fn parts(text: &mut String) -> Result<(), BoxError> {
    text.push_str(
        "\n## What its parts cost\n\n\
         In one process, without HTTP: medians of seven rounds, and in brackets the least and the greatest. Goals: the key\n\
         × 1.3 for a short event and × 1.5 for long ones; 64 bytes for an event in memory, a claim with 10,000,000 remembered\n\
         × 2, no call over 1,000 µs; in Redis × 1.05, 1.20 and 1.40 of the latency, × 1.4 of the server's processor time, and\n\
         120 bytes. Beside the claims stands what it takes to read one place of as much memory, when it is known only then which:\n\
         a claim on a new event has to do that once, and one on an event that is done three times.\n\n```text\n",
    );
    text.push_str(&parts::printed()?);
    text.push_str(
        "\n```\n\n\
         A delivery from head to answer allocates memory 15 times if its event is new, 7 times if it is a duplicate, 4 times if\n\
         nobody handles its type, and not at all if it is refused (`lipdub-core/tests/allocations.rs` holds it to that; 6 of\n\
         the 15 are the handler's data). `./scripts/instructions` counts instructions, and holds them to budgets.\n",
    );
    Ok(())
}

fn inbox(text: &mut String) -> Result<(), BoxError> {
    text.push_str(
        "\n## What it costs to store an event before the answer\n\n\
         axum with an inbox, against axum with a handler that makes the same durable write by hand: one `INSERT` with the\n\
         pragmas of `SqliteInbox` (WAL, `synchronous=FULL`, `secure_delete`), or one `XADD` on the same server. Neither of these\n\
         knows duplicates, jobs, or who has what. The load has as many connections as it says; all processes share both cores.\n",
    );
    text.push_str("\n| | connections | accepted/s | against by hand | | p99 ms | against by hand | |\n|---|---|---|---|---|---|---|---|\n");
    let mut comparisons = saved::<Compared>("inbox")?;
    comparisons.sort_by_key(|compared| of_connections(&compared.name));
    for compared in &comparisons {
        let (what, connections) = of_connections(&compared.name);
        for figures in &compared.contenders {
            writeln!(
                text,
                "| {what}: {} | {connections} | {} | {} | {:.1} | {} |",
                figures.name,
                rounded(figures.rate.median),
                cells(figures.rate_ratio),
                figures.p99.median / 1000.0,
                cells(figures.p99_ratio),
            )?;
        }
    }
    text.push_str(
        "\nHow many stored events are handled in a second, by workers with 8 at a time whose handlers do nothing. Each\n\
         worker has opened the inbox for itself.\n\n| | 1 worker | 4 workers | four against one | |\n|---|---|---|---|---|\n",
    );
    for handled in saved::<Handled>("handling")? {
        let (one, four) = (rounded(handled.one.median), rounded(handled.four.median));
        let name = handled.name.trim_start_matches("handle, ");
        writeln!(text, "| {name} | {one} | {four} | {} |", cells(handled.ratio))?;
    }
    Ok(())
}

fn growth(text: &mut String) -> Result<(), BoxError> {
    text.push_str("\n## As work grows\n\nAs above, with axum and a `MemoryStore`, unique events.\n");
    for growth in saved::<Growth>("growth")? {
        let file = format!("examples/bench/plots/{}.svg", growth.name.replace(' ', "-"));
        let path = root().join(&file);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        draw(&growth, &path)?;
        write!(text, "\n![Deliveries in a second of processor time, by {}]({file})\n\n", growth.axis)?;
        writeln!(
            text,
            "| {} | µs of a bare handler | µs of lipdub | ratio | |\n|---|---|---|---|---|",
            growth.axis
        )?;
        for point in &growth.points {
            let [bare, lipdub] = &point.compared.contenders[..] else { continue };
            let (bare, micros) = (bare.processor.median, lipdub.processor.median);
            let at = grouped(point.at);
            writeln!(text, "| {at} | {bare:.1} | {micros:.1} | {} |", cells(lipdub.processor_ratio))?;
        }
    }
    Ok(())
}

fn peers(text: &mut String) -> Result<(), BoxError> {
    text.push_str(
        "\n## Beside others\n\n\
         Processor time for each delivery, all on axum, as above: a credential is checked, an event of 430 bytes decoded, a handler\n\
         called. `pretix-webhook` and `slack-morphism` know no duplicates, so lipdub does more. Slack's are signed: that is\n\
         an HMAC for each.\n\n| | µs | against a bare handler | |\n|---|---|---|---|\n",
    );
    for figures in saved::<Compared>("peers")?.iter().flat_map(|compared| &compared.contenders) {
        let (name, micros) = (&figures.name, figures.processor.median);
        writeln!(text, "| {name} | {micros:.1} | {} |", cells(figures.processor_ratio))?;
    }
    text.push_str(
        "\nProcessor time for a key, a claim and its success in memory, 200,000 events one after the other.\n\n\
         | | µs | against lipdub | |\n|---|---|---|---|\n",
    );
    for cost in saved::<Vec<StoreCost>>("peer-stores")?.iter().flatten() {
        writeln!(text, "| {} | {:.2} | {} |", cost.name, cost.processor.median, cells(cost.ratio))?;
    }
    Ok(())
}

fn build_cost(text: &mut String) -> Result<(), BoxError> {
    text.push_str(
        "\n## What it adds to a build\n\n\
         To a hello-world of the framework, with default features: crates, seconds of the compiler's processor time (release), and\n\
         bytes of the stripped program.\n\n| | crates | seconds | KB |\n|---|---|---|---|\n",
    );
    for cost in saved::<BuildCost>("build-cost")? {
        let (crates, seconds) = (cost.crates.difference(), cost.seconds.difference());
        let kilobytes = cost.bytes.difference() / 1000.0;
        writeln!(text, "| {} | {crates:.0} | {seconds:.1} | {kilobytes:.0} |", cost.adapter)?;
    }
    Ok(())
}

fn cell(spread: Spread) -> String {
    format!("{:.2}", spread.median)
}

fn cells(spread: Spread) -> String {
    let Spread { median, least, greatest } = spread;
    format!("**{median:.2}** | {least:.2} to {greatest:.2}")
}

/// To three digits.
fn rounded(number: f64) -> String {
    let unit = 10_f64.powf((number.log10().floor() - 2.0).max(0.0));
    grouped(whole(number / unit) * whole(unit))
}

/// Of a name such as `accept, SQLite, 16 connections`: what accepts, and how many there are.
fn of_connections(name: &str) -> (String, usize) {
    let (name, number) = name.rsplit_once(", ").unwrap_or((name, ""));
    let number = number.split(' ').next().and_then(|number| number.parse().ok());
    (name.trim_start_matches("accept, ").to_owned(), number.unwrap_or_default())
}

/// What it was measured on, and with.
fn machine() -> Result<String, BoxError> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model);
    let count = std::thread::available_parallelism()?;
    let first_line = |program: &str| -> Result<String, BoxError> {
        let output = Command::new(program).arg("--version").output()?;
        Ok(String::from_utf8(output.stdout)?.lines().next().unwrap_or_default().to_owned())
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let lock = fs::read_to_string(root().join("Cargo.lock"))?;
    let version = |name: &str| {
        let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("\nname = \"{name}\"\n")));
        let version = entry.and_then(|entry| entry.split("version = \"").nth(1)?.split('"').next());
        format!("{name} {}", version.unwrap_or("?"))
    };
    let crates = ["axum", "actix-web", "hyper", "tokio", "redis", "rusqlite"].map(version).join(", ");
    let redis = first_line("redis-server")?;
    let redis = redis.split(" sha").next().unwrap_or_default().replace("Redis server v=", "Redis ");
    Ok(format!(
        "Measured on {count} × {model}, Linux {}; {}; {redis}; {crates}.\nProfile `release`: thin LTO, one codegen unit.",
        kernel.trim(),
        first_line("rustc")?,
    ))
}
