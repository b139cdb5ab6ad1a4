//! Vagttavle: duty board for the on-call coordinators of Danish home care.
//!
//! This page is the architecture: what happens, who owns what, what is never done, and how to add to it. How to set
//! it up and use it is in the README and in `docs`; the head of each file says what that file owns and what it must
//! never know.
//!
//! # From above
//!
//! ```text
//!   exchange ── sources ─┐                                    ┌── stream ── client ── tui (desk)
//!   web hook ── server ──┼─ observation ┐                     │
//!   desk ────── server ──┘   command ───┤                     │
//!                                       ▼                     │
//!                            engine: one writer ── store ── server
//!                                       │          (the log)
//!                              domain: decide, evolve                 care ── the care system
//! ```
//!
//! Everything that happened is an event in one append-only [log](store::Log); the boards are a fold over it. The
//! [`domain`] is pure: [`domain::decide`] makes a request into events or a refusal, [`domain::evolve`] applies a
//! record to the [`domain::State`]; time, actor, ids and what was looked up are arguments. One [writer](engine) per
//! server takes what comes in batches, decides each item on a working state that includes the ones before it, and
//! appends the batch in one synced transaction. Only then are the answers given, the state shown and the stream fed.
//!
//! A desk holds a [replica](protocol::sync::Replica) of public [entries](protocol::Entry), not the domain's state. A
//! gap means that it starts over, silence that it says *stale*. Of visits that stand as planned it holds the nearest, and
//! [finds](protocol::board::Found) any other. What may be done to an entry
//! [comes with it](protocol::actions), each act with its refusal if it has one. [Attention](protocol::attention()),
//! what is worst and what is next, is one pure function that runs on both sides.
//!
//! # One alarm, from the source to the screen and back
//!
//! 1. A citizen's call joins an exchange's queue of kind *alarm*. [`sources::ami::wire`] makes bytes into messages,
//!    [`sources::ami::translate`] messages into observations, [`sources::ami::link`] hands them in
//!    ([`sources::HandIn`]), with a key made from what the exchange itself calls the call. (Anything else that raises
//!    alarms posts the same observation to `/v1/observations`.)
//! 2. The observation comes in two parts: the fact, which may be stored, and the [live data](engine::live), which may
//!    not: the number, the name. They part at the edge, in [`protocol::observations`].
//! 3. The writer asks the log whether the key was seen. If not, [`domain::alarms`] decides: a raised alarm, its time to
//!    ring out and the clauses it hangs on taken from the [agreement](domain::agreement) in force. Record, remembered
//!    key and hash are on disk before the source hears *recorded*. If the disk fails, the alarm rings all the same,
//!    marked as not stored, and the source hears nothing.
//! 4. The server's hub [projects](protocol::project) the entry once for each scope, puts in the live data that the scope
//!    may see, has the look logged, and sends it. [`client::follow()`] brings it to the desk.
//! 5. [`tui::update`](mod@tui::update) puts it into the [model](tui::model::Model) and asks for a bell and a desktop
//!    notice as [effects](tui::effect::Effect); [`tui::view`](mod@tui::view) draws it, worst first.
//! 6. `t` on the row is a [`protocol::CommandRequest`] with an id of its own, shown as pending. The client sends it, again
//!    under the same id if no answer comes. The domain refuses it if somebody else was first; else *claimed* is
//!    stored, and every desk learns of it the same way as of the alarm.
//! 7. Nobody takes it: the due time is a timer of the engine and fires as a command, whose id is made of entry, duty
//!    and time, so that firing twice is one effect. The alarm rings out, is redirected, and a justification is owed
//!    seven days later, by Copenhagen's calendar ([`domain::calendar`]).
//!
//! # Who owns what
//!
//! What a module may use besides itself, [`clock`] and [`ids`]; a test holds the code to it.
//!
//! | module | owns | may use |
//! |---|---|---|
//! | [`domain`] | rules: a column a [board](domain::boards), what follows on others on [one page](domain::consequences); ids, dates, agreements; names of all that is ever stored ([`domain::kinds`]) | nothing of ours, no I/O |
//! | [`store`] | the event log: SQLite or memory, hash chain, witness, backup | domain |
//! | [`care`] | the care system's port (who is this, write this note, what lists and calendars say, paused or not) and its adapters | domain |
//! | [`engine`] | the writer, remembered keys, timers, live data, which care system serves whom, notes on their way, source health | store, domain, care |
//! | [`protocol`] | what stands on the wire; attention and the replica rule | domain |
//! | [`server`] | routes, sessions, scope, stream, looks, metrics | inbox, engine, protocol, domain |
//! | [`client`] | asking the server, following the stream | protocol |
//! | [`sources`] | one folder each: settings, wire, translate, link | domain, protocol |
//! | [`inbox`] | the engine as whoever hands in sees it: facts made of observations, what the log tells a source | engine, sources, protocol, domain |
//! | [`workers`] | what goes on by itself around the writer: answering hospitals, calling a second person, care systems asked and told, canaries | inbox, engine, sources, care, protocol, i18n, domain |
//! | [`i18n`] | every sentence a person reads, Danish and English | protocol |
//! | [`theme`] | colours by meaning | nothing of ours |
//! | [`tui`] | the desk: model, update, view, keys; only `run`, `seat` and `terminal` touch the world | protocol, i18n, theme |
//! | [`config`] | settings, the environment: they enter here alone | workers, sources, domain |
//! | [`clock`] | time: it enters here alone | nothing of ours |
//! | [`ids`] | randomness: it enters here alone | domain |
//! | [`app`], [`cli`] | wiring, arguments | all; nobody uses them |
//!
//! # What is never there
//!
//! - No clock, randomness or environment outside [`clock`], [`ids`] and [`config`] (`clippy.toml` holds that); none of
//!   them, and no I/O, in `domain`, `protocol`, `tui::update` and `tui::view`.
//! - No answer before the disk has it. No event outside the log; none changed or removed; no number missing.
//! - No citizen at rest: no name, CPR number, address, telephone number or free text in the log, a log line, a notice,
//!   a window title or a file. A field that is not listed in [`domain::kinds`] with its class cannot be stored.
//! - No refused fact. What happened is recorded, marked if it breaks a rule; only an intention is refused or warned of.
//! - No number of a contract in code: it is a value of an agreement, with its clause, or it is unset and shows nothing.
//! - No entry that leaves a board without an event that says why. No row index as a selection: a key acts on an id.
//! - No board's name in `store`, `client`, `protocol::sync`, `tui::keymap` and `theme`.
//! - No sentence outside `i18n`, no key of the keyboard outside `tui/bindings.rs`, no colour outside `themes/`.
//! - No XML that was not looked through first, for DTDs, entities and too much of anything: [`sources::xml`] is its door.
//! - No text from outside on the screen that is not a [`protocol::text::Text`]: checked once, at the edge.
//! - No trust in order or number: a source repeats itself, is late, and starts over; keys make that harmless.
//!
//! # Every fact is accounted for
//!
//! Whatever a source says, with whatever id, in whatever order, by whatever clock: each fact that is taken is an entry, a
//! change of one or a remark in its history, a conflict that source health shows, or a repeat of an equal fact; and it has
//! no effect on what is not its sender's to speak of. What is about nobody and nothing that we know is *ignored*, and what
//! names a citizen without saying whose is refused: the sender hears it. [`domain::intake`] decides what is one thing;
//! a test accounts for each item of random histories of every kind of fact.
//!
//! # A new source in an hour
//!
//! 1. Look whether it can post to `/v1/observations`: then it needs no code here.
//! 2. Make a folder in [`sources`]: `wire` (bytes to message; cut at every byte in a test), `translate` (message to
//!    [`protocol::observations::Observed`]; pure; a key that the other side would give again), `link` (the socket;
//!    generic over those of the traits in [`sources::inbox`] that it needs, so that a test needs no engine; says when it
//!    heard something).
//! 3. `settings`: a struct that is a [`sources::settings::Block`], so that it resolves, checks and names itself and says
//!    which agreements it names; `start`: from those settings and a [`sources::host::Host`] to a task.
//! 4. One line in `settings_file!` of [`config`], one in `app/serve.rs`, where the others are started.
//! 5. Fixtures, all of invented people, in `tests/sources`, broken by its `mutate`; a target in `fuzz/targets.rs`.
//!
//! What does not come by itself but must be asked is a [`sources::polled::Poll`]: hand it who is asked.
//!
//! # A new care system
//!
//! A folder in [`care`] and a variant of [`care::Care`]; the compiler lists the rest. What a municipality must first tell
//! us is a setting of its own, and without it that one [ability](care::Ability) is *not set up*: said at the start, by
//! `doctor` and among the sources. Its names and texts pass through and stay nowhere; a CPR number goes out in the body
//! of one search.
//!
//! # A new board in an hour
//!
//! Start where the compiler cannot help, then follow it.
//!
//! 1. A file in [`domain::boards`]: what an entry is, its words, its verbs, its events, and of it the
//!    [column](domain::boards::Column): what opens it, what an event makes of it, what is decided of it. A state, a
//!    reason, an outcome is a [vocabulary](domain::vocabulary): a new one is listed by the compiler wherever it means
//!    something. A [verb](domain::verbs) is declared once, with its fields and what it weighs: it is read, written,
//!    described and asked about from there. Then its line in the list `boards!`, its word in
//!    [`domain::identity::Board`], and in [`domain::kinds`] the fields that nothing stored had yet: its events' names and
//!    theirs are stored for ever. What it brings about on other boards, and they on it, is in [`domain::consequences`].
//! 2. A file in [`protocol::boards`]: the details of an entry as a type, and of that type the column: how it is made of
//!    the domain's body, what is left of it elsewhere, which verbs are offered with which fields, and what it asks for.
//!    What it does not answer is answered as for most boards. Then its line in the list `boards!` beside it, and in
//!    [`protocol::attention`](mod@protocol::attention) the reasons and next steps that no board had yet. What sources
//!    tell of it, if they do, is a line in `facts!` of [`domain::observation`], and read and described from there.
//! 3. A file in `tui/boards`: of the same details, where they stand, and what is said of them there and when one is
//!    opened (the trait `Listed`); what it does not answer is answered as for most boards. Then its line in `listed`
//!    beside it, and in `BY_HAND` if somebody opens its entries; its keys in `tui/bindings.rs`, what takes its next steps
//!    in `tui/next.rs`, and its words in `i18n/da` and `i18n/en`: a missing word does not build, a missing translation
//!    fails a test. A place of its own is for a board that fills one ([`tui::action::Place`]); others share one, under its
//!    columns, as duties and justifications do.
//! 4. Tests from the contract's clause: given these records, when this is asked, then these events; a screen at 80x24.

pub mod app;
pub mod care;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod domain;
pub mod engine;
pub mod i18n;
pub mod ids;
pub mod inbox;
pub mod protocol;
pub mod server;
pub mod sources;
pub mod store;
pub mod theme;
pub mod tui;
pub mod workers;
